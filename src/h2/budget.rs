//! How much a peer may make us do for nothing.
//!
//! Frames that cost us something and bring no request on cost tokens, of which
//! there is a stock and a steady supply. What an honest peer sends because of
//! what it was sent is free: WINDOW_UPDATE and PING frames as far as our DATA
//! explains them, priorities as far as there are requests, and a RST_STREAM for
//! each stream that went well. What we reset or refuse for reasons of our own
//! costs the peer nothing.

use std::time::Instant;

use crate::engine::Flood;

/// WINDOW_UPDATE frames that a DATA frame of ours explains.
const UPDATES_FOR_DATA: i64 = 20;
/// WINDOW_UPDATE frames that are free at first, and with each request.
const FIRST_UPDATES: i64 = 10;
const UPDATES_FOR_REQUEST: i64 = 2;
/// Priority frames that are free at first, and with each request.
const FIRST_PRIORITIES: i64 = 16;
const PRIORITIES_FOR_REQUEST: i64 = 2;
/// What a mistake costs that ends a stream: to answer it is more work than to make it.
const MISTAKE: i64 = 2;
/// Streams for whose change of window a SETTINGS frame costs one token more.
const STREAMS_A_TOKEN: usize = 32;
/// The most frames of a kind that are explained in advance.
const MOST_FREE: i64 = 1 << 20;

pub struct Budget {
    /// May be below zero: a debt that only time repays.
    tokens: i64,
    burst: i64,
    per_second: i64,
    refilled: Instant,
    /// Frames of each kind that are still free.
    updates: i64,
    pings: i64,
    priorities: i64,
    resets: i64,
    /// Streams that may still be refused for nothing, while the peer may not know how many it may open.
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

    /// A request that is served.
    #[inline]
    pub fn request(&mut self) {
        self.updates = (self.updates + UPDATES_FOR_REQUEST).min(MOST_FREE);
        self.priorities = (self.priorities + PRIORITIES_FOR_REQUEST).min(self.burst);
    }

    /// A DATA frame left, for which the peer may open its windows, or measure how fast it comes.
    #[inline]
    pub fn sent_data(&mut self) {
        self.updates = (self.updates + UPDATES_FOR_DATA).min(MOST_FREE);
        self.pings = (self.pings + 1).min(self.burst);
    }

    /// A header section left, which the peer may answer with a PING to measure the round trip.
    #[inline]
    pub fn sent_head(&mut self) {
        self.pings = (self.pings + 1).min(self.burst);
    }

    /// A stream was ended by both sides.
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

    /// The peer has reset a stream, or one that is closed.
    pub fn reset(&mut self) {
        self.tokens -= paid(&mut self.resets);
    }

    /// A stream above the limit was refused.
    pub fn refusal(&mut self, is_known: bool) {
        self.tokens -= if is_known { 1 } else { paid(&mut self.refusals) };
    }

    /// SETTINGS; `changed`: the streams whose windows changed by it.
    pub fn settings(&mut self, changed: usize) {
        self.tokens -= 1 + (changed / STREAMS_A_TOKEN) as i64;
    }

    /// A frame that brings nothing: empty, unknown, not asked for, or a response that says what is wrong.
    pub fn nothing(&mut self) {
        self.tokens -= 1;
    }

    /// The peer has broken the protocol on one stream.
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

/// What a frame costs of which so many are free.
fn paid(free: &mut i64) -> i64 {
    let is_free = *free > 0;
    *free -= i64::from(is_free);
    i64::from(!is_free)
}
