//! Leaving: the drain's steps on the wire, and every way a session can end.

use std::task::Context;
use std::time::Instant;

use h2::Reason;

use super::{Phase, Session, frame};
use crate::close::{Act, NEWCOMER};
use crate::connection::departure::{Departure, Outlet, Step};
use crate::connection::now;
use crate::event::{Cause, EventKind};
use crate::request;
use crate::transport::Transport;

impl<S: Transport> Session<S> {
    /// Takes the next steps of the drain that are due.
    pub(super) fn leave(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.life.drain.is_ordered() || self.newcomer_until().is_some_and(|until| now() < until) {
            return false;
        }
        let Some(act) = self.life.drain.act(now()) else { return false };
        match (act, &mut self.phase) {
            (Act::Cut, _) => self.cut(),
            (_, Phase::Handshake(_)) => self.leave_unmet(),
            (Act::Announce, Phase::Open(h2)) => {
                h2.graceful_shutdown();
                self.discards.clear();
                self.life.tell(EventKind::Draining, |_| {});
                self.attend_all();
            }
            (Act::LastCall, Phase::Open(_)) => self.wire.borrow_mut().answer_shutdown_ping(),
            (Act::Force, Phase::Open(_)) => self.force(cx),
            _ => {}
        }
        true
    }

    /// Until when a drain lets a connection without a session be: what has just
    /// been accepted has most likely a preface under way, and behind it a request.
    pub(super) fn newcomer_until(&self) -> Option<Instant> {
        let deadline = self.life.drain.deadline().filter(|_| matches!(self.phase, Phase::Handshake(_)))?;
        Some(deadline.min(self.life.clocks.began() + NEWCOMER))
    }

    /// The peer has not spoken HTTP/2 yet: it is told that nothing was processed.
    pub(super) fn leave_unmet(&mut self) {
        self.life.conclude(Cause::Handshake, 0);
        self.end_with_goaway(Reason::NO_ERROR.into(), b"");
    }

    /// Handlers of open streams learn that the session drains.
    pub(super) fn attend_all(&mut self) {
        self.streams.held_ids().into_iter().for_each(|id| self.pump(id));
    }

    /// The deadline has passed: RST_STREAM on every open stream, then the end.
    pub(super) fn force(&mut self, cx: &mut Context<'_>) {
        let Phase::Open(h2) = &mut self.phase else { return };
        self.streams.reset_all(Reason::CANCEL.into());
        // Between the two h2 must write, or the resets are lost. What it says is said again below.
        self.wire.borrow_mut().is_forced = true;
        let _ = h2.poll_closed(cx);
        h2.abrupt_shutdown(Reason::NO_ERROR);
        if self.streams.any_held() {
            self.life.conclude(Cause::Deadline, Reason::CANCEL.into());
            self.life.tell(EventKind::Timeout, |event| event.cause = Cause::Deadline);
        }
        self.cancel_held(Cause::Deadline, Reason::CANCEL.into());
    }

    pub(super) fn cancel_all(&mut self, cause: Cause, code: u32) {
        self.streams.ids().into_iter().for_each(|id| self.cancel(id, cause, code));
    }

    /// The same for those whose last frame is not on its way.
    pub(super) fn cancel_held(&mut self, cause: Cause, code: u32) {
        self.streams.held_ids().into_iter().for_each(|id| self.cancel(id, cause, code));
    }

    /// The host ends the session: one GOAWAY and nothing after it. Of streams
    /// above `last_stream` it says that nobody has looked at them.
    pub(super) fn abort(&mut self, code: u32, last_stream: u32, debug: &[u8]) {
        if matches!(self.phase, Phase::Handshake(_) | Phase::Open(_)) {
            self.life.conclude(Cause::Aborted, code);
            self.last_accepted = self.last_accepted.min(last_stream);
            self.end_with_goaway(code, debug);
        }
    }

    /// Ends HTTP/2 with a GOAWAY of our own.
    pub(super) fn end_with_goaway(&mut self, code: u32, debug: &[u8]) {
        self.paused_until = None;
        self.begin_departure(0);
        self.cancel_all(self.life.registration.cause, code);
        let mut wire = self.wire.borrow_mut();
        if wire.keep_whole_frames() {
            let last_stream = wire.lowered(self.last_accepted);
            wire.slip_in(frame::kind::GOAWAY, 0, 0, &frame::goaway(last_stream, code, debug));
        }
    }

    /// h2 has ended the connection.
    pub(super) fn end_http(&mut self, result: Result<(), h2::Error>, cx: &mut Context<'_>) {
        // Last frames may wait in the wire; with them their streams are complete.
        let _ = self.wire.borrow_mut().poll_send(cx);
        self.read_wire();
        // h2 does not wait for what we have promised and not begun to answer.
        let is_left_alone = !self.streams.any_of_peer_held();
        let (cause, code) = match result {
            Err(error) if !error.is_io() && !error.is_remote() => {
                let code = error.reason().map_or(0, u32::from);
                let text = error.to_string();
                self.life.tell(EventKind::FrameError, |event| {
                    event.code = code;
                    event.text = text.into_bytes();
                });
                if matches!(self.phase, Phase::Handshake(_)) {
                    // h2 says no more than its SETTINGS to who does not speak HTTP/2.
                    self.life.conclude(Cause::ProtocolError, code);
                    return self.end_with_goaway(code, b"no HTTP/2 client preface");
                }
                (Cause::ProtocolError, code)
            }
            _ if self.life.drain.is_announced() && is_left_alone => (self.life.graceful, 0),
            Err(error) => {
                let cause = cause_of(&error);
                if cause == Cause::ConnectionLost {
                    self.life.tell(EventKind::Error, |event| event.text = error.to_string().into_bytes());
                }
                (cause, error.reason().map_or(0, u32::from))
            }
            Ok(()) => match self.peer_goaway {
                Some(code) if code != 0 => (Cause::PeerGoaway, code),
                _ => (Cause::PeerClosed, 0),
            },
        };
        self.life.conclude(cause, code);
        self.cancel_held(cause, code);
        let rest = self.wire.borrow().port.under_way();
        self.begin_departure(rest);
    }

    /// The socket failed while writing.
    pub(super) fn lose(&mut self, error: &std::io::Error) {
        // Also last frames that were on their way are lost.
        if self.life.drain.is_announced() && self.streams.is_empty() {
            self.life.conclude(self.life.graceful, 0);
        } else {
            self.life.tell(EventKind::Error, |event| event.text = error.to_string().into_bytes());
            self.life.conclude(Cause::ConnectionLost, 0);
        }
        self.cancel_all(Cause::ConnectionLost, 0);
        self.phase = Phase::Over;
    }

    /// HTTP/2 is over.
    fn begin_departure(&mut self, rest: usize) {
        self.phase = Phase::Departing(Departure::new(&self.life, rest, true));
    }

    pub(super) fn depart(&mut self, cx: &mut Context<'_>) -> bool {
        let Phase::Departing(departure) = &mut self.phase else { return false };
        let step = departure.poll(&mut *self.wire.borrow_mut(), &self.life, cx);
        self.read_wire();
        match step {
            Step::Over => self.phase = Phase::Over,
            Step::Late => self.cut(),
            Step::Moved | Step::Waits => {}
        }
        step != Step::Waits
    }

    /// Drops the socket as it is.
    pub(super) fn cut(&mut self) {
        let is_told = matches!(&self.phase, Phase::Departing(departure) if departure.is_told(&self.wire.borrow().port));
        if !is_told && !matches!(self.phase, Phase::Over) {
            // What is gathered is counted with its streams.
            let unsent = self.wire.borrow().port.unacknowledged();
            self.wire.borrow_mut().port.close_hard();
            self.life.cut(unsent);
            self.cancel_all(self.life.registration.cause, 0);
        }
        self.phase = Phase::Over;
    }

    /// Something in here panicked, perhaps inside h2, whose locks are poisoned
    /// then: what it owns is left alone for ever, and only this session suffers.
    pub(super) fn retire(&mut self) {
        tracing::error!(session = self.life.remote.id, "the session panicked");
        std::mem::forget(std::mem::replace(&mut self.phase, Phase::Over));
        self.life.tally.reset += self.streams.len() as u64 + u64::from(self.current != 0);
        self.discards.abandon();
        let promised = self.abandon_promises();
        self.life.tally.reset += promised.len() as u64;
        for request in self.streams.abandon().into_iter().chain(promised).chain([self.current]) {
            request::cancel(request, Cause::Internal, 0);
        }
        if let Ok(mut wire) = self.wire.try_borrow_mut() {
            drop(wire.port.take_socket());
        }
        self.life.conclude(Cause::Internal, 0);
        self.part();
    }
}

/// Why h2 gave up.
fn cause_of(error: &h2::Error) -> Cause {
    match error.get_io() {
        Some(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => Cause::PeerClosed,
        Some(_) => Cause::ConnectionLost,
        None if error.is_remote() => Cause::PeerGoaway,
        None => Cause::ProtocolError,
    }
}
