//! The shutdown: the steps of a drain, and every way in which a session ends.

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
    /// Takes the steps of the drain that are due.
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

    /// Until when a drain waits for the first request of a new connection, which is
    /// probably on its way.
    pub(super) fn newcomer_until(&self) -> Option<Instant> {
        let has_come = if E::IS_MULTIPLEXED { self.engine.has_begun() } else { self.requests > 0 };
        let is_new = matches!(self.phase, Phase::Open) && !has_come && !self.socket.peer_finished;
        let deadline = self.lifecycle.drain.deadline().filter(|_| is_new)?;
        Some(deadline.min(self.began + NEWCOMER)).filter(|until| self.lifecycle.now < *until)
    }

    /// Ends a connection that has not begun to speak the protocol. The GOAWAY says that
    /// nothing was processed.
    fn leave_unmet(&mut self) {
        self.lifecycle.set_cause(Cause::Handshake, 0);
        self.end_at_once(code::NO_ERROR, None, b"");
    }

    /// The first step of a drain: notifies the peer and the host.
    fn announce(&mut self) {
        if E::IS_MULTIPLEXED {
            self.engine.shut_down(ShutDown::Announce, self.socket.gather());
        } else if !self.exchanges.is_empty() {
            // The current request is the last one.
            self.shut_down();
            self.lifecycle.drain.last_call_is_out();
        }
        self.lifecycle.tell(EventKind::Draining, |_| {});
        if E::IS_MULTIPLEXED {
            // Handlers are notified, and content that the host does not read is not
            // waited for.
            self.attend_all();
        }
    }

    /// The second step of a drain: only requests that have begun are processed. HTTP/1.1
    /// has no streams, so there a request that has begun to arrive has had its time.
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

    /// Makes the head of the current response announce the end of the connection, if it
    /// is not written.
    pub(super) fn shut_down(&mut self) {
        self.engine.shut_down(ShutDown::LastCall, self.socket.gather());
    }

    /// Ends a draining session that has nothing to do. It waits for a head that has
    /// begun; and over HTTP/2 for the end of the last call.
    fn leave_idle(&mut self) -> bool {
        if !self.lifecycle.drain.is_announced() || !matches!(self.phase, Phase::Open) {
            return false;
        }
        let ends = match E::IS_MULTIPLEXED {
            // Promised streams that have not begun are not waited for.
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

    /// The deadline has passed: an incomplete response must not look complete.
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

    /// The host ends the session. The GOAWAY says that streams above `last_stream` were
    /// not processed. HTTP/1.1 has no message for that.
    pub(super) fn abort(&mut self, code: u32, last_stream: u32, debug: &[u8]) {
        if matches!(self.phase, Phase::Open) {
            self.lifecycle.set_cause(Cause::Aborted, code);
            self.end_at_once(code, Some(last_stream), debug);
        }
    }

    /// Ends the protocol with an error code for the peer. Pending output is sent if the
    /// peer accepts it soon.
    pub(super) fn end_at_once(&mut self, code: u32, last_stream: Option<u32>, debug: &[u8]) {
        if !E::IS_MULTIPLEXED {
            return self.end(self.lifecycle.registration.cause(), code);
        }
        self.engine.end(code, last_stream, debug, self.socket.gather());
        self.depart_with(0, true, code);
    }

    /// Ends the protocol. Gathered output is sent, unless that would complete a response
    /// which ends with the connection.
    pub(super) fn end(&mut self, cause: Cause, code: u32) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        self.lifecycle.set_cause(cause, code);
        // The final GOAWAY, if it was not sent.
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

    /// Ends the protocol and all incomplete exchanges. `rest` bytes are still to be sent.
    fn depart_with(&mut self, rest: usize, lingers: bool, code: u32) {
        self.paused_until = None;
        self.drop_input();
        self.phase = Phase::Lingering(LingeringClose::new(&self.lifecycle, rest, lingers));
        self.cancel_all(self.lifecycle.registration.cause(), code);
    }

    /// No more requests will arrive.
    pub(super) fn end_by_peer(&mut self) {
        let is_ours = self.lifecycle.drain.is_announced() || self.is_left;
        match self.peer_goaway {
            _ if is_ours => self.end(self.lifecycle.graceful, 0),
            Some(code) if code != 0 => self.end(Cause::PeerGoaway, code),
            _ => self.end(Cause::PeerClosed, 0),
        }
    }

    /// The peer has violated the protocol. The response or GOAWAY that reports it is sent
    /// where the protocol allows one.
    pub(super) fn refuse_connection(&mut self, fault: Fault) {
        tracing::debug!(session = self.lifecycle.session.id, why = fault.why, "the peer violates the protocol");
        self.lifecycle.tell(EventKind::FrameError, |event| {
            event.code = fault.code;
            event.text = fault.why.as_bytes().to_vec();
        });
        self.end_with(Cause::ProtocolError, fault);
    }

    /// Ends the session because of an error of the peer.
    pub(super) fn end_with(&mut self, cause: Cause, fault: Fault) {
        let has_head = self.exchanges.only().is_some_and(|exchange| exchange.has_head);
        if E::IS_MULTIPLEXED || !has_head {
            let date = self.lifecycle.worker.date();
            self.engine.send_fault(fault, &date, self.socket.gather());
        }
        self.end(cause, if E::IS_MULTIPLEXED { fault.code } else { 0 });
    }

    /// The socket has failed: the peer is lost.
    pub(super) fn lose(&mut self, error: &io::Error) {
        let is_left_alone = self.exchanges.is_empty() && self.unsent.is_empty();
        // If it had closed its side before, it has left in order. Its system resets the
        // connection because the process is gone.
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

    /// Input that was not taken is dropped. Only the requests in it are counted.
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

    /// Drops the socket.
    pub(super) fn cut(&mut self) {
        let is_told = matches!(&self.phase, Phase::Lingering(linger) if linger.is_told(&self.socket));
        if !is_told && !matches!(self.phase, Phase::Over) {
            // Gathered output is counted with its responses.
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

    /// Reports the session to a close.
    pub(super) fn part(&mut self) {
        self.lifecycle.tally.unsent += self.unsent.content();
        if self.unsent.ends() > 0 {
            // The last bytes of these responses were not sent.
            self.lifecycle.tally.reset += self.unsent.ends() as u64;
            self.lifecycle.deny_grace();
        }
        self.unsent.clear();
        self.lifecycle.part(self.engine.refused());
    }

    /// A panic ended the task. Only this session is affected.
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
