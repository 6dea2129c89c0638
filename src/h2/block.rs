//! Header blocks (RFC 9113, section 4.3): HEADERS and CONTINUATION frames, and the
//! requests and trailer sections that they carry.

use http::Method;

use super::flow::{ReceiveWindow, SendWindow};
use super::frame::{self, Head, code, flag};
use super::section::{self, Wrong};
use super::stream::{Sending, Stream};
use super::streams::{Gone, is_pushed};
use super::{Http2, fault, protocol_error};
use crate::engine::{Event, Fault, Priority, RequestHead};
use crate::header_list::HeaderList;
use crate::output::Output;
use crate::priority::Parameters;

/// The least length of an accepted block, and how much longer than its decoded fields a
/// block may be. The Huffman code of a string can be longer than the string.
const LEAST_BLOCK: usize = 64 << 10;
const STRETCH: usize = 4;

/// The most CONTINUATION frames shorter than `SHORT` bytes in a block, not counting the
/// last frame.
const MOST_SHORT: u32 = 128;
const SHORT: usize = 1024;

/// An incomplete header block.
pub struct Block {
    pub stream: u32,
    is_last: bool,
    depends_on_itself: bool,
    fragments: Vec<u8>,
    short: u32,
}

impl Block {
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.fragments.capacity()
    }
}

/// The other contents of the HEADERS frame that begins a block.
#[derive(Clone, Copy)]
struct Flags {
    is_last: bool,
    depends_on_itself: bool,
}

impl Http2 {
    /// The length of the longest accepted header block.
    pub(super) fn max_block(&self) -> usize {
        (self.limits.header_list_bytes as usize * STRETCH).max(LEAST_BLOCK)
    }

    /// Reads a complete HEADERS frame (RFC 9113, section 6.2).
    #[inline]
    pub(super) fn headers<'a>(
        &mut self,
        head: Head,
        payload: &[u8],
        out: &mut Output,
    ) -> Result<Option<Event<'a>>, Fault> {
        if is_pushed(head.stream) {
            return Err(protocol_error("HEADERS on a stream that is none of the client's"));
        }
        let mut fragment = unpad(head, payload)?;
        let mut flags = Flags { is_last: head.has(flag::END_STREAM), depends_on_itself: false };
        if head.has(flag::PRIORITY) {
            let Some((priority, rest)) = fragment.split_at_checked(5) else {
                // The padding may leave no room for the priority fields.
                let code = if head.has(flag::PADDED) { code::PROTOCOL_ERROR } else { code::FRAME_SIZE_ERROR };
                return Err(fault(code, "HEADERS without room for its priority"));
            };
            flags.depends_on_itself = frame::number(priority) & frame::MAX_31 == head.stream;
            fragment = rest;
        }
        if head.has(flag::END_HEADERS) {
            return self.block(head.stream, flags, fragment, out);
        }
        let Flags { is_last, depends_on_itself } = flags;
        let fragments = fragment.to_vec();
        self.block = Some(Box::new(Block { stream: head.stream, is_last, depends_on_itself, fragments, short: 0 }));
        Ok(None)
    }

    /// Reads a complete CONTINUATION frame of the current block (RFC 9113, section 6.10).
    pub(super) fn continuation<'a>(
        &mut self,
        head: Head,
        payload: &[u8],
        out: &mut Output,
    ) -> Result<Option<Event<'a>>, Fault> {
        let most = self.max_block();
        let Some(block) = &mut self.block else {
            return Err(protocol_error("CONTINUATION without HEADERS"));
        };
        let is_end = head.has(flag::END_HEADERS);
        if payload.len() < SHORT && !is_end {
            block.short += 1;
            self.budget.nothing();
        }
        if block.short > MOST_SHORT || block.fragments.len() + payload.len() > most {
            return Err(fault(code::ENHANCE_YOUR_CALM, "a header block is too long"));
        }
        block.fragments.extend_from_slice(payload);
        let Some(block) = self.block.take_if(|_| is_end) else { return Ok(None) };
        let flags = Flags { is_last: block.is_last, depends_on_itself: block.depends_on_itself };
        self.block(block.stream, flags, &block.fragments, out)
    }

    /// Reads a complete header block.
    #[inline]
    fn block<'a>(&mut self, id: u32, flags: Flags, block: &[u8], out: &mut Output) -> Result<Option<Event<'a>>, Fault> {
        self.blocks += 1;
        if id <= self.streams.highest() {
            return self.trailers(id, flags, block, out);
        }
        self.streams.note_opened(id);
        if self.shutdown.is_late(id) {
            return self.refuse_late(block);
        }
        if self.streams.open() >= self.limits.max_concurrent_streams as usize {
            return self.refuse(id, block, out);
        }
        let mut head = RequestHead::spare();
        match section::read_request(&mut self.decoder, block, &self.limits.section(), &mut head) {
            Err(_) => Err(undecodable()),
            Ok(Err(Wrong::Malformed(why))) => {
                head.keep();
                Ok(Some(self.stream_error(id, code::PROTOCOL_ERROR, why, out)))
            }
            Ok(_) if flags.depends_on_itself => {
                head.keep();
                Ok(Some(self.stream_error(
                    id,
                    code::PROTOCOL_ERROR,
                    "a stream has a priority that depends on itself",
                    out,
                )))
            }
            Ok(Err(Wrong::Status(status))) => {
                self.budget.nothing();
                self.open(id, &head.method, flags.is_last, None);
                head.keep();
                self.shutdown.take(id);
                Ok(Some(Event::Refused { stream: id, status, is_last: flags.is_last }))
            }
            Ok(Ok(facts)) => {
                if flags.is_last && facts.content_length.is_some_and(|length| length > 0) {
                    head.keep();
                    let why = "the content is shorter or longer than content-length";
                    return Ok(Some(self.stream_error(id, code::PROTOCOL_ERROR, why, out)));
                }
                self.open(id, &head.method, flags.is_last, facts.content_length);
                self.budget.request();
                let priority = self.priority(id, &head, facts.has_priority);
                self.shutdown.take(id);
                Ok(Some(Event::Request { stream: id, head, is_last: flags.is_last, priority }))
            }
        }
    }

    /// Stores a stream that is served.
    #[inline]
    fn open(&mut self, id: u32, method: &Method, is_last: bool, content_length: Option<u64>) {
        self.streams.insert(Stream {
            id,
            sending: Sending::Head,
            receives: !is_last,
            is_head: *method == Method::HEAD,
            is_connect: *method == Method::CONNECT,
            send_window: SendWindow::new(self.remote.initial_window),
            receive_window: ReceiveWindow::new(self.limits.stream_window_bytes),
            content_left: content_length,
        });
    }

    /// The priority of a new request. A PRIORITY_UPDATE frame that arrived before takes
    /// precedence over the field (RFC 9218, section 7).
    #[inline]
    fn priority(&mut self, id: u32, head: &RequestHead, has_field: bool) -> Priority {
        let early = self.early.take(id);
        match early {
            Some(parameters) => parameters.applied_to(Priority::default()),
            None if has_field => {
                Parameters::of_fields(head.fields.get_all(b"priority")).applied_to(Priority::default())
            }
            None => Priority::default(),
        }
    }

    /// Reads a block on a stream that was opened before. It must be a trailer section.
    fn trailers<'a>(
        &mut self,
        id: u32,
        flags: Flags,
        block: &[u8],
        out: &mut Output,
    ) -> Result<Option<Event<'a>>, Fault> {
        let Some(stream) = self.streams.get(id) else {
            let is_late = self.shutdown.is_late(id);
            return match self.streams.fate(id) {
                Gone::Closed if !is_late => Err(fault(code::STREAM_CLOSED, "HEADERS on a closed stream")),
                Gone::Skipped if !is_late => Err(protocol_error("a stream identifier is lower than an earlier one")),
                _ => self.skip_block(block),
            };
        };
        let error = if !stream.receives {
            Some((code::STREAM_CLOSED, "HEADERS behind the end of the stream"))
        } else if stream.is_connect {
            Some((code::PROTOCOL_ERROR, "a trailer section in a tunnel"))
        } else if !flags.is_last {
            Some((code::PROTOCOL_ERROR, "a trailer section without END_STREAM"))
        } else if stream.content_left.is_some_and(|left| left > 0) {
            Some((code::PROTOCOL_ERROR, "the content is shorter or longer than content-length"))
        } else if flags.depends_on_itself {
            Some((code::PROTOCOL_ERROR, "a stream has a priority that depends on itself"))
        } else {
            None
        };
        if let Some((code, why)) = error {
            self.skip_block(block)?;
            return Ok(Some(self.stream_error(id, code, why, out)));
        }
        let mut fields = HeaderList::new();
        let read = section::read_trailers(&mut self.decoder, block, &self.limits.section(), &mut fields);
        match read.map_err(|_| undecodable())? {
            Err(Wrong::Malformed(why)) => Ok(Some(self.stream_error(id, code::PROTOCOL_ERROR, why, out))),
            Err(Wrong::Status(_)) => {
                let why = "the trailer section is too large";
                Ok(Some(self.stream_error(id, code::ENHANCE_YOUR_CALM, why, out)))
            }
            Ok(()) => {
                self.end_of_content(id);
                Ok(Some(Event::Trailers { stream: id, fields }))
            }
        }
    }

    /// Ignores a request above the last stream that is served. Nothing is sent for it.
    fn refuse_late<'a>(&mut self, block: &[u8]) -> Result<Option<Event<'a>>, Fault> {
        self.shutdown.refuse();
        self.budget.refusal(false);
        self.skip_block(block)
    }

    /// Refuses a stream above the limit (RFC 9113, section 5.1.2).
    fn refuse<'a>(&mut self, id: u32, block: &[u8], out: &mut Output) -> Result<Option<Event<'a>>, Fault> {
        self.shutdown.refuse();
        self.budget.refusal(self.local.is_acknowledged);
        frame::write_reset(out.bytes(), id, code::REFUSED_STREAM);
        self.streams.remember_reset(id);
        self.skip_block(block)
    }

    /// The connection ends in the middle of a block. Its stream counts as late if it is
    /// one.
    pub(super) fn count_late_block(&mut self) {
        if let Some(block) = &self.block
            && block.stream > self.streams.highest()
        {
            self.streams.note_opened(block.stream);
            self.shutdown.refuse();
        }
    }

    fn skip_block<'a>(&mut self, block: &[u8]) -> Result<Option<Event<'a>>, Fault> {
        section::skip(&mut self.decoder, block).map_err(|_| undecodable())?;
        Ok(None)
    }
}

#[cold]
fn undecodable() -> Fault {
    fault(code::COMPRESSION_ERROR, "a header block cannot be decoded")
}

/// The contents of a frame without its padding.
#[inline]
fn unpad(head: Head, payload: &[u8]) -> Result<&[u8], Fault> {
    if !head.has(flag::PADDED) {
        return Ok(payload);
    }
    let Some((padding, rest)) = payload.split_first() else {
        return Err(fault(code::FRAME_SIZE_ERROR, "the frame is too short for its padding length"));
    };
    match rest.len().checked_sub(usize::from(*padding)) {
        Some(length) => Ok(&rest[..length]),
        None => Err(protocol_error("the padding is longer than the frame")),
    }
}
