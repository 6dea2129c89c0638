//! Counts requests that arrive while the connection lingers. Everything else is ignored.

use super::frame::{HEAD, Head, kind};
use super::streams::{Streams, is_pushed};

/// Finds frame headers in input that may be divided anywhere.
pub struct Scanner {
    /// The first bytes of a frame header.
    partial: [u8; HEAD],
    length: usize,
    /// How many payload bytes are outstanding.
    rest: u64,
    /// Whether the peer has sent the preface. Other bytes open no streams.
    is_http2: bool,
}

impl Scanner {
    /// Begins inside a frame with `rest` outstanding bytes.
    pub fn new(rest: u64, is_http2: bool) -> Self {
        Self { partial: [0; HEAD], length: 0, rest, is_http2 }
    }

    /// How many streams these bytes open.
    pub fn scan(&mut self, mut input: &[u8], streams: &mut Streams) -> u64 {
        if !self.is_http2 {
            return 0;
        }
        let mut opened = 0;
        while !input.is_empty() {
            let skipped = usize::try_from(self.rest).unwrap_or(usize::MAX).min(input.len());
            self.rest -= skipped as u64;
            input = &input[skipped..];
            let taken = (HEAD - self.length).min(input.len());
            self.partial[self.length..self.length + taken].copy_from_slice(&input[..taken]);
            self.length += taken;
            input = &input[taken..];
            if self.length < HEAD {
                break;
            }
            self.length = 0;
            let head = Head::parse(&self.partial);
            self.rest = head.length.into();
            if head.kind == kind::HEADERS && head.stream > streams.highest() && !is_pushed(head.stream) {
                streams.note_opened(head.stream);
                opened += 1;
            }
        }
        opened
    }
}
