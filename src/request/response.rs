//! The response to a request: its state, and which calls of the host are allowed in
//! that state.
//!
//! The host writes here. The session's task takes what is new and sends it as the
//! peer's flow control allows.

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

/// Larger buffers are freed when the head has been sent.
const KEPT_BYTES: usize = 2048;

/// The content and the trailers.
pub enum Piece<'a> {
    Data(Data<'a>, bool),
    Trailers(HeaderList),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Phase {
    /// There is no final head yet.
    #[default]
    Open,
    /// The head is written and the body is not complete.
    Streaming,
    /// The host has written the end of the response.
    Ended,
}

#[derive(Default)]
pub struct Response {
    phase: Phase,
    informational: VecDeque<Informational>,
    head: Draft,
    content: Content,
    trailers: HeaderList,
    /// The request is HEAD, whose response has no body (RFC 9110, section 9.3.2).
    is_head: bool,
    /// The request is a pushed one.
    is_pushed: bool,
    reset: Option<u32>,
}

impl Response {
    /// Begins an empty response to a request of this method. Up to `high_water` bytes
    /// may wait for the peer, and up to `most` for a peer that takes much.
    pub fn begin(&mut self, method: &Method, high_water: usize, most: usize) {
        self.is_head = *method == Method::HEAD;
        self.is_pushed = false;
        self.head.begin(method);
        self.content.begin(high_water, most);
    }

    /// The request came in HTTP/1.1 and may ask for an upgrade.
    pub fn begin_http1(&mut self, asks_upgrade: bool) {
        self.head.begin_http1(asks_upgrade);
    }

    /// The same for a request that is pushed with another response.
    pub fn begin_pushed(&mut self, method: &Method, beside: &Response) {
        self.begin(method, 0, 0);
        self.content.begin_beside(&beside.content);
        self.is_pushed = true;
    }

    /// Drops everything. Little is left of a response that was sent.
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

    /// The bytes of memory of the content that waits for the peer.
    pub fn memory(&self) -> usize {
        self.content.memory()
    }

    /// The bytes of memory of the heads and the trailer section.
    pub fn memory_of_fields(&self) -> usize {
        let list = self.informational.capacity() * size_of::<Informational>();
        let informational = self.informational.iter().map(|head| head.fields.memory());
        self.head.memory() + self.trailers.memory() + list + informational.sum::<usize>()
    }

    // Calls of the host.

    /// Sets a field of the next head and replaces those of its name. It stands where
    /// the first of them stood.
    pub fn set_field(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        self.check(Phase::Open)?;
        self.head.set(name, value)
    }

    /// Adds a field to the next head, after the others.
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

    /// Sends the whole response in one call. The body is copied.
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

    /// The same with these fields, each of which replaces those of its name set before.
    /// On failure nothing has changed.
    pub fn respond_with<'a>(&mut self, status: u16, fields: impl Fields<'a>, body: &[u8]) -> Result<()> {
        self.with_fields(fields, |response| response.respond(status, body))
    }

    /// Sends the head. `write` and `end` follow.
    pub fn write_head(&mut self, status: u16) -> Result<()> {
        self.check(Phase::Open)?;
        let head = self.head.check(status)?;
        self.content.announce(head.announced);
        self.head.write(head, None);
        self.phase = Phase::Streaming;
        Ok(())
    }

    /// The same with these fields, each of which replaces those of its name set before.
    /// On failure nothing has changed.
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

    /// Adds no `date` to the head that was written.
    pub fn leave_out_date(&mut self) {
        self.head.leave_out_date();
    }

    /// Adds no `content-length` to the head that was written.
    pub fn leave_out_length(&mut self) {
        self.head.leave_out_length();
    }

    /// Writes a piece of the body. It is refused whole if the high-water mark is
    /// reached. Returns the bytes that wait for the peer now.
    pub fn write(&mut self, data: &[u8]) -> Result<usize> {
        self.check(Phase::Streaming)?;
        self.check_takes(data)?;
        self.content.write(data, self.is_head)?;
        Ok(self.content.queued())
    }

    /// Refuses a piece because memory is short. The host is notified when it is not any
    /// more.
    pub fn refuse_for_now(&mut self) -> Result<usize> {
        self.check(Phase::Streaming)?;
        self.content.await_room();
        Err(Error::WouldBlock("the memory limit is reached"))
    }

    /// Ends a streamed response with the trailers set so far.
    pub fn end(&mut self) -> Result<()> {
        self.end_with(&[], HeaderList::new())
    }

    /// The same with a last piece, accepted however many bytes wait, and more trailers.
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

    /// The same for a response that has ended.
    pub fn cut(&mut self, code: u32) {
        self.reset = Some(code);
    }

    pub fn set_high_water(&mut self, bytes: usize) -> Result<()> {
        self.content.set_high_water(bytes)
    }

    /// Raises the mark if the peer waited for the host and has taken many bytes before.
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

    // Calls of the session's task.

    pub fn take_informational(&mut self) -> Option<Informational> {
        self.informational.pop_front()
    }

    /// The final head, returned once after it is written.
    pub fn take_head(&mut self) -> Option<Head<'_>> {
        let is_alone =
            self.has_ended() && self.content.queued() == 0 && self.trailers.is_empty() && !self.head.is_tunnel();
        self.head.take(is_alone)
    }

    /// The error code if only a RST_STREAM is left to send.
    pub fn reset_code(&self) -> Option<u32> {
        self.reset
    }

    pub fn take_reset(&mut self) -> Option<u32> {
        self.reset.take()
    }

    /// The bytes and trailers that are ready: up to `room` bytes of the body, or what
    /// follows the body.
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

    /// Takes the hook back after its call.
    pub fn restore_writable(&mut self, on_writable: OnReady) {
        self.content.restore_writable(on_writable);
    }

    // Used by both.

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

    /// The host has written the end. A response without a body has no trailers either
    /// (RFC 9110, section 6.4.1), nor has a tunnel.
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
