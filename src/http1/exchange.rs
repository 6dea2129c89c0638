//! One request and its answer: what its entry and hyper have for each other is
//! carried over here.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{StatusCode, Version};
use hyper::body::{Body as _, Incoming};

use super::desk::{Desk, Outgoing};
use super::tap::Duct;
use super::tunnel::Tunnel;
use crate::connection::clocks::Watch;
use crate::connection::hooks;
use crate::convert;
use crate::header_list::HeaderList;
use crate::request::{self, Answer, AnswerHead, Body, Informational, Piece, Request};
use crate::table::Lot;
use crate::worker::Worker;

/// What a peer may still send of a body when its answer is complete, and how
/// long: a client that does not read before it has written all would lose the answer.
const DISCARD_TIME: Duration = Duration::from_secs(1);
const DISCARD_BYTES: usize = 1 << 20;

pub struct Exchange {
    /// The entry the host knows; 0 once the host has done its part.
    pub request: u64,
    /// The how manieth request of the connection it is.
    pub ordinal: u32,
    /// Whether a queue is yet to be told of it, with what has come of its body.
    pub is_fresh: bool,
    version: Version,
    is_head: bool,
    recv: Option<Incoming>,
    /// The peer sends the body when it is asked for (RFC 9110, section 10.1.1).
    pub is_unasked: bool,
    /// If what follows the head may be a tunnel's.
    pub tunnel: Option<Tunnel>,
    /// Bytes of the body that the host has not consumed.
    outstanding: usize,
    /// Whether hyper was given the head of the answer.
    pub has_head: bool,
    /// Whether the host ends the connection with this answer.
    pub closes: bool,
    /// How the end of the answer is told.
    pub end: End,
    trailers: Option<HeaderList>,
    /// Whether hyper was given the last of the answer.
    is_answered: bool,
    /// The host wants more of the body, and there will be none.
    pub has_lost_body: bool,
    /// Whether the last of the answer is gathered.
    pub is_written: bool,
    /// Bytes of the answer's body that were given to hyper.
    pub given: u64,
    /// What is still taken of a body that nobody wants.
    discard: usize,
    pub discard_until: Option<Instant>,
    pub watch: Option<Watch>,
}

/// How the end of an answer is told (RFC 9112, section 6.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By its length, or since there is no body.
    Length,
    Chunked,
    /// By the end of the connection.
    Close,
}

/// What came of a pump.
#[derive(Default)]
pub struct Pumped {
    pub has_moved: bool,
    /// The host has given up: nothing more of the answer may look whole.
    pub reset: Option<u32>,
    /// The body's trailers are none.
    pub is_malformed: bool,
    /// The last byte of a tunnel is gathered.
    pub is_tunnel_written: bool,
    /// The tunnel's connection failed.
    pub error: Option<io::Error>,
}

/// What an exchange works with.
pub struct Tools<'a> {
    pub worker: &'a Worker,
    pub desk: &'a Rc<RefCell<Desk>>,
    /// Bytes of the answer that may be prepared.
    pub room: usize,
    /// Whether hyper has all of the request.
    pub has_all: bool,
    /// For what hyper does not write or read.
    pub line: &'a RefCell<dyn Duct>,
}

impl Exchange {
    pub fn new(request: u64, ordinal: u32, version: Version, is_head: bool, recv: Option<Incoming>) -> Self {
        Self {
            request,
            ordinal,
            is_fresh: false,
            version,
            is_head,
            recv,
            is_unasked: false,
            tunnel: None,
            outstanding: 0,
            has_head: false,
            closes: false,
            end: End::Length,
            trailers: None,
            is_answered: false,
            has_lost_body: false,
            is_written: false,
            given: 0,
            discard: DISCARD_BYTES,
            discard_until: None,
            watch: None,
        }
    }

    /// Whether nothing is left to do for it.
    pub fn is_over(&self) -> bool {
        self.request == 0 && self.is_written && self.recv.is_none()
    }

    /// Whether an answer has begun that does not look whole yet.
    pub fn is_cut_short(&self) -> bool {
        self.has_head && !self.is_written
    }

    pub fn is_tunnel_open(&self) -> bool {
        matches!(self.tunnel, Some(Tunnel::Open))
    }

    /// Whether the body may come while its answer is complete.
    pub fn discards(&self) -> bool {
        self.request == 0 && self.recv.is_some()
    }

    /// Carries over all that can be carried now, and calls the host's hooks that are due.
    pub fn pump(&mut self, tools: &mut Tools<'_>, cx: &mut Context<'_>) -> Pumped {
        let mut pumped = Pumped::default();
        let mut lot = tools.worker.lot.borrow_mut();
        while self.request != 0 {
            let Ok(mut request) = lot.find(self.request) else { break };
            request.attended();
            match self.receive(&mut request, tools, cx) {
                Ok(moved) => pumped.has_moved |= moved,
                Err(Malformed) => {
                    pumped.is_malformed = true;
                    break;
                }
            }
            if self.is_tunnel_open()
                && let Some(body) = &mut request.body
            {
                match self.receive_raw(body, tools, cx) {
                    Ok(moved) => pumped.has_moved |= moved,
                    Err(error) => {
                        pumped.error = Some(error);
                        break;
                    }
                }
            }
            if std::mem::take(&mut self.is_fresh) && pumped.has_moved {
                // More of its body may be there, and then it is one record.
                self.is_fresh = true;
                break;
            }
            let inside = tools.desk.borrow().bytes as u64;
            self.feed(&mut request, inside, cx);
            if let Some(call) = hooks::next(&mut request) {
                drop(request);
                pumped.has_moved = true;
                hooks::run(&lot, &tools.worker.shared, self.request, call);
                continue;
            }
            if let Some(code) = request.answer.take_reset() {
                pumped.reset = Some(code);
                lot.end(self.request, request, Request::clear);
                self.request = 0;
                break;
            }
            let (has_sent, has_ended) = self.send(&mut request.answer, tools);
            pumped.has_moved |= has_sent;
            self.is_answered |= has_ended;
            if self.is_answered && (request.is_done() || self.is_tunnel_open()) {
                lot.end(self.request, request, Request::clear);
                self.done();
                pumped.is_tunnel_written = self.is_tunnel_open();
            } else if !has_sent {
                break;
            }
        }
        pumped.has_moved |= self.throw_away(tools.has_all, cx);
        pumped
    }

    /// The host has done its part.
    fn done(&mut self) {
        self.request = 0;
        if self.is_unasked {
            // Nobody knows whether it will come.
            self.recv = None;
        }
    }

    /// Takes what has come of the body, as far as the host has consumed.
    fn receive(&mut self, request: &mut Request, tools: &Tools<'_>, cx: &mut Context<'_>) -> Result<bool, Malformed> {
        let Some(body) = &mut request.body else { return Ok(false) };
        self.outstanding -= self.outstanding.min(body.take_consumed());
        let window = tools.worker.shared.setup.config.stream_window_bytes.max(1) as usize;
        let mut has_moved = false;
        while !self.is_unasked
            && self.outstanding < window
            && let Some(recv) = &mut self.recv
        {
            let Poll::Ready(frame) = Pin::new(recv).poll_frame(cx) else {
                if self.is_written && tools.has_all && !has_moved {
                    // As below, hyper does not tell it.
                    self.recv = None;
                    body.arrived_whole(None);
                    has_moved = true;
                }
                break;
            };
            has_moved = true;
            match frame {
                Some(Ok(frame)) => self.take_frame(frame, body)?,
                Some(Err(_)) => self.recv = None,
                None => {
                    self.recv = None;
                    body.arrived_whole(None);
                }
            }
        }
        Ok(has_moved)
    }

    /// Takes what has come through the tunnel, as far as the host has consumed.
    fn receive_raw(&mut self, body: &mut Body, tools: &Tools<'_>, cx: &mut Context<'_>) -> io::Result<bool> {
        let window = tools.worker.shared.setup.config.stream_window_bytes.max(1) as usize;
        let mut has_moved = false;
        while self.outstanding < window && !body.has_ended() {
            let polled = tools.line.borrow_mut().poll_bytes(cx, window - self.outstanding);
            let Poll::Ready(bytes) = polled else { break };
            let bytes = bytes?;
            has_moved = true;
            match bytes.is_empty() {
                true => body.arrived_whole(None),
                false => {
                    self.outstanding += bytes.len();
                    body.arrived(bytes);
                }
            }
        }
        Ok(has_moved)
    }

    fn take_frame(&mut self, frame: hyper::body::Frame<Bytes>, body: &mut Body) -> Result<(), Malformed> {
        match frame.into_data() {
            Ok(data) => {
                self.outstanding += data.len();
                body.arrived(data);
                if self.recv.as_ref().is_some_and(|recv| recv.is_end_stream()) {
                    self.recv = None;
                    body.arrived_whole(None);
                }
            }
            Err(frame) => {
                let trailers = frame.into_trailers().ok().map(|fields| convert::trailers(&fields));
                if trailers.as_ref().is_some_and(request::are_trailers_malformed) {
                    return Err(Malformed);
                }
                self.recv = None;
                body.arrived_whole(trailers);
            }
        }
        Ok(())
    }

    /// Tells the request's queue, if it goes to one, what is new. hyper has not taken `inside` bytes of its answer.
    fn feed(&mut self, request: &mut Request, inside: u64, cx: &mut Context<'_>) {
        if request.feed.is_none() || request.session.is_muted() {
            return;
        }
        request::feed(request, self.request, inside, || cx.waker().clone());
        if let Some(body) = &mut request.body {
            self.outstanding -= self.outstanding.min(body.take_consumed());
        }
    }

    /// Gives hyper what the host has written, as far as there is room: whether
    /// that was something, and whether it was the last.
    fn send(&mut self, answer: &mut Answer, tools: &mut Tools<'_>) -> (bool, bool) {
        let mut has_sent = false;
        if self.is_answered {
            return (false, false);
        }
        while let Some(info) = answer.take_informational() {
            has_sent = true;
            self.inform(&info, tools);
        }
        if let Some(head) = answer.take_head() {
            has_sent = true;
            if self.send_head(head, tools) {
                return (true, true);
            }
        }
        if !self.has_head {
            return (has_sent, false);
        }
        while let Some(piece) = self.next_piece(answer, tools.room) {
            has_sent = true;
            if self.send_piece(piece, tools) {
                return (true, true);
            }
        }
        (has_sent, false)
    }

    /// An informational head (RFC 9110, section 15.2), which hyper cannot send.
    fn inform(&mut self, info: &Informational, tools: &mut Tools<'_>) {
        if info.status == StatusCode::CONTINUE && std::mem::take(&mut self.is_unasked) {
            // hyper says it when it is asked for the body.
            return;
        }
        if self.version > Version::HTTP_10 {
            tools.line.borrow_mut().write(&informational(info));
        }
    }

    /// The final head. True if nothing follows it.
    fn send_head(&mut self, mut head: AnswerHead<'_>, tools: &mut Tools<'_>) -> bool {
        head.complete(&tools.worker.date());
        let alone = head.is_alone;
        if let Some(Tunnel::Asked(opening)) = &self.tunnel
            && head.is_tunnel
        {
            let head = opening.head(head.status, head.fields);
            tools.line.borrow_mut().write(&head);
            (self.tunnel, self.has_head) = (Some(Tunnel::Open), true);
            return false;
        }
        self.closes = head.closes;
        let has_no_body = self.is_head || has_no_body(head.status);
        let length = head.fields.get(b"content-length");
        self.end = match (alone || has_no_body || length.is_some(), self.version) {
            (true, _) => End::Length,
            (false, Version::HTTP_10) => End::Close,
            (false, _) => End::Chunked,
        };
        let known = length.filter(|_| !has_no_body).and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
        let body = Outgoing::new(tools.desk, known, alone || has_no_body);
        let mut desk = tools.desk.borrow_mut();
        desk.has_ended = alone;
        desk.answer = Some(convert::response(&head).map(|()| body));
        self.has_head = true;
        alone
    }

    fn next_piece(&self, answer: &mut Answer, room: usize) -> Option<Piece> {
        // What is no part of the answer any more needs no room.
        answer.take_piece(if self.is_written { usize::MAX } else { room })
    }

    /// True if it is the last.
    fn send_piece(&mut self, piece: Piece, tools: &mut Tools<'_>) -> bool {
        if self.is_tunnel_open() {
            return self.send_raw(piece, tools);
        }
        let mut desk = tools.desk.borrow_mut();
        let is_last = match piece {
            Piece::Data(data, last) => {
                tools.room = tools.room.saturating_sub(data.len());
                self.given += data.len() as u64;
                if !self.is_written {
                    desk.push(data);
                }
                last
            }
            Piece::Trailers(fields) => {
                self.trailers = Some(fields);
                true
            }
        };
        desk.has_ended = is_last;
        is_last
    }

    /// The same for a tunnel.
    fn send_raw(&mut self, piece: Piece, tools: &mut Tools<'_>) -> bool {
        let Piece::Data(data, is_last) = piece else { return true };
        tools.room = tools.room.saturating_sub(data.len());
        self.given += data.len() as u64;
        tools.line.borrow_mut().write(&data);
        self.is_written = is_last;
        is_last
    }

    /// hyper has written all of it: the trailer section that is to follow, if any can.
    pub fn written(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.is_written = true;
        self.discard_until = Some(now + DISCARD_TIME);
        let trailers = self.trailers.take().filter(|_| self.end == End::Chunked)?;
        let mut section = Vec::new();
        write_fields(&mut section, &trailers);
        Some(section)
    }

    /// What comes of the body when nobody wants it. True if that was something.
    /// hyper, once the answer is complete, does not tell the end of a body: it is
    /// there when all was given to hyper and nothing comes of it.
    fn throw_away(&mut self, has_all: bool, cx: &mut Context<'_>) -> bool {
        let mut has_moved = false;
        while self.request == 0
            && let Some(recv) = &mut self.recv
        {
            let Poll::Ready(frame) = Pin::new(&mut *recv).poll_frame(cx) else {
                let is_end = has_all && !has_moved;
                if is_end {
                    self.recv = None;
                }
                return has_moved || is_end;
            };
            has_moved = true;
            let bytes = frame.and_then(Result::ok).and_then(|frame| frame.into_data().ok()).map(|data| data.len());
            match bytes.and_then(|bytes| self.discard.checked_sub(bytes)) {
                Some(left) if !recv.is_end_stream() => self.discard = left,
                _ => self.recv = None,
            }
        }
        has_moved
    }

    /// Nobody waits any longer for a body that nobody wants. True if one was waited for.
    pub fn stop_discarding(&mut self) -> bool {
        self.discards() && self.recv.take().is_some()
    }

    /// hyper reads no more.
    pub fn lose_body(&mut self) {
        self.has_lost_body |= self.recv.take().is_some() && self.is_answered && self.request != 0;
    }

    /// Bytes of the body that have come, of a host that has a right to more.
    pub fn terms(&self, lot: &Lot<Request>) -> Option<(u64, Duration, bool)> {
        let request = lot.find(self.request).ok()?;
        let body = request.body.as_ref();
        let owes = request.answer.queued() > 0 || body.is_some_and(|body| body.is_awaited());
        Some((body.map_or(0, |body| body.received()), request.idle, owes))
    }
}

/// An informational head as it stands on the wire (RFC 9112, section 4).
fn informational(info: &Informational) -> Vec<u8> {
    let reason = info.status.canonical_reason().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", info.status.as_u16()).into_bytes();
    write_fields(&mut head, &info.fields);
    head.extend_from_slice(b"\r\n");
    head
}

/// What came is no body.
struct Malformed;

/// RFC 9110, section 6.4.1.
fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Fields as they stand in a head or behind a body (RFC 9112, section 5).
pub fn write_fields(out: &mut Vec<u8>, fields: &HeaderList) {
    for field in fields.iter() {
        out.extend_from_slice(field.name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(field.value);
        out.extend_from_slice(b"\r\n");
    }
}
