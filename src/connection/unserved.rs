//! The budget for requests that reach no handler.
//!
//! The library responds to them itself: no pattern matches (404), not with this method
//! (405, 501), or the session has too many handlers at work. The host does not see them,
//! so it cannot act on a peer that sends nothing else. Each request that reaches a
//! handler pays for one that does not.

use std::time::Instant;

use crate::config::Config;
use crate::engine::Flood;

/// How many such requests cost as much as one control frame.
const FOR_A_FRAME: i64 = 10;

/// A token bucket.
pub struct Unserved {
    /// Negative values are a debt, which only time and other requests reduce.
    left: i64,
    most: i64,
    per_second: i64,
    refilled: Instant,
}

impl Unserved {
    pub fn new(config: &Config, now: Instant) -> Self {
        let most = FOR_A_FRAME * i64::from(config.control_burst);
        Self { left: most, most, per_second: FOR_A_FRAME * i64::from(config.control_per_second), refilled: now }
    }

    /// A request has reached a handler.
    pub fn served(&mut self) {
        self.left = (self.left + 1).min(self.most);
    }

    /// A request has reached no handler.
    pub fn count(&mut self) {
        self.left -= 1;
    }

    pub fn refill(&mut self, now: Instant) {
        let millis = now.saturating_duration_since(self.refilled).as_millis() as i64;
        let more = millis.saturating_mul(self.per_second) / 1000;
        if more > 0 {
            self.left = self.left.saturating_add(more).min(self.most);
            self.refilled = now;
        }
    }

    /// A peer that waits for its responses never owes more than `at_once`: it is slowed
    /// down, and its session is not ended.
    pub fn flood(&self, at_once: u32) -> Flood {
        match -self.left {
            ..=0 => Flood::No,
            owed if owed <= i64::from(at_once) => Flood::Pause,
            _ => Flood::End,
        }
    }
}
