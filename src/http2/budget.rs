//! How many control frames a peer may send.
//!
//! h2 answers or obeys each of them and counts few. Here they cost tokens, of
//! which there is a stock and a steady supply. WINDOW_UPDATE costs one only
//! beyond what the DATA we sent can explain.

use std::time::{Duration, Instant};

use super::frame::{Frame, kind};

pub struct Budget {
    /// May be below zero: a debt that only time repays.
    tokens: i64,
    burst: i64,
    per_second: i64,
    refilled: Instant,
    /// WINDOW_UPDATE frames that are still free.
    updates: i64,
}

impl Budget {
    pub fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        let (burst, per_second) = (i64::from(burst), i64::from(per_second));
        Self { tokens: burst, burst, per_second, refilled: now, updates: 10 }
    }

    /// A frame came from the peer.
    pub fn received(&mut self, frame: Frame) {
        match frame.kind {
            kind::HEADERS => self.updates += 2,
            kind::DATA | kind::PUSH_PROMISE | kind::CONTINUATION => {}
            kind::WINDOW_UPDATE if self.updates > 0 => self.updates -= 1,
            _ => self.tokens -= 1,
        }
    }

    /// A DATA frame left, for which the peer may open its windows.
    pub fn sent_data(&mut self) {
        self.updates += 20;
    }

    pub fn refill(&mut self, now: Instant) {
        let millis = now.saturating_duration_since(self.refilled).as_millis() as i64;
        let more = millis * self.per_second / 1000;
        if more > 0 {
            self.tokens = (self.tokens + more).min(self.burst);
            self.refilled = now;
        }
    }

    /// Whether the peer has sent more than it may.
    pub fn is_overdrawn(&self) -> bool {
        self.tokens < 0
    }

    /// Whether so much more that waiting does not help.
    pub fn is_hopeless(&self) -> bool {
        self.tokens < -self.per_second
    }
}

/// How long reading rests when the budget is overdrawn. WINDOW_UPDATE and
/// RST_STREAM wait as well meanwhile, so that it must be short.
pub const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8) -> Frame {
        Frame { length: 0, kind, flags: 0, stream: 0 }
    }

    #[test]
    fn a_burst_is_free_and_a_flood_is_not() {
        let start = Instant::now();
        let mut budget = Budget::new(500, 50, start);
        (0..500).for_each(|_| budget.received(frame(kind::PING)));
        assert!(!budget.is_overdrawn());
        budget.received(frame(kind::PING));
        assert!(budget.is_overdrawn() && !budget.is_hopeless());
        budget.refill(start + PAUSE);
        assert!(!budget.is_overdrawn(), "a pause repays a small debt");
        (0..100).for_each(|_| budget.received(frame(0xfe)));
        assert!(budget.is_hopeless());
    }

    #[test]
    fn a_steady_trickle_is_never_refused() {
        let start = Instant::now();
        let mut budget = Budget::new(500, 50, start);
        for millis in (0..600_000).step_by(20) {
            budget.refill(start + Duration::from_millis(millis));
            budget.received(frame(kind::PING));
            assert!(!budget.is_overdrawn(), "after {millis} ms");
        }
    }

    #[test]
    fn window_updates_go_with_data() {
        let mut budget = Budget::new(10, 1, Instant::now());
        for _ in 0..10_000 {
            budget.sent_data();
            (0..20).for_each(|_| budget.received(frame(kind::WINDOW_UPDATE)));
        }
        assert!(!budget.is_overdrawn(), "a download with small windows");
        (0..30).for_each(|_| budget.received(frame(kind::WINDOW_UPDATE)));
        assert!(budget.is_overdrawn());
    }

    #[test]
    fn requests_and_bodies_are_free() {
        let mut budget = Budget::new(10, 1, Instant::now());
        (0..10_000).for_each(|_| {
            [kind::HEADERS, kind::DATA, kind::CONTINUATION].into_iter().for_each(|kind| budget.received(frame(kind)))
        });
        assert!(!budget.is_overdrawn());
    }
}
