//! The budgets for frames that a peer may send without a benefit for anybody.
//!
//! Frames that cost us work and advance no request cost tokens of a token bucket. Frames
//! that an honest peer sends in response to ours are free: WINDOW_UPDATE and PING frames
//! as far as our DATA frames explain them, priorities as far as there are requests, and
//! one RST_STREAM for each successful stream. Resets and refusals by the server for its
//! own reasons cost the peer nothing.

use std::time::Instant;

use crate::engine::Flood;

/// How many WINDOW_UPDATE frames one DATA frame of ours explains.
const UPDATES_FOR_DATA: i64 = 20;
/// How many WINDOW_UPDATE frames are free at first, and with each request.
const FIRST_UPDATES: i64 = 10;
const UPDATES_FOR_REQUEST: i64 = 2;
/// How many priority frames are free at first, and with each request.
const FIRST_PRIORITIES: i64 = 16;
const PRIORITIES_FOR_REQUEST: i64 = 2;
/// The cost of a stream error of the peer. To respond to it is more work than to cause
/// it.
const MISTAKE: i64 = 2;
/// A SETTINGS frame costs one token more for this many streams whose windows it changes.
const STREAMS_A_TOKEN: usize = 32;
/// The most free frames of a kind.
const MOST_FREE: i64 = 1 << 20;

pub struct Budget {
    /// Negative values are a debt, which only time reduces.
    tokens: i64,
    burst: i64,
    per_second: i64,
    refilled: Instant,
    /// How many frames of each kind are still free.
    updates: i64,
    pings: i64,
    priorities: i64,
    resets: i64,
    /// How many streams may still be refused without cost, while the peer may not know
    /// the limit on streams.
    refusals: i64,
}

impl Budget {
    pub fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        let (burst, per_second) = (i64::from(burst), i64::from(per_second));
        Self {
            tokens: burst,
            burst,
            per_second,
            refilled: now,
            updates: FIRST_UPDATES,
            pings: 0,
            priorities: FIRST_PRIORITIES,
            resets: 0,
            refusals: burst,
        }
    }

    /// A request is served.
    #[inline]
    pub fn request(&mut self) {
        self.updates = (self.updates + UPDATES_FOR_REQUEST).min(MOST_FREE);
        self.priorities = (self.priorities + PRIORITIES_FOR_REQUEST).min(self.burst);
    }

    /// A DATA frame was sent. The peer may open its windows in response, or send a PING
    /// to measure the bandwidth.
    #[inline]
    pub fn sent_data(&mut self) {
        self.updates = (self.updates + UPDATES_FOR_DATA).min(MOST_FREE);
        self.pings = (self.pings + 1).min(self.burst);
    }

    /// A header section was sent. The peer may send a PING to measure the round-trip
    /// time.
    #[inline]
    pub fn sent_head(&mut self) {
        self.pings = (self.pings + 1).min(self.burst);
    }

    /// Both sides have ended a stream.
    #[inline]
    pub fn completed(&mut self) {
        self.resets = (self.resets + 1).min(self.burst);
    }

    pub fn window_update(&mut self) {
        self.tokens -= paid(&mut self.updates);
    }

    pub fn ping(&mut self) {
        self.tokens -= paid(&mut self.pings);
    }

    pub fn priority(&mut self) {
        self.tokens -= paid(&mut self.priorities);
    }

    /// The peer has reset a stream, which may be closed.
    pub fn reset(&mut self) {
        self.tokens -= paid(&mut self.resets);
    }

    /// A stream above the limit was refused.
    pub fn refusal(&mut self, is_known: bool) {
        self.tokens -= if is_known { 1 } else { paid(&mut self.refusals) };
    }

    /// A SETTINGS frame that changed the windows of `changed` streams.
    pub fn settings(&mut self, changed: usize) {
        self.tokens -= 1 + (changed / STREAMS_A_TOKEN) as i64;
    }

    /// A frame without effect: empty, unknown or unsolicited; or a request that the
    /// server responds to with an error.
    pub fn nothing(&mut self) {
        self.tokens -= 1;
    }

    /// A stream error of the peer.
    pub fn mistake(&mut self) {
        self.tokens -= MISTAKE;
    }

    pub fn refill(&mut self, now: Instant) {
        let millis = now.saturating_duration_since(self.refilled).as_millis() as i64;
        let more = millis.saturating_mul(self.per_second) / 1000;
        if more > 0 {
            self.tokens = self.tokens.saturating_add(more).min(self.burst);
            self.refilled = now;
        }
    }

    pub fn flood(&self) -> Flood {
        if self.tokens >= 0 {
            Flood::No
        } else if self.tokens >= -self.per_second {
            Flood::Pause
        } else {
            Flood::End
        }
    }
}

/// The cost of a frame, if `free` of its kind are free.
fn paid(free: &mut i64) -> i64 {
    let is_free = *free > 0;
    *free -= i64::from(is_free);
    i64::from(!is_free)
}
