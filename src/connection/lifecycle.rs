//! What every session has, for both protocols: its registration, its drain, its clocks,
//! and the reports to the host.

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

/// What has become of the streams.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub completed: u64,
    pub reset: u64,
    pub refused: u64,
    /// How many body bytes were taken from the host and will not be sent.
    pub unsent: u64,
}

pub struct Lifecycle {
    pub worker: Rc<Worker>,
    pub session: Arc<SessionHandle>,
    pub drain: Drain,
    pub tally: Tally,
    /// The tally at the beginning of the drain. A close reports the difference.
    tally_before: Tally,
    pub clocks: Clocks,
    /// The time at which the task was woken, which is exact enough for limits.
    pub now: Instant,
    /// Why the session is drained.
    pub graceful: Cause,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whether the timer is set and will wake the task.
    is_asleep: bool,
    /// Dropped last: the session has ended when it is dropped.
    pub registration: Registration,
}

impl Lifecycle {
    /// The lifecycle of a connection that was accepted at `began`.
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

    /// Sets the cause of the session's end, unless it has one.
    pub fn set_cause(&mut self, cause: Cause, code: u32) {
        self.registration.set_cause(cause, code);
    }

    /// Responses were not sent completely, so the end was not graceful.
    pub fn deny_grace(&mut self) {
        if self.registration.cause() == self.graceful {
            let is_forced = self.drain.stage() == Stage::Forcing;
            self.registration.correct_cause(if is_forced { Cause::Deadline } else { Cause::PeerClosed });
        }
    }

    /// The socket was dropped with `bytes` that the peer has not acknowledged.
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

    /// Drains the session as a close does.
    pub fn drain_for(&mut self, cause: Cause) {
        self.tell_timeout(cause, 0, 0);
        self.graceful = cause;
        let grace = self.config().grace;
        self.drain_by(now() + grace);
    }

    /// Reports the session to a close, if it took part in one.
    pub fn part(&mut self, refused: u64) {
        if !self.drain.is_ordered() {
            // The session ended before it took part in a close.
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

    /// Sets the timer for the next deadline. A timer that fires too early costs less than
    /// one that is set anew for each request.
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
