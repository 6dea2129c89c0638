//! One connection: its task, whatever protocol it speaks, from the first byte to
//! the last.
//!
//! The task takes everything that has come, lets its [`Engine`] make requests of
//! it, runs their handlers, and then sends all responses at once. What other
//! threads want reaches it through the letterbox of [`Remote`]. The session on
//! the h2 crate has a task of its own, which uses the same parts.
//!
//! - [`life`]: the place on the registry, the drain, what is told to the host
//! - [`clocks`]: what the peer owes by when
//! - [`input`], [`port`]: what has come and is not taken; what has not left
//! - [`exchange`], [`entry`], [`hooks`]: requests and what the host has of them
//! - [`departure`]: the lingering end
//! - `serve`, `enforce`, `leave`: what the task does with all that

pub mod clocks;
pub mod departure;
mod enforce;
pub mod entry;
mod exchange;
pub mod hooks;
mod input;
mod leave;
pub mod life;
pub mod port;
mod serve;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::close::Stage;
use crate::engine::Engine;
use crate::event::Cause;
use crate::memory::Usage;
use crate::registration::Registration;
use crate::session::Order;
use crate::transport::Transport;
use crate::worker::Worker;
use departure::Departure;
use exchange::Exchange;
use input::Input;
use life::Life;
use port::Port;

/// The clock that the runtime's timers go by.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Where a connection is in its life.
enum Phase {
    Open,
    /// The protocol is over: what is under way leaves.
    Departing(Departure),
    Over,
}

/// The task of a connection whose protocol answers one request after another.
pub struct Task<S: Transport, E: Engine> {
    phase: Phase,
    engine: E,
    port: Port<S>,
    input: Input,
    exchange: Option<Exchange>,
    /// Where the responses end, among all bytes, that have not left.
    leaving: VecDeque<u64>,
    requests: u64,
    /// When the protocol began.
    began: Instant,
    /// When bytes were last sent.
    sent: Instant,
    /// Whether the host ends the connection with a response.
    is_left: bool,
    /// Whether the figures were made visible since the task was woken.
    is_published: bool,
    /// What the input and the output buffer hold.
    memory: Usage,
    /// What the socket and the clock wake: the remote.
    waker: Waker,
    /// Dropped last, since the session has ended when it is.
    life: Life,
}

impl<S: Transport, E: Engine + Unpin> Future for Task<S, E> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = self.get_mut();
        let remote = task.life.remote.clone();
        remote.set_task(cx.waker());
        task.life.now = now();
        task.is_published = false;
        let waker = task.waker.clone();
        let mut cx = Context::from_waker(&waker);
        let driven = remote.driving(|| catch_unwind(AssertUnwindSafe(|| task.drive(&mut cx))));
        let driven = driven.unwrap_or_else(|_| {
            task.retire();
            Poll::Ready(())
        });
        // Once a turn, and not before: the host is to find all of it.
        task.life.worker.shared.ring();
        remote.memory.publish();
        driven
    }
}

impl<S: Transport, E: Engine> Task<S, E> {
    /// One that came at `began` and speaks what `engine` does.
    pub fn new(worker: Rc<Worker>, registration: Registration, socket: S, engine: E, began: Instant) -> Self {
        let life = Life::new(worker, registration, began);
        life.remote.figures.refuses_pushes.store(true, Relaxed);
        Self {
            phase: Phase::Open,
            engine,
            port: Port::new(socket),
            input: Input::default(),
            exchange: None,
            leaving: VecDeque::new(),
            requests: 0,
            began: life.now,
            sent: began,
            is_left: false,
            is_published: false,
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
                Phase::Open => self.serve(cx),
                Phase::Departing(_) => self.depart(cx),
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
            moved |= self.life.remote.take_nudge();
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

    /// Until the next thing that only time brings.
    fn sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = match &self.phase {
            Phase::Departing(departure) => Some(departure.next(self.life.now)),
            _ => self.life.clocks.next(self.life.config()),
        };
        let discards = self.exchange.as_ref().filter(|exchange| exchange.discards());
        let discard_until = discards.and_then(|exchange| exchange.discard_until);
        let due = due.into_iter().chain(self.life.drain.next()).chain(self.newcomer_until()).chain(discard_until);
        let due = due.min();
        self.life.sleep_until(due, cx)
    }

    /// Makes the figures visible to others.
    fn publish(&mut self) {
        self.is_published = true;
        let figures = &self.life.remote.figures;
        figures.bytes_in.store(self.port.bytes_in, Relaxed);
        figures.bytes_out.store(self.port.bytes_out, Relaxed);
        self.memory.set(self.input.len() + self.port.unsent());
        figures.requests.store(self.requests, Relaxed);
        figures.open_streams.store(u32::from(self.exchange.is_some()), Relaxed);
        self.life.remote.set_stage(match self.phase {
            Phase::Open => self.life.drain.stage(),
            _ => Stage::Closing,
        });
    }
}

/// However the task ends, the host is told of the requests that it still holds.
impl<S: Transport, E: Engine> Drop for Task<S, E> {
    fn drop(&mut self) {
        self.life.conclude(Cause::Aborted, 0);
        self.cancel(self.life.registration.cause, 0);
        self.memory.set(0);
        self.life.remote.memory.publish();
    }
}
