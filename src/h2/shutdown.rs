//! The shutdown of a connection (RFC 9113, section 6.8): GOAWAY frames in steps, and
//! streams that arrive too late.
//!
//! The first GOAWAY has the highest stream identifier, and a PING follows it. The peer
//! opens no more streams, and those that it has opened until then are served. When the
//! peer has acknowledged the PING, or has taken too long, the final GOAWAY has the last
//! stream that is served. The identifiers never rise.

use super::frame::{self, MAX_31};
use super::late::Scanner;
use super::ping::Pings;
use super::streams::Streams;

pub struct Shutdown {
    /// The lowest last stream identifier that was written.
    named: u32,
    is_announced: bool,
    /// The last stream that is served, when that is decided.
    last_served: Option<u32>,
    /// Whether the protocol has ended: nothing more is read or written.
    late: Option<Scanner>,
    /// The last accepted stream, and the one before.
    taken: (u32, u32),
    /// The number of streams that were too late or too many.
    refused: u64,
    /// The last pushed stream that the peer accepts, by its GOAWAY.
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
    /// Asks the peer to open no more streams.
    pub fn announce(&mut self, pings: &mut Pings, out: &mut Vec<u8>) {
        if self.is_announced || self.last_served.is_some() || self.has_ended() {
            return;
        }
        self.is_announced = true;
        self.write_goaway(MAX_31, frame::code::NO_ERROR, &[], out);
        pings.send_shut_down(out);
    }

    /// A request was accepted, and may be served.
    #[inline]
    pub fn take(&mut self, stream: u32) {
        self.taken = (stream, self.taken.0);
    }

    /// The stream was not processed.
    pub fn was_refused(&mut self, stream: u32) {
        if stream == self.taken.0 {
            self.taken.0 = self.taken.1;
        }
    }

    /// A stream was too late or one too many.
    pub fn refuse(&mut self) {
        self.refused += 1;
    }

    /// How many streams were refused.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The peer accepts no pushed stream above this one.
    pub fn limit_pushes(&mut self, last_stream: u32) {
        self.last_push = Some(last_stream.min(self.last_push.unwrap_or(MAX_31)));
    }

    /// The last pushed stream that it accepts, if it has sent a GOAWAY.
    #[inline]
    pub fn last_push(&self) -> Option<u32> {
        self.last_push
    }

    /// The last stream that may be served.
    pub fn last_taken(&self) -> u32 {
        self.taken.0
    }

    /// No stream above the last accepted one is served.
    pub fn last_call(&mut self, out: &mut Vec<u8>) {
        if self.last_served.is_some() || self.has_ended() {
            return;
        }
        self.last_served = Some(self.last_taken());
        self.write_goaway(self.last_taken(), frame::code::NO_ERROR, &[], out);
    }

    /// Writes the final GOAWAY, unless the peer has received an equal one.
    pub fn write_last(&mut self, last: u32, code: u32, debug: &[u8], out: &mut Vec<u8>) {
        let is_told = self.last_served.is_some_and(|served| served <= last && served == self.named);
        if !is_told || code != frame::code::NO_ERROR || !debug.is_empty() {
            self.write_goaway(last, code, debug, out);
        }
    }

    /// Ends the protocol: nothing more is read or written.
    pub fn end(&mut self, late: Scanner) {
        self.late = Some(late);
    }

    /// Writes a GOAWAY with this stream, or with the one of the GOAWAY before, if that is
    /// lower.
    pub fn write_goaway(&mut self, last: u32, code: u32, debug: &[u8], out: &mut Vec<u8>) {
        self.named = self.named.min(last);
        frame::write_goaway(out, self.named, code, debug);
    }

    /// Whether a stream with this identifier is too late.
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

    /// Counts the streams in input that arrives after the end.
    pub fn discard(&mut self, input: &[u8], streams: &mut Streams) {
        if let Some(scanner) = &mut self.late {
            self.refused += scanner.scan(input, streams);
        }
    }
}
