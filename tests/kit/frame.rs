//! An HTTP/2 frame: its bytes, its fields, and its name in transcripts.

use std::fmt;

/// Frame types (RFC 9113, section 6).
pub mod kind {
    pub const DATA: u8 = 0x0;
    pub const HEADERS: u8 = 0x1;
    pub const PRIORITY: u8 = 0x2;
    pub const RST_STREAM: u8 = 0x3;
    pub const SETTINGS: u8 = 0x4;
    pub const PUSH_PROMISE: u8 = 0x5;
    pub const PING: u8 = 0x6;
    pub const GOAWAY: u8 = 0x7;
    pub const WINDOW_UPDATE: u8 = 0x8;
    pub const CONTINUATION: u8 = 0x9;
    /// RFC 9218, section 7.1.
    pub const PRIORITY_UPDATE: u8 = 0x10;
}

/// Frame flags. END_STREAM and ACK share a bit on different frame types.
pub mod flag {
    pub const END_STREAM: u8 = 0x1;
    pub const ACK: u8 = 0x1;
    pub const END_HEADERS: u8 = 0x4;
    pub const PADDED: u8 = 0x8;
    pub const PRIORITY: u8 = 0x20;
}

/// Error codes (section 7).
pub mod code {
    pub const NO_ERROR: u32 = 0x0;
    pub const PROTOCOL_ERROR: u32 = 0x1;
    pub const FLOW_CONTROL_ERROR: u32 = 0x3;
    pub const STREAM_CLOSED: u32 = 0x5;
    pub const FRAME_SIZE_ERROR: u32 = 0x6;
    pub const REFUSED_STREAM: u32 = 0x7;
    pub const CANCEL: u32 = 0x8;
    pub const COMPRESSION_ERROR: u32 = 0x9;
    pub const ENHANCE_YOUR_CALM: u32 = 0xb;
}

/// Settings (section 6.5.2).
pub mod setting {
    pub const HEADER_TABLE_SIZE: u16 = 0x1;
    pub const ENABLE_PUSH: u16 = 0x2;
    pub const MAX_CONCURRENT_STREAMS: u16 = 0x3;
    pub const INITIAL_WINDOW_SIZE: u16 = 0x4;
    pub const MAX_FRAME_SIZE: u16 = 0x5;
    pub const MAX_HEADER_LIST_SIZE: u16 = 0x6;
    /// RFC 9218, section 2.1.
    pub const NO_RFC7540_PRIORITIES: u16 = 0x9;
}

/// The client connection preface (section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The last stream identifier of the first GOAWAY of a graceful shutdown: every stream
/// may still be served (section 6.8).
pub const MAX_STREAM: u32 = 0x7fff_ffff;

/// Length of a frame header (section 4.1).
pub const HEADER_LENGTH: usize = 9;

/// The largest payload before SETTINGS_MAX_FRAME_SIZE allows more.
pub const DEFAULT_MAX_FRAME_SIZE: usize = 16_384;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// The fields of a GOAWAY frame (section 6.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goaway {
    pub last_stream: u32,
    pub code: u32,
    pub debug: Vec<u8>,
}

impl Frame {
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Frame {
        let payload = payload.into();
        Frame { kind, flags, stream, payload }
    }

    pub fn settings(values: &[(u16, u32)]) -> Frame {
        let mut payload = Vec::new();
        for (id, value) in values {
            payload.extend(id.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        Frame::new(kind::SETTINGS, 0, 0, payload)
    }

    pub fn settings_ack() -> Frame {
        Frame::new(kind::SETTINGS, flag::ACK, 0, [])
    }

    pub fn ping(payload: [u8; 8]) -> Frame {
        Frame::new(kind::PING, 0, 0, payload)
    }

    /// The acknowledgement of `ping`: the same payload with ACK (section 6.7).
    pub fn pong(ping: &Frame) -> Frame {
        Frame::new(kind::PING, flag::ACK, 0, ping.payload.clone())
    }

    pub fn goaway(last_stream: u32, code: u32, debug: &[u8]) -> Frame {
        let mut payload = last_stream.to_be_bytes().to_vec();
        payload.extend(code.to_be_bytes());
        payload.extend(debug);
        Frame::new(kind::GOAWAY, 0, 0, payload)
    }

    pub fn rst_stream(stream: u32, code: u32) -> Frame {
        Frame::new(kind::RST_STREAM, 0, stream, code.to_be_bytes())
    }

    pub fn window_update(stream: u32, increment: u32) -> Frame {
        Frame::new(kind::WINDOW_UPDATE, 0, stream, increment.to_be_bytes())
    }

    pub fn headers(stream: u32, block: Vec<u8>, end_stream: bool) -> Frame {
        let end = if end_stream { flag::END_STREAM } else { 0 };
        Frame::new(kind::HEADERS, flag::END_HEADERS | end, stream, block)
    }

    /// A CONTINUATION frame; the last one ends the block (section 6.10).
    pub fn continuation(stream: u32, piece: &[u8], is_last: bool) -> Frame {
        Frame::new(kind::CONTINUATION, if is_last { flag::END_HEADERS } else { 0 }, stream, piece)
    }

    /// `value` is that of a `priority` field (RFC 9218, section 7.1).
    pub fn priority_update(prioritized: u32, value: &str) -> Frame {
        Frame::new(kind::PRIORITY_UPDATE, 0, 0, [&prioritized.to_be_bytes(), value.as_bytes()].concat())
    }

    pub fn data(stream: u32, bytes: &[u8], end_stream: bool) -> Frame {
        let end = if end_stream { flag::END_STREAM } else { 0 };
        Frame::new(kind::DATA, end, stream, bytes)
    }

    pub fn encode(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a frame's length has 24 bits");
        let mut bytes = length.to_be_bytes()[1..].to_vec();
        bytes.push(self.kind);
        bytes.push(self.flags);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }

    /// Removes the first complete frame from `bytes`; `None` if more bytes are needed.
    pub fn decode(bytes: &mut Vec<u8>) -> Option<Frame> {
        let header = bytes.get(..HEADER_LENGTH)?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        if bytes.len() < HEADER_LENGTH + length {
            return None;
        }
        let (kind, flags) = (header[3], header[4]);
        let stream = number(&header[5..9]) & MAX_STREAM;
        let payload = bytes[HEADER_LENGTH..HEADER_LENGTH + length].to_vec();
        bytes.drain(..HEADER_LENGTH + length);
        Some(Frame::new(kind, flags, stream, payload))
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether this is a frame of `kind` that is not an acknowledgement.
    pub fn is(&self, kind: u8) -> bool {
        self.kind == kind && !self.is_ack()
    }

    /// Whether this acknowledges SETTINGS or a PING.
    pub fn is_ack(&self) -> bool {
        matches!(self.kind, kind::SETTINGS | kind::PING) && self.has(flag::ACK)
    }

    /// Whether the frame ends a complete stream. RST_STREAM also ends a stream, which is
    /// then incomplete.
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.has(flag::END_STREAM)
    }

    /// The payload without padding and priority fields (sections 6.1, 6.2).
    pub fn content(&self) -> &[u8] {
        let mut content = &self.payload[..];
        if self.has(flag::PADDED) && !content.is_empty() {
            let padding = content[0] as usize;
            content = &content[1..content.len().saturating_sub(padding).max(1)];
        }
        if self.kind == kind::HEADERS && self.has(flag::PRIORITY) {
            content = content.get(5..).unwrap_or_default();
        }
        content
    }

    pub fn as_goaway(&self) -> Option<Goaway> {
        if self.kind != kind::GOAWAY || self.payload.len() < 8 {
            return None;
        }
        Some(Goaway {
            last_stream: number(&self.payload[..4]) & MAX_STREAM,
            code: number(&self.payload[4..8]),
            debug: self.payload[8..].to_vec(),
        })
    }

    /// The error code of a RST_STREAM.
    pub fn as_reset(&self) -> Option<u32> {
        (self.kind == kind::RST_STREAM && self.payload.len() == 4).then(|| number(&self.payload))
    }

    /// The increment of a WINDOW_UPDATE.
    pub fn as_window_update(&self) -> Option<u32> {
        (self.kind == kind::WINDOW_UPDATE && self.payload.len() == 4).then(|| number(&self.payload) & MAX_STREAM)
    }

    /// The values of a SETTINGS frame, in order.
    pub fn as_settings(&self) -> Option<Vec<(u16, u32)>> {
        if !self.is(kind::SETTINGS) {
            return None;
        }
        let pair = |six: &[u8]| (u16::from_be_bytes([six[0], six[1]]), number(&six[2..6]));
        Some(self.payload.chunks_exact(6).map(pair).collect())
    }

    fn flag_names(&self) -> String {
        let mut names = Vec::new();
        if self.is_ack() {
            names.push("ACK");
        }
        if self.ends_stream() {
            names.push("END_STREAM");
        }
        if matches!(self.kind, kind::HEADERS | kind::CONTINUATION) && self.has(flag::END_HEADERS) {
            names.push("END_HEADERS");
        }
        names.join("|")
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{} stream {}", kind_name(self.kind), self.stream)?;
        if !self.flag_names().is_empty() {
            write!(out, " {}", self.flag_names())?;
        }
        if let Some(goaway) = self.as_goaway() {
            let debug = String::from_utf8_lossy(&goaway.debug);
            let code = code_name(goaway.code);
            return write!(out, ": last {}, {code}, {debug:?}", goaway.last_stream);
        }
        if let Some(code) = self.as_reset() {
            return write!(out, ": {}", code_name(code));
        }
        if let Some(increment) = self.as_window_update() {
            return write!(out, ": +{increment}");
        }
        if let Some(values) = self.as_settings() {
            return write!(out, ": {values:?}");
        }
        write!(out, ": {} bytes", self.payload.len())
    }
}

pub fn kind_name(kind: u8) -> String {
    const NAMES: [&str; 10] = [
        "DATA",
        "HEADERS",
        "PRIORITY",
        "RST_STREAM",
        "SETTINGS",
        "PUSH_PROMISE",
        "PING",
        "GOAWAY",
        "WINDOW_UPDATE",
        "CONTINUATION",
    ];
    match NAMES.get(usize::from(kind)) {
        Some(name) => (*name).to_string(),
        None => format!("frame type 0x{kind:02x}"),
    }
}

pub fn code_name(code: u32) -> String {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    match NAMES.get(code as usize) {
        Some(name) => (*name).to_string(),
        None => format!("error code 0x{code:x}"),
    }
}

fn number(four: &[u8]) -> u32 {
    u32::from_be_bytes(four.try_into().expect("four bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_the_header_of_section_4_1() {
        let bytes = Frame::rst_stream(5, code::CANCEL).encode();
        assert_eq!(bytes, [0, 0, 4, 3, 0, 0, 0, 0, 5, 0, 0, 0, 8]);
    }

    #[test]
    fn decodes_what_it_encoded_and_leaves_the_rest() {
        let frames = [
            Frame::settings(&[(setting::INITIAL_WINDOW_SIZE, 0)]),
            Frame::data(1, &[7; 300], true),
            Frame::goaway(MAX_STREAM, code::NO_ERROR, b"bye"),
        ];
        let mut bytes: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
        bytes.extend([0, 0, 1]);
        for frame in frames {
            assert_eq!(Frame::decode(&mut bytes), Some(frame));
        }
        assert_eq!(Frame::decode(&mut bytes), None);
        assert_eq!(bytes, [0, 0, 1]);
    }

    #[test]
    fn decodes_nothing_until_the_last_byte() {
        let whole = Frame::ping(*b"12345678").encode();
        for length in 0..whole.len() {
            let mut part = whole[..length].to_vec();
            assert_eq!(Frame::decode(&mut part), None, "of {length} bytes");
            assert_eq!(part.len(), length);
        }
    }

    #[test]
    fn ignores_the_reserved_bit() {
        let mut bytes = Frame::window_update(3, 1).encode();
        bytes[5] |= 0x80;
        bytes[9] |= 0x80;
        let frame = Frame::decode(&mut bytes).unwrap();
        assert_eq!((frame.stream, frame.as_window_update()), (3, Some(1)));
    }

    #[test]
    fn strips_padding_and_priority() {
        let padded = Frame::new(kind::DATA, flag::PADDED, 1, *b"\x02hi\0\0");
        assert_eq!(padded.content(), b"hi");
        let all_padding = Frame::new(kind::DATA, flag::PADDED, 1, *b"\x09\0");
        assert_eq!(all_padding.content(), b"");
        let flags = flag::PADDED | flag::PRIORITY;
        let headers = Frame::new(kind::HEADERS, flags, 1, *b"\x01\0\0\0\0\x10block\0");
        assert_eq!(headers.content(), b"block");
    }

    #[test]
    fn reads_goaway_with_debug_data() {
        let goaway = Frame::goaway(9, code::ENHANCE_YOUR_CALM, b"why").as_goaway().unwrap();
        assert_eq!((goaway.last_stream, goaway.code), (9, 11));
        assert_eq!(goaway.debug, b"why");
        assert_eq!(Frame::new(kind::GOAWAY, 0, 0, [0; 7]).as_goaway(), None);
    }

    #[test]
    fn names_frames_for_a_reader() {
        let goaway = Frame::goaway(1, code::NO_ERROR, b"");
        assert_eq!(goaway.to_string(), r#"GOAWAY stream 0: last 1, NO_ERROR, """#);
        let headers = Frame::headers(1, vec![0; 12], true);
        assert_eq!(headers.to_string(), "HEADERS stream 1 END_STREAM|END_HEADERS: 12 bytes");
        assert_eq!(kind_name(0x42), "frame type 0x42");
        assert_eq!(code_name(0x10), "error code 0x10");
    }
}
