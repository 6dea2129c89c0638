//! Reads frames (RFC 9113, section 6). An incomplete frame stays with the caller. Only
//! DATA frames and ignored frames are read in pieces.

use super::frame::{self, DEFAULT_SIZE, HEAD, Head, MAX_31, PREFACE, code, flag, kind};
use super::ping::Answered;
use super::settings;
use super::streams::{Gone, is_pushed};
use super::{Http2, Input, fault, protocol_error};
use crate::engine::{Event, Fault, Priority};
use crate::output::Output;
use crate::priority::Parameters;

type Received<'a> = Result<(usize, Option<Event<'a>>), Fault>;

impl Http2 {
    /// Reads a frame, or a part of one.
    #[inline]
    pub(super) fn take<'a>(&mut self, input: &'a [u8], out: &mut Output) -> Received<'a> {
        self.streams.promote();
        self.is_mid_frame = false;
        if self.shutdown.last_push().is_some()
            && let Some(event) = self.next_cancelled_push()
        {
            return Ok((0, Some(event)));
        }
        let received = match &self.input {
            Input::Frame => self.frame(input, out),
            Input::Content(rest) => Ok(self.content(*rest, input, out)),
            Input::Skipped { length, is_content } => Ok(self.skip_some(*length, *is_content, input)),
            Input::Preface => self.preface(input),
            Input::Over { .. } => Ok((0, None)),
        };
        if received.is_err() {
            self.fail(input);
        }
        received
    }

    /// Reads the client's preface (RFC 9113, section 3.4).
    fn preface<'a>(&mut self, input: &'a [u8]) -> Received<'a> {
        let length = input.len().min(PREFACE.len());
        if input[..length] != PREFACE[..length] {
            return Err(protocol_error("the client's preface is none of HTTP/2"));
        }
        if length < PREFACE.len() {
            return Ok(self.wait(input));
        }
        self.input = Input::Frame;
        self.blocks += 1;
        Ok((length, None))
    }

    /// An incomplete frame: nothing can be taken.
    pub(super) fn wait<'a>(&mut self, input: &'a [u8]) -> (usize, Option<Event<'a>>) {
        self.is_mid_frame = !input.is_empty();
        (0, None)
    }

    /// Skips `length` bytes of the frame.
    pub(super) fn skip(&mut self, length: u32, is_content: bool) {
        self.input = if length == 0 { Input::Frame } else { Input::Skipped { length, is_content } };
    }

    fn skip_some<'a>(&mut self, length: u32, is_content: bool, input: &'a [u8]) -> (usize, Option<Event<'a>>) {
        let taken = (length as usize).min(input.len());
        self.skip(length - taken as u32, is_content);
        (taken, None)
    }

    /// The peer has violated the protocol. Streams are counted from the frame after the
    /// one with the error.
    #[cold]
    fn fail(&mut self, input: &[u8]) {
        let rest = match input.first_chunk() {
            Some(head) if matches!(self.input, Input::Frame) => HEAD as u32 + Head::parse(head).length,
            _ => 0,
        };
        self.block = None;
        self.input = Input::Over { rest };
    }

    #[inline]
    fn frame<'a>(&mut self, input: &'a [u8], out: &mut Output) -> Received<'a> {
        let Some(head) = input.first_chunk() else { return Ok(self.wait(input)) };
        let head = Head::parse(head);
        self.check_head(head)?;
        if head.kind == kind::DATA {
            return self.data(head, input, out);
        }
        self.check_length(head)?;
        if is_unneeded(head) {
            self.budget.nothing();
            self.blocks += 1;
            self.skip(head.length, false);
            return Ok((HEAD, None));
        }
        let end = HEAD + head.length as usize;
        let Some(payload) = input.get(HEAD..end) else { return Ok(self.wait(input)) };
        let event = match head.kind {
            kind::HEADERS => self.headers(head, payload, out)?,
            kind::CONTINUATION => self.continuation(head, payload, out)?,
            _ => {
                self.blocks += 1;
                self.control_frame(head, payload, out)?
            }
        };
        Ok((end, event))
    }

    /// The rules for every frame at its position.
    #[inline]
    fn check_head(&mut self, head: Head) -> Result<(), Fault> {
        if head.length > self.limits.max_frame_bytes {
            return Err(fault(code::FRAME_SIZE_ERROR, "a frame is longer than allowed"));
        }
        if let Some(block) = &self.block
            && (head.kind != kind::CONTINUATION || head.stream != block.stream)
        {
            return Err(protocol_error("another frame in a header block"));
        }
        if !self.remote.has_come && (head.kind != kind::SETTINGS || head.has(flag::ACK)) {
            return Err(protocol_error("the first frame is not SETTINGS"));
        }
        Ok(())
    }

    /// The rules for the length and the stream identifier of each type except DATA,
    /// before the payload has arrived.
    #[inline]
    fn check_length(&self, head: Head) -> Result<(), Fault> {
        let is_ack = head.has(flag::ACK);
        let has_length = match head.kind {
            kind::RST_STREAM | kind::WINDOW_UPDATE => head.length == 4,
            kind::PING => head.length == 8,
            kind::GOAWAY => head.length >= 8,
            kind::SETTINGS => head.length.is_multiple_of(6) && (!is_ack || head.length == 0),
            kind::PRIORITY_UPDATE => head.length >= 4,
            _ => true,
        };
        if !has_length {
            return Err(fault(code::FRAME_SIZE_ERROR, "the frame length is not valid for the frame type"));
        }
        let has_stream = match head.kind {
            kind::HEADERS | kind::CONTINUATION | kind::PRIORITY | kind::RST_STREAM => head.stream != 0,
            kind::SETTINGS | kind::PING | kind::GOAWAY | kind::PRIORITY_UPDATE => head.stream == 0,
            kind::PUSH_PROMISE => false,
            _ => true,
        };
        if !has_stream {
            return Err(protocol_error("the frame type is not allowed on this stream"));
        }
        let most = match head.kind {
            kind::HEADERS | kind::CONTINUATION => self.max_block(),
            kind::SETTINGS => settings::MOST_BYTES as usize,
            kind::GOAWAY => DEFAULT_SIZE as usize,
            _ => usize::MAX,
        };
        if head.length as usize > most {
            return Err(fault(code::ENHANCE_YOUR_CALM, "the frame is far longer than its type needs"));
        }
        Ok(())
    }

    fn control_frame<'a>(
        &mut self,
        head: Head,
        payload: &'a [u8],
        out: &mut Output,
    ) -> Result<Option<Event<'a>>, Fault> {
        match head.kind {
            kind::PRIORITY => self.old_priority(head, payload, out),
            kind::RST_STREAM => self.reset_by_peer(head.stream, frame::number(payload)),
            kind::SETTINGS if head.has(flag::ACK) => Ok(self.settings_acknowledged()),
            kind::SETTINGS => self.settings(payload, out).map(Some),
            kind::PING => Ok(self.ping(head, payload, out)),
            kind::GOAWAY => Ok(Some(self.goaway(payload))),
            kind::WINDOW_UPDATE => self.window_update(head.stream, frame::number(payload) & MAX_31, out),
            kind::PRIORITY_UPDATE => self.priority_update(payload),
            _ => Ok(None),
        }
    }

    /// Reads a PRIORITY frame, which is obsolete (RFC 9113, section 6.3) but must be
    /// well-formed.
    fn old_priority<'a>(&mut self, head: Head, payload: &[u8], out: &mut Output) -> Result<Option<Event<'a>>, Fault> {
        self.budget.priority();
        let error = if payload.len() != 5 {
            (code::FRAME_SIZE_ERROR, "PRIORITY has another length")
        } else if frame::number(payload) & MAX_31 == head.stream {
            (code::PROTOCOL_ERROR, "a stream has a priority that depends on itself")
        } else {
            return Ok(None);
        };
        if self.streams.get(head.stream).is_some() {
            return Ok(Some(self.stream_error(head.stream, error.0, error.1, out)));
        }
        match self.streams.fate(head.stream) {
            // A stream that was not opened cannot be reset.
            Gone::Idle => Err(fault(error.0, error.1)),
            _ => Ok(None),
        }
    }

    fn reset_by_peer<'a>(&mut self, stream: u32, code: u32) -> Result<Option<Event<'a>>, Fault> {
        self.budget.reset();
        if self.streams.get(stream).is_none() {
            return match self.streams.fate(stream) {
                Gone::Idle => Err(protocol_error("RST_STREAM on an idle stream")),
                _ => Ok(None),
            };
        }
        self.streams.remove(stream);
        Ok(Some(Event::Reset { stream, code }))
    }

    fn settings<'a>(&mut self, payload: &'a [u8], out: &mut Output) -> Result<Event<'a>, Fault> {
        let is_first = !self.remote.has_come;
        let changes = self.remote.apply(payload)?;
        if let Some((least, last)) = changes.table {
            self.encoder.set_limit(least);
            self.encoder.set_limit(last);
        }
        let mut changed = 0;
        if changes.window != 0 {
            changed = self.streams.open() + self.streams.open_pushed();
            let mut streams = self.streams.iter_mut();
            if !streams.all(|stream| stream.send_window.change(changes.window).is_ok()) {
                return Err(fault(code::FLOW_CONTROL_ERROR, "the window of a stream exceeds 2^31-1"));
            }
        }
        if !is_first {
            self.budget.settings(changed);
        }
        settings::write_acknowledgement(out.bytes());
        Ok(Event::Settings(payload))
    }

    fn settings_acknowledged<'a>(&mut self) -> Option<Event<'a>> {
        let Some(sent) = self.local.acknowledge() else {
            self.budget.nothing();
            return Some(Event::UnsolicitedAck(&[]));
        };
        // Even if a later frame allows a larger table again, the smallest size must be
        // announced (RFC 7541, section 4.2).
        self.decoder.set_limit(sent.values.header_table_bytes);
        self.apply_settings();
        Some(Event::SettingsAcknowledged { settings: sent.payload, is_of_host: sent.is_of_host })
    }

    fn ping<'a>(&mut self, head: Head, payload: &'a [u8], out: &mut Output) -> Option<Event<'a>> {
        let bytes = *payload.first_chunk()?;
        if !head.has(flag::ACK) {
            self.budget.ping();
            frame::write(out.bytes(), kind::PING, flag::ACK, 0, payload);
            return Some(Event::Ping(bytes));
        }
        match self.pings.answered(bytes) {
            Answered::Host => Some(Event::Pong(bytes)),
            Answered::ShutDown => Some(Event::ShutDownAcknowledged),
            Answered::KeepAlive => None,
            Answered::None => {
                self.budget.nothing();
                Some(Event::UnsolicitedAck(payload))
            }
        }
    }

    fn goaway<'a>(&mut self, payload: &'a [u8]) -> Event<'a> {
        self.budget.nothing();
        let (numbers, debug) = payload.split_at(8);
        let last_stream = frame::number(numbers) & MAX_31;
        self.shutdown.limit_pushes(last_stream);
        Event::Goaway { last_stream, code: frame::number(&numbers[4..]), debug }
    }

    /// Cancels a pushed stream that the peer's GOAWAY excludes.
    fn next_cancelled_push<'a>(&mut self) -> Option<Event<'a>> {
        let stream = self.streams.pushed_above(self.shutdown.last_push()?)?;
        self.streams.remove(stream);
        Some(Event::Reset { stream, code: code::REFUSED_STREAM })
    }

    fn window_update<'a>(&mut self, stream: u32, increment: u32, out: &mut Output) -> Result<Option<Event<'a>>, Fault> {
        self.budget.window_update();
        if stream == 0 {
            if increment == 0 {
                return Err(protocol_error("WINDOW_UPDATE by nothing"));
            }
            let changed = self.send_window.change(increment.into());
            changed.map_err(|_| fault(code::FLOW_CONTROL_ERROR, "the window of the session exceeds 2^31-1"))?;
            return Ok(Some(Event::Window { stream }));
        }
        let Some(known) = self.streams.get_mut(stream) else {
            return match self.streams.fate(stream) {
                Gone::Idle => Err(protocol_error("WINDOW_UPDATE on an idle stream")),
                _ => Ok(None),
            };
        };
        if increment == 0 {
            return Ok(Some(self.stream_error(stream, code::PROTOCOL_ERROR, "WINDOW_UPDATE by nothing", out)));
        }
        if known.send_window.change(increment.into()).is_err() {
            let why = "the window of the stream exceeds 2^31-1";
            return Ok(Some(self.stream_error(stream, code::FLOW_CONTROL_ERROR, why, out)));
        }
        Ok(Some(Event::Window { stream }))
    }

    /// Reads a PRIORITY_UPDATE frame (RFC 9218, section 7.1).
    fn priority_update<'a>(&mut self, payload: &[u8]) -> Result<Option<Event<'a>>, Fault> {
        self.budget.priority();
        let stream = frame::number(payload) & MAX_31;
        let is_idle = self.streams.fate(stream) == Gone::Idle;
        if stream == 0 || is_pushed(stream) && is_idle {
            return Err(protocol_error("PRIORITY_UPDATE of a stream that cannot be"));
        }
        let Some(parameters) = Parameters::parse(&payload[4..]) else { return Ok(None) };
        if is_idle {
            self.early.keep(stream, parameters);
            return Ok(None);
        }
        let priority = parameters.applied_to(Priority::default());
        Ok(self.streams.get(stream).map(|_| Event::Reprioritized { stream, priority }))
    }
}

/// Whether a frame is ignored: its type is unknown, or it is far too long for its type.
#[inline]
fn is_unneeded(head: Head) -> bool {
    match head.kind {
        kind::PRIORITY_UPDATE => head.length > DEFAULT_SIZE,
        kind::PRIORITY => head.length > DEFAULT_SIZE,
        known => known > kind::CONTINUATION,
    }
}
