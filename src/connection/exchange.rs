//! One request and its response: what its entry and the engine have for each
//! other is carried over here.

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

/// What a peer may still send of the content when its response is complete, and
/// how long: a client that does not read before it has written all would lose
/// the response.
const DISCARD_TIME: Duration = Duration::from_secs(1);
const DISCARD_BYTES: usize = 1 << 20;

pub struct Exchange {
    /// The entry that the host knows; 0 once the host has done its part.
    pub request: u64,
    pub stream: u32,
    pub priority: Priority,
    /// What the library itself responds, if no handler has the request.
    own: Option<OwnResponse>,
    /// Whether a response of the right status opens a tunnel that takes the
    /// connection.
    may_tunnel: bool,
    /// Whether there will be no more content.
    pub has_all_content: bool,
    /// Bytes of the content that the host has not consumed.
    outstanding: usize,
    /// Whether the engine was given the final head.
    pub has_head: bool,
    /// Whether the engine was given the last of the response.
    pub is_written: bool,
    /// Whether the response has opened a tunnel that takes the connection.
    pub is_tunnel: bool,
    /// Whether the host ends the connection with this response.
    pub closes: bool,
    /// Bytes of content that the engine was given.
    pub given: u64,
    /// Those of them that have not left.
    pub inside: u64,
    /// What content that is here waits for.
    pub waits: Waits,
    /// The number of its last turn to send.
    pub turn: u64,
    /// The host waits until what it has written has left.
    pub waits_to_leave: bool,
    /// Whether the response tells of no success: a client that has read it stops
    /// by itself.
    is_error: bool,
    /// Whether content may still come when the response is complete.
    may_go_on: bool,
    /// What is still taken of content that nobody wants, and until when.
    discard: usize,
    pub discard_until: Option<Instant>,
    pub watch: Option<Box<StreamTimer>>,
}

/// What content of a response waits for that could be sent otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    Nothing,
    /// Its turn, or room for it.
    Turn,
    /// The peer's window, or its leave to begin what was pushed.
    Window,
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
    pub pushed: Vec<Pushed>,
}

/// A request that was pushed.
pub struct Pushed {
    pub request: u64,
    /// That of its response; or why there is none, with a code.
    pub stream: Result<u32, (Cause, u32)>,
}

/// What an exchange works with.
pub struct Tools<'a, S, E> {
    pub worker: &'a Worker,
    pub session: &'a Arc<SessionHandle>,
    pub engine: &'a mut E,
    pub socket: &'a mut BufferedSocket<S>,
    /// Bytes of content that may be written now.
    pub share: usize,
    /// Not if more than that waits: the longer ones are sent by turns.
    pub is_ahead: bool,
    pub now: Instant,
    pub drains: bool,
}

impl<S: Transport, E: Engine> Tools<'_, S, E> {
    /// How much of a response of which so much is `inside` may be written.
    fn room(&self, inside: u64) -> usize {
        let config = &self.worker.shared.setup.config;
        let unsent = self.socket.unsent();
        // What the socket takes from where it stands is gathered, so that one system
        // call has much of it.
        let gathered = if E::IS_MULTIPLEXED || self.socket.lends() { GATHERED } else { 0 };
        let held = if E::IS_MULTIPLEXED { inside as usize } else { unsent };
        let own = (config.send_buffer_bytes + gathered).saturating_sub(held);
        config.session_send_bytes.saturating_sub(unsent).min(own).min(self.share)
    }
}

/// Calls the session's attention to one stream.
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

    /// That of a request that is pushed.
    pub fn pushed(stream: u32, request: u64) -> Self {
        Self { request, ..Self::new(stream, true, false) }
    }

    /// The host has the request by that id.
    pub fn entered(&mut self, request: u64) {
        self.request = request;
    }

    /// Gives the id away: the host has no part in it any more.
    pub fn take_request(&mut self) -> u64 {
        std::mem::take(&mut self.request)
    }

    pub fn prioritize(&mut self, priority: Priority) {
        self.priority = priority;
    }

    /// There will be no more content.
    pub fn end_content(&mut self) {
        self.has_all_content = true;
    }

    /// The peer's window has opened, so that it waits for its turn.
    pub fn window_opened(&mut self) {
        self.waits = Waits::Turn;
    }

    /// It has had its turn to send.
    pub fn had_turn(&mut self, number: u64) {
        self.turn = number;
    }

    /// So much of its content has left.
    pub fn content_left(&mut self, bytes: u32) {
        self.inside -= u64::from(bytes);
    }

    /// No handler gets the request.
    pub fn respond_alone(&mut self, response: OwnResponse) {
        self.own = Some(response);
    }

    /// Whether the server has begun it.
    pub fn is_pushed(&self) -> bool {
        self.stream.is_multiple_of(2)
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

    /// Content has come. Gives how much of it is consumed at once. A host that takes
    /// pieces as they come gets it from here, which saves a copy. If not
    /// `as_it_comes`, pieces with more behind them are gathered before.
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

    /// The content has ended, perhaps with a trailer section.
    pub fn receive_end(&mut self, trailers: Option<HeaderList>, worker: &Worker) {
        self.has_all_content = true;
        if let Ok(mut request) = worker.find(self.request) {
            request.body().arrived_whole(trailers);
        }
    }

    /// The response is complete: what becomes of content that is still to come.
    fn settle_content<S: Transport, E: Engine>(&mut self, tools: &mut Tools<'_, S, E>) {
        // What the host has ended, its peer need not go on with.
        self.has_all_content |= self.is_tunnel || tools.engine.has_all_content(self.stream);
        if self.discard_until.is_none() {
            self.discard_until = Some(tools.now + DISCARD_TIME);
        }
        if E::IS_MULTIPLEXED && self.discards() && (!self.may_go_on || tools.drains || self.discard == 0) {
            self.stop_content(tools.engine, tools.socket);
        }
    }

    /// Has the peer send no more of the content; its response is complete (RFC
    /// 9113, section 8.1).
    pub fn stop_content<S: Transport, E: Engine>(&mut self, engine: &mut E, socket: &mut BufferedSocket<S>) {
        self.has_all_content = true;
        engine.reset(self.stream, code::NO_ERROR, socket.gather());
    }

    /// What the host has not consumed it will not consume any more.
    pub fn give_back<S: Transport, E: Engine>(&mut self, engine: &mut E, socket: &mut BufferedSocket<S>) {
        let outstanding = std::mem::take(&mut self.outstanding);
        if outstanding > 0 {
            engine.consume(self.stream, outstanding, socket.gather());
        }
    }

    /// Lets the peer send as much as the host has consumed.
    fn consume<S: Transport, E: Engine>(&mut self, body: &mut Body, tools: &mut Tools<'_, S, E>) {
        let consumed = body.take_consumed().min(self.outstanding);
        if consumed > 0 {
            self.outstanding -= consumed;
            tools.engine.consume(self.stream, consumed, tools.socket.gather());
        }
    }

    /// Carries over all that can be carried now, and calls the host's hooks that
    /// are due. Nothing is locked or borrowed while the host is called.
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
                // Before the response, which may end here.
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
                // Nothing was opened, and nothing comes through it.
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

    /// The host has done its part.
    fn done<S: Transport, E: Engine>(&mut self, request: SlotGuard<'static, Request>, tools: &mut Tools<'_, S, E>) {
        if !self.has_all_content {
            let window = tools.worker.shared.setup.config.stream_window_bytes;
            // Some clients read nothing before they have sent all: what does not fit
            // the first window would never come.
            let fits = || request.head().length().is_some_and(|length| length <= window.into());
            self.may_go_on = self.is_error || fits();
        }
        tools.worker.end(self.request, request);
        self.request = 0;
        self.give_back(tools.engine, tools.socket);
    }

    /// Promises a request that is pushed for this one, unless the host has reset
    /// this one, of which no more can be said then.
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

    /// Tells the request's queue, if it goes to one, what is new.
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

    /// Gives the engine what the host has written, as far as there is room;
    /// `is_whole` if it is all of the response and the host takes no more content.
    /// True if that was something.
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

    /// The final head.
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

    /// What may be sent now of what follows the head.
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
        tools.engine.send_head(self.stream, head, tools.socket.gather());
        (self.has_head, self.is_written) = (true, true);
    }

    /// Bytes of the content that have come, of a host that has a right to more.
    pub fn terms(&self, worker: &Worker) -> Option<(u64, Duration, bool)> {
        let request = worker.find(self.request).ok()?;
        let body = request.body.as_ref();
        let owes = request.response.queued() > 0 || body.is_some_and(|body| body.is_awaited());
        Some((body.map_or(0, |body| body.received()), request.idle, owes))
    }
}
