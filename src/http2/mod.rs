//! One connection: its task, from accept to the last byte.
//!
//! The task is the only one that touches h2. It takes every request that h2
//! has ready, runs the handlers, and then lets h2 write all the answers at
//! once. What other threads want reaches it through [`Remote`]'s letterbox;
//! what the peer does to streams it reads off the [`tap`]. A connection that
//! speaks HTTP/1.1 has a task of its own kind: [`http1`].

mod budget;
mod check;
mod convert;
mod discard;
mod enforce;
mod frame;
mod leave;
mod push;
mod seen;
mod serve;
mod stream;
mod streams;
mod tap;
#[cfg(test)]
mod tests;
mod wish;

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use h2::server::{Connection, Handshake};

pub use tap::is_ping_of_h2;

use crate::close::Stage;
use crate::connection::departure::Departure;
use crate::connection::life::Life;
use crate::connection::now;
use crate::event::Cause;
use crate::memory::Usage;
use crate::registration::Registration;
use crate::session::Order;
use crate::transport::Transport;
use crate::worker::Worker;
use budget::Budget;
use discard::Discards;
use push::Promise;
use streams::Streams;
use tap::{Tap, Wire};
use wish::Windows;

/// Where a connection is in its life.
enum Phase<S: Transport> {
    /// Our SETTINGS are out, the peer's preface is awaited (RFC 9113, section 3.4).
    Handshake(Box<Handshake<Tap<S>, Bytes>>),
    Open(Box<Connection<Tap<S>, Bytes>>),
    /// HTTP/2 is over: what is under way leaves.
    Departing(Departure),
    Over,
}

/// Whose turn it is when there is something to send.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It may be sent, or wait once for the others.
    Ours,
    /// It waits; the task is to be woken behind the others.
    Asked,
    /// The task has been woken for it.
    Theirs,
}

/// One session's task.
pub struct Session<S: Transport> {
    streams: Streams,
    /// Pushed requests whose promises have not left.
    promised: Vec<Promise>,
    /// Uploads that nobody wants any more.
    discards: Discards,
    /// The request whose stream is worked on, out of the table; or 0.
    current: u64,
    /// Whether the figures were made visible since the task was woken.
    is_published: bool,
    phase: Phase<S>,
    wire: Rc<RefCell<Wire<S>>>,
    turn: Turn,
    /// Streams that wait for room in h2.
    starved: Vec<u32>,
    /// Streams whose requests a queue is to be told of at the end of the turn.
    fresh: Vec<u32>,
    /// Windows that the host wants and h2 has not been told.
    wish: Windows,
    /// Reading rests until then, for too many control frames.
    paused_until: Option<Instant>,
    ping: Option<h2::PingPong>,
    requests: u64,
    last_accepted: u32,
    peer_goaway: Option<u32>,
    /// What h2 and the output buffer hold.
    memory: Usage,
    /// What h2, the socket and the clock wake: the remote.
    waker: Waker,
    /// Dropped last, since the session has ended when it is.
    life: Life,
}

impl<S: Transport> Future for Session<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let session = self.get_mut();
        let remote = session.life.remote.clone();
        remote.set_task(cx.waker());
        session.life.now = now();
        session.is_published = false;
        session.wire.borrow_mut().wake(session.life.now);
        let (task, waker) = (cx.waker(), session.waker.clone());
        let mut cx = Context::from_waker(&waker);
        let driven = remote.driving(|| catch_unwind(AssertUnwindSafe(|| session.drive(&mut cx))));
        let driven = driven.unwrap_or_else(|_| {
            session.retire();
            Poll::Ready(())
        });
        if session.turn == Turn::Asked {
            // Behind those that are ready already.
            session.turn = Turn::Theirs;
            task.wake_by_ref();
        }
        // Once a turn, and not before: the host is to find all of it.
        session.life.worker.shared.ring();
        remote.memory.publish();
        driven
    }
}

impl<S: Transport> Session<S> {
    /// A session on a connection that came at `began`.
    pub fn new(worker: Rc<Worker>, registration: Registration, socket: S, began: Instant) -> Self {
        let life = Life::new(worker, registration, began);
        let config = life.config();
        let budget = Budget::new(config.control_burst, config.control_per_second, life.now);
        let wire = Rc::new(RefCell::new(Wire::new(socket, budget)));
        let has_connect = life.worker.shared.setup.routes.has_connect();
        let handshake = config.h2(has_connect).handshake(Tap(wire.clone()));
        Self {
            streams: Streams::default(),
            promised: Vec::new(),
            discards: Discards::default(),
            current: 0,
            is_published: false,
            phase: Phase::Handshake(Box::new(handshake)),
            wire,
            turn: Turn::Ours,
            starved: Vec::new(),
            fresh: Vec::new(),
            wish: Windows::default(),
            paused_until: None,
            ping: None,
            requests: 0,
            last_accepted: 0,
            peer_goaway: None,
            memory: Usage::new(&life.remote.memory),
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
                Phase::Handshake(_) => self.shake_hands(cx),
                Phase::Open(_) => self.serve(cx),
                Phase::Departing(_) => self.depart(cx),
                Phase::Over => {
                    self.part();
                    return Poll::Ready(());
                }
            };
            moved |= self.leave(cx);
            self.discards.poll(cx, self.life.now);
            // Last: what this task posts to itself does not wake it.
            moved |= self.read_letters() | self.life.remote.take_nudge();
            moved |= self.set_windows();
            moved |= self.send_extensions();
            if !moved && !self.enforce() && self.sleep(cx).is_pending() {
                self.publish();
                self.streams.rest();
                return Poll::Pending;
            }
        }
    }

    /// What others want: orders, and streams to look at.
    fn read_letters(&mut self) -> bool {
        let Some(letters) = self.life.remote.letters() else { return false };
        if letters.look_up {
            self.look_up();
        }
        for order in letters.orders {
            match order {
                Order::Drain(deadline) => self.life.drain_by(deadline),
                Order::Abort(code, last_stream, debug) => self.abort(code, last_stream, &debug),
                Order::Ping(payload) => self.ask_for_host(&payload),
                Order::Goaway(code, last_stream, debug) => self.say_goaway(code, last_stream, &debug),
                Order::Window(session, stream) => self.wish.add(session, stream),
            }
        }
        for stream in letters.attend {
            self.pump(stream);
        }
        true
    }

    fn look_up(&mut self) {
        if self.life.worker.shared.setup.queues.iter().any(|queue| queue.is_freed()) {
            self.attend_all();
        }
        if let Some(deadline) = self.life.worker.shared.registry.deadline() {
            self.life.drain_by(deadline);
        }
    }

    fn shake_hands(&mut self, cx: &mut Context<'_>) -> bool {
        let Phase::Handshake(handshake) = &mut self.phase else { return false };
        match Pin::new(&mut **handshake).poll(cx) {
            Poll::Ready(Ok(mut connection)) => {
                self.ping = connection.ping_pong();
                self.phase = Phase::Open(Box::new(connection));
            }
            Poll::Ready(Err(error)) => self.end_http(Err(error), cx),
            Poll::Pending => return self.send(cx),
        }
        true
    }

    /// The session has ended: what it adds to a close's report.
    fn part(&mut self) {
        if !self.streams.is_empty() {
            // Their last frames stayed behind.
            self.life.deny_grace();
            self.cancel_all(self.life.registration.cause, 0);
        }
        let refused = self.wire.borrow().marks.refused;
        self.life.part(refused);
    }

    /// Until the next thing that only time brings.
    fn sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = match &self.phase {
            Phase::Departing(departure) => Some(departure.next(self.life.now)),
            Phase::Handshake(_) if self.life.drain.is_ordered() => self.newcomer_until(),
            _ => self.life.clocks.next(self.life.config()),
        };
        let due = due.into_iter().chain(self.life.drain.next());
        let due = due.chain(self.paused_until).chain(self.discards.next()).min();
        self.life.sleep_until(due, cx)
    }

    /// Makes the figures visible to others.
    fn publish(&mut self) {
        self.is_published = true;
        let figures = &self.life.remote.figures;
        let wire = self.wire.borrow();
        figures.bytes_in.store(wire.port.bytes_in, Relaxed);
        figures.bytes_out.store(wire.port.bytes_out, Relaxed);
        self.memory.set(self.streams.inside() as usize + wire.port.unsent());
        figures.requests.store(self.requests, Relaxed);
        let open = self.streams.len() + self.promised.len() + usize::from(self.current != 0);
        let refuses_pushes = wire.marks.forbids_push || self.peer_goaway.is_some();
        figures.refuses_pushes.store(refuses_pushes, Relaxed);
        figures.open_streams.store(open as u32, Relaxed);
        self.life.remote.set_stage(match self.phase {
            Phase::Handshake(_) => Stage::Handshake,
            Phase::Open(_) => self.life.drain.stage(),
            _ => Stage::Closing,
        });
    }
}

/// However the task ends, the host is told of the requests that it still holds.
impl<S: Transport> Drop for Session<S> {
    fn drop(&mut self) {
        self.life.conclude(Cause::Aborted, 0);
        self.cancel_all(self.life.registration.cause, 0);
        self.memory.set(0);
        self.life.remote.memory.publish();
    }
}
