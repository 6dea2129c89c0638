//! HTTP/1.1 and 1.0 (RFC 9112): the engine of one connection.
//!
//! - [`upgrade`]: requests that open a tunnel
//! - [`writer`]: the head, content and trailers of a response
//! - [`head`]: the head of a request
//! - [`content`], [`chunk`]: the content of a request
//! - [`target`]: the forms of a request target
//! - [`section`]: the fields of a header or trailer section
//! - [`line`]: lines of the input
//! - [`fault`]: the protocol errors
//!
//! Two parsers may split a malformed message differently. An attacker uses that to
//! hide one request in another (request smuggling). A message that does not match the
//! grammar exactly is therefore refused, also where the RFC allows a server to repair
//! it.
//!
//! Requests are read one at a time. Input that follows a request stays with the caller
//! until the response to that request is complete.

#[cfg(any(test, fuzzing))]
pub mod check;
mod chunk;
mod content;
mod fault;
mod head;
mod line;
mod section;
mod target;
#[cfg(test)]
mod tests;
mod upgrade;
mod writer;

use http::{Method, StatusCode};

use crate::engine::{Engine, Event, Fault, Memory, Priority, RequestHead, ResponseHead, ShutDown, Version};
use crate::header_list::HeaderList;
use crate::output::{Data, Output};
use chunk::Part;
use content::Content;
use head::HeadReader;
pub use section::Limits;
use upgrade::Opening;
use writer::{Framing, Persistence};

/// A connection is kept although content of a request is outstanding when its
/// response is complete, if it is at most this many bytes. Reading them costs less
/// than a new connection.
const SMALL_REST: u64 = 64 << 10;

/// The engine of one connection.
pub struct Http1 {
    limits: Limits,
    input: Input,
    response: Response,
    /// The index of the current request, from 1; 0 before the first.
    stream: u32,
    version: Version,
    is_head: bool,
    /// The client waits for a 100 before it sends the content (RFC 9110, section 10.1.1).
    awaits_continue: bool,
    /// A 100 may be sent: the client has asked for one, and none was sent.
    may_continue: bool,
    /// The host reads no more content of this request.
    ignores_content: bool,
    /// No request is taken after this one.
    is_last: bool,
    /// The tunnel that the request asks for.
    opening: Option<Opening>,
    blocks: u64,
}

/// The part of a message that the next input byte belongs to.
enum Input {
    /// A head that is outstanding or incomplete.
    Head(HeadReader),
    Content(Content),
    /// The request is complete. The next byte begins another request, which is not
    /// read yet.
    Whole,
    Tunnel,
    /// No more input is read.
    Over,
    /// No more input is read, because the peer has violated the protocol.
    Failed,
}

/// The state of the response.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Response {
    /// No request waits for a response.
    Idle,
    /// The final head is outstanding.
    Head,
    Body(Framing),
    /// The response is complete. Content of the request may be outstanding.
    Complete,
}

impl Http1 {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            input: Input::Head(HeadReader::default()),
            response: Response::Idle,
            stream: 0,
            version: Version::Http11,
            is_head: false,
            awaits_continue: false,
            may_continue: false,
            ignores_content: false,
            is_last: false,
            opening: None,
            blocks: 0,
        }
    }

    fn receive_head<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Event<'a>>), Fault> {
        let Input::Head(reader) = &mut self.input else { return Ok((0, None)) };
        let (taken, parsed) = reader.read(input, self.limits)?;
        let Some(request) = parsed else { return Ok((taken, None)) };
        let is_last = matches!(request.content, Content::Length(0));
        self.blocks += 1;
        self.stream = self.stream.wrapping_add(1);
        self.version = request.head.version;
        self.is_head = request.head.method == Method::HEAD;
        self.may_continue = request.expects_continue && !is_last;
        self.awaits_continue = self.may_continue;
        self.ignores_content = false;
        self.is_last |= !request.persists;
        self.opening = Opening::asked_by(&request.head);
        self.response = Response::Head;
        self.input = if is_last { Input::Whole } else { Input::Content(request.content) };
        Ok((
            taken,
            Some(Event::Request { stream: self.stream, head: request.head, is_last, priority: Priority::default() }),
        ))
    }

    fn receive_content<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Option<Event<'a>>), Fault> {
        let Input::Content(content) = &mut self.input else { return Ok((0, None)) };
        let (taken, part) = content.read(input, self.limits, &mut self.blocks)?;
        // Content that has begun to arrive needs no 100.
        self.awaits_continue &= taken == 0;
        let stream = self.stream;
        let event = match part {
            Part::None => return Ok((taken, None)),
            Part::Data(data, is_last) => Event::Data { stream, data, is_last },
            Part::Trailers(fields) => Event::Trailers { stream, fields },
        };
        if !matches!(event, Event::Data { is_last: false, .. }) {
            self.input = Input::Whole;
            self.advance();
        }
        Ok((taken, Some(event)))
    }

    /// Begins the next request when this one and its response are complete.
    fn advance(&mut self) {
        if self.response != Response::Complete {
            return;
        }
        let is_whole = !matches!(self.input, Input::Content(_));
        if self.is_last && (is_whole || self.ignores_content) {
            self.input = Input::Over;
        }
        match self.input {
            Input::Whole => self.input = Input::Head(HeadReader::default()),
            Input::Content(_) => return,
            _ => {}
        }
        self.response = Response::Idle;
    }

    /// The response's last byte is written.
    fn complete(&mut self) {
        match self.response {
            // The client would read the next response as the missing content.
            Response::Body(Framing::Length(1..)) => self.is_last = true,
            Response::Body(Framing::Tunnel) => (self.is_last, self.input) = (true, Input::Over),
            _ => {}
        }
        self.response = Response::Complete;
        self.advance();
    }

    /// How the client finds the end of a response with this head.
    fn framing(&self, head: &ResponseHead<'_>, length: Option<u64>) -> Framing {
        if self.is_head || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Framing::None;
        }
        match (length, self.version) {
            (Some(length), _) => Framing::Length(length),
            (None, _) if head.is_last => Framing::Length(0),
            (None, Version::Http10) => Framing::Close,
            (None, _) => Framing::Chunked,
        }
    }

    /// Whether outstanding content forbids another request on the connection. If the
    /// server did not read all of the content, the next request would be lost, unless
    /// the client knows that the connection ends (RFC 9112, section 9.6).
    fn content_ends_connection(&mut self, head: &ResponseHead<'_>) -> bool {
        let Input::Content(content) = &self.input else { return false };
        if self.awaits_continue {
            // The client may send it or not (RFC 9110, section 10.1.1).
            self.input = Input::Over;
            return true;
        }
        head.is_whole && content.rest().is_none_or(|rest| rest > SMALL_REST)
    }

    fn open_tunnel(&mut self, opening: &Opening, head: &ResponseHead<'_>, out: &mut Output) {
        opening.write_head(head, out.bytes());
        self.is_last = true;
        (self.input, self.response) = (Input::Tunnel, Response::Body(Framing::Tunnel));
    }

    /// Whether the response to this request may be written.
    fn is_current(&self, stream: u32) -> bool {
        stream == self.stream && matches!(self.response, Response::Head | Response::Body(_))
    }
}

impl Engine for Http1 {
    const IS_MULTIPLEXED: bool = false;

    fn receive<'a>(&mut self, input: &'a [u8], _: &mut Output) -> Result<(usize, Option<Event<'a>>), Fault> {
        let received = match self.input {
            // Nothing has arrived of another request.
            Input::Head(_) if input.is_empty() => Ok((0, None)),
            Input::Head(_) => self.receive_head(input),
            Input::Content(_) => self.receive_content(input),
            Input::Tunnel if !input.is_empty() => {
                Ok((input.len(), Some(Event::Data { stream: self.stream, data: input, is_last: false })))
            }
            Input::Whole | Input::Tunnel | Input::Over | Input::Failed => Ok((0, None)),
        };
        if received.is_err() {
            (self.input, self.is_last) = (Input::Failed, true);
            self.advance();
        }
        received
    }

    fn is_mid_block(&self) -> bool {
        match &self.input {
            Input::Head(reader) => reader.is_mid_block(),
            Input::Content(content) => content.is_mid_block(),
            _ => false,
        }
    }

    fn blocks(&self) -> u64 {
        self.blocks
    }

    /// HTTP/1.1 sends nothing before the first request.
    fn is_settled(&self) -> bool {
        true
    }

    fn has_begun(&self) -> bool {
        true
    }

    /// The caller holds incomplete lines, and counts them.
    fn memory(&self) -> Memory {
        Memory::default()
    }

    fn has_all_content(&self, stream: u32) -> bool {
        stream != self.stream || !matches!(self.input, Input::Content(_) | Input::Tunnel)
    }

    fn take_as_connect(&mut self, head: &mut RequestHead) -> Result<(), Fault> {
        self.opening = Some(upgrade::into_connect(head)?);
        Ok(())
    }

    /// A 100 is sent only if the client has asked for it, also after the client has
    /// begun to send its content.
    fn send_informational(&mut self, stream: u32, status: StatusCode, fields: &HeaderList, out: &mut Output) {
        if stream != self.stream || self.response != Response::Head || self.version == Version::Http10 {
            return;
        }
        let may_stand = match status {
            StatusCode::CONTINUE => {
                self.awaits_continue = false;
                std::mem::take(&mut self.may_continue)
            }
            // This is the final response of an upgrade, which `send_head` writes.
            StatusCode::SWITCHING_PROTOCOLS => false,
            _ => status.is_informational(),
        };
        if may_stand {
            writer::write_informational(status, fields, out.bytes());
        }
    }

    fn send_head(&mut self, stream: u32, head: ResponseHead<'_>, out: &mut Output) -> bool {
        if stream != self.stream || self.response != Response::Head {
            return head.is_last;
        }
        let opening = self.opening.take();
        if let Some(opening) = opening.filter(|_| head.is_tunnel) {
            self.open_tunnel(&opening, &head, out);
        } else {
            let length = writer::content_length(head.fields);
            let framing = self.framing(&head, length);
            self.ignores_content = head.is_whole;
            self.is_last |= self.content_ends_connection(&head) || head.closes || framing == Framing::Close;
            let persistence = match (self.is_last, self.version) {
                (true, _) => Persistence::Close,
                (false, Version::Http10) => Persistence::KeepAlive,
                (false, _) => Persistence::Default,
            };
            writer::write_head(self.version, &head, length.is_some(), framing, persistence, out.bytes());
            self.response = Response::Body(framing);
        }
        if head.is_last {
            self.complete();
        }
        head.is_last
    }

    fn send_data(&mut self, stream: u32, mut data: Data<'_>, is_last: bool, out: &mut Output) {
        if !self.is_current(stream) {
            return;
        }
        let Response::Body(framing) = &mut self.response else { return };
        match framing {
            Framing::None => {}
            Framing::Length(left) => {
                let sent = data.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= sent as u64;
                out.push(data.split_to(sent));
            }
            Framing::Chunked => writer::write_chunk(data, is_last, out),
            Framing::Close | Framing::Tunnel => out.push(data),
        }
        if is_last {
            self.complete();
        }
    }

    fn send_trailers(&mut self, stream: u32, fields: &HeaderList, out: &mut Output) {
        if !self.is_current(stream) {
            return;
        }
        match self.response {
            Response::Body(Framing::Chunked) => writer::write_trailers(fields, out.bytes()),
            Response::Body(_) => {}
            _ => return,
        }
        self.complete();
    }

    /// HTTP/1.1 has no frame for it. A head that has begun is still read.
    fn shut_down(&mut self, _: ShutDown, _: &mut Output) {
        self.is_last = true;
        if let Input::Head(reader) = &self.input
            && !reader.has_begun()
        {
            self.input = Input::Over;
        }
        self.advance();
    }

    fn send_fault(&mut self, fault: Fault, date: &[u8], out: &mut Output) {
        // Only where no other response has begun, and the client waits for a response,
        // has violated the protocol, or is about to send a request.
        let may_stand = match self.response {
            Response::Head => true,
            Response::Idle => matches!(self.input, Input::Head(_) | Input::Failed),
            Response::Body(_) | Response::Complete => false,
        };
        if may_stand {
            let version = if self.response == Response::Head { self.version } else { Version::Http11 };
            writer::write_fault(version, fault.code, date, out.bytes());
            self.response = Response::Idle;
        }
        (self.input, self.is_last) = (Input::Over, true);
        self.advance();
    }

    /// Only an HTTP/1.0 response that ends with the connection.
    fn looks_whole(&self) -> bool {
        self.response == Response::Body(Framing::Close)
    }

    fn is_over(&self) -> bool {
        matches!(self.input, Input::Over | Input::Failed) && self.response == Response::Idle
    }
}
