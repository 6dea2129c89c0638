//! What comes while the connection lingers: nothing is taken any more, but
//! requests are counted.

use super::frame::{HEAD, Head, kind};
use super::streams::{Streams, is_pushed};

/// Frame heads in bytes that may be cut anywhere.
pub struct Scanner {
    /// The first bytes of a frame head.
    partial: [u8; HEAD],
    length: usize,
    /// Bytes of a payload that are still to come.
    rest: u64,
    /// The peer has shown that it speaks HTTP/2: what does not opens no streams.
    is_http2: bool,
}

impl Scanner {
    /// Begins inside a frame of which so much is still to come.
    pub fn new(rest: u64, is_http2: bool) -> Self {
        Self { partial: [0; HEAD], length: 0, rest, is_http2 }
    }

    /// How many streams are opened by these bytes.
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
