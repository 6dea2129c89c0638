//! One connection: its task, whatever protocol it speaks, from the first byte to
//! the last.
//!
//! The task takes everything that has come, lets its [`Engine`] make requests of
//! it, runs their handlers, and then sends all responses at once. What other
//! threads want reaches it through the mailbox of [`SessionHandle`].
//!
//! - [`lifecycle`]: the place on the registry, the drain, what is told to the host
//! - [`clocks`]: what the peer owes by when
//! - [`input`], [`buffered_socket`]: what has come and is not taken; what has not left
//! - [`exchange`], [`entry`], [`hooks`]: requests and what the host has of them
//! - [`exchanges`], [`schedule`], [`unsent`]: those that are open, whose turn it
//!   is to send, and what of them is on its way out
//! - [`unserved`]: requests that reach no handler, and how many there may be
//! - [`linger`]: the lingering end
//! - `serve`, `accept`, `work`, `enforce`, `leave`, `orders`: what the task does
//!   with all that

mod accept;
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

/// The clock that the runtime's timers go by.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Where a connection is in its life.
enum Phase {
    Open,
    /// The protocol is over: what is under way leaves.
    Lingering(LingeringClose),
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

/// The task of a connection.
pub struct Task<S: Transport, E: Engine> {
    phase: Phase,
    engine: E,
    socket: BufferedSocket<S>,
    input: Input,
    exchanges: Exchanges,
    /// The request of the exchange that is worked on, out of the table; or 0.
    current: u64,
    /// Streams whose content may be sent.
    schedule: Schedule,
    /// How many turns of sending there were.
    turns: u64,
    /// Streams whose requests a queue is to be told of when all that has come is taken.
    fresh: Vec<u32>,
    unsent: Unsent,
    /// Of responses of which only the way out is left.
    watch: Option<StreamTimer>,
    turn: Turn,
    /// Windows that the host wants and the engine does not have.
    windows: Windows,
    unserved: Unserved,
    /// Reading rests until then, for too many control frames or requests without a handler.
    paused_until: Option<Instant>,
    /// When it is asked again whether a peer that has closed its side is still
    /// there, and how long after the time before.
    probe: Option<(Instant, Duration)>,
    /// The peer has said that it ends the connection, with that code.
    peer_goaway: Option<u32>,
    requests: u64,
    /// When the protocol began.
    began: Instant,
    /// When bytes were last sent.
    sent: Instant,
    /// Whether the host ends the connection with a response.
    is_left: bool,
    /// Whether the figures were made visible since the task was woken.
    is_published: bool,
    /// What the task holds for the connection, beside its requests.
    memory: Usage,
    /// What the socket and the clock wake: the remote.
    waker: Waker,
    /// What the remote wakes: this task.
    task: Waker,
    /// Dropped last, since the session has ended when it is.
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
            // Behind those that are ready already.
            task.turn = Turn::Theirs;
            cx.waker().wake_by_ref();
        }
        // Once a turn, and not before: the host is to find all of it.
        task.lifecycle.worker.shared.notify();
        session.memory.publish();
        driven
    }
}

impl<S: Transport, E: Engine> Task<S, E> {
    /// One that came at `began` and speaks what `engine` does.
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

    /// Does all that can be done now.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.lifecycle.worker.tick(self.lifecycle.now);
        if self.lifecycle.registration.open() {
            // The server may have begun to close before this session was entered.
            self.check_shutdown();
        }
        loop {
            let mut moved = match &self.phase {
                Phase::Open => self.serve(cx),
                Phase::Lingering(_) => self.depart(cx),
                Phase::Over => {
                    self.part();
                    return Poll::Ready(());
                }
            };
            moved |= self.leave();
            // Last: what this task posts to itself does not wake it.
            if self.read_letters() {
                // Before the response goes out: it says whether it is the last.
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

    /// Until the next thing that only time brings.
    fn sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = match &self.phase {
            Phase::Lingering(linger) => Some(linger.next(self.lifecycle.now)),
            _ => self.lifecycle.clocks.next(self.lifecycle.config()),
        };
        let discards = self.exchanges.iter().filter(|exchange| exchange.discards());
        let discard_until = discards.filter_map(|exchange| exchange.discard_until).min();
        let probe = self.probe.filter(|_| !self.exchanges.is_empty()).map(|(at, _)| at);
        let others = [self.lifecycle.drain.next(), self.newcomer_until(), self.paused_until, discard_until, probe];
        let due = due.into_iter().chain(others.into_iter().flatten()).min();
        self.lifecycle.sleep_until(due, cx)
    }

    /// Makes the figures visible to others.
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

    /// Counts what the connection holds now, beside its requests.
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

    /// Exchanges whose last byte has not left.
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

/// However the task ends, the host is told of the requests that it still holds.
impl<S: Transport, E: Engine> Drop for Task<S, E> {
    fn drop(&mut self) {
        self.lifecycle.set_cause(Cause::Aborted, 0);
        self.cancel_all(self.lifecycle.registration.cause(), 0);
        self.memory.clear();
        self.lifecycle.session.memory.publish();
    }
}
