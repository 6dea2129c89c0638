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
    /// Streams that were opened too late or were too many.
    pub refused: u64,
    /// The last pushed stream that the peer still takes, by a GOAWAY of its own.
    pub last_push: Option<u32>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { named: MAX_31, is_announced: false, last_served: None, late: None, refused: 0, last_push: None }
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

    /// No stream is served above the highest that has been opened.
    pub fn last_call(&mut self, highest: u32, out: &mut Vec<u8>) {
        if self.last_served.is_some() || self.has_ended() {
            return;
        }
        self.last_served = Some(highest);
        self.write_goaway(highest, frame::code::NO_ERROR, &[], out);
    }

    /// The last frame. So much of the peer's current frame is still to come.
    pub fn end(&mut self, last: u32, code: u32, debug: &[u8], late: Scanner, out: &mut Vec<u8>) {
        if !self.has_ended() {
            self.write_goaway(last, code, debug, out);
            self.late = Some(late);
        }
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
