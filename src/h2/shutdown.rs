//! The shutdown of a connection (RFC 9113, section 6.8): GOAWAY in steps, and the
//! streams that come too late.
//!
//! First a GOAWAY names the highest stream id there is, with a PING behind it:
//! the peer opens no more streams, and what it has opened until then is served.
//! Once it has answered the PING, or has taken too long, another GOAWAY names the
//! last stream that is served. The ids that are named never rise.

use super::frame::{self, MAX_31};
use super::late::Scanner;
use super::ping::Pings;
use super::streams::Streams;

pub struct Shutdown {
    /// The lowest last stream id that was written.
    named: u32,
    is_announced: bool,
    /// The last stream that is served, once that is settled.
    last_served: Option<u32>,
    /// Nothing is taken and nothing is written any more.
    late: Option<Scanner>,
    /// The last stream that was taken, and the one before.
    taken: (u32, u32),
    /// Streams that were opened too late or were too many.
    refused: u64,
    /// The last pushed stream that the peer still takes, by a GOAWAY of its own.
    last_push: Option<u32>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            named: MAX_31,
            is_announced: false,
            last_served: None,
            late: None,
            taken: (0, 0),
            refused: 0,
            last_push: None,
        }
    }
}

impl Shutdown {
    /// The peer should open no more streams.
    pub fn announce(&mut self, pings: &mut Pings, out: &mut Vec<u8>) {
        if self.is_announced || self.last_served.is_some() || self.has_ended() {
            return;
        }
        self.is_announced = true;
        self.write_goaway(MAX_31, frame::code::NO_ERROR, &[], out);
        pings.send_shut_down(out);
    }

    /// A request has been taken, which may be served.
    #[inline]
    pub fn take(&mut self, stream: u32) {
        self.taken = (stream, self.taken.0);
    }

    /// Nothing was done for that stream.
    pub fn was_refused(&mut self, stream: u32) {
        if stream == self.taken.0 {
            self.taken.0 = self.taken.1;
        }
    }

    /// A stream comes too late or is one too many.
    pub fn refuse(&mut self) {
        self.refused += 1;
    }

    /// How many streams were.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The peer takes no pushed stream above that one any more.
    pub fn limit_pushes(&mut self, last_stream: u32) {
        self.last_push = Some(last_stream.min(self.last_push.unwrap_or(MAX_31)));
    }

    /// The last pushed stream that it takes, if it has said so.
    #[inline]
    pub fn last_push(&self) -> Option<u32> {
        self.last_push
    }

    /// The last stream that may be served.
    pub fn last_taken(&self) -> u32 {
        self.taken.0
    }

    /// No stream is served above the last one that has been taken.
    pub fn last_call(&mut self, out: &mut Vec<u8>) {
        if self.last_served.is_some() || self.has_ended() {
            return;
        }
        self.last_served = Some(self.last_taken());
        self.write_goaway(self.last_taken(), frame::code::NO_ERROR, &[], out);
    }

    /// Writes the last frame, unless it would say what the peer has been told.
    pub fn write_last(&mut self, last: u32, code: u32, debug: &[u8], out: &mut Vec<u8>) {
        let is_told = self.last_served.is_some_and(|served| served <= last && served == self.named);
        if !is_told || code != frame::code::NO_ERROR || !debug.is_empty() {
            self.write_goaway(last, code, debug, out);
        }
    }

    /// Nothing is taken and nothing is written any more.
    pub fn end(&mut self, late: Scanner) {
        self.late = Some(late);
    }

    /// Writes a GOAWAY that names that stream, or the one that was named before, if it is lower.
    pub fn write_goaway(&mut self, last: u32, code: u32, debug: &[u8], out: &mut Vec<u8>) {
        self.named = self.named.min(last);
        frame::write_goaway(out, self.named, code, debug);
    }

    /// Whether a stream of that id comes too late.
    #[inline]
    pub fn is_late(&self, stream: u32) -> bool {
        self.last_served.is_some_and(|last| stream > last)
    }

    pub fn has_last_call(&self) -> bool {
        self.last_served.is_some()
    }

    #[inline]
    pub fn has_ended(&self) -> bool {
        self.late.is_some()
    }

    /// Counts the streams in what comes after the end.
    pub fn discard(&mut self, input: &[u8], streams: &mut Streams) {
        if let Some(scanner) = &mut self.late {
            self.refused += scanner.scan(input, streams);
        }
    }
}
