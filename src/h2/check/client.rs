//! The model of a client. It remembers what it has sent, and checks what it receives,
//! without functions of the engine.

use std::collections::BTreeMap;

use crate::h2::hpack::Decoder;
use crate::header_list::HeaderList;

/// Builds a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, l0, l1, l2] = (payload.len() as u32).to_be_bytes();
    [&[l0, l1, l2, kind, flags][..], &stream.to_be_bytes(), payload].concat()
}

fn number(bytes: &[u8]) -> u32 {
    bytes[..4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// A stream that the client or a promise has opened.
#[derive(Default)]
struct Stream {
    /// How much the server may send. SETTINGS change it.
    window: i64,
    /// The server's side: whether it has sent a final head, and whether it has ended the
    /// stream.
    has_head: bool,
    has_ended: bool,
    /// Whether the client has ended its side.
    is_sent: bool,
    is_reset: bool,
}

pub struct Client {
    /// Frames that the engine has taken in part: the frame header and the missing bytes.
    taken: Vec<u8>,
    /// Whether the first of them is a DATA frame that was counted.
    is_counted: bool,
    streams: BTreeMap<u32, Stream>,
    /// An incomplete header block that ends its stream.
    last_block: Option<u32>,
    /// How much the server may send on the session.
    window: i64,
    initial_window: i64,
    max_frame: usize,
    /// How much the client may send on the session, as far as it knows.
    pub session_window: i64,
    /// Outstanding PINGs of the server.
    pub sent: Vec<[u8; 8]>,
    lowest_goaway: u32,
    /// An incomplete header block of the server.
    block: Option<u32>,
    pings: usize,
    settings: usize,
    has_preface: bool,
    pub has_ended: bool,
    decoder: Decoder,
}

impl Client {
    pub fn new() -> Self {
        Self {
            window: 65_535,
            initial_window: 65_535,
            session_window: 65_535,
            max_frame: 16_384,
            lowest_goaway: u32::MAX,
            taken: Vec::new(),
            is_counted: false,
            streams: BTreeMap::new(),
            sent: Vec::new(),
            last_block: None,
            block: None,
            pings: 0,
            settings: 0,
            has_preface: false,
            has_ended: false,
            decoder: Decoder::new(4096),
        }
    }

    /// The engine has taken these bytes: what they allow applies from now on.
    pub fn taken(&mut self, bytes: &[u8]) {
        self.taken.extend_from_slice(bytes);
        if !self.has_preface && self.taken.len() >= 24 {
            self.taken.drain(..24);
            self.has_preface = true;
        }
        while self.has_preface && self.taken.len() >= 9 {
            let length = number(&[&[0], &self.taken[..3]].concat()) as usize;
            let (kind, flags, stream) = (self.taken[3], self.taken[4], number(&self.taken[5..]) & 0x7fff_ffff);
            // DATA counts as soon as its frame header is taken.
            if kind == 0 && !std::mem::replace(&mut self.is_counted, true) {
                self.session_window -= length as i64;
            }
            if self.taken.len() < 9 + length {
                break;
            }
            let frame: Vec<u8> = self.taken.drain(..9 + length).collect();
            self.is_counted = false;
            self.frame_taken(kind, flags, stream, &frame[9..]);
        }
    }

    fn frame_taken(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        match kind {
            0 if flags & 1 == 0 => {}
            0 => self.sent(stream),
            1 => {
                let window = self.initial_window;
                self.streams.entry(stream).or_insert(Stream { window, ..Stream::default() });
                match flags & 5 {
                    5 => self.sent(stream),
                    1 => self.last_block = Some(stream),
                    _ => {}
                }
            }
            9 if flags & 4 != 0 => {
                if let Some(stream) = self.last_block.take() {
                    self.sent(stream);
                }
            }
            3 => {
                if let Some(stream) = self.streams.get_mut(&stream) {
                    stream.is_reset = true;
                }
            }
            4 if flags & 1 == 0 => {
                self.settings += 1;
                for setting in payload.chunks_exact(6) {
                    match (u16::from_be_bytes([setting[0], setting[1]]), number(&setting[2..])) {
                        (4, size) => {
                            let change = i64::from(size) - self.initial_window;
                            self.initial_window += change;
                            self.streams.values_mut().for_each(|stream| stream.window += change);
                        }
                        (5, size) => self.max_frame = size as usize,
                        _ => {}
                    }
                }
            }
            6 if flags & 1 == 0 => self.pings += 1,
            8 if stream == 0 => self.window += i64::from(number(payload) & 0x7fff_ffff),
            8 => {
                if let Some(stream) = self.streams.get_mut(&stream) {
                    stream.window += i64::from(number(payload) & 0x7fff_ffff);
                }
            }
            _ => {}
        }
    }

    /// The client has ended its side of a stream.
    fn sent(&mut self, stream: u32) {
        let window = self.initial_window;
        self.streams.entry(stream).or_insert(Stream { window, ..Stream::default() }).is_sent = true;
    }

    /// Reads the output of the server, which consists of complete frames.
    pub fn read(&mut self, mut bytes: &[u8]) {
        assert!(bytes.is_empty() || !self.has_ended, "something behind the end");
        while !bytes.is_empty() {
            let length = number(&[&[0], &bytes[..3]].concat()) as usize;
            assert!(length <= self.max_frame, "a frame of {length} bytes");
            let (frame, rest) = bytes.split_at(9 + length);
            self.frame(frame[3], frame[4], number(&frame[5..]), &frame[9..]);
            bytes = rest;
        }
        assert_eq!(self.block, None, "half a block was written");
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        assert!(kind == 9 && self.block == Some(stream) || kind != 9 && self.block.is_none());
        if matches!(kind, 1 | 5 | 9) {
            self.block = Some(stream).filter(|_| flags & 4 == 0);
        }
        match kind {
            0 => self.data(flags, stream, payload),
            1 => self.headers(flags, stream, payload),
            3 => self.reset(stream),
            4 if flags & 1 != 0 => {
                self.settings = self.settings.checked_sub(1).expect("SETTINGS that are acknowledged");
            }
            5 => {
                let promised = number(payload);
                self.decoder.decode(&payload[4..], &mut HeaderList::new(), |_, _, _| false).expect("a promise");
                assert!(self.streams.get(&stream).is_some_and(|parent| !parent.has_ended && !parent.is_reset));
                assert!(promised.is_multiple_of(2) && !self.streams.contains_key(&promised));
                let window = self.initial_window;
                self.streams.insert(promised, Stream { window, is_sent: true, ..Stream::default() });
            }
            6 if flags & 1 != 0 => self.pings = self.pings.checked_sub(1).expect("a PING that is answered"),
            6 => self.sent.push(payload.try_into().expect("8 bytes")),
            7 => {
                let last = number(payload);
                assert!(last <= self.lowest_goaway, "the last stream has risen");
                self.lowest_goaway = last;
            }
            8 if stream == 0 => {
                assert!(number(payload) > 0);
                self.session_window += i64::from(number(payload));
                assert!(self.session_window < 1 << 31);
            }
            8 => assert!(number(payload) > 0 && self.streams.get(&stream).is_some_and(|stream| !stream.is_sent)),
            4 | 9 | 10 => {}
            _ => panic!("a frame of type {kind}"),
        }
    }

    /// A stream on which the server may send.
    fn open(&mut self, stream: u32) -> &mut Stream {
        let known = self.streams.get_mut(&stream).expect("a stream that was opened");
        assert!(!known.has_ended && !known.is_reset, "{stream} has ended");
        known
    }

    fn data(&mut self, flags: u8, stream: u32, payload: &[u8]) {
        self.window -= payload.len() as i64;
        assert!(payload.is_empty() || self.window >= 0, "more than the session takes");
        let open = self.open(stream);
        assert!(open.has_head, "DATA before HEADERS");
        open.window -= payload.len() as i64;
        assert!(payload.is_empty() || open.window >= 0, "more than {stream} takes");
        assert!(flags & 1 != 0 || !payload.is_empty());
        self.ended(flags, stream);
    }

    fn headers(&mut self, flags: u8, stream: u32, block: &[u8]) {
        let mut fields = HeaderList::new();
        self.decoder.decode(block, &mut fields, |_, _, _| true).expect("a block that can be decoded");
        let is_informational = fields.get(b":status") == Some(b"103");
        let open = self.open(stream);
        assert_eq!(open.has_head && !is_informational, !fields.contains(b":status"), "a head or a trailer section");
        if let Some(text) = fields.get(b"x-stream") {
            assert_eq!(text, super::text_of(stream), "the fields of another stream");
        }
        match (open.has_head, flags & 1 != 0) {
            (true, ends) => assert!(ends, "a second head"),
            (false, true) => open.has_head = true,
            (false, false) => open.has_head = !is_informational,
        }
        self.ended(flags, stream);
    }

    fn reset(&mut self, stream: u32) {
        self.streams.entry(stream).or_default().is_reset = true;
    }

    fn ended(&mut self, flags: u8, stream: u32) {
        if flags & 1 != 0 {
            self.open(stream).has_ended = true;
        }
    }

    /// The window of an open stream.
    pub fn sendable(&self, stream: u32) -> usize {
        let window = self.streams.get(&stream).map_or(0, |stream| stream.window);
        usize::try_from(window.min(self.window)).unwrap_or(0)
    }

    /// The streams that both sides have ended.
    pub fn closed(&self) -> Vec<u32> {
        self.streams.iter().filter(|(_, one)| one.has_ended && one.is_sent).map(|(id, _)| *id).collect()
    }
}

/// The output without random payloads.
pub fn without_pings(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let length = number(&[&[0], &bytes[..3]].concat()) as usize;
        let (frame, rest) = bytes.split_at(9 + length);
        let is_random = frame[3] == 6 && frame[4] & 1 == 0;
        frames.push(if is_random { frame[..9].to_vec() } else { frame.to_vec() });
        bytes = rest;
    }
    frames
}
