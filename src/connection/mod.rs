//! The task of one connection, for both protocols.
//!
//! Each time it is woken, the task reads all available input and passes it to its
//! [`Engine`], which finds requests in it. The task runs their handlers, and then sends
//! all responses at once. Other threads reach it through the mailbox of
//! [`SessionHandle`].
//!
//! The state of the task:
//! - [`lifecycle`]: the registration, the drain, and the events for the host
//! - [`clocks`]: the time limits on the peer
//! - [`input`], [`buffered_socket`]: input that was not taken, output that was not sent
//! - [`exchange`], [`entry`], [`hooks`]: one request, its entry in the slot table, and
//!   the callbacks of the host that belong to it
//! - [`exchanges`], [`schedule`], [`unsent`]: the open exchanges, the order in which
//!   they send, and the parts of responses that were not sent
//! - [`unserved`]: the budget for requests that reach no handler
//! - [`linger`]: the lingering close
//!
//! The work of the task: `serve`, `accept`, `backlog`, `work`, `enforce`, `leave`, `orders`.

mod accept;
mod backlog;
pub mod buffered_socket;
pub mod clocks;
mod enforce;
pub mod entry;
mod exchange;
mod exchanges;
pub mod hooks;
mod input;
mod leave;
pub mod lifecycle;
pub mod linger;
mod orders;
mod schedule;
mod serve;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod unsent;
mod unserved;
mod work;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::close::Stage;
use crate::engine::Engine;
use crate::event::Cause;
use crate::memory::{self, Usage};
use crate::registration::Registration;
use crate::transport::Transport;
use crate::worker::Worker;
use buffered_socket::BufferedSocket;
use clocks::StreamTimer;
use exchanges::Exchanges;
use input::Input;
use lifecycle::Lifecycle;
use linger::LingeringClose;
use orders::Windows;
use schedule::Schedule;
use unsent::Unsent;
use unserved::Unserved;

/// The time of the runtime's clock, which tests can pause.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The phase of a connection.
enum Phase {
    Open,
    /// The protocol has ended, and the last output is being sent.
    Lingering(LingeringClose),
    Over,
}

/// Whether output waits until the other ready sessions of the thread have had a turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Output is sent, or waits once.
    Ours,
    /// Output waits. The task asks to be woken after the other sessions.
    Asked,
    /// The task was woken after the other sessions.
    Theirs,
}

/// The task of a connection.
pub struct Task<S: Transport, E: Engine> {
    phase: Phase,
    engine: E,
    socket: BufferedSocket<S>,
    input: Input,
    exchanges: Exchanges,
    /// The request of the exchange that is out of the table for work, or 0.
    current: u64,
    /// The streams that have content to send and may send it.
    schedule: Schedule,
    /// How many turns to send there were.
    turns: u64,
    /// Streams with requests for a queue, whose records are written when all input has
    /// been taken.
    fresh: Vec<u32>,
    unsent: Unsent,
    /// The clock of responses that are complete except for sending.
    watch: Option<StreamTimer>,
    turn: Turn,
    /// The windows that the host has set and the engine has not applied.
    windows: Windows,
    unserved: Unserved,
    /// Reading pauses until then, because the peer has used up a budget.
    paused_until: Option<Instant>,
    /// When to ask the kernel again whether a peer that has closed its side is still
    /// there, and the interval since the last time.
    probe: Option<(Instant, Duration)>,
    /// The error code of the peer's GOAWAY.
    peer_goaway: Option<u32>,
    requests: u64,
    /// The time at which the protocol began.
    began: Instant,
    /// The last time at which bytes were sent.
    sent: Instant,
    /// Whether memory is short, so that the peer may send little at a time.
    is_short: bool,
    /// The memory limit is reached.
    is_full: bool,
    /// Streams whose requests wait because the peer takes no responses, or because
    /// memory is short. The host does not know them yet.
    parked: Vec<u32>,
    /// Whether the host ends the connection with a response.
    is_left: bool,
    /// Whether the counters were published since the task was woken.
    is_published: bool,
    /// The memory of the connection, without its requests.
    memory: Usage,
    /// The waker for the socket and the timer. It wakes the task through the session's
    /// handle.
    waker: Waker,
    /// The waker of this task, which the handle uses.
    task: Waker,
    /// Dropped last: the session has ended when it is dropped.
    lifecycle: Lifecycle,
}

impl<S: Transport, E: Engine + Unpin> Future for Task<S, E> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = self.get_mut();
        let session = task.lifecycle.session.clone();
        if !task.task.will_wake(cx.waker()) {
            task.task = cx.waker().clone();
            session.set_task(cx.waker());
        }
        task.lifecycle.wake();
        task.is_published = false;
        task.engine.refill(task.lifecycle.now);
        task.unserved.refill(task.lifecycle.now);
        let waker = task.waker.clone();
        let mut own = Context::from_waker(&waker);
        let driven = session.driving(|| catch_unwind(AssertUnwindSafe(|| task.drive(&mut own))));
        let driven = driven.unwrap_or_else(|_| {
            task.retire();
            Poll::Ready(())
        });
        if task.turn == Turn::Asked {
            // The runtime polls the task after those that are ready already.
            task.turn = Turn::Theirs;
            cx.waker().wake_by_ref();
        }
        // Once for each poll, at its end: one notification covers all new records.
        task.lifecycle.worker.shared.notify();
        session.memory.publish();
        // What this turn has added may be what reaches the limit.
        task.look_at_memory();
        driven
    }
}

impl<S: Transport, E: Engine> Task<S, E> {
    /// The task of a connection that was accepted at `began`.
    pub fn new(worker: Rc<Worker>, registration: Registration, socket: S, engine: E, began: Instant) -> Self {
        let lifecycle = Lifecycle::new(worker, registration, began);
        let mut task = Self {
            phase: Phase::Open,
            engine,
            socket: BufferedSocket::new(socket),
            input: Input::default(),
            exchanges: Exchanges::default(),
            current: 0,
            schedule: Schedule::default(),
            turns: 0,
            fresh: Vec::new(),
            unsent: Unsent::default(),
            watch: None,
            turn: Turn::Ours,
            windows: Windows::default(),
            unserved: Unserved::new(lifecycle.config(), lifecycle.now),
            paused_until: None,
            probe: None,
            peer_goaway: None,
            requests: 0,
            began: lifecycle.now,
            sent: began,
            is_short: false,
            is_full: false,
            parked: Vec::new(),
            is_left: false,
            is_published: false,
            memory: Usage::new(&lifecycle.session.memory),
            waker: Waker::from(lifecycle.session.clone()),
            task: Waker::noop().clone(),
            lifecycle,
        };
        task.memory.set(memory::Part::Sessions, size_of::<Self>());
        task.engine.begin(task.socket.gather());
        task.lifecycle.session.set_heard();
        task.lifecycle.session.counters.refuses_pushes.store(!task.engine.takes_pushes(), Relaxed);
        task
    }

    /// Does everything that can be done now.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.lifecycle.worker.tick(self.lifecycle.now);
        if self.lifecycle.registration.open() {
            // The server may have begun to close before the session was registered.
            self.check_shutdown();
        }
        loop {
            self.look_at_memory();
            let mut moved = match &self.phase {
                Phase::Open => self.serve(cx),
                Phase::Lingering(_) => self.depart(cx),
                Phase::Over => {
                    self.part();
                    return Poll::Ready(());
                }
            };
            moved |= self.leave();
            // Last, because a message that this task posts to itself does not wake it.
            if self.read_letters() {
                // Before the response is sent: its head may announce that it is the last.
                self.leave();
                moved = true;
            }
            moved |= self.lifecycle.session.take_self_wake();
            if !moved && !self.enforce() && self.sleep(cx).is_pending() {
                self.publish();
                self.rest();
                self.count_memory();
                return Poll::Pending;
            }
        }
    }

    /// Waits until the next deadline.
    fn sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = match &self.phase {
            Phase::Lingering(linger) => Some(linger.next(self.lifecycle.now)),
            _ => self.lifecycle.clocks.next(self.lifecycle.config()),
        };
        let discards = self.exchanges.iter().filter(|exchange| exchange.discards());
        let discard_until = discards.filter_map(|exchange| exchange.discard_until).min();
        let probe = self.probe.filter(|_| !self.exchanges.is_empty()).map(|(at, _)| at);
        let others = [self.lifecycle.drain.next(), self.newcomer_until(), self.paused_until, discard_until, probe];
        let due = others.into_iter().fold(due, clocks::earlier);
        self.lifecycle.sleep_until(due, cx)
    }

    /// Publishes the counters for other threads.
    fn publish(&mut self) {
        self.is_published = true;
        let figures = &self.lifecycle.session.counters;
        figures.bytes_in.store(self.socket.bytes_in, Relaxed);
        figures.bytes_out.store(self.socket.bytes_out, Relaxed);
        let open_streams = self.open_streams() as u32;
        if open_streams > 0 || figures.requests.load(Relaxed) != self.requests {
            self.lifecycle.session.set_used(self.lifecycle.now);
        }
        figures.requests.store(self.requests, Relaxed);
        figures.open_streams.store(open_streams, Relaxed);
        let refuses_pushes = !self.engine.takes_pushes() || self.peer_goaway.is_some();
        figures.refuses_pushes.store(refuses_pushes, Relaxed);
        self.lifecycle.session.set_stage(match self.phase {
            Phase::Open if !self.engine.has_begun() => Stage::Handshake,
            Phase::Open => self.lifecycle.drain.stage(),
            _ => Stage::Closing,
        });
    }

    /// Counts the memory of the connection, without its requests.
    fn count_memory(&mut self) {
        let engine = self.engine.memory();
        let lists = self.exchanges.memory() + self.unsent.memory() + self.schedule.memory();
        self.memory.set(memory::Part::Fields, engine.fields);
        self.memory.set(memory::Part::Compression, engine.compression);
        self.memory.set(memory::Part::Streams, engine.streams + lists);
        self.memory.set(memory::Part::Input, self.input.memory());
        self.memory.set(memory::Part::Output, self.socket.memory() + engine.frames);
        self.memory.set(memory::Part::Tls, self.socket.memory_of_transport());
    }

    /// The exchanges that are incomplete or not completely sent.
    fn open_streams(&self) -> usize {
        let unsent = if E::IS_MULTIPLEXED { self.unsent.ends() } else { 0 };
        self.exchanges.len() + usize::from(self.current != 0) + unsent
    }

    /// An idle connection holds no buffer and no lists.
    fn rest(&mut self) {
        self.socket.rest();
        self.exchanges.rest();
        self.unsent.rest();
        self.schedule.rest();
        if self.fresh.is_empty() && self.fresh.capacity() > 0 {
            self.fresh = Vec::new();
        }
    }
}

/// However the task ends, the requests that the host still holds are cancelled.
impl<S: Transport, E: Engine> Drop for Task<S, E> {
    fn drop(&mut self) {
        self.lifecycle.set_cause(Cause::Aborted, 0);
        self.cancel_all(self.lifecycle.registration.cause(), 0);
        self.memory.clear();
        self.lifecycle.session.memory.publish();
    }
}
