//! The layout of frames (RFC 9113, section 4.1).

pub(crate) use crate::code;
use crate::padding::Padding;

/// Frame types (RFC 9113, section 6; RFC 9218, section 7.1).
pub mod kind {
    pub(crate) const DATA: u8 = 0x0;
    pub(crate) const HEADERS: u8 = 0x1;
    pub(crate) const PRIORITY: u8 = 0x2;
    pub(crate) const RST_STREAM: u8 = 0x3;
    pub(crate) const SETTINGS: u8 = 0x4;
    pub(crate) const PUSH_PROMISE: u8 = 0x5;
    pub(crate) const PING: u8 = 0x6;
    pub(crate) const GOAWAY: u8 = 0x7;
    pub(crate) const WINDOW_UPDATE: u8 = 0x8;
    pub(crate) const CONTINUATION: u8 = 0x9;
    pub(crate) const PRIORITY_UPDATE: u8 = 0x10;
}

/// Flags of frames (RFC 9113, section 6).
pub mod flag {
    pub(crate) const ACK: u8 = 0x1;
    pub(crate) const END_STREAM: u8 = 0x1;
    pub(crate) const END_HEADERS: u8 = 0x4;
    pub(crate) const PADDED: u8 = 0x8;
    pub(crate) const PRIORITY: u8 = 0x20;
}

/// The client connection preface (RFC 9113, section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The length of a frame header.
pub(crate) const HEAD: usize = 9;

/// The longest payload that every peer accepts (RFC 9113, section 4.2).
pub(crate) const DEFAULT_SIZE: u32 = 16_384;

/// The highest stream identifier, and the size of the largest window.
pub(crate) const MAX_31: u32 = (1 << 31) - 1;

/// A frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub length: u32,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl Head {
    #[inline]
    pub fn parse(bytes: &[u8; HEAD]) -> Self {
        let [l0, l1, l2, kind, flags, id @ ..] = *bytes;
        let length = u32::from_be_bytes([0, l0, l1, l2]);
        Self { length, kind, flags, stream: u32::from_be_bytes(id) & MAX_31 }
    }

    #[inline]
    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    #[inline]
    pub fn to_bytes(self) -> [u8; HEAD] {
        let ([_, l0, l1, l2], [s0, s1, s2, s3]) = (self.length.to_be_bytes(), self.stream.to_be_bytes());
        [l0, l1, l2, self.kind, self.flags, s0, s1, s2, s3]
    }
}

/// The 32-bit number at the start of a payload, which is long enough.
#[inline]
pub fn number(payload: &[u8]) -> u32 {
    payload.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// Writes a frame header.
#[inline]
pub fn write_head(out: &mut Vec<u8>, length: usize, kind: u8, flags: u8, stream: u32) {
    out.extend_from_slice(&Head { length: length as u32, kind, flags, stream }.to_bytes());
}

/// Writes a frame.
pub fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    write_head(out, payload.len(), kind, flags, stream);
    out.extend_from_slice(payload);
}

pub fn write_reset(out: &mut Vec<u8>, stream: u32, code: u32) {
    write(out, kind::RST_STREAM, 0, stream, &code.to_be_bytes());
}

pub fn write_window_update(out: &mut Vec<u8>, stream: u32, increment: u32) {
    write(out, kind::WINDOW_UPDATE, 0, stream, &increment.to_be_bytes());
}

pub fn write_goaway(out: &mut Vec<u8>, last_stream: u32, code: u32, debug: &[u8]) {
    let debug = &debug[..debug.len().min(DEFAULT_SIZE as usize - 8)];
    write_head(out, 8 + debug.len(), kind::GOAWAY, 0, 0);
    out.extend_from_slice(&last_stream.to_be_bytes());
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(debug);
}

/// Completes a header block that was written after space for one frame header at `at`.
/// The result is a HEADERS or PUSH_PROMISE frame, padded if possible, and CONTINUATION
/// frames if the block is longer than `most`.
#[inline]
pub fn end_block(
    out: &mut Vec<u8>,
    at: usize,
    (kind, mut flags): (u8, u8),
    stream: u32,
    most: usize,
    padding: Padding,
) {
    let mut length = out.len() - at - HEAD;
    let bytes = padding.bytes(length, most.saturating_sub(length));
    if bytes > 0 {
        out.insert(at + HEAD, (bytes - 1) as u8);
        out.resize(at + HEAD + length + bytes, 0);
        (length, flags) = (length + bytes, flags | flag::PADDED);
    }
    if length > most {
        return split_block(out, at, Head { length: 0, kind, flags, stream }, most);
    }
    let head = Head { length: length as u32, kind, flags: flags | flag::END_HEADERS, stream };
    out[at..at + HEAD].copy_from_slice(&head.to_bytes());
}

#[cold]
fn split_block(out: &mut Vec<u8>, at: usize, first: Head, most: usize) {
    let block = out.split_off(at + HEAD);
    out.truncate(at);
    let mut fragments = block.chunks(most).peekable();
    let mut head = first;
    while let Some(fragment) = fragments.next() {
        let end = if fragments.peek().is_none() { flag::END_HEADERS } else { 0 };
        write(out, head.kind, head.flags | end, head.stream, fragment);
        head = Head { kind: kind::CONTINUATION, flags: 0, ..first };
    }
}
