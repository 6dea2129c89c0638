//! Unsent: the drain's steps, and every way a session can end.

use std::io;
use std::mem;
use std::task::Context;
use std::time::Instant;

use super::linger::{LingeringClose, Step};
use super::{Phase, Task, now};
use crate::close::{Act, LINGER, NEWCOMER, Stage};
use crate::code;
use crate::engine::{Engine, Fault, ShutDown};
use crate::event::{Cause, EventKind};
use crate::transport::Transport;

impl<S: Transport, E: Engine> Task<S, E> {
    /// Takes the next steps of the drain that are due.
    pub(super) fn leave(&mut self) -> bool {
        if !self.lifecycle.drain.is_ordered() || self.newcomer_until().is_some_and(|until| now() < until) {
            return false;
        }
        let Some(act) = self.lifecycle.drain.act(now()) else { return self.leave_idle() };
        let is_open = matches!(self.phase, Phase::Open);
        match act {
            Act::Cut => self.cut(),
            _ if is_open && !self.engine.has_begun() => self.leave_unmet(),
            Act::Announce if is_open => self.announce(),
            Act::LastCall if is_open => self.call_last(ShutDown::LastCall),
            Act::Force if is_open => self.force(),
            _ => {}
        }
        true
    }

    /// Until when a drain lets a connection be that has just come: most likely its
    /// first request is under way.
    pub(super) fn newcomer_until(&self) -> Option<Instant> {
        let has_come = if E::IS_MULTIPLEXED { self.engine.has_begun() } else { self.requests > 0 };
        let is_new = matches!(self.phase, Phase::Open) && !has_come && !self.socket.peer_finished;
        let deadline = self.lifecycle.drain.deadline().filter(|_| is_new)?;
        Some(deadline.min(self.began + NEWCOMER)).filter(|until| self.lifecycle.now < *until)
    }

    /// The peer has not shown that it speaks the protocol: it is told that nothing
    /// was processed.
    fn leave_unmet(&mut self) {
        self.lifecycle.set_cause(Cause::Handshake, 0);
        self.end_at_once(code::NO_ERROR, None, b"");
    }

    /// The first step: the peer is told, and so is the host.
    fn announce(&mut self) {
        if E::IS_MULTIPLEXED {
            self.engine.shut_down(ShutDown::Announce, self.socket.gather());
        } else if !self.exchanges.is_empty() {
            // It is the last one that is served.
            self.shut_down();
            self.lifecycle.drain.last_call_is_out();
        }
        self.lifecycle.tell(EventKind::Draining, |_| {});
        if E::IS_MULTIPLEXED {
            // Handlers learn it, and content that nobody wants is not waited for.
            self.attend_all();
        }
    }

    /// The second step: nothing is taken but what has begun. What has begun to come
    /// in a protocol without streams had its time.
    pub(super) fn call_last(&mut self, step: ShutDown) {
        if !matches!(self.phase, Phase::Open) || !self.lifecycle.drain.is_announced() {
            return;
        }
        if E::IS_MULTIPLEXED {
            self.engine.shut_down(step, self.socket.gather());
            self.lifecycle.drain.last_call_is_out();
        } else if self.exchanges.is_empty() {
            self.end(self.lifecycle.graceful, 0);
        }
    }

    /// The response under way, if its head is not written, says that it is the last.
    pub(super) fn shut_down(&mut self) {
        self.engine.shut_down(ShutDown::LastCall, self.socket.gather());
    }

    /// A session that drains and has nothing to do ends. A head that has begun is
    /// waited for; in a protocol with streams, its last call.
    fn leave_idle(&mut self) -> bool {
        if !self.lifecycle.drain.is_announced() || !matches!(self.phase, Phase::Open) {
            return false;
        }
        let ends = match E::IS_MULTIPLEXED {
            // What was promised and has not begun is not waited for.
            true => {
                let mut exchanges = self.exchanges.iter();
                self.lifecycle.drain.stage() == Stage::LastCall
                    && exchanges.all(|exchange| exchange.is_pushed() && !exchange.has_head)
            }
            false => self.exchanges.is_empty() && !self.engine.is_mid_block(),
        };
        if ends {
            self.end(self.lifecycle.graceful, 0);
        }
        ends
    }

    /// The deadline has passed: what is not complete must not look so.
    fn force(&mut self) {
        let is_open = |exchange: &super::exchange::Exchange| exchange.request != 0 || !exchange.is_written;
        let code = if E::IS_MULTIPLEXED { code::CANCEL } else { 0 };
        if self.exchanges.iter().any(is_open) {
            self.lifecycle.set_cause(Cause::Deadline, code);
            self.lifecycle.tell(EventKind::Timeout, |event| event.cause = Cause::Deadline);
        }
        if E::IS_MULTIPLEXED {
            for stream in self.exchanges.streams() {
                self.engine.reset(stream, code::CANCEL, self.socket.gather());
                self.cancel(stream, Cause::Deadline, code::CANCEL);
            }
        }
        self.end(self.lifecycle.graceful, 0);
    }

    /// The host ends the session; HTTP/1.1 has no word for it. Of streams above
    /// `last_stream` it says that nobody has looked at them.
    pub(super) fn abort(&mut self, code: u32, last_stream: u32, debug: &[u8]) {
        if matches!(self.phase, Phase::Open) {
            self.lifecycle.set_cause(Cause::Aborted, code);
            self.end_at_once(code, Some(last_stream), debug);
        }
    }

    /// Ends the protocol with what tells the peer why. What is under way leaves if
    /// the peer takes it soon.
    pub(super) fn end_at_once(&mut self, code: u32, last_stream: Option<u32>, debug: &[u8]) {
        if !E::IS_MULTIPLEXED {
            return self.end(self.lifecycle.registration.cause(), code);
        }
        self.engine.end(code, last_stream, debug, self.socket.gather());
        self.depart_with(0, true, code);
    }

    /// The protocol ends here. What is gathered leaves, unless that would make a
    /// response look whole whose end is the connection's.
    pub(super) fn end(&mut self, cause: Cause, code: u32) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        self.lifecycle.set_cause(cause, code);
        // The last word, if it has not been said.
        self.engine.end(code::NO_ERROR, None, b"", self.socket.gather());
        let is_cut_short = self.exchanges.iter().any(|exchange| exchange.is_cut_short());
        if is_cut_short && self.engine.looks_whole() {
            self.socket.close_hard();
            self.drop_input();
            self.phase = Phase::Over;
            self.cancel_all(self.lifecycle.registration.cause(), code);
        } else {
            let under_way = self.socket.under_way();
            let is_quiet = under_way == 0 && self.lifecycle.now >= self.sent + LINGER;
            let lingers = E::IS_MULTIPLEXED || !is_quiet;
            self.depart_with(under_way, lingers, code);
        }
    }

    /// The protocol is over, and so is what is not complete; `rest` bytes are under way.
    fn depart_with(&mut self, rest: usize, lingers: bool, code: u32) {
        self.paused_until = None;
        self.drop_input();
        self.phase = Phase::Lingering(LingeringClose::new(&self.lifecycle, rest, lingers));
        self.cancel_all(self.lifecycle.registration.cause(), code);
    }

    /// There will be no more requests.
    pub(super) fn end_by_peer(&mut self) {
        let is_ours = self.lifecycle.drain.is_announced() || self.is_left;
        match self.peer_goaway {
            _ if is_ours => self.end(self.lifecycle.graceful, 0),
            Some(code) if code != 0 => self.end(Cause::PeerGoaway, code),
            _ => self.end(Cause::PeerClosed, 0),
        }
    }

    /// What the peer sends is not of the protocol: it is told, if that may stand here.
    pub(super) fn refuse_connection(&mut self, fault: Fault) {
        tracing::debug!(session = self.lifecycle.session.id, why = fault.why, "the peer breaks the protocol");
        self.lifecycle.tell(EventKind::FrameError, |event| {
            event.code = fault.code;
            event.text = fault.why.as_bytes().to_vec();
        });
        self.end_with(Cause::ProtocolError, fault);
    }

    /// Ends the session for a fault of the peer's, which is told if that may stand here.
    pub(super) fn end_with(&mut self, cause: Cause, fault: Fault) {
        let has_head = self.exchanges.only().is_some_and(|exchange| exchange.has_head);
        if E::IS_MULTIPLEXED || !has_head {
            let date = self.lifecycle.worker.date();
            self.engine.send_fault(fault, &date, self.socket.gather());
        }
        self.end(cause, if E::IS_MULTIPLEXED { fault.code } else { 0 });
    }

    /// The socket failed: the peer is lost.
    pub(super) fn lose(&mut self, error: &io::Error) {
        let is_left_alone = self.exchanges.is_empty() && self.unsent.is_empty();
        // One that had closed its side has left in order: its system says that
        // nobody is there to take what is sent.
        let has_left = E::IS_MULTIPLEXED && self.socket.peer_finished;
        let cause = if has_left { Cause::PeerClosed } else { Cause::ConnectionLost };
        if self.lifecycle.drain.is_announced() && is_left_alone {
            self.lifecycle.set_cause(self.lifecycle.graceful, 0);
        } else if !has_left {
            self.lifecycle.tell(EventKind::Error, |event| event.text = error.to_string().into_bytes());
        }
        self.lifecycle.set_cause(cause, 0);
        self.phase = Phase::Over;
        self.drop_input();
        self.cancel_all(cause, 0);
    }

    /// What has come and is not taken will not be: only the requests in it count.
    pub(super) fn drop_input(&mut self) {
        if let Some(loan) = self.input.lend() {
            self.engine.discard(loan.bytes());
        }
    }

    pub(super) fn depart(&mut self, cx: &mut Context<'_>) -> bool {
        let Phase::Lingering(linger) = &mut self.phase else { return false };
        let engine = &mut self.engine;
        let step = linger.poll(&mut self.socket, &self.lifecycle, cx, |bytes| engine.discard(bytes));
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
        let is_told = matches!(&self.phase, Phase::Lingering(linger) if linger.is_told(&self.socket));
        if !is_told && !matches!(self.phase, Phase::Over) {
            // What is gathered is counted with its responses.
            let unsent = self.socket.unacknowledged();
            self.socket.close_hard();
            self.lifecycle.cut(unsent);
            self.cancel_all(self.lifecycle.registration.cause(), 0);
        }
        self.phase = Phase::Over;
    }

    pub(super) fn cut_for(&mut self, cause: Cause) {
        self.lifecycle.tell_timeout(cause, 0, 0);
        self.lifecycle.set_cause(cause, 0);
        self.cut();
    }

    /// The session has ended: what it adds to a close's report.
    pub(super) fn part(&mut self) {
        self.lifecycle.tally.unsent += self.unsent.content();
        if self.unsent.ends() > 0 {
            // Their last bytes stayed behind.
            self.lifecycle.tally.reset += self.unsent.ends() as u64;
            self.lifecycle.deny_grace();
        }
        self.unsent.clear();
        self.lifecycle.part(self.engine.refused());
    }

    /// Something in here panicked: only this session suffers.
    pub(super) fn retire(&mut self) {
        tracing::error!(session = self.lifecycle.session.id, "the session panicked");
        self.phase = Phase::Over;
        self.lifecycle.set_cause(Cause::Internal, 0);
        self.cancel_all(Cause::Internal, 0);
        drop(mem::take(&mut self.input));
        drop(self.socket.take_socket());
        self.part();
    }
}
