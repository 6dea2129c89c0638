//! Enforces the limits on a peer.

use std::time::{Duration, Instant};

use super::clocks::{Due, StreamTimer, View, Violation};
use super::{Phase, Task};
use crate::code;
use crate::engine::{Control, Engine, Fault, Flood};
use crate::event::Cause;
use crate::transport::Transport;

/// How long reading pauses when the peer sends too much that costs it nothing.
/// WINDOW_UPDATE and RST_STREAM frames are delayed as well, so the pause is short.
const PAUSE: Duration = Duration::from_millis(100);

impl<S: Transport, E: Engine> Task<S, E> {
    /// Examines the clocks and the budgets, and acts on what is due.
    pub(super) fn enforce(&mut self) -> bool {
        if !matches!(self.phase, Phase::Open) {
            return false;
        }
        if self.stop_discarding() {
            return true;
        }
        let (now, view, worker) = (self.lifecycle.now, self.view(), self.lifecycle.worker.clone());
        let config = &worker.shared.setup.config;
        self.lifecycle.clocks.see(config, now, view);
        if self.calm(now) {
            return true;
        }
        let Some(due) = self.lifecycle.clocks.due(config, now) else { return false };
        match due {
            Due::Handshake if !self.engine.has_begun() => {
                self.end_for(Cause::HandshakeTimeout, code::NO_ERROR, "no connection preface in time");
            }
            Due::Handshake => self.end_for(Cause::HandshakeTimeout, code::SETTINGS_TIMEOUT, "no SETTINGS in time"),
            Due::HeaderBlock => {
                self.end_for(Cause::HeaderTimeout, code::ENHANCE_YOUR_CALM, "a frame was not completed in time")
            }
            Due::Idle => self.lifecycle.drain_for(Cause::IdleTimeout),
            Due::Age => self.lifecycle.drain_for(Cause::MaxAge),
            Due::Requests => self.lifecycle.drain_for(Cause::MaxRequests),
            Due::Ask => drop(self.engine.send_control(Control::KeepAlive, self.socket.gather())),
            Due::Dead => self.cut_for(Cause::KeepaliveTimeout),
            Due::Stuck => self.cut_for(Cause::TooSlow),
            Due::Streams => self.look_at_streams(now),
        }
        true
    }

    fn view(&self) -> View {
        View {
            is_settled: self.engine.is_settled(),
            cannot_ask: !E::IS_MULTIPLEXED,
            drains: self.lifecycle.drain.is_ordered(),
            streams: self.open_streams(),
            requests: self.requests,
            bytes_in: self.socket.bytes_in,
            bytes_out: self.socket.bytes_out,
            has_unsent: self.socket.has_unsent(),
            is_mid_block: self.engine.is_mid_block(),
            frames_in: self.engine.blocks(),
        }
    }

    /// How far the peer has used up its budgets.
    pub(super) fn flood(&self) -> Flood {
        let unserved = self.unserved.flood(self.lifecycle.config().max_concurrent_streams);
        match E::IS_MULTIPLEXED {
            true => unserved.max(self.engine.flood()),
            // Requests come one after the other here, so a pause is enough.
            false => unserved.min(Flood::Pause),
        }
    }

    /// Acts on a peer that has used up a budget. First reading pauses, which is enough
    /// for a peer that waits for responses. After that the session is ended with
    /// ENHANCE_YOUR_CALM.
    fn calm(&mut self, now: Instant) -> bool {
        let flood = self.flood();
        if flood == Flood::No {
            return self.paused_until.take().is_some();
        }
        let Some(until) = self.paused_until else {
            tracing::debug!(session = self.lifecycle.session.id, "{}: reading pauses", self.why_calm());
            self.paused_until = Some(now + PAUSE);
            return false;
        };
        if now < until {
            return false;
        }
        if flood == Flood::Pause {
            self.paused_until = Some(now + PAUSE);
            return false;
        }
        self.end_for(Cause::Flood, code::ENHANCE_YOUR_CALM, self.why_calm());
        true
    }

    fn why_calm(&self) -> &'static str {
        match self.engine.flood() {
            Flood::No => "too many requests without a handler",
            _ => "too many control frames",
        }
    }

    /// Ends the session because of a limit. The peer and the host get the reason.
    pub(super) fn end_for(&mut self, cause: Cause, code: u32, why: &'static str) {
        if E::IS_MULTIPLEXED {
            self.lifecycle.tell_timeout(cause, 0, code);
            self.lifecycle.set_cause(cause, code);
            self.end_at_once(code, None, why.as_bytes());
        } else {
            self.lifecycle.tell_timeout(cause, 0, 0);
            self.end_with(cause, Fault { code: 408, why });
        }
    }

    /// The registry has chosen this idle session to make room for a new connection. The
    /// session ends unless it is active again.
    pub(super) fn make_room(&mut self) {
        let is_idle = self.open_streams() == 0 && !self.socket.has_unsent();
        if !matches!(self.phase, Phase::Open) || self.lifecycle.drain.is_ordered() {
            // The session is ending already.
        } else if !is_idle {
            self.lifecycle.worker.shared.registry.stay(self.lifecycle.session.id);
        } else if self.engine.has_begun() {
            self.lifecycle.drain_for(Cause::Evicted);
        } else {
            self.end_for(Cause::Silent, code::NO_ERROR, "evicted for a new connection");
        }
    }

    /// Ends the wait for content that the host does not read.
    fn stop_discarding(&mut self) -> bool {
        let (now, drains) = (self.lifecycle.now, self.lifecycle.drain.is_ordered());
        let late = self.exchanges.iter().filter(|exchange| {
            exchange.discards() && (drains || exchange.discard_until.is_some_and(|until| now >= until))
        });
        let late: Vec<_> = late.map(|exchange| exchange.stream).collect();
        if !late.is_empty() && !E::IS_MULTIPLEXED {
            self.end_by_peer();
        }
        for stream in late.iter().filter(|_| E::IS_MULTIPLEXED) {
            if let Some(mut exchange) = self.exchanges.take(*stream) {
                exchange.stop_content(&mut self.engine, &mut self.socket);
                self.finish(&exchange);
            }
        }
        !late.is_empty()
    }

    fn look_at_streams(&mut self, now: Instant) {
        let worker = self.lifecycle.worker.clone();
        let config = &worker.shared.setup.config;
        let (has_unsent, bytes_out) = (self.socket.has_unsent(), self.socket.bytes_out);
        let mut debts = Vec::new();
        for exchange in self.exchanges.iter_mut() {
            let (received, idle, owes) = exchange.terms(&worker).unwrap_or((0, config.stream_idle, false));
            let (bytes, owes) = match E::IS_MULTIPLEXED {
                true => (exchange.given - exchange.inside + received, owes || exchange.inside > 0),
                false => (bytes_out + received, owes || has_unsent),
            };
            let watch = exchange.watch.get_or_insert_with(|| Box::new(StreamTimer::new(now, bytes)));
            debts.extend(watch.look(config, idle, now, bytes, owes).map(|violation| (exchange.stream, violation)));
        }
        for (stream, violation) in debts {
            self.collect(stream, violation);
        }
        self.look_at_leaving(now);
    }

    /// Ends a stream that has made no progress for too long.
    fn collect(&mut self, stream: u32, violation: Violation) {
        let cause = match violation {
            Violation::TooSlow => Cause::TooSlow,
            Violation::Idle => Cause::StreamIdle,
        };
        if E::IS_MULTIPLEXED {
            self.lifecycle.tell_timeout(cause, stream, code::CANCEL);
            self.engine.reset(stream, code::CANCEL, self.socket.gather());
            return self.cancel(stream, cause, code::CANCEL);
        }
        self.lifecycle.tell_timeout(cause, stream, 0);
        match cause {
            // The peer has not done its part.
            Cause::TooSlow => self.end_with(cause, Fault { code: 408, why: cause.name() }),
            _ => self.end(cause, 0),
        }
    }

    /// Responses that are complete but not sent must make progress, too.
    fn look_at_leaving(&mut self, now: Instant) {
        if self.unsent.ends() == 0 || !self.socket.has_unsent() {
            self.watch = None;
            return;
        }
        let (bytes, config) = (self.socket.bytes_out, &self.lifecycle.worker.shared.setup.config);
        let watch = self.watch.get_or_insert_with(|| StreamTimer::new(now, bytes));
        if watch.look(config, config.stream_idle, now, bytes, true).is_some() {
            self.cut_for(Cause::TooSlow);
        }
    }
}
