//! Leaving: the drain's steps, and every way a session can end.

use std::io;
use std::mem;
use std::task::Context;
use std::time::Instant;

use super::departure::{Departure, Step};
use super::{Phase, Task, now};
use crate::close::{Act, LINGER, NEWCOMER};
use crate::engine::{Engine, Fault};
use crate::event::{Cause, EventKind};
use crate::request;
use crate::transport::Transport;

impl<S: Transport, E: Engine> Task<S, E> {
    /// Takes the next steps of the drain that are due.
    pub(super) fn leave(&mut self) -> bool {
        if !self.life.drain.is_ordered() || self.newcomer_until().is_some_and(|until| now() < until) {
            return false;
        }
        let Some(act) = self.life.drain.act(now()) else { return self.leave_idle() };
        let is_open = matches!(self.phase, Phase::Open);
        match act {
            Act::Cut => self.cut(),
            Act::Announce if is_open => {
                if self.exchange.is_some() {
                    // It is the last one that is served.
                    self.shut_down();
                    self.life.drain.last_call_is_out();
                }
                self.life.tell(EventKind::Draining, |_| {});
            }
            // What has begun to come had its time.
            Act::LastCall if is_open && self.exchange.is_none() => self.end(self.life.graceful, 0),
            Act::Force if is_open => self.force(),
            _ => {}
        }
        true
    }

    /// Until when a drain lets a connection be that has just come: most likely its
    /// first request is under way.
    pub(super) fn newcomer_until(&self) -> Option<Instant> {
        let is_new = matches!(self.phase, Phase::Open) && self.requests == 0 && !self.port.peer_finished;
        let deadline = self.life.drain.deadline().filter(|_| is_new)?;
        Some(deadline.min(self.began + NEWCOMER)).filter(|until| self.life.now < *until)
    }

    /// A session that drains and has nothing to do ends. A head that has begun is waited for.
    fn leave_idle(&mut self) -> bool {
        let is_idle = self.life.drain.is_announced() && matches!(self.phase, Phase::Open) && self.exchange.is_none();
        let ends = is_idle && !self.engine.is_mid_block();
        if ends {
            self.end(self.life.graceful, 0);
        }
        ends
    }

    /// The deadline has passed: what is not complete must not look so.
    fn force(&mut self) {
        if self.exchange.as_ref().is_some_and(|exchange| exchange.request != 0 || !exchange.is_written) {
            self.life.conclude(Cause::Deadline, 0);
            self.life.tell(EventKind::Timeout, |event| event.cause = Cause::Deadline);
        }
        self.end(self.life.graceful, 0);
    }

    /// The host ends the session: HTTP/1.1 has no word for it.
    pub(super) fn abort(&mut self, code: u32) {
        if matches!(self.phase, Phase::Open) {
            self.end(Cause::Aborted, code);
        }
    }

    /// The exchange under way has ended before its response had.
    pub(super) fn cancel(&mut self, cause: Cause, code: u32) {
        let Some(exchange) = self.exchange.take() else { return };
        // What is written counts when it leaves.
        self.life.tally.reset += u64::from(!exchange.is_written);
        if exchange.request != 0 {
            self.life.tally.unsent += request::cancel(exchange.request, cause, code);
        }
    }

    /// The protocol ends here. What is gathered leaves, unless that would make a
    /// response look whole whose end is the connection's.
    pub(super) fn end(&mut self, cause: Cause, code: u32) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        self.life.conclude(cause, code);
        let is_cut_short = self.exchange.as_ref().is_some_and(|exchange| exchange.is_cut_short());
        let looks_whole = is_cut_short && self.engine.looks_whole();
        self.input.clear();
        if looks_whole {
            self.port.close_hard();
            self.phase = Phase::Over;
        } else {
            let is_quiet = self.port.under_way() == 0 && self.life.now >= self.sent + LINGER;
            let lingers = !is_quiet;
            self.phase = Phase::Departing(Departure::new(&self.life, self.port.under_way(), lingers));
        }
        self.cancel(self.life.registration.cause, code);
    }

    /// There will be no more requests.
    pub(super) fn end_by_peer(&mut self) {
        let is_ours = self.life.drain.is_announced() || self.is_left;
        let cause = if is_ours { self.life.graceful } else { Cause::PeerClosed };
        self.end(cause, 0);
    }

    /// What the peer sends is no request: it is told, if a response may stand here.
    pub(super) fn refuse_connection(&mut self, fault: Fault) {
        tracing::debug!(session = self.life.remote.id, why = fault.why, "what came is no request");
        self.life.tell(EventKind::FrameError, |event| {
            event.code = fault.code;
            event.text = fault.why.as_bytes().to_vec();
        });
        self.end_with(Cause::ProtocolError, fault.code as u16);
    }

    /// Ends the session with a response of that status, if none has begun.
    pub(super) fn end_with(&mut self, cause: Cause, status: u16) {
        if self.exchange.as_ref().is_none_or(|exchange| !exchange.has_head) {
            let fault = Fault { code: status.into(), why: cause.name() };
            let date = self.life.worker.date();
            self.engine.send_fault(fault, &date, self.port.gather());
        }
        self.end(cause, 0);
    }

    /// The socket failed: the peer is lost.
    pub(super) fn lose(&mut self, error: &io::Error) {
        let is_left_alone = self.exchange.is_none() && self.leaving.is_empty();
        if self.life.drain.is_announced() && is_left_alone {
            self.life.conclude(self.life.graceful, 0);
        } else {
            self.life.tell(EventKind::Error, |event| event.text = error.to_string().into_bytes());
            self.life.conclude(Cause::ConnectionLost, 0);
        }
        self.phase = Phase::Over;
        self.input.clear();
        self.life.tally.unsent += self.port.unsent() as u64;
        self.cancel(Cause::ConnectionLost, 0);
    }

    pub(super) fn depart(&mut self, cx: &mut Context<'_>) -> bool {
        let Phase::Departing(departure) = &mut self.phase else { return false };
        let step = departure.poll(&mut self.port, &self.life, cx);
        self.count_what_left();
        match step {
            Step::Over => self.phase = Phase::Over,
            Step::Late => self.cut(),
            Step::Moved | Step::Waits => {}
        }
        step != Step::Waits
    }

    /// Drops the socket as it is.
    pub(super) fn cut(&mut self) {
        let is_told = matches!(&self.phase, Phase::Departing(departure) if departure.is_told(&self.port));
        if !is_told && !matches!(self.phase, Phase::Over) {
            let unsent = self.port.under_way();
            self.port.close_hard();
            self.life.cut(unsent);
            self.cancel(self.life.registration.cause, 0);
        }
        self.phase = Phase::Over;
    }

    /// The session has ended: what it adds to a close's report.
    pub(super) fn part(&mut self) {
        if !self.leaving.is_empty() {
            // Their last bytes stayed behind.
            self.life.tally.reset += self.leaving.len() as u64;
            self.leaving.clear();
            self.life.deny_grace();
        }
        self.life.part(0);
    }

    /// Something in here panicked: only this session suffers.
    pub(super) fn retire(&mut self) {
        tracing::error!(session = self.life.remote.id, "the session panicked");
        self.phase = Phase::Over;
        self.life.conclude(Cause::Internal, 0);
        self.cancel(Cause::Internal, 0);
        drop(mem::take(&mut self.input));
        drop(self.port.take_socket());
        self.part();
    }
}
