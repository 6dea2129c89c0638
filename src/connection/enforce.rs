//! Limits: what is done when a peer exceeds one.

use super::clocks::{Debt, Due, View, Watch};
use super::{Phase, Task};
use crate::engine::Engine;
use crate::event::Cause;
use crate::transport::Transport;

impl<S: Transport, E: Engine> Task<S, E> {
    /// Looks at the clocks, and acts on what is due.
    pub(super) fn enforce(&mut self) -> bool {
        if !matches!(self.phase, Phase::Open) {
            return false;
        }
        if self.stop_discarding() {
            return true;
        }
        let (now, view, worker) = (self.life.now, self.view(), self.life.worker.clone());
        let config = &worker.shared.setup.config;
        self.life.clocks.see(config, now, view);
        let Some(due) = self.life.clocks.due(config, now) else { return false };
        match due {
            Due::HeaderBlock => {
                self.life.tell_timeout(Cause::HeaderTimeout, 0, 0);
                self.end_with(Cause::HeaderTimeout, 408);
            }
            Due::Idle => self.life.drain_for(Cause::IdleTimeout),
            Due::Age => self.life.drain_for(Cause::MaxAge),
            Due::Requests => self.life.drain_for(Cause::MaxRequests),
            Due::Stuck => {
                self.life.tell_timeout(Cause::TooSlow, 0, 0);
                self.life.conclude(Cause::TooSlow, 0);
                self.cut();
            }
            Due::Streams => self.look_at_exchange(),
            // It is settled from the start, and has no PING.
            Due::Handshake | Due::Ask | Due::Dead => return false,
        }
        true
    }

    fn view(&self) -> View {
        View {
            is_settled: true,
            cannot_ask: true,
            drains: self.life.drain.is_ordered(),
            streams: usize::from(self.exchange.is_some()),
            requests: self.requests,
            bytes_in: self.port.bytes_in,
            bytes_out: self.port.bytes_out,
            has_unsent: self.port.has_unsent(),
            is_mid_block: self.engine.is_mid_block(),
            frames_in: self.engine.blocks(),
        }
    }

    /// Content that nobody wants had its time.
    fn stop_discarding(&mut self) -> bool {
        let (now, drains) = (self.life.now, self.life.drain.is_ordered());
        let Some(exchange) = &self.exchange else { return false };
        let is_late = drains || exchange.discard_until.is_some_and(|until| now >= until);
        let stops = is_late && exchange.discards();
        if stops {
            self.end_by_peer();
        }
        stops
    }

    fn look_at_exchange(&mut self) {
        let worker = self.life.worker.clone();
        let (config, now) = (&worker.shared.setup.config, self.life.now);
        let (has_unsent, bytes_out) = (self.port.has_unsent(), self.port.bytes_out);
        let Some(exchange) = &mut self.exchange else { return };
        let (received, idle, owes) = exchange.terms(&worker).unwrap_or((0, config.stream_idle, false));
        let bytes = bytes_out + received;
        let watch = exchange.watch.get_or_insert_with(|| Watch::new(now, bytes));
        let Some(debt) = watch.look(config, idle, now, bytes, owes || has_unsent) else { return };
        let cause = match debt {
            Debt::TooSlow => Cause::TooSlow,
            Debt::Idle => Cause::StreamIdle,
        };
        self.life.tell_timeout(cause, exchange.stream, 0);
        match cause {
            // It is the peer that did not do its part.
            Cause::TooSlow => self.end_with(cause, 408),
            _ => self.end(cause, 0),
        }
    }
}
