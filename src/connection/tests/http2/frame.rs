//! A reader and writer of frames for tests (RFC 9113, section 4.1), independent of the
//! engine's.

use crate::testing::wire;

/// Frame types (section 6).
pub mod kind {
    pub use crate::testing::wire::{
        CONTINUATION, DATA, GOAWAY, HEADERS, PING, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    };
}

pub use crate::testing::wire::{ACK, END_HEADERS, END_STREAM};
/// The client connection preface (section 3.4).
pub const PREFACE: usize = 24;

const HEAD: usize = 9;

/// A frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub length: u32,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl Frame {
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Removes the first frame from `bytes` if it is complete. Returns it with its payload.
pub fn take(bytes: &mut Vec<u8>) -> Option<(Frame, Vec<u8>)> {
    let head = bytes.get(..HEAD)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let frame = Frame { length, kind: head[3], flags: head[4], stream: number(head, 5) & 0x7fff_ffff };
    let end = HEAD + length as usize;
    let payload = bytes.get(HEAD..end)?.to_vec();
    bytes.drain(..end);
    Some((frame, payload))
}

/// Appends a frame.
pub fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend(wire::frame(kind, flags, stream, payload));
}

/// The 32 bits at `at`.
pub fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].try_into().map(u32::from_be_bytes).expect("four bytes")
}

/// The payload of a GOAWAY (section 6.8).
pub fn goaway(last_stream: u32, code: u32, debug: &[u8]) -> Vec<u8> {
    [&last_stream.to_be_bytes(), &code.to_be_bytes(), debug].concat()
}
