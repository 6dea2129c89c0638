//! DATA frames (RFC 9113, section 6.1), which are read in pieces as they arrive.

use super::flow::SHORT_STREAM_WINDOW;
use super::frame::{self, HEAD, Head, code, flag};
use super::streams::{Gone, is_pushed};
use super::{Http2, Input, fault, protocol_error};
use crate::engine::{Event, Fault};
use crate::output::Output;

type Received<'a> = Result<(usize, Option<Event<'a>>), Fault>;

/// The outstanding part of a DATA frame.
#[derive(Clone, Copy)]
pub struct Rest {
    stream: u32,
    content: u32,
    padding: u32,
    is_last: bool,
}

impl Rest {
    #[cfg(any(test, fuzzing))]
    pub fn content(&self) -> u64 {
        self.content.into()
    }

    #[cfg(any(test, fuzzing))]
    pub fn stream(&self) -> u32 {
        self.stream
    }

    pub fn bytes(&self) -> u64 {
        u64::from(self.content) + u64::from(self.padding)
    }
}

impl Http2 {
    /// Reads the frame header of a DATA frame and its padding length. All rules are
    /// checked here, before content is passed on.
    pub(super) fn data<'a>(&mut self, head: Head, input: &'a [u8], out: &mut Output) -> Received<'a> {
        if head.stream == 0 || is_pushed(head.stream) {
            return Err(protocol_error("DATA on a stream that takes none"));
        }
        let (start, padding) = match (head.has(flag::PADDED), input.get(HEAD)) {
            (false, _) => (HEAD, 0),
            (true, _) if head.length == 0 => {
                return Err(fault(code::FRAME_SIZE_ERROR, "the frame is too short for its padding length"));
            }
            (true, None) => return Ok(self.wait(input)),
            (true, Some(padding)) => (HEAD + 1, u32::from(*padding)),
        };
        let overhead = padding + (start - HEAD) as u32;
        let Some(content) = head.length.checked_sub(overhead) else {
            return Err(protocol_error("the padding is longer than the frame"));
        };
        if !self.receive_window.take(head.length) {
            return Err(fault(code::FLOW_CONTROL_ERROR, "DATA exceeds the window of the session"));
        }
        self.blocks += 1;
        let is_last = head.has(flag::END_STREAM);
        if content == 0 && !is_last {
            self.budget.nothing();
        }
        let rest = Rest { stream: head.stream, content, padding, is_last };
        let error = self.check_data(head, rest)?;
        if let Some(refusal) = error {
            self.skip(rest.bytes() as u32, true);
            self.give_back(head.length.into(), out.bytes());
            let event = refusal.map(|(code, why)| self.stream_error(head.stream, code, why, out));
            return Ok((start, event));
        }
        if overhead > 0 {
            self.give_back_padding(rest, overhead, out);
        }
        if content == 0 && !is_last {
            self.skip(padding, true);
            return Ok((start, None));
        }
        let (taken, event) = self.content(rest, &input[start..], out);
        Ok((start + taken, event))
    }

    /// `None` if the content is wanted; it is counted then. Otherwise the content is
    /// discarded, with or without a stream error.
    #[allow(clippy::type_complexity, reason = "it is used once, beside its definition")]
    #[inline]
    fn check_data(&mut self, head: Head, rest: Rest) -> Result<Option<Option<(u32, &'static str)>>, Fault> {
        let Some(stream) = self.streams.get_mut(head.stream) else {
            return match self.streams.fate(head.stream) {
                Gone::Idle => Err(protocol_error("DATA on an idle stream")),
                _ if self.shutdown.is_late(head.stream) => Ok(Some(None)),
                Gone::Reset => Ok(Some(None)),
                Gone::Skipped | Gone::Closed => Ok(Some(Some((code::STREAM_CLOSED, "DATA on a closed stream")))),
            };
        };
        if !stream.receives {
            return Ok(Some(Some((code::STREAM_CLOSED, "DATA behind the end of the stream"))));
        }
        if !stream.receive_window.take(head.length) {
            let why = "DATA exceeds the window of the stream";
            return Ok(Some(Some((code::FLOW_CONTROL_ERROR, why))));
        }
        if let Some(left) = &mut stream.content_left {
            match left.checked_sub(rest.content.into()) {
                Some(0) => *left = 0,
                Some(more) if !rest.is_last => *left = more,
                _ => {
                    return Ok(Some(Some((
                        code::PROTOCOL_ERROR,
                        "the content is shorter or longer than content-length",
                    ))));
                }
            }
        }
        Ok(None)
    }

    /// Passes on as much content as has arrived.
    pub(super) fn content<'a>(
        &mut self,
        mut rest: Rest,
        input: &'a [u8],
        out: &mut Output,
    ) -> (usize, Option<Event<'a>>) {
        if self.streams.get(rest.stream).is_none() {
            // The stream was reset meanwhile. The host will not consume the rest.
            self.give_back(rest.content.into(), out.bytes());
            self.skip(rest.bytes() as u32, true);
            return (0, None);
        }
        let taken = (rest.content as usize).min(input.len());
        rest.content -= taken as u32;
        if rest.content > 0 {
            self.input = Input::Content(rest);
            if taken == 0 {
                return (0, None);
            }
        } else {
            self.skip(rest.padding, true);
        }
        let is_last = rest.is_last && rest.content == 0;
        if is_last {
            self.end_of_content(rest.stream);
        }
        (taken, Some(Event::Data { stream: rest.stream, data: &input[..taken], is_last }))
    }

    /// The peer has ended its side of a stream.
    pub(super) fn end_of_content(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.receives = false;
        if stream.is_closed() {
            self.budget.completed();
            self.streams.remove(id);
        }
    }

    /// Padding counts as consumed when its length is known.
    fn give_back_padding(&mut self, rest: Rest, bytes: u32, out: &mut Output) {
        self.give_back(bytes.into(), out.bytes());
        if !rest.is_last {
            self.give_back_on_stream(rest.stream, bytes.into(), out.bytes());
        }
    }

    fn give_back_on_stream(&mut self, id: u32, bytes: u64, out: &mut Vec<u8>) {
        let window = self.local.stream_window;
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.receive_window.give_back(bytes);
        let increment = match self.is_short {
            _ if !stream.receives => None,
            true => stream.receive_window.increment_to(SHORT_STREAM_WINDOW),
            false => stream.receive_window.increment(window),
        };
        if let Some(increment) = increment {
            frame::write_window_update(out, id, increment);
        }
    }

    /// The host has consumed content. The window opens: that of the stream, and that of
    /// the session if the stream has ended.
    pub(super) fn consume_content(&mut self, id: u32, bytes: usize, out: &mut Vec<u8>) {
        if !self.shutdown.has_ended() {
            self.give_back(bytes as u64, out);
            self.give_back_on_stream(id, bytes as u64, out);
        }
    }
}
