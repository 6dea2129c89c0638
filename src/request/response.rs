//! A request's response on its way out: in which state it is, and which of the
//! host's calls are allowed there.
//!
//! The host writes here; the session's task takes what is new and carries it
//! to the wire as the peer's flow control allows.

mod content;
mod head;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use http::Method;

use super::{OnReady, field};
use crate::error::{Error, Result};
use crate::header_list::HeaderList;
use crate::output::Data;
use crate::session::SessionHandle;
use content::Content;
use head::{Draft, Fields};
pub use head::{Head, Informational};

/// Buffers of a head that was sent are freed if they are larger.
const KEPT_BYTES: usize = 2048;

/// What follows the head.
pub enum Piece<'a> {
    Data(Data<'a>, bool),
    Trailers(HeaderList),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Phase {
    /// No final head yet.
    #[default]
    Open,
    /// The head is written, the body goes on.
    Streaming,
    /// The host has written the last of it.
    Ended,
}

#[derive(Default)]
pub struct Response {
    phase: Phase,
    informational: VecDeque<Informational>,
    head: Draft,
    content: Content,
    trailers: HeaderList,
    /// HEAD asks for no body (RFC 9110, section 9.3.2).
    is_head: bool,
    /// The request is one that we push.
    is_pushed: bool,
    reset: Option<u32>,
}

impl Response {
    /// An empty response begins, to a request of that method and with up to
    /// `high_water` bytes that may wait for the peer; for one that takes much,
    /// up to `most`.
    pub fn begin(&mut self, method: &Method, high_water: usize, most: usize) {
        self.is_head = *method == Method::HEAD;
        self.is_pushed = false;
        self.head.begin(method);
        self.content.begin(high_water, most);
    }

    /// The request came in HTTP/1.1, and may ask for another protocol.
    pub fn begin_http1(&mut self, asks_upgrade: bool) {
        self.head.begin_http1(asks_upgrade);
    }

    /// The same for a request that is pushed beside another's response.
    pub fn begin_pushed(&mut self, method: &Method, beside: &Response) {
        self.begin(method, 0, 0);
        self.content.begin_beside(&beside.content);
        self.is_pushed = true;
    }

    /// Lets go of everything. Of a response that was sent little is left.
    pub fn clear(&mut self) {
        self.phase = Phase::Open;
        if self.informational.capacity() > 0 {
            self.informational = VecDeque::new();
        }
        self.head.clear(KEPT_BYTES);
        self.content.clear(KEPT_BYTES);
        if self.trailers.memory() > 0 {
            self.trailers = HeaderList::new();
        }
        self.reset = None;
    }

    /// The bytes of memory that it holds, those that wait for the peer among them.
    pub fn memory(&self) -> usize {
        let informational = self.informational.iter().map(|head| head.fields.memory());
        self.content.memory() + self.head.memory() + self.trailers.memory() + informational.sum::<usize>()
    }

    // What the host does.

    /// Sets a field of the head that comes next, in place of any of its name: it
    /// stands where the first of them stood.
    pub fn set_field(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        self.check(Phase::Open)?;
        self.head.set(name, value)
    }

    /// Adds a field to the head that comes next, behind the others.
    pub fn add_field(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        self.check(Phase::Open)?;
        self.head.add(name, value)
    }

    /// Adds a field to the trailer section that `end` sends.
    pub fn add_trailer(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        if self.phase == Phase::Ended {
            return Err(Error::State("the response has ended"));
        }
        field::append_trailer(&mut self.trailers, name, value)
    }

    /// Sends an informational head (RFC 9110, section 15.2).
    pub fn inform(&mut self, status: u16, fields: HeaderList) -> Result<()> {
        self.check(Phase::Open)?;
        if self.is_pushed {
            return Err(Error::State("a pushed response has no informational heads"));
        }
        self.informational.push_back(Informational::new(status, fields)?);
        Ok(())
    }

    /// The whole response at once; the body is copied.
    pub fn respond(&mut self, status: u16, body: &[u8]) -> Result<()> {
        self.check(Phase::Open)?;
        let head = self.head.check(status)?;
        if head.is_bodyless && !body.is_empty() {
            return Err(Error::invalid(format_args!("{status} has no body")));
        }
        let written = body.len() as u64;
        if let Some(announced) = head.announced
            && announced != written
            && !self.is_head
            && !head.is_bodyless
        {
            return Err(Error::Length { announced, written });
        }
        let is_told = head.announced.is_none() && !head.is_tunnel && !head.is_bodyless && self.trailers.is_empty();
        self.content.write_whole(body, self.is_head)?;
        self.head.write(head, is_told.then_some(body.len()));
        self.finish();
        Ok(())
    }

    /// The same with these fields, each in place of any of its name set before.
    /// If it fails, all is as it was.
    pub fn respond_with<'a>(&mut self, status: u16, fields: impl Fields<'a>, body: &[u8]) -> Result<()> {
        self.with_fields(fields, |response| response.respond(status, body))
    }

    /// The head; `write` and `end` follow.
    pub fn write_head(&mut self, status: u16) -> Result<()> {
        self.check(Phase::Open)?;
        let head = self.head.check(status)?;
        self.content.announce(head.announced);
        self.head.write(head, None);
        self.phase = Phase::Streaming;
        Ok(())
    }

    /// The same with these fields, each in place of any of its name set before.
    /// If it fails, all is as it was.
    pub fn write_head_with<'a>(&mut self, status: u16, fields: impl Fields<'a>) -> Result<()> {
        self.with_fields(fields, |response| response.write_head(status))
    }

    fn with_fields<'a>(&mut self, fields: impl Fields<'a>, then: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.check(Phase::Open)?;
        let before = self.head.mark();
        match self.head.set_all(fields).and_then(|()| then(self)) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.head.restore(before);
                Err(error)
            }
        }
    }

    /// Nothing is added as `date` to the head that was written.
    pub fn leave_out_date(&mut self) {
        self.head.leave_out_date();
    }

    /// Nothing is added as `content-length` to the head that was written.
    pub fn leave_out_length(&mut self) {
        self.head.leave_out_length();
    }

    /// A piece of the body. Refused whole when the high-water mark is reached.
    /// Gives the bytes that wait for the peer now.
    pub fn write(&mut self, data: &[u8]) -> Result<usize> {
        self.check(Phase::Streaming)?;
        self.check_takes(data)?;
        self.content.write(data, self.is_head)?;
        Ok(self.content.queued())
    }

    /// The end of a streamed response, with the trailers set so far.
    pub fn end(&mut self) -> Result<()> {
        self.end_with(&[], HeaderList::new())
    }

    /// The same with a last piece, which is taken however much waits, and more trailers.
    pub fn end_with(&mut self, data: &[u8], trailers: HeaderList) -> Result<()> {
        self.check(Phase::Streaming)?;
        if !self.has_no_body() {
            self.content.check_length(data.len())?;
        }
        self.check_takes(data)?;
        self.content.write_last(data, self.is_head)?;
        match self.trailers.is_empty() {
            true => self.trailers = trailers,
            false => self.trailers.set_all(&trailers),
        }
        self.finish();
        Ok(())
    }

    /// Ends the stream with RST_STREAM (RFC 9113, section 6.4).
    pub fn reset(&mut self, code: u32) -> Result<()> {
        if self.phase == Phase::Ended {
            return Err(Error::State("the response has ended"));
        }
        self.phase = Phase::Ended;
        self.reset = Some(code);
        Ok(())
    }

    /// The same of a response that has ended.
    pub fn cut(&mut self, code: u32) {
        self.reset = Some(code);
    }

    pub fn set_high_water(&mut self, bytes: usize) -> Result<()> {
        self.content.set_high_water(bytes)
    }

    /// Lets more wait from now on, if the peer waited for the host, and has taken much before.
    pub fn grow(&mut self, session: &Arc<SessionHandle>) {
        self.content.grow(session);
    }

    /// How many bytes may wait for the peer.
    pub fn high_water(&self) -> usize {
        self.content.high_water()
    }

    pub fn set_on_writable(&mut self, on_writable: OnReady) {
        self.content.set_on_writable(on_writable);
    }

    /// Body bytes that wait for the peer.
    pub fn queued(&self) -> usize {
        self.content.queued()
    }

    /// Whether half of the mark is free.
    pub fn has_room(&self) -> bool {
        self.content.has_room()
    }

    /// Whether a final head has been written.
    pub fn is_begun(&self) -> bool {
        self.phase != Phase::Open
    }

    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    // What the session's task does.

    pub fn take_informational(&mut self) -> Option<Informational> {
        self.informational.pop_front()
    }

    /// The final head, once, when it is written.
    pub fn take_head(&mut self) -> Option<Head<'_>> {
        let is_alone =
            self.has_ended() && self.content.queued() == 0 && self.trailers.is_empty() && !self.head.is_tunnel();
        self.head.take(is_alone)
    }

    /// The code, if a reset is all that is left to do.
    pub fn reset_code(&self) -> Option<u32> {
        self.reset
    }

    pub fn take_reset(&mut self) -> Option<u32> {
        self.reset.take()
    }

    /// Bytes and trailers that are ready: up to `room` bytes of the body, or
    /// what comes after the body.
    pub fn take_piece(&mut self, room: usize) -> Option<Piece<'_>> {
        if self.content.queued() > 0 {
            if room == 0 {
                return None;
            }
            let is_end = self.has_ended() && self.trailers.is_empty();
            let (piece, left) = self.content.take(room);
            return Some(Piece::Data(piece, is_end && left == 0));
        }
        if !self.has_ended() {
            return None;
        }
        Some(match self.trailers.is_empty() {
            false => Piece::Trailers(mem::take(&mut self.trailers)),
            true => Piece::Data(Data::Borrowed(&[]), true),
        })
    }

    /// The hook to call if the host waits for room and there is some.
    pub fn take_writable(&mut self) -> Option<OnReady> {
        if self.has_ended() { None } else { self.content.take_writable() }
    }

    /// The hook comes back from its call.
    pub fn restore_writable(&mut self, on_writable: OnReady) {
        self.content.restore_writable(on_writable);
    }

    // Between the two.

    fn check(&self, expected: Phase) -> Result<()> {
        match (self.phase, expected) {
            (phase, expected) if phase == expected => Ok(()),
            (Phase::Open, _) => Err(Error::State("the head has not been written yet")),
            (Phase::Streaming, _) => Err(Error::State("the head has been written already")),
            (Phase::Ended, _) => Err(Error::State("the response has ended")),
        }
    }

    fn check_takes(&self, data: &[u8]) -> Result<()> {
        match self.head.is_bodyless() && !data.is_empty() {
            true => Err(Error::State("a response of this status has no body")),
            false => Ok(()),
        }
    }

    /// The host has written the last of it. What has no body has no trailers
    /// either (RFC 9110, section 6.4.1), nor has a tunnel.
    fn finish(&mut self) {
        if self.has_no_body() || self.head.is_tunnel() {
            self.trailers = HeaderList::new();
        }
        self.phase = Phase::Ended;
    }

    fn has_no_body(&self) -> bool {
        self.is_head || self.head.is_bodyless()
    }
}
