//! Writes and reads frames, independently of the engine.

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const PRIORITY_UPDATE: u8 = 16;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;

pub const PROTOCOL_ERROR: u32 = 1;
pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const STREAM_CLOSED: u32 = 5;
pub const FRAME_SIZE_ERROR: u32 = 6;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const COMPRESSION_ERROR: u32 = 9;
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The 32-bit number at this position of the payload.
    pub fn number(&self, at: usize) -> u32 {
        let bytes = &self.payload[at..at + 4];
        (u32::from(bytes[0]) << 24) | (u32::from(bytes[1]) << 16) | (u32::from(bytes[2]) << 8) | u32::from(bytes[3])
    }

    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }
}

/// Encodes a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut bytes = vec![(length >> 16) as u8, (length >> 8) as u8, length as u8, kind, flags];
    bytes.extend([(stream >> 24) as u8, (stream >> 16) as u8, (stream >> 8) as u8, stream as u8]);
    bytes.extend_from_slice(payload);
    bytes
}

/// Decodes complete frames.
pub fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let length = (usize::from(bytes[0]) << 16) | (usize::from(bytes[1]) << 8) | usize::from(bytes[2]);
        let head = Frame { kind: bytes[3], flags: bytes[4], stream: 0, payload: bytes[5..9].to_vec() };
        let (payload, rest) = bytes[9..].split_at(length);
        frames.push(Frame { stream: head.number(0), payload: payload.to_vec(), ..head });
        bytes = rest;
    }
    frames
}

/// A header block of literals that are not indexed (RFC 7541, section 6.2.2).
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for text in fields.iter().flat_map(|(name, value)| [Err(()), Ok(name), Ok(value)]) {
        match text {
            Err(()) => block.push(0),
            Ok(text) => {
                // An integer with a prefix of 7 bits.
                match text.len() {
                    short @ 0..127 => block.push(short as u8),
                    mut long => {
                        block.push(127);
                        long -= 127;
                        while long >= 128 {
                            block.push(long as u8 | 128);
                            long /= 128;
                        }
                        block.push(long as u8);
                    }
                }
                block.extend_from_slice(text.as_bytes());
            }
        }
    }
    block
}

/// The pseudo-header fields of a request with this method and path.
pub fn pseudo<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "http"), (":path", path), (":authority", "a.example")]
}

/// A request in one frame.
pub fn request(stream: u32, method: &str, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    let all = [pseudo(method, "/"), fields.to_vec()].concat();
    frame(HEADERS, END_HEADERS | flags, stream, &block(&all))
}

/// A GET request without content.
pub fn get(stream: u32) -> Vec<u8> {
    request(stream, "GET", END_STREAM, &[])
}

/// A POST request whose content follows.
pub fn post(stream: u32) -> Vec<u8> {
    request(stream, "POST", 0, &[])
}

pub fn data(stream: u32, content: &[u8], is_last: bool) -> Vec<u8> {
    frame(DATA, if is_last { END_STREAM } else { 0 }, stream, content)
}

pub fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

pub fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

pub fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> =
        settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
    frame(SETTINGS, 0, 0, &payload)
}

/// The preface of a client, with these settings.
pub fn preface(with: &[(u16, u32)]) -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), settings(with)].concat()
}
