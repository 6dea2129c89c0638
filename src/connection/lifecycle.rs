//! What every session has, whatever it speaks: its place on the registry, its
//! way out, its clocks, and what it tells the host.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

use super::clocks::Clocks;
use super::now;
use crate::close::{Drain, SessionReport, Stage};
use crate::config::Config;
use crate::event::{Cause, EventKind, SessionEvent};
use crate::registration::Registration;
use crate::session::SessionHandle;
use crate::worker::Worker;

/// What became of the streams.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub completed: u64,
    pub reset: u64,
    pub refused: u64,
    /// Body bytes taken from the host that will not leave any more.
    pub unsent: u64,
}

pub struct Lifecycle {
    pub worker: Rc<Worker>,
    pub session: Arc<SessionHandle>,
    pub drain: Drain,
    pub tally: Tally,
    /// The tally when the drain began: a close reports what came after.
    tally_before: Tally,
    pub clocks: Clocks,
    /// When the task was woken: exact enough for limits.
    pub now: Instant,
    /// Why the session is drained.
    pub graceful: Cause,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whether the timer is set and will wake the task.
    is_asleep: bool,
    /// Dropped last, since the session has ended when it is.
    pub registration: Registration,
}

impl Lifecycle {
    /// That of a connection that came at `began`.
    pub fn new(worker: Rc<Worker>, registration: Registration, began: Instant) -> Self {
        let clocks = Clocks::new(&worker.shared.setup.config, began, RandomState::new().build_hasher().finish());
        Self {
            session: registration.session().clone(),
            drain: Drain::default(),
            tally: Tally::default(),
            tally_before: Tally::default(),
            clocks,
            now: now(),
            graceful: Cause::Drained,
            sleep: None,
            is_asleep: false,
            worker,
            registration,
        }
    }

    /// The task was woken.
    pub fn wake(&mut self) {
        self.now = now();
    }

    pub fn config(&self) -> &Config {
        &self.worker.shared.setup.config
    }

    pub fn tell(&self, kind: EventKind, fill: impl FnOnce(&mut SessionEvent)) {
        let mut event = SessionEvent::new(kind, self.session.id, self.session.peer().clone());
        fill(&mut event);
        self.worker.shared.tell(&event);
    }

    pub fn tell_timeout(&self, cause: Cause, stream: u32, code: u32) {
        self.tell(EventKind::Timeout, |event| {
            (event.cause, event.stream, event.code) = (cause, stream, code);
        });
    }

    /// Why the session ends; the first reason is the reason.
    pub fn set_cause(&mut self, cause: Cause, code: u32) {
        self.registration.set_cause(cause, code);
    }

    /// Responses stayed behind: whatever it seemed, it was no graceful end.
    pub fn deny_grace(&mut self) {
        if self.registration.cause() == self.graceful {
            let is_forced = self.drain.stage() == Stage::Forcing;
            self.registration.correct_cause(if is_forced { Cause::Deadline } else { Cause::PeerClosed });
        }
    }

    /// The socket was dropped with so many bytes that the peer does not have.
    pub fn cut(&mut self, unsent: usize) {
        self.tally.unsent += unsent as u64;
        if self.registration.cause() == self.graceful {
            self.registration.correct_cause(Cause::Deadline);
        }
        self.set_cause(Cause::Deadline, 0);
    }

    pub fn drain_by(&mut self, deadline: Instant) {
        if !self.drain.is_ordered() {
            self.tally_before = self.tally;
        }
        self.drain.order(deadline);
        self.session.set_deadline(self.drain.deadline().unwrap_or(deadline));
    }

    /// Has the session leave as a close would have it.
    pub fn drain_for(&mut self, cause: Cause) {
        self.tell_timeout(cause, 0, 0);
        self.graceful = cause;
        let grace = self.config().grace;
        self.drain_by(now() + grace);
    }

    /// What the session adds to a close's report, if it knew of one.
    pub fn part(&mut self, refused: u64) {
        if !self.drain.is_ordered() {
            // It ended before it knew of a close, if there is one.
            return;
        }
        let (tally, before) = (self.tally, self.tally_before);
        self.registration.set_report(SessionReport {
            streams_completed: tally.completed - before.completed,
            streams_reset: tally.reset - before.reset,
            streams_refused: tally.refused - before.refused + refused,
            bytes_unsent: tally.unsent - before.unsent,
        });
    }

    /// Until the next thing that only time brings. A timer that rings too early
    /// is cheaper than one that is set anew for each request.
    pub fn sleep_until(&mut self, due: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
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
}
