//! One connection: its task, from accept to the last byte.
//!
//! The task is the only one that touches h2. It takes every request that h2
//! has ready, runs the handlers, and then lets h2 write all the answers at
//! once. What other threads want reaches it through [`Remote`]'s letterbox;
//! what the peer does to streams it reads off the [`tap`]. A connection that
//! speaks HTTP/1.1 has a task of its own kind: [`http1`].

mod budget;
mod clocks;
mod discard;
mod enforce;
mod entry;
mod frame;
mod hooks;
mod http1;
mod leave;
mod life;
mod line;
mod push;
mod remote;
mod seen;
mod serve;
mod socket;
mod stream;
mod streams;
mod tap;
#[cfg(test)]
mod tests;
mod tls;
mod wish;

use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::server::{Connection, Handshake};
use tokio::time::Sleep;

pub use http1::Http1;
pub use line::Line;
pub use remote::{Order, Remote, SessionInfo, woken_once};
pub use socket::{Protocol, Socket, Transport};
pub use tap::is_ping_of_h2;
pub use tls::TlsSocket;

use crate::close::{Drain, Parting, Stage};
use crate::event::{Cause, EventKind, SessionEvent};
use crate::registry::Registration;
use crate::worker::Worker;
use budget::Budget;
use clocks::Clocks;
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
    /// HTTP/2 is over: what is gathered leaves.
    Finishing(Patience),
    /// Our side is closed: the peer takes the rest and closes its side.
    Lingering(Patience),
    Over,
}

/// How long a session whose HTTP/2 is over waits for its peer.
#[derive(Clone, Copy)]
struct Patience {
    /// The least of the bytes that were still under way, and until when there
    /// must be fewer.
    rest: usize,
    until: Instant,
}

impl Patience {
    fn next(&self, now: Instant) -> Instant {
        // No event tells that the peer has acknowledged what was sent.
        match self.rest {
            0 => self.until,
            _ => self.until.min(now + Duration::from_millis(50)),
        }
    }
}

/// What became of the streams.
#[derive(Clone, Copy, Default)]
struct Tally {
    completed: u64,
    reset: u64,
    refused: u64,
    /// Body bytes taken from the host that will not leave any more.
    unsent: u64,
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
    // In the order in which they are dropped: the registration last, since the
    // session has ended when it is.
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
    drain: Drain,
    tally: Tally,
    /// The tally when the drain began: a close reports what came after.
    tally_before: Tally,
    turn: Turn,
    /// Streams that wait for room in h2.
    starved: Vec<u32>,
    /// Streams whose requests a queue is to be told of at the end of the turn.
    fresh: Vec<u32>,
    /// Windows that the host wants and h2 has not been told.
    wish: Windows,
    clocks: Clocks,
    /// When the task was woken: exact enough for limits.
    now: Instant,
    /// Reading rests until then, for too many control frames.
    paused_until: Option<Instant>,
    /// Why the session is drained.
    graceful: Cause,
    ping: Option<h2::PingPong>,
    requests: u64,
    last_accepted: u32,
    peer_goaway: Option<u32>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whether the timer is set and will wake the task.
    is_asleep: bool,
    /// What h2, the socket and the clock wake: the remote.
    waker: Waker,
    worker: Rc<Worker>,
    remote: Arc<Remote>,
    registration: Registration,
}

impl<S: Transport> Future for Session<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let session = self.get_mut();
        let remote = session.remote.clone();
        remote.set_task(cx.waker());
        session.now = now();
        session.is_published = false;
        session.wire.borrow_mut().wake(session.now);
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
        session.worker.shared.ring();
        driven
    }
}

impl<S: Transport> Session<S> {
    /// A session on a connection that came at `began`.
    pub fn new(worker: Rc<Worker>, registration: Registration, socket: S, began: Instant) -> Self {
        let (config, now) = (&worker.shared.setup.config, now());
        let budget = Budget::new(config.control_burst, config.control_per_second, now);
        let clocks = Clocks::new(config, began, RandomState::new().build_hasher().finish());
        let wire = Rc::new(RefCell::new(Wire::new(socket, budget)));
        let has_connect = worker.shared.setup.routes.has_connect();
        let handshake = worker.shared.setup.config.h2(has_connect).handshake(Tap(wire.clone()));
        Self {
            streams: Streams::default(),
            promised: Vec::new(),
            discards: Discards::default(),
            current: 0,
            is_published: false,
            phase: Phase::Handshake(Box::new(handshake)),
            wire,
            drain: Drain::default(),
            tally: Tally::default(),
            tally_before: Tally::default(),
            turn: Turn::Ours,
            starved: Vec::new(),
            fresh: Vec::new(),
            wish: Windows::default(),
            clocks,
            now,
            paused_until: None,
            graceful: Cause::Drained,
            ping: None,
            requests: 0,
            last_accepted: 0,
            peer_goaway: None,
            sleep: None,
            is_asleep: false,
            worker,
            waker: Waker::from(registration.remote().clone()),
            remote: registration.remote().clone(),
            registration,
        }
    }

    /// Does all that can be done now.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.worker.tick();
        if self.registration.open() {
            // The server may have begun to close before this session was entered.
            self.look_up();
        }
        loop {
            let mut moved = match &self.phase {
                Phase::Handshake(_) => self.shake_hands(cx),
                Phase::Open(_) => self.serve(cx),
                Phase::Finishing(_) => self.finish(cx),
                Phase::Lingering(_) => self.linger(cx),
                Phase::Over => {
                    self.part();
                    return Poll::Ready(());
                }
            };
            moved |= self.leave(cx);
            self.discards.poll(cx, self.now);
            // Last: what this task posts to itself does not wake it.
            moved |= self.read_letters() | self.remote.take_nudge();
            moved |= self.set_windows();
            if !moved && !self.enforce() && self.sleep(cx).is_pending() {
                self.publish();
                self.streams.rest();
                return Poll::Pending;
            }
        }
    }

    /// What others want: orders, and streams to look at.
    fn read_letters(&mut self) -> bool {
        let Some(letters) = self.remote.letters() else { return false };
        if letters.look_up {
            self.look_up();
        }
        for order in letters.orders {
            match order {
                Order::Drain(deadline) => self.drain_by(deadline),
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
        if self.worker.shared.setup.queues.iter().any(|queue| queue.is_freed()) {
            self.attend_all();
        }
        if let Some(deadline) = self.worker.shared.registry.deadline() {
            self.drain_by(deadline);
        }
    }

    fn drain_by(&mut self, deadline: Instant) {
        if !self.drain.is_ordered() {
            self.tally_before = self.tally;
        }
        self.drain.order(deadline);
        self.remote.set_deadline(self.drain.deadline().unwrap_or(deadline));
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

    fn tell(&self, kind: EventKind, fill: impl FnOnce(&mut SessionEvent)) {
        let mut event = SessionEvent::new(kind, self.remote.id, self.remote.peer().clone());
        fill(&mut event);
        self.worker.shared.tell(&event);
    }

    /// The session has ended: what it adds to a close's report.
    fn part(&mut self) {
        if !self.streams.is_empty() {
            // Their last frames stayed behind: whatever it seemed, it was no graceful end.
            let held = self.registration.cause;
            let seemed = if self.drain.stage() == Stage::Forcing { Cause::Deadline } else { Cause::PeerClosed };
            self.cancel_all(if held == self.graceful { seemed } else { held }, 0);
            if held == self.graceful {
                self.registration.cause = seemed;
            }
        }
        if !self.drain.is_ordered() {
            // It ended before it knew of a close, if there is one.
            return;
        }
        let (tally, before) = (self.tally, self.tally_before);
        self.registration.parting = Parting {
            streams_completed: tally.completed - before.completed,
            streams_reset: tally.reset - before.reset,
            streams_refused: tally.refused - before.refused + self.wire.borrow().marks.refused,
            bytes_unsent: tally.unsent - before.unsent,
        };
    }

    /// Until the next thing that only time brings. A timer that rings too early
    /// is cheaper than one that is set anew for each request.
    fn sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = match self.phase {
            Phase::Finishing(patience) | Phase::Lingering(patience) => Some(patience.next(self.now)),
            Phase::Handshake(_) if self.drain.is_ordered() => self.newcomer_until(),
            _ => self.clocks.next(&self.worker.shared.setup.config),
        };
        let due = due.into_iter().chain(self.drain.next()).chain(self.paused_until).chain(self.discards.next()).min();
        let Some(due) = due.map(tokio::time::Instant::from_std) else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        let is_over = sleep.deadline().into_std() <= self.now;
        if is_over || due < sleep.deadline() {
            sleep.as_mut().reset(due);
        } else if self.is_asleep {
            return Poll::Pending;
        }
        self.is_asleep = true;
        sleep.as_mut().poll(cx)
    }

    /// Makes the figures visible to others.
    fn publish(&mut self) {
        self.is_published = true;
        let figures = &self.remote.figures;
        let wire = self.wire.borrow();
        figures.bytes_in.store(wire.bytes_in, Relaxed);
        figures.bytes_out.store(wire.bytes_out, Relaxed);
        figures.requests.store(self.requests, Relaxed);
        let open = self.streams.len() + self.promised.len() + usize::from(self.current != 0);
        let refuses_pushes = wire.marks.forbids_push || self.peer_goaway.is_some();
        figures.refuses_pushes.store(refuses_pushes, Relaxed);
        figures.open_streams.store(open as u32, Relaxed);
        self.remote.set_stage(match self.phase {
            Phase::Handshake(_) => Stage::Handshake,
            Phase::Open(_) => self.drain.stage(),
            _ => Stage::Closing,
        });
    }
}

/// The clock that the runtime's timers go by.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// However the task ends, the host is told of the requests that it still holds.
impl<S: Transport> Drop for Session<S> {
    fn drop(&mut self) {
        self.conclude(Cause::Aborted, 0);
        self.cancel_all(self.registration.cause, 0);
    }
}
