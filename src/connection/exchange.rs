//! One request and its response: what its entry and the engine have for each
//! other is carried over here.

use std::task::Context;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;

use super::clocks::Watch;
use super::hooks;
use super::port::Port;
use crate::engine::{Engine, ResponseHead};
use crate::header_list::HeaderList;
use crate::request::{self, Answer, Piece, Request};
use crate::table::Live;
use crate::transport::Transport;
use crate::worker::Worker;

/// What a peer may still send of the content when its response is complete, and
/// how long: a client that does not read before it has written all would lose
/// the response.
const DISCARD_TIME: Duration = Duration::from_secs(1);
const DISCARD_BYTES: usize = 1 << 20;

pub struct Exchange {
    /// The entry that the host knows; 0 once the host has done its part.
    pub request: u64,
    pub stream: u32,
    /// What the library itself responds, if no handler has the request.
    own: Option<OwnResponse>,
    /// Whether a response of the right status opens a tunnel.
    may_tunnel: bool,
    /// Whether there will be no more content.
    pub has_all_content: bool,
    /// Bytes of the content that the host has not consumed.
    outstanding: usize,
    /// Whether the engine was given the final head.
    pub has_head: bool,
    /// Whether the engine was given the last of the response.
    pub is_written: bool,
    /// Whether the response has opened a tunnel.
    pub is_tunnel: bool,
    /// Whether the host ends the connection with this response.
    pub closes: bool,
    /// What is still taken of content that nobody wants, and until when.
    discard: usize,
    pub discard_until: Option<Instant>,
    pub watch: Option<Watch>,
}

/// A response of the library's own, without content.
pub struct OwnResponse {
    pub status: StatusCode,
    /// The `allow` field.
    pub allow: Option<String>,
}

/// What came of a pump.
#[derive(Default)]
pub struct Pumped {
    pub has_moved: bool,
    /// The last of the response was written.
    pub is_complete: bool,
    /// The host has given up: nothing more of the response may look whole.
    pub reset: Option<u32>,
}

/// What an exchange works with.
pub struct Tools<'a, S, E> {
    pub worker: &'a Worker,
    pub engine: &'a mut E,
    pub port: &'a mut Port<S>,
    /// Bytes that may wait for the socket.
    pub most: usize,
    pub now: Instant,
}

impl<S: Transport, E: Engine> Tools<'_, S, E> {
    fn room(&self) -> usize {
        self.most.saturating_sub(self.port.unsent())
    }
}

impl Exchange {
    pub fn new(stream: u32, has_all_content: bool, may_tunnel: bool) -> Self {
        Self {
            request: 0,
            stream,
            own: None,
            may_tunnel,
            has_all_content: has_all_content && !may_tunnel,
            outstanding: 0,
            has_head: false,
            is_written: false,
            is_tunnel: false,
            closes: false,
            discard: DISCARD_BYTES,
            discard_until: None,
            watch: None,
        }
    }

    /// No handler gets the request.
    pub fn respond_alone(&mut self, response: OwnResponse) {
        self.own = Some(response);
    }

    /// Whether nothing is left to do for it.
    pub fn is_over(&self) -> bool {
        self.request == 0 && self.is_written && self.has_all_content
    }

    /// Whether the host has done its part, and some of the response is still here.
    pub fn is_answered(&self, worker: &Worker) -> bool {
        self.request != 0 && worker.find(self.request).is_ok_and(|request| request.is_done())
    }

    /// Whether a response has begun that does not look whole yet.
    pub fn is_cut_short(&self) -> bool {
        self.has_head && !self.is_written
    }

    /// Whether the content may come while its response is complete.
    pub fn discards(&self) -> bool {
        self.request == 0 && !self.has_all_content
    }

    /// How much more of the content may be taken.
    pub fn room(&self, window: usize) -> usize {
        match self.request {
            0 => self.discard,
            _ => window.saturating_sub(self.outstanding),
        }
    }

    /// Content has come.
    pub fn receive(&mut self, data: &[u8], is_last: bool, worker: &Worker) {
        self.has_all_content |= is_last;
        if self.request == 0 {
            self.discard = self.discard.saturating_sub(data.len());
            return;
        }
        let Ok(mut request) = worker.find(self.request) else { return };
        let body = request.body();
        if !data.is_empty() {
            self.outstanding += data.len();
            body.arrived(Bytes::copy_from_slice(data));
        }
        if is_last {
            body.arrived_whole(None);
        }
    }

    /// The content has ended with a trailer section.
    pub fn receive_trailers(&mut self, fields: HeaderList, worker: &Worker) {
        self.has_all_content = true;
        if let Ok(mut request) = worker.find(self.request) {
            request.body().arrived_whole(Some(fields));
        }
    }

    /// Carries over all that can be carried now, and calls the host's hooks that
    /// are due. Nothing is locked or borrowed while the host is called.
    pub fn pump<S: Transport, E: Engine>(&mut self, tools: &mut Tools<'_, S, E>, cx: &mut Context<'_>) -> Pumped {
        let mut pumped = Pumped::default();
        if let Some(own) = self.own.take() {
            self.send_own(&own, tools);
            pumped.has_moved = true;
        }
        while self.request != 0 {
            let Ok(mut request) = tools.worker.find(self.request) else { break };
            request.attended();
            if let Some(body) = &mut request.body {
                self.outstanding -= self.outstanding.min(body.take_consumed());
            }
            self.feed(&mut request, tools.port.unsent() as u64, cx);
            if let Some(call) = hooks::next(&mut request) {
                drop(request);
                pumped.has_moved = true;
                hooks::run(tools.worker, self.request, call);
                continue;
            }
            if let Some(code) = request.answer.take_reset() {
                pumped.reset = Some(code);
                self.done(tools.worker, request);
                break;
            }
            let is_whole = request.is_done();
            let has_sent = self.send(&mut request.answer, is_whole, tools);
            pumped.has_moved |= has_sent;
            if self.has_head
                && !self.is_tunnel
                && std::mem::take(&mut self.may_tunnel)
                && let Some(body) = &mut request.body
            {
                // Nothing was opened, and nothing comes through it.
                self.has_all_content = true;
                body.arrived_whole(None);
            }
            if self.is_written && (request.is_done() || self.is_tunnel) {
                self.done(tools.worker, request);
                pumped.has_moved = true;
            } else if !has_sent {
                request.count_memory();
                break;
            }
        }
        if self.is_written {
            // What the host has ended, its peer need not go on with.
            self.has_all_content |= self.is_tunnel || tools.engine.has_all_content(self.stream);
        }
        pumped.is_complete = self.is_written && self.discard_until.is_none();
        if pumped.is_complete {
            self.discard_until = Some(tools.now + DISCARD_TIME);
        }
        pumped
    }

    /// The host has done its part.
    fn done(&mut self, worker: &Worker, request: Live<'static, Request>) {
        worker.end(self.request, request);
        self.request = 0;
    }

    /// Tells the request's queue, if it goes to one, what is new. `inside` bytes of
    /// its response have not left.
    fn feed(&mut self, request: &mut Request, inside: u64, cx: &mut Context<'_>) {
        if request.feed.is_none() || request.session.is_muted() {
            return;
        }
        request::feed(request, self.request, inside, || cx.waker().clone());
        if let Some(body) = &mut request.body {
            self.outstanding -= self.outstanding.min(body.take_consumed());
        }
    }

    /// Gives the engine what the host has written, as far as there is room;
    /// `is_whole` if it is all of the response and the host takes no more content.
    /// True if that was something.
    fn send<S: Transport, E: Engine>(
        &mut self,
        answer: &mut Answer,
        is_whole: bool,
        tools: &mut Tools<'_, S, E>,
    ) -> bool {
        let mut has_sent = false;
        if self.is_written {
            return false;
        }
        while let Some(informational) = answer.take_informational() {
            has_sent = true;
            let (status, fields) = (informational.status, &informational.fields);
            tools.engine.send_informational(self.stream, status, fields, tools.port.gather());
        }
        if let Some(mut head) = answer.take_head() {
            has_sent = true;
            head.complete(&tools.worker.date());
            let response = ResponseHead {
                status: head.status,
                fields: head.fields,
                is_last: head.is_alone,
                is_tunnel: head.is_tunnel,
                is_whole,
                closes: head.closes,
            };
            tools.engine.send_head(self.stream, response, tools.port.gather());
            (self.has_head, self.is_written) = (true, head.is_alone);
            (self.is_tunnel, self.closes) = (head.is_tunnel, head.closes);
        }
        while self.has_head
            && !self.is_written
            && let Some(piece) = answer.take_piece(tools.room())
        {
            has_sent = true;
            self.send_piece(piece, tools);
        }
        has_sent
    }

    /// A response of the library's own.
    fn send_own<S: Transport, E: Engine>(&mut self, own: &OwnResponse, tools: &mut Tools<'_, S, E>) {
        let mut fields = HeaderList::new();
        fields.push(b"date", &tools.worker.date(), false);
        fields.push(b"content-length", b"0", false);
        if let Some(allow) = &own.allow {
            fields.push(b"allow", allow.as_bytes(), false);
        }
        let head = ResponseHead {
            status: own.status,
            fields: &fields,
            is_last: true,
            is_tunnel: false,
            is_whole: true,
            closes: false,
        };
        tools.engine.send_head(self.stream, head, tools.port.gather());
        (self.has_head, self.is_written) = (true, true);
    }

    fn send_piece<S: Transport, E: Engine>(&mut self, piece: Piece, tools: &mut Tools<'_, S, E>) {
        match piece {
            Piece::Data(data, is_last) => {
                tools.engine.send_data(self.stream, data, is_last, tools.port.gather());
                self.is_written = is_last;
            }
            Piece::Trailers(fields) => {
                tools.engine.send_trailers(self.stream, &fields, tools.port.gather());
                self.is_written = true;
            }
        }
    }

    /// Bytes of the content that have come, of a host that has a right to more.
    pub fn terms(&self, worker: &Worker) -> Option<(u64, Duration, bool)> {
        let request = worker.find(self.request).ok()?;
        let body = request.body.as_ref();
        let owes = request.answer.queued() > 0 || body.is_some_and(|body| body.is_awaited());
        Some((body.map_or(0, |body| body.received()), request.idle, owes))
    }
}
