//! One connection that speaks HTTP/1.1 (RFC 9112), or 1.0: its task, from the
//! first byte to the last.
//!
//! hyper reads and writes the messages; this task has what it has for HTTP/2
//! too: the handlers, the registry, the limits, the drain. One request is under
//! way at a time. What the peer sends behind it stays unread until its turn, so
//! that a session that ends has not taken what it will not answer.

mod chunk;
mod desk;
mod enforce;
mod exchange;
mod leave;
mod message;
mod tap;
#[cfg(test)]
mod tests;
mod tunnel;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::{Method, Request, StatusCode};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1::{Builder, Connection};

use crate::close::Stage;
use crate::config::Config;
use crate::connection::departure::{Departure, Outlet};
use crate::connection::life::Life;
use crate::connection::{entry, now};
use crate::convert;
use crate::engine::RequestHead;
use crate::event::Cause;
use crate::registration::Registration;
use crate::request::{self, Refusal};
use crate::route::Target;
use crate::session::Order;
use crate::transport::Transport;
use crate::worker::Worker;
use desk::{Clerk, Desk, Outgoing};
use exchange::{Exchange, Tools};
use message::{Limits, Scanner};
use tap::{Tap, Wire};
use tunnel::{Opening, Tunnel};

/// How long a connection waits for its next request before it gives its buffers back.
const REST: Duration = Duration::from_secs(1);

/// Where a connection is in its life.
enum Phase {
    Open,
    /// HTTP is over: what is under way leaves.
    Departing(Departure),
    Over,
}

type Hyper<S> = Connection<Tap<S>, Clerk>;

/// One session's task.
pub struct Http1<S: Transport> {
    phase: Phase,
    /// None when it reads no more requests and has written all answers, or rests.
    hyper: Option<Pin<Box<Hyper<S>>>>,
    desk: Rc<RefCell<Desk>>,
    wire: Rc<RefCell<Wire<S>>>,
    exchange: Option<Exchange>,
    /// Nothing has come for a while: hyper and its buffers are made anew when something does.
    is_resting: bool,
    /// Since when there is no exchange.
    idle_since: Instant,
    /// Where the answers end, among all bytes, that have not left.
    leaving: VecDeque<u64>,
    requests: u64,
    /// Whether the host ends the connection with the answer under way.
    is_left: bool,
    /// Whether the figures were made visible since the task was woken.
    is_published: bool,
    /// What hyper, the socket and the clock wake: the remote.
    waker: Waker,
    life: Life,
}

impl<S: Transport> Future for Http1<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let session = self.get_mut();
        let remote = session.life.remote.clone();
        remote.set_task(cx.waker());
        session.life.now = now();
        session.is_published = false;
        let waker = session.waker.clone();
        let mut cx = Context::from_waker(&waker);
        let driven = remote.driving(|| catch_unwind(AssertUnwindSafe(|| session.drive(&mut cx))));
        let driven = driven.unwrap_or_else(|_| {
            session.retire();
            Poll::Ready(())
        });
        // Once a turn, and not before: the host is to find all of it.
        session.life.worker.shared.ring();
        driven
    }
}

impl<S: Transport> Http1<S> {
    /// A session on a connection that came at `began`.
    pub fn new(worker: Rc<Worker>, registration: Registration, socket: S, began: Instant) -> Self {
        let life = Life::new(worker, registration, began);
        let config = life.config();
        let limits = Limits { bytes: config.max_header_list_bytes as usize, fields: config.max_header_fields };
        let wire = Rc::new(RefCell::new(Wire::new(socket, Scanner::new(limits))));
        let desk = Rc::<RefCell<Desk>>::default();
        life.remote.figures.refuses_pushes.store(true, Relaxed);
        let hyper = begin_hyper(config, &wire, &desk);
        Self {
            phase: Phase::Open,
            hyper: Some(hyper),
            desk,
            wire,
            exchange: None,
            is_resting: false,
            idle_since: life.now,
            leaving: VecDeque::new(),
            requests: 0,
            is_left: false,
            is_published: false,
            waker: Waker::from(life.remote.clone()),
            life,
        }
    }

    /// Does all that can be done now.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.life.worker.tick();
        if self.life.registration.open() {
            // The server may have begun to close before this session was entered.
            self.look_up();
        }
        loop {
            let mut moved = match &self.phase {
                Phase::Open => self.serve(cx),
                Phase::Departing(_) => self.depart(cx),
                Phase::Over => {
                    self.part();
                    return Poll::Ready(());
                }
            };
            moved |= self.leave();
            // Last: what this task posts to itself does not wake it.
            moved |= self.read_letters() | self.life.remote.take_nudge();
            if !moved && !self.enforce() && self.sleep(cx).is_pending() {
                self.publish();
                return Poll::Pending;
            }
        }
    }

    /// What others want: orders, and a look at the request.
    fn read_letters(&mut self) -> bool {
        let Some(letters) = self.life.remote.letters() else { return false };
        if letters.look_up {
            self.look_up();
        }
        for order in letters.orders {
            match order {
                Order::Drain(deadline) => self.life.drain_by(deadline),
                Order::Abort(code, _, _) => self.abort(code),
                // They came before it was known that there are no frames.
                Order::Ping(_) | Order::Goaway(..) | Order::Window(..) => {}
            }
        }
        true
    }

    fn look_up(&mut self) {
        if let Some(deadline) = self.life.worker.shared.registry.deadline() {
            self.life.drain_by(deadline);
        }
    }

    /// One step of everything. True if there may be another.
    fn serve(&mut self, cx: &mut Context<'_>) -> bool {
        if self.is_resting && !self.wake_up(cx) {
            return false;
        }
        let mut moved = self.poll_hyper(cx);
        if !matches!(self.phase, Phase::Open) {
            return true;
        }
        let fault = self.wire.borrow_mut().fault.take();
        if let Some(fault) = fault {
            self.refuse_connection(fault);
            return true;
        }
        let arrived = self.desk.borrow_mut().arrived.take();
        if let Some(request) = arrived {
            self.accept(request);
            self.leave_after_enough();
        }
        moved |= self.pump(cx);
        moved |= self.settle();
        moved || self.look_ahead(cx) || self.send(cx)
    }

    /// Makes hyper anew if something has come.
    fn wake_up(&mut self, cx: &mut Context<'_>) -> bool {
        // What is wrong with the socket, hyper finds out.
        if self.wire.borrow_mut().poll_hold(cx).is_pending() {
            return false;
        }
        self.is_resting = false;
        self.hyper = Some(begin_hyper(self.life.config(), &self.wire, &self.desk));
        true
    }

    /// When the session may rest, if nothing comes.
    fn rest_at(&self) -> Option<Instant> {
        let is_idle = matches!(self.phase, Phase::Open) && self.exchange.is_none() && self.hyper.is_some();
        (is_idle && self.wire.borrow().is_empty()).then(|| self.idle_since + REST)
    }

    /// A connection that waits for its next request holds no buffers.
    fn rest(&mut self) {
        if self.rest_at().is_some_and(|at| self.life.now >= at) {
            (self.is_resting, self.hyper) = (true, None);
        }
    }

    /// Lets hyper read and write.
    fn poll_hyper(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(hyper) = &mut self.hyper else { return false };
        let polled = hyper.as_mut().poll(cx);
        if let Poll::Ready(Err(error)) = polled {
            self.lose_hyper(&error);
            return true;
        }
        let mut desk = self.desk.borrow_mut();
        let has_moved = std::mem::take(&mut desk.has_moved);
        let is_written = std::mem::take(&mut desk.is_written);
        drop(desk);
        if is_written && let Some(exchange) = &mut self.exchange {
            let mut wire = self.wire.borrow_mut();
            if let Some(section) = exchange.written(self.life.now) {
                wire.write_trailers(&section);
            }
            self.leaving.push_back(wire.port.end());
        }
        if polled.is_ready() {
            self.hyper = None;
            if let Some(exchange) = &mut self.exchange {
                exchange.lose_body();
            }
        }
        has_moved || polled.is_ready()
    }

    /// One request: finds its handler and runs it.
    fn accept(&mut self, request: Request<Incoming>) {
        let worker = self.life.worker.clone();
        let config = &worker.shared.setup.config;
        self.requests += 1;
        if self.life.drain.is_ordered() {
            self.announce_last();
        }
        let ordinal = self.requests as u32;
        let (parts, recv) = request.into_parts();
        let version = parts.version;
        let mut head = worker.spare_head.take().unwrap_or_default();
        convert::request(parts, &mut head);
        if head.path.first() == Some(&b'?') {
            // RFC 9112, section 3.2.1.
            head.path.insert(0, b'/');
        }
        let has_body = !recv.is_end_stream();
        let recv = has_body.then_some(recv);
        let mut exchange = Exchange::new(0, ordinal, version, head.method == Method::HEAD, recv);
        exchange.tunnel = match self.tunnel(&mut head, has_body) {
            Ok(opening) => opening.map(Tunnel::Asked),
            Err(Malformed) => return self.answer_alone(exchange, StatusCode::BAD_REQUEST, None, true),
        };
        let has_body = has_body || exchange.tunnel.is_some();
        let checked = request::check(&head, config.max_header_fields);
        let found = checked.and_then(|()| worker.shared.setup.routes.find(&head.method, head.path_and_query().0));
        let found = found.and_then(entry::fit_for_queue);
        let found = match found {
            Ok(found) if !worker.shared.is_muted() => found,
            Ok(_) => return self.answer_alone(exchange, StatusCode::SERVICE_UNAVAILABLE, None, true),
            Err(Refusal::Status(status, allow)) => return self.answer_alone(exchange, status, allow, false),
            Err(Refusal::Malformed(why)) => {
                tracing::debug!(session = self.life.remote.id, why, "a request is malformed");
                return self.answer_alone(exchange, StatusCode::BAD_REQUEST, None, true);
            }
        };
        let target = found.target;
        let Some(id) = entry::enter(&worker, &self.life.remote, ordinal, head, has_body, found) else {
            return self.answer_alone(exchange, StatusCode::SERVICE_UNAVAILABLE, None, true);
        };
        exchange.request = id;
        exchange.is_unasked = exchange.tunnel.is_none()
            && has_body
            && worker.lot.borrow().find(id).is_ok_and(|request| request.head().expects_continue());
        exchange.is_fresh = matches!(target, Target::Queue(..));
        self.exchange = Some(exchange);
        if !self.is_published {
            // The host may ask about the request's session.
            self.publish();
        }
        if let Target::Handler(handler) = target {
            request::calling(id, || handler(id));
        }
    }

    /// The tunnel that a request asks for, if it is to be one: an Upgrade that nobody
    /// takes may be ignored (RFC 9110, section 7.8).
    fn tunnel(&self, head: &mut RequestHead, has_body: bool) -> Result<Option<Opening>, Malformed> {
        let setup = &self.life.worker.shared.setup;
        if head.method == Method::CONNECT {
            return if has_body { Err(Malformed) } else { Ok(Some(Opening::Connect)) };
        }
        if setup.config.upgrade
            && !has_body
            && let Some(protocol) = tunnel::asked_protocol(head)
        {
            let protocol = protocol.to_owned();
            head.upgrade = Some(protocol.as_str().into());
            return Ok(Some(Opening::Upgrade(protocol)));
        }
        let is_asked = setup.config.connect_protocol && !has_body && tunnel::asks_for_websocket(head);
        match is_asked && setup.routes.find(&Method::CONNECT, head.path_and_query().0).is_ok() {
            true => tunnel::into_connect(head).map(Some).ok_or(Malformed),
            false => Ok(None),
        }
    }

    /// The last request that the session may have says so in its answer, whose
    /// head is not written yet.
    fn leave_after_enough(&mut self) {
        let most = self.life.config().max_requests;
        if most > 0 && self.requests >= most && !self.life.drain.is_ordered() {
            self.life.drain_for(Cause::MaxRequests);
            self.leave();
        }
    }

    /// The library's own answer to a request that no handler gets.
    fn answer_alone(&mut self, mut exchange: Exchange, status: StatusCode, allow: Option<String>, is_last: bool) {
        if is_last {
            self.announce_last();
        }
        let response = convert::refusal(status, allow.as_deref(), &self.life.worker.date());
        let response = response.map(|()| Outgoing::new(&self.desk, None, true));
        let mut desk = self.desk.borrow_mut();
        (desk.answer, desk.has_ended) = (Some(response), true);
        exchange.has_head = true;
        drop(desk);
        self.exchange = Some(exchange);
    }

    /// The answer under way, if its head is not written, says that it is the last.
    fn announce_last(&mut self) {
        if let Some(hyper) = &mut self.hyper {
            hyper.as_mut().graceful_shutdown();
        }
    }

    /// Carries over what the request and hyper have for each other.
    fn pump(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(exchange) = &mut self.exchange else { return false };
        let worker = self.life.worker.clone();
        let wire = self.wire.clone();
        let prepared = self.desk.borrow().bytes + wire.borrow().port.unsent();
        let room = worker.shared.setup.config.send_buffer_bytes.saturating_sub(prepared);
        let has_all = wire.borrow().has_given_all();
        let mut tools = Tools { worker: &worker, desk: &self.desk, room, has_all, line: &*wire };
        let (was_unasked, had_head) = (exchange.is_unasked, exchange.has_head);
        let pumped = exchange.pump(&mut tools, cx);
        let is_unasked = was_unasked && exchange.is_unasked;
        let has_begun = exchange.has_head && !had_head;
        let closes = has_begun && exchange.closes;
        if exchange.is_tunnel_open() && self.hyper.take().is_some() {
            // What hyper has been told of it is of no use any more.
            Desk::clear(&self.desk);
        }
        if closes || (is_unasked && has_begun) {
            // The host wants it, or the peer sends the body or does not; hyper has
            // not heard the head yet.
            self.announce_last();
        }
        self.is_left |= closes;
        if pumped.is_tunnel_written {
            self.leaving.push_back(self.wire.borrow().port.end());
        }
        if let Some(error) = &pumped.error {
            self.lose(error);
        } else if pumped.is_malformed {
            self.refuse_connection(message::bad("a trailer is malformed"));
        } else if let Some(code) = pumped.reset {
            self.end(Cause::Aborted, code);
        }
        pumped.has_moved || pumped.is_malformed || pumped.reset.is_some() || pumped.error.is_some()
    }

    /// What follows when a request is done with.
    fn settle(&mut self) -> bool {
        if let Some(exchange) = self.exchange.take_if(|exchange| exchange.is_over()) {
            if exchange.is_tunnel_open() && !self.wire.borrow().port.peer_finished {
                // The host has ended it, which is as it should be.
                self.life.conclude(self.life.graceful, 0);
            }
            Desk::clear(&self.desk);
            self.idle_since = self.life.now;
            if !self.life.drain.is_announced() && self.hyper.is_some() {
                self.wire.borrow_mut().scanner.go_on();
                return true;
            }
        }
        if self.exchange.as_ref().is_some_and(|exchange| exchange.has_lost_body) {
            self.end(Cause::PeerClosed, 0);
            return true;
        }
        if self.exchange.is_none() && self.hyper.is_none() && !self.is_resting && matches!(self.phase, Phase::Open) {
            self.end_by_peer();
            return true;
        }
        false
    }

    /// Sees whether the peer has gone while its request is worked on: it has, if
    /// it has closed its side and the answer is not complete.
    fn look_ahead(&mut self, cx: &mut Context<'_>) -> bool {
        if self.exchange.as_ref().is_some_and(Exchange::is_tunnel_open) {
            return false;
        }
        let mut wire = self.wire.borrow_mut();
        if wire.poll_ahead(cx).is_pending() || !wire.port.peer_finished {
            return false;
        }
        drop(wire);
        let is_awaited = self.exchange.as_ref().is_some_and(|exchange| exchange.request != 0);
        if is_awaited {
            self.end(Cause::PeerClosed, 0);
        }
        is_awaited
    }

    /// Lets the kernel have what is gathered. True if that made room.
    fn send(&mut self, cx: &mut Context<'_>) -> bool {
        let mut wire = self.wire.borrow_mut();
        if !wire.port.has_unsent() {
            return false;
        }
        let before = wire.port.unsent();
        let sent = wire.poll_send(cx);
        let has_left = wire.port.unsent() < before;
        drop(wire);
        self.count_what_left();
        if let Poll::Ready(Err(error)) = sent {
            self.lose(&error);
            return true;
        }
        has_left && self.exchange.as_ref().is_some_and(|exchange| exchange.request != 0)
    }

    /// Answers whose last byte has left are complete.
    fn count_what_left(&mut self) {
        let left = self.wire.borrow().port.left();
        while self.leaving.front().is_some_and(|end| *end <= left) {
            self.leaving.pop_front();
            self.life.tally.completed += 1;
        }
    }

    fn sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = match &self.phase {
            Phase::Departing(departure) => Some(departure.next(self.life.now)),
            _ => self.life.clocks.next(self.life.config()),
        };
        let discards = self.exchange.as_ref().filter(|exchange| exchange.discards());
        let discard_until = discards.and_then(|exchange| exchange.discard_until);
        self.rest();
        let due = due.into_iter().chain(self.life.drain.next()).chain(discard_until).chain(self.rest_at()).min();
        self.life.sleep_until(due, cx)
    }

    /// Makes the figures visible to others.
    fn publish(&mut self) {
        self.is_published = true;
        let figures = &self.life.remote.figures;
        let wire = self.wire.borrow();
        figures.bytes_in.store(wire.port.bytes_in, Relaxed);
        figures.bytes_out.store(wire.port.bytes_out, Relaxed);
        figures.requests.store(self.requests, Relaxed);
        figures.open_streams.store(u32::from(self.exchange.is_some()), Relaxed);
        self.life.remote.set_stage(match self.phase {
            Phase::Open => self.life.drain.stage(),
            _ => Stage::Closing,
        });
    }
}

/// A tunnel is asked for in a way that is none.
struct Malformed;

/// hyper on a connection whose next byte is the first of a request.
fn begin_hyper<S: Transport>(
    config: &Config,
    wire: &Rc<RefCell<Wire<S>>>,
    desk: &Rc<RefCell<Desk>>,
) -> Pin<Box<Hyper<S>>> {
    Box::pin(builder(config).serve_connection(Tap(wire.clone()), Clerk(desk.clone())))
}

/// hyper's settings. What the scanner has read, hyper need not limit.
fn builder(config: &Config) -> Builder {
    let mut builder = Builder::new();
    // A peer that closes its side is seen by the session's task.
    builder.half_close(true).auto_date_header(false);
    if config.max_header_fields > 100 {
        builder.max_headers(config.max_header_fields);
    }
    let least = 2 * config.max_header_list_bytes as usize;
    if least > 400 << 10 {
        builder.max_buf_size(least);
    }
    builder
}

/// However the task ends, the host is told of the requests that it still holds.
impl<S: Transport> Drop for Http1<S> {
    fn drop(&mut self) {
        self.life.conclude(Cause::Aborted, 0);
        self.cancel(self.life.registration.cause, 0);
    }
}
