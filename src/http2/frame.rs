//! The frames of HTTP/2 as they pass (RFC 9113, section 4.1), read without
//! decoding: enough to know where each begins and ends and what it is about.

/// Frame types (RFC 9113, section 6), those that somebody here asks about.
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Set on the last DATA or HEADERS frame of a stream.
pub const END_STREAM: u8 = 1;
/// Set on the last frame of a header block.
pub const END_HEADERS: u8 = 4;
/// Set on the answer to a SETTINGS or PING frame.
pub const ACK: u8 = 1;

const HEAD: usize = 9;
/// As much of a payload as is kept: a GOAWAY's numbers and a line of its debug data.
const KEPT: usize = 512;

/// A PING frame, head and payload (section 6.7).
pub const PING_BYTES: u64 = 17;

/// The client connection preface (section 3.4), which is no frame.
pub const PREFACE: usize = 24;

/// One frame's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub length: u32,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl Frame {
    fn parse(head: &[u8; HEAD]) -> Self {
        Self {
            length: u32::from_be_bytes([0, head[0], head[1], head[2]]),
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff,
        }
    }

    /// Its length, head and payload.
    pub fn bytes(&self) -> u64 {
        HEAD as u64 + u64::from(self.length)
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether CONTINUATION must follow (section 6.10); None if the frame is no
    /// part of a header block.
    pub fn leaves_block_open(&self) -> Option<bool> {
        let is_part = matches!(self.kind, kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION);
        is_part.then(|| !self.has(END_HEADERS))
    }

    /// Whether someone wants to read the payload too.
    fn is_kept(&self) -> bool {
        matches!(self.kind, kind::RST_STREAM | kind::SETTINGS | kind::PUSH_PROMISE | kind::PING | kind::GOAWAY)
    }
}

/// Follows one direction of a connection and tells each frame as it ends.
#[derive(Clone)]
pub struct Scanner {
    /// Bytes that pass unlooked: the rest of the preface or of a payload.
    pass: usize,
    head: [u8; HEAD],
    /// How much of `head` has come.
    have: usize,
    current: Option<Frame>,
    kept: Vec<u8>,
}

impl Scanner {
    /// A scanner that first lets `preface` bytes pass.
    pub fn after(preface: usize) -> Self {
        Self { pass: preface, head: [0; HEAD], have: 0, current: None, kept: Vec::new() }
    }

    /// Whether the bytes so far end where a frame ends.
    pub fn is_between_frames(&self) -> bool {
        self.have == 0 && self.pass == 0
    }

    /// Whether a frame has begun and is not whole, other than DATA, which may
    /// take its time.
    pub fn is_mid_control(&self) -> bool {
        match self.current {
            Some(frame) => frame.kind != kind::DATA,
            None => self.have > 0,
        }
    }

    /// How many of `bytes` belong to the frame under way; all that come first
    /// before another frame may be slipped in.
    pub fn rest_of_frame(&self, bytes: &[u8]) -> usize {
        if self.current.is_some() || self.have == 0 {
            return self.pass.min(bytes.len());
        }
        let missing = HEAD - self.have;
        if bytes.len() < missing {
            return bytes.len();
        }
        let mut head = self.head;
        head[self.have..].copy_from_slice(&bytes[..missing]);
        (missing + Frame::parse(&head).length as usize).min(bytes.len())
    }

    /// Reads on; `on_frame` gets each frame that is whole now, with the start
    /// of its payload if it is of a kind whose payload is kept.
    pub fn scan(&mut self, mut bytes: &[u8], mut on_frame: impl FnMut(Frame, &[u8])) {
        loop {
            if self.is_between_frames() {
                bytes = scan_whole(bytes, &mut on_frame);
            }
            if self.pass > 0 {
                let taken = self.pass.min(bytes.len());
                if self.current.is_some_and(|frame| frame.is_kept()) {
                    let kept = taken.min(KEPT.saturating_sub(self.kept.len()));
                    self.kept.extend_from_slice(&bytes[..kept]);
                }
                self.pass -= taken;
                bytes = &bytes[taken..];
                if self.pass > 0 {
                    return;
                }
            }
            if let Some(frame) = self.current.take() {
                on_frame(frame, &self.kept);
                self.kept.clear();
                self.have = 0;
            }
            if bytes.is_empty() {
                return;
            }
            let taken = (HEAD - self.have).min(bytes.len());
            self.head[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            bytes = &bytes[taken..];
            if self.have < HEAD {
                return;
            }
            let frame = Frame::parse(&self.head);
            self.pass = frame.length as usize;
            self.current = Some(frame);
        }
    }
}

/// Tells each frame that is whole in `bytes`, as most are; the rest is the start of another.
fn scan_whole<'a>(mut bytes: &'a [u8], on_frame: &mut impl FnMut(Frame, &[u8])) -> &'a [u8] {
    while let Some((head, rest)) = bytes.split_first_chunk() {
        let frame = Frame::parse(head);
        let Some((payload, after)) = rest.split_at_checked(frame.length as usize) else { break };
        let kept = if frame.is_kept() { payload.len().min(KEPT) } else { 0 };
        on_frame(frame, &payload[..kept]);
        bytes = after;
    }
    bytes
}

/// Writes a frame's head and payload to the end of `out`.
pub fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// A GOAWAY frame's payload (section 6.8).
pub fn goaway(last_stream: u32, code: u32, debug: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(8 + debug.len());
    payload.extend_from_slice(&last_stream.to_be_bytes());
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(debug);
    payload
}

/// As much of a payload as a scanner shows.
pub fn kept(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().min(KEPT)]
}

/// How many of `bytes` belong to the frame that they begin with.
pub fn whole(bytes: &[u8]) -> usize {
    let Some((head, _)) = bytes.split_first_chunk() else { return bytes.len() };
    bytes.len().min(Frame::parse(head).bytes() as usize)
}

/// If `bytes` begin with a GOAWAY whose last stream is above `most`, it becomes
/// that. Gives what it was.
pub fn lower_goaway(bytes: &mut [u8], most: u32) -> Option<u32> {
    let (head, payload) = bytes.split_first_chunk_mut::<HEAD>()?;
    let place = payload.first_chunk_mut::<4>().filter(|_| Frame::parse(head).kind == kind::GOAWAY)?;
    let before = u32::from_be_bytes(*place);
    (before > most).then(|| {
        *place = most.to_be_bytes();
        before
    })
}

/// The big-endian number at `at` in a payload; 0 if the payload is too short,
/// which h2 will refuse in a moment.
pub fn number(payload: &[u8], at: usize) -> u32 {
    payload.get(at..at + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut bytes = vec![b'p'; PREFACE];
        write(&mut bytes, kind::SETTINGS, 0, 0, &[]);
        write(&mut bytes, kind::HEADERS, END_STREAM, 1, &[7; 300]);
        write(&mut bytes, kind::PING, ACK, 0, b"12345678");
        write(&mut bytes, kind::GOAWAY, 0, 0, &goaway(5, 2, &[b'd'; 2000]));
        write(&mut bytes, kind::RST_STREAM, 0, 3, &8u32.to_be_bytes());
        bytes
    }

    fn scan_in(step: usize) -> Vec<(Frame, Vec<u8>)> {
        let (mut scanner, mut seen) = (Scanner::after(PREFACE), Vec::new());
        for part in sample().chunks(step) {
            scanner.scan(part, |frame, payload| seen.push((frame, payload.to_vec())));
        }
        assert!(scanner.is_between_frames());
        seen
    }

    #[test]
    fn frames_are_the_same_however_they_are_cut() {
        let whole = scan_in(usize::MAX);
        assert_eq!(whole.len(), 5);
        assert_eq!(whole[1].0, Frame { length: 300, kind: kind::HEADERS, flags: END_STREAM, stream: 1 });
        assert!(whole[1].1.is_empty(), "a header block is not kept");
        assert_eq!(whole[2].1, b"12345678");
        assert_eq!((number(&whole[3].1, 0), number(&whole[3].1, 4)), (5, 2));
        assert_eq!(whole[3].1.len(), KEPT);
        assert_eq!(number(&whole[4].1, 0), 8);
        for step in [1, 2, 3, 8, 9, 10, 17, 100] {
            assert_eq!(scan_in(step), whole, "in steps of {step}");
        }
    }

    #[test]
    fn the_rest_of_a_frame_ends_at_its_end() {
        let mut bytes = Vec::new();
        write(&mut bytes, kind::DATA, 0, 1, &[0; 100]);
        let end = bytes.len();
        write(&mut bytes, kind::DATA, 0, 1, &[0; 50]);
        for cut in 1..end {
            let mut scanner = Scanner::after(0);
            scanner.scan(&bytes[..cut], |_, _| panic!("not whole at {cut}"));
            assert!(!scanner.is_between_frames());
            assert_eq!(cut + scanner.rest_of_frame(&bytes[cut..]), end, "cut at {cut}");
        }
        assert_eq!(Scanner::after(0).rest_of_frame(&bytes), 0);
    }
}
