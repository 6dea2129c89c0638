//! One request and its response. An exchange carries data between the entry of the
//! request, which the host uses, and the engine.

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;

use super::buffered_socket::{BufferedSocket, GATHERED};
use super::clocks::StreamTimer;
use super::hooks;
use crate::code;
use crate::engine::{Engine, Priority, ResponseHead};
use crate::event::Cause;
use crate::header_list::HeaderList;
use crate::priority::Parameters;
use crate::request::{self, Body, Piece, QueuedHead, Request, Response, Subject};
use crate::session::SessionHandle;
use crate::table::SlotGuard;
use crate::transport::Transport;
use crate::worker::Worker;

/// How much content a peer may still send when its response is complete, and for how
/// long. A client that writes all of its content before it reads would otherwise lose the
/// response.
const DISCARD_TIME: Duration = Duration::from_secs(1);
const DISCARD_BYTES: usize = 1 << 20;

pub struct Exchange {
    /// The id of the request, or 0 if the host is done with it.
    pub request: u64,
    pub stream: u32,
    pub priority: Priority,
    /// The response of the library, if no handler gets the request.
    own: Option<OwnResponse>,
    /// Whether a response with the right status opens a tunnel that takes over the
    /// connection.
    may_tunnel: bool,
    /// Whether all content has been received.
    pub has_all_content: bool,
    /// How many received content bytes the host has not consumed.
    outstanding: usize,
    /// Whether the engine has the final head.
    pub has_head: bool,
    /// Whether the engine has the whole response.
    pub is_written: bool,
    /// Whether the response has opened a tunnel that takes over the connection.
    pub is_tunnel: bool,
    /// Whether the host ends the connection with this response.
    pub closes: bool,
    /// How many content bytes the engine has.
    pub given: u64,
    /// How many of them have not been sent.
    pub inside: u64,
    /// What available response content waits for.
    pub waits: Waits,
    /// The number of the last turn in which it was sent.
    pub turn: u64,
    /// The host waits until everything that it has written has been sent.
    pub waits_to_leave: bool,
    /// Whether the response has an error status. A client that has read it stops its
    /// upload.
    is_error: bool,
    /// Whether the client may still send content when the response is complete.
    may_go_on: bool,
    /// How much content is still discarded, and until when.
    discard: usize,
    pub discard_until: Option<Instant>,
    pub watch: Option<Box<StreamTimer>>,
}

/// What available response content waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    Nothing,
    /// Its turn, or space in the output buffer.
    Turn,
    /// The peer's window, or the peer's limit on pushed streams.
    Window,
}

/// A response of the library without content.
pub struct OwnResponse {
    pub status: StatusCode,
    /// The value of the `allow` field.
    pub allow: Option<String>,
}

/// The results of [`Exchange::pump`].
#[derive(Default)]
pub struct Pumped {
    pub has_moved: bool,
    /// The end of the response was written.
    pub is_complete: bool,
    /// The host has reset the request with this code.
    pub reset: Option<u32>,
    pub pushed: Vec<Pushed>,
}

/// A request that the host has pushed.
pub struct Pushed {
    pub request: u64,
    /// The stream of the push; or the reason why there is none, with a code.
    pub stream: Result<u32, (Cause, u32)>,
}

/// What an exchange needs for its work.
pub struct Tools<'a, S, E> {
    pub worker: &'a Worker,
    pub session: &'a Arc<SessionHandle>,
    pub engine: &'a mut E,
    pub socket: &'a mut BufferedSocket<S>,
    /// How many content bytes may be written now.
    pub share: usize,
    /// If more than `share` is available, none is written: long responses are sent in
    /// turns.
    pub is_ahead: bool,
    pub now: Instant,
    pub drains: bool,
}

impl<S: Transport, E: Engine> Tools<'_, S, E> {
    /// How many bytes may be written of a response that has `inside` bytes in the output
    /// buffer.
    fn room(&self, inside: u64) -> usize {
        let config = &self.worker.shared.setup.config;
        let unsent = self.socket.unsent();
        // Pieces that the socket sends without a copy are gathered, so that one system
        // call sends many of them.
        let gathered = if E::IS_MULTIPLEXED || self.socket.lends() { GATHERED } else { 0 };
        let held = if E::IS_MULTIPLEXED { inside as usize } else { unsent };
        let own = (config.send_buffer_bytes + gathered).saturating_sub(held);
        config.session_send_bytes.saturating_sub(unsent).min(own).min(self.share)
    }
}

/// Notifies the session that a stream has work to do.
struct Attention {
    session: Arc<SessionHandle>,
    stream: u32,
}

impl Wake for Attention {
    fn wake(self: Arc<Self>) {
        self.session.wake_stream(self.stream);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.session.wake_stream(self.stream);
    }
}

impl Exchange {
    pub fn new(stream: u32, has_all_content: bool, may_tunnel: bool) -> Self {
        Self {
            request: 0,
            stream,
            priority: Priority::default(),
            own: None,
            may_tunnel,
            has_all_content: has_all_content && !may_tunnel,
            outstanding: 0,
            has_head: false,
            is_written: false,
            is_tunnel: false,
            closes: false,
            given: 0,
            inside: 0,
            waits: Waits::Nothing,
            turn: 0,
            waits_to_leave: false,
            is_error: false,
            may_go_on: true,
            discard: DISCARD_BYTES,
            discard_until: None,
            watch: None,
        }
    }

    /// The exchange of a pushed request.
    pub fn pushed(stream: u32, request: u64) -> Self {
        Self { request, ..Self::new(stream, true, false) }
    }

    /// The host holds the request with this id.
    pub fn entered(&mut self, request: u64) {
        self.request = request;
    }

    /// Takes the id out: the host is done with the request.
    pub fn take_request(&mut self) -> u64 {
        std::mem::take(&mut self.request)
    }

    pub fn prioritize(&mut self, priority: Priority) {
        self.priority = priority;
    }

    /// Marks the content as complete.
    pub fn end_content(&mut self) {
        self.has_all_content = true;
    }

    /// The peer's window has opened: the response waits for its turn.
    pub fn window_opened(&mut self) {
        self.waits = Waits::Turn;
    }

    /// The response has had a turn to send.
    pub fn had_turn(&mut self, number: u64) {
        self.turn = number;
    }

    /// This many content bytes have been sent.
    pub fn content_left(&mut self, bytes: u32) {
        self.inside -= u64::from(bytes);
    }

    /// No handler gets the request. The library responds.
    pub fn respond_alone(&mut self, response: OwnResponse) {
        self.own = Some(response);
    }

    /// Whether the server has begun the exchange (server push).
    pub fn is_pushed(&self) -> bool {
        self.stream.is_multiple_of(2)
    }

    /// Whether the exchange is complete.
    pub fn is_over(&self) -> bool {
        self.request == 0 && self.is_written && self.has_all_content
    }

    /// Whether the host is done, and part of the response is not sent.
    pub fn is_answered(&self, worker: &Worker) -> bool {
        self.request != 0 && worker.find(self.request).is_ok_and(|request| request.is_done())
    }

    /// Whether a response has begun and is incomplete.
    pub fn is_cut_short(&self) -> bool {
        self.has_head && !self.is_written
    }

    /// Whether content may still arrive after the response is complete.
    pub fn discards(&self) -> bool {
        self.request == 0 && !self.has_all_content
    }

    /// How many more content bytes may be received.
    pub fn room(&self, window: usize) -> usize {
        match self.request {
            0 => self.discard,
            _ => window.saturating_sub(self.outstanding),
        }
    }

    /// Takes content that has arrived. Returns how many bytes are consumed at once. A
    /// host with an `on_body` callback gets the bytes from the read buffer, without a
    /// copy. Unless `as_it_comes`, pieces that are followed by more are gathered first.
    pub fn receive(&mut self, data: &[u8], is_last: bool, as_it_comes: bool, worker: &Worker) -> usize {
        self.has_all_content |= is_last;
        if self.request == 0 {
            self.discard = self.discard.saturating_sub(data.len());
            return data.len();
        }
        let Ok(mut request) = worker.find(self.request) else { return data.len() };
        self.outstanding += data.len();
        if (as_it_comes || is_last)
            && let Some(on_body) = hooks::on_body(&mut request, data.len(), is_last)
        {
            let subject = Subject { id: self.request, context: request.context };
            drop(request);
            hooks::deliver_piece(worker, subject, on_body, data, is_last);
            return 0;
        }
        let body = request.body();
        if !data.is_empty() {
            body.arrived(Bytes::copy_from_slice(data));
        }
        if is_last {
            body.arrived_whole(None);
        }
        0
    }

    /// The content has ended, with or without a trailer section.
    pub fn receive_end(&mut self, trailers: Option<HeaderList>, worker: &Worker) {
        self.has_all_content = true;
        if let Ok(mut request) = worker.find(self.request) {
            request.body().arrived_whole(trailers);
        }
    }

    /// The response is complete. Decides about content that is outstanding.
    fn settle_content<S: Transport, E: Engine>(&mut self, tools: &mut Tools<'_, S, E>) {
        // The peer need not complete a request that the host has reset.
        self.has_all_content |= self.is_tunnel || tools.engine.has_all_content(self.stream);
        if self.discard_until.is_none() {
            self.discard_until = Some(tools.now + DISCARD_TIME);
        }
        if E::IS_MULTIPLEXED && self.discards() && (!self.may_go_on || tools.drains || self.discard == 0) {
            self.stop_content(tools.engine, tools.socket);
        }
    }

    /// Asks the peer to send no more content, after a complete response (RFC 9113,
    /// section 8.1).
    pub fn stop_content<S: Transport, E: Engine>(&mut self, engine: &mut E, socket: &mut BufferedSocket<S>) {
        self.has_all_content = true;
        engine.reset(self.stream, code::NO_ERROR, socket.gather());
    }

    /// Counts content as consumed that the host will not consume any more.
    pub fn give_back<S: Transport, E: Engine>(&mut self, engine: &mut E, socket: &mut BufferedSocket<S>) {
        let outstanding = std::mem::take(&mut self.outstanding);
        if outstanding > 0 {
            engine.consume(self.stream, outstanding, socket.gather());
        }
    }

    /// Opens the window by what the host has consumed.
    fn consume<S: Transport, E: Engine>(&mut self, body: &mut Body, tools: &mut Tools<'_, S, E>) {
        let consumed = body.take_consumed().min(self.outstanding);
        if consumed > 0 {
            self.outstanding -= consumed;
            tools.engine.consume(self.stream, consumed, tools.socket.gather());
        }
    }

    /// Carries over all that is possible now, and calls the hooks of the host that are
    /// due. Nothing is locked or borrowed during a call of the host.
    pub fn pump<S: Transport, E: Engine>(&mut self, tools: &mut Tools<'_, S, E>) -> Pumped {
        let mut pumped = Pumped::default();
        let was_written = self.is_written;
        self.waits = Waits::Nothing;
        if let Some(own) = self.own.take() {
            self.send_own(&own, tools);
            pumped.has_moved = true;
        }
        while self.request != 0 {
            let Ok(mut request) = tools.worker.find(self.request) else { break };
            request.attended();
            let pushes = request.take_pushes();
            if !pushes.is_empty() {
                // Before the response, which may complete the exchange.
                let reset = request.response.reset_code();
                drop(request);
                let promised =
                    pushes.into_iter().map(|request| Pushed { request, stream: self.promise(request, reset, tools) });
                pumped.pushed.extend(promised);
                continue;
            }
            if let Some(body) = &mut request.body {
                self.consume(body, tools);
            }
            self.feed(&mut request, tools);
            if let Some(call) = hooks::next(&mut request) {
                let subject = Subject { id: self.request, context: request.context };
                drop(request);
                pumped.has_moved = true;
                hooks::run(tools.worker, subject, call);
                continue;
            }
            if let Some(code) = request.response.take_reset() {
                pumped.reset = Some(code);
                self.done(request, tools);
                break;
            }
            let is_whole = request.is_done();
            let has_sent = self.send(&mut request.response, is_whole, tools);
            pumped.has_moved |= has_sent;
            if self.has_head
                && !self.is_tunnel
                && std::mem::take(&mut self.may_tunnel)
                && let Some(body) = &mut request.body
            {
                // The request was no tunnel, so it has no content after all.
                self.has_all_content = true;
                body.arrived_whole(None);
            }
            if self.is_written && (request.is_done() || self.is_tunnel) {
                self.done(request, tools);
                pumped.has_moved = true;
            } else if !has_sent {
                request.count_memory();
                break;
            }
        }
        if self.is_written && pumped.reset.is_none() {
            self.settle_content(tools);
        }
        pumped.is_complete = self.is_written && !was_written;
        pumped
    }

    /// The host is done with the request.
    fn done<S: Transport, E: Engine>(&mut self, request: SlotGuard<'static, Request>, tools: &mut Tools<'_, S, E>) {
        if !self.has_all_content {
            let window = tools.worker.shared.setup.config.stream_window_bytes;
            // Some clients read nothing before they have sent everything. Content beyond
            // the first window would never arrive.
            let fits = || request.head().length().is_some_and(|length| length <= window.into());
            self.may_go_on = self.is_error || fits();
        }
        tools.worker.end(self.request, request);
        self.request = 0;
        self.give_back(tools.engine, tools.socket);
    }

    /// Sends the promise of a pushed request, unless the host has reset the request that
    /// it belongs to.
    fn promise<S: Transport, E: Engine>(
        &self,
        pushed: u64,
        reset: Option<u32>,
        tools: &mut Tools<'_, S, E>,
    ) -> Result<u32, (Cause, u32)> {
        if let Some(code) = reset {
            return Err((Cause::Aborted, code));
        }
        let mut request = tools.worker.find(pushed).map_err(|_| (Cause::PushRefused, 0))?;
        let stream = tools.engine.push(self.stream, request.head().request(), tools.socket.gather());
        let stream = stream.ok_or((Cause::PushRefused, 0))?;
        request.promised(stream);
        Ok(stream)
    }

    /// Writes a record for the request's queue, if it has one and there is something new.
    fn feed<S: Transport, E: Engine>(&mut self, request: &mut Request, tools: &mut Tools<'_, S, E>) {
        if request.subscription.is_none() || request.session.is_muted() {
            return;
        }
        let (session, stream) = (tools.session, self.stream);
        let waker = || Waker::from(Arc::new(Attention { session: session.clone(), stream }));
        request::publish(request, self.request, self.inside, waker);
        self.waits_to_leave = request.wants_sent();
        if let Some(body) = &mut request.body {
            self.consume(body, tools);
        }
    }

    /// Gives the engine what the host has written, as far as there is room. `is_whole`:
    /// the response is complete, and the host reads no more content. Returns whether
    /// anything was written.
    fn send<S: Transport, E: Engine>(
        &mut self,
        response: &mut Response,
        is_whole: bool,
        tools: &mut Tools<'_, S, E>,
    ) -> bool {
        let mut has_sent = false;
        if self.is_written {
            return false;
        }
        if self.is_pushed() && !self.has_head && !tools.engine.may_begin(self.stream) {
            self.waits = Waits::Window;
            return false;
        }
        while let Some(informational) = response.take_informational() {
            has_sent = true;
            let (status, fields) = (informational.status, &informational.fields);
            tools.engine.send_informational(self.stream, status, fields, tools.socket.gather());
        }
        if let Some(head) = response.take_head() {
            has_sent = true;
            self.send_head(head, is_whole, tools);
        }
        while self.has_head
            && !self.is_written
            && let Some(piece) = self.next_piece(response, tools)
        {
            has_sent = true;
            self.send_piece(piece, tools);
        }
        has_sent
    }

    /// Writes the final head.
    fn send_head<S: Transport, E: Engine>(
        &mut self,
        mut head: QueuedHead<'_>,
        is_whole: bool,
        tools: &mut Tools<'_, S, E>,
    ) {
        head.complete(&tools.worker.date());
        let response = ResponseHead {
            status: head.status,
            fields: head.fields,
            is_last: head.is_alone,
            is_tunnel: head.is_tunnel,
            is_whole,
            closes: head.closes,
        };
        self.is_written = tools.engine.send_head(self.stream, response, tools.socket.gather());
        self.has_head = true;
        self.closes = head.closes;
        if !E::IS_MULTIPLEXED {
            self.is_tunnel = head.is_tunnel;
        } else {
            if !self.is_written {
                let said = Parameters::of_fields(head.fields.get_all(b"priority"));
                self.priority = said.applied_to(self.priority);
            }
            self.is_error = head.status.as_u16() >= 300;
        }
    }

    /// How much content may be sent after the head now.
    fn next_piece<'a, S: Transport, E: Engine>(
        &mut self,
        response: &'a mut Response,
        tools: &Tools<'_, S, E>,
    ) -> Option<Piece<'a>> {
        let mut room = 0;
        if response.queued() > 0 {
            let sendable = tools.engine.sendable(self.stream);
            let waits_for_turn = tools.is_ahead && response.queued() > tools.share;
            room = if waits_for_turn { 0 } else { tools.room(self.inside).min(sendable) };
            self.waits = if sendable == 0 { Waits::Window } else { Waits::Turn };
        }
        let piece = response.take_piece(room)?;
        self.waits = Waits::Nothing;
        Some(piece)
    }

    fn send_piece<S: Transport, E: Engine>(&mut self, piece: Piece<'_>, tools: &mut Tools<'_, S, E>) {
        match piece {
            Piece::Data(data, is_last) => {
                self.given += data.len() as u64;
                self.inside += data.len() as u64;
                tools.share = tools.share.saturating_sub(data.len());
                tools.engine.send_data(self.stream, data, is_last, tools.socket.gather());
                self.is_written = is_last;
            }
            Piece::Trailers(fields) => {
                tools.engine.send_trailers(self.stream, &fields, tools.socket.gather());
                self.is_written = true;
            }
        }
    }

    /// Writes a response of the library.
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
        tools.engine.send_head(self.stream, head, tools.socket.gather());
        (self.has_head, self.is_written) = (true, true);
    }

    /// How many content bytes have arrived that the host may still read.
    pub fn terms(&self, worker: &Worker) -> Option<(u64, Duration, bool)> {
        let request = worker.find(self.request).ok()?;
        let body = request.body.as_ref();
        let owes = request.response.queued() > 0 || body.is_some_and(|body| body.is_awaited());
        Some((body.map_or(0, |body| body.received()), request.idle, owes))
    }
}
