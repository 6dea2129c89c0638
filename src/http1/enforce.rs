//! Limits: what is done when a peer exceeds one.

use super::{Http1, Phase};
use crate::connection::clocks::{Debt, Due, View, Watch};
use crate::event::Cause;
use crate::transport::Transport;

impl<S: Transport> Http1<S> {
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
        let wire = self.wire.borrow();
        View {
            is_settled: true,
            cannot_ask: true,
            drains: self.life.drain.is_ordered(),
            streams: usize::from(self.exchange.is_some()),
            requests: self.requests,
            bytes_in: wire.port.bytes_in,
            bytes_out: wire.port.bytes_out,
            has_unsent: wire.port.has_unsent(),
            is_mid_block: wire.scanner.is_mid_head(),
            frames_in: wire.scanner.heads,
        }
    }

    /// A body that nobody wants had its time.
    fn stop_discarding(&mut self) -> bool {
        let (now, drains) = (self.life.now, self.life.drain.is_ordered());
        let Some(exchange) = &mut self.exchange else { return false };
        let is_over = drains || exchange.discard_until.is_some_and(|until| now >= until);
        is_over && exchange.stop_discarding()
    }

    fn look_at_exchange(&mut self) {
        let worker = self.life.worker.clone();
        let (config, now) = (&worker.shared.setup.config, self.life.now);
        let (has_unsent, bytes_out) = {
            let port = &self.wire.borrow().port;
            (port.has_unsent(), port.bytes_out)
        };
        let Some(exchange) = &mut self.exchange else { return };
        let terms = exchange.terms(&worker.lot.borrow());
        let (received, idle, owes) = terms.unwrap_or((0, config.stream_idle, false));
        let bytes = bytes_out + received;
        let watch = exchange.watch.get_or_insert_with(|| Watch::new(now, bytes));
        let Some(debt) = watch.look(config, idle, now, bytes, owes || has_unsent) else { return };
        let cause = match debt {
            Debt::TooSlow => Cause::TooSlow,
            Debt::Idle => Cause::StreamIdle,
        };
        let ordinal = exchange.ordinal;
        self.life.tell_timeout(cause, ordinal, 0);
        match cause {
            // It is the peer that did not do its part.
            Cause::TooSlow => self.end_with(cause, 408),
            _ => self.end(cause, 0),
        }
    }
}
