//! Limits: what is done when a peer exceeds one.

use std::task::{Context, Waker};
use std::time::Instant;

use h2::Reason;

use super::budget::PAUSE;
use super::streams::Terms;
use super::{Phase, Session};
use crate::connection::clocks::{Debt, Due, View};
use crate::event::Cause;
use crate::transport::Transport;

impl<S: Transport> Session<S> {
    /// Looks at the clocks and the budget, and acts on what is due.
    pub(super) fn enforce(&mut self) -> bool {
        if !matches!(self.phase, Phase::Handshake(_) | Phase::Open(_)) {
            return false;
        }
        let (now, view, worker) = (self.life.now, self.view(), self.life.worker.clone());
        let config = &worker.shared.setup.config;
        self.life.clocks.see(config, now, view);
        if self.calm(now) {
            return true;
        }
        let Some(due) = self.life.clocks.due(config, now) else { return false };
        let code = |reason: Reason| u32::from(reason);
        match due {
            Due::Handshake if matches!(self.phase, Phase::Handshake(_)) => {
                self.end(Cause::HandshakeTimeout, code(Reason::NO_ERROR), b"no preface in time");
            }
            Due::Handshake => self.end(Cause::HandshakeTimeout, code(Reason::SETTINGS_TIMEOUT), b"no SETTINGS in time"),
            Due::HeaderBlock => {
                self.end(Cause::HeaderTimeout, code(Reason::ENHANCE_YOUR_CALM), b"a frame is not whole")
            }
            Due::Idle => self.life.drain_for(Cause::IdleTimeout),
            Due::Age => self.life.drain_for(Cause::MaxAge),
            Due::Requests => self.life.drain_for(Cause::MaxRequests),
            Due::Ask => self.ask(),
            Due::Dead => self.cut_for(Cause::KeepaliveTimeout),
            Due::Stuck => self.cut_for(Cause::TooSlow),
            Due::Streams => self.look_at_streams(now),
        }
        true
    }

    fn view(&self) -> View {
        let wire = self.wire.borrow();
        View {
            is_settled: wire.marks.is_settled(),
            cannot_ask: false,
            drains: self.life.drain.is_ordered(),
            streams: self.streams.len(),
            requests: self.requests,
            bytes_in: wire.port.bytes_in,
            bytes_out: wire.port.bytes_out,
            has_unsent: wire.port.has_unsent(),
            is_mid_block: wire.is_mid_block(),
            frames_in: wire.marks.frames_in,
        }
    }

    /// A peer that sends too many control frames is first not read, which is
    /// all that a clumsy one needs, and then told to calm down.
    fn calm(&mut self, now: Instant) -> bool {
        let (is_overdrawn, is_hopeless) = {
            let budget = &self.wire.borrow().budget;
            (budget.is_overdrawn(), budget.is_hopeless())
        };
        if !is_overdrawn {
            self.paused_until = None;
            return false;
        }
        let Some(until) = self.paused_until else {
            tracing::debug!(session = self.life.remote.id, "too many control frames: reading pauses");
            self.paused_until = Some(now + PAUSE);
            return false;
        };
        if now < until {
            return false;
        }
        if !is_hopeless {
            self.paused_until = Some(now + PAUSE);
            return false;
        }
        self.end(Cause::Flood, Reason::ENHANCE_YOUR_CALM.into(), b"too many control frames");
        true
    }

    /// Ends the session for a limit, telling the peer and the host why.
    fn end(&mut self, cause: Cause, code: u32, debug: &[u8]) {
        self.life.tell_timeout(cause, 0, code);
        self.life.conclude(cause, code);
        self.end_with_goaway(code, debug);
    }

    fn cut_for(&mut self, cause: Cause) {
        self.life.tell_timeout(cause, 0, 0);
        self.life.conclude(cause, 0);
        self.cut();
    }

    /// Asks with a PING whether the peer is there; any byte is an answer.
    fn ask(&mut self) {
        if let Some(ping) = &mut self.ping {
            // h2 sends the next one when the last answer has been taken.
            let _ = ping.poll_pong(&mut Context::from_waker(Waker::noop()));
            let _ = ping.send_ping(h2::Ping::opaque());
        }
    }

    fn look_at_streams(&mut self, now: Instant) {
        let worker = self.life.worker.clone();
        let config = &worker.shared.setup.config;
        let terms = |stream: &super::stream::Stream| match worker.find(stream.request) {
            Ok(request) => {
                let body = request.body.as_ref();
                Terms {
                    received: body.map_or(0, |body| body.received()),
                    idle: request.idle,
                    owes: request.answer.queued() > 0 || body.is_some_and(|body| body.is_awaited()),
                }
            }
            Err(_) => Terms { received: 0, idle: config.stream_idle, owes: false },
        };
        let left = self.wire.borrow().marks.data_out;
        let debts = self.streams.look(config, now, left, terms);
        for (id, debt) in debts {
            let cause = match debt {
                Debt::TooSlow => Cause::TooSlow,
                Debt::Idle => Cause::StreamIdle,
            };
            self.life.tell_timeout(cause, id, Reason::CANCEL.into());
            self.streams.reset(id, Reason::CANCEL.into());
            self.cancel(id, cause, Reason::CANCEL.into());
        }
    }
}
