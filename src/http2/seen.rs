//! What the frames that pass on the wire tell: what is new, and what is known
//! of the connection since.

use super::frame::{self, ACK, END_STREAM, Frame, kind};

/// The last stream of a first GOAWAY: every stream is still served (RFC 9113, section 6.8).
pub const STREAM_MAX: u32 = (1 << 31) - 1;

/// SETTINGS_ENABLE_PUSH.
const ENABLE_PUSH: u8 = 2;

/// What passed since the session's task looked.
#[derive(Default)]
pub struct Seen {
    /// Streams whose last frame left.
    pub ended: Vec<u32>,
    /// DATA that left and was not the last of its stream: stream, length.
    pub data: Vec<(u32, u32)>,
    /// Streams that the peer reset, with the code.
    pub reset_by_peer: Vec<(u32, u32)>,
    /// Streams that we push, for which PUSH_PROMISE left.
    pub promised: Vec<u32>,
    /// Streams for which RST_STREAM left, with the code.
    pub reset_by_us: Vec<(u32, u32)>,
    /// GOAWAY from the peer: last stream, code, debug data.
    pub goaway: Option<(u32, u32, Vec<u8>)>,
    /// GOAWAY left.
    pub our_goaway: bool,
    /// What the host is told as it came.
    pub notes: Vec<Note>,
    /// Whether the session's task should look at all.
    pub anything: bool,
}

/// A frame of the peer's that the host is told of.
pub enum Note {
    /// SETTINGS, with the start of its payload.
    Settings(Vec<u8>),
    SettingsAck,
    /// PING, with its payload.
    Ping(Vec<u8>),
    /// The answer to a PING of the host's, with its payload.
    Pong(Vec<u8>),
}

/// What is known of the connection from its frames.
#[derive(Default)]
pub struct Marks {
    /// The last stream of the newest GOAWAY that left.
    pub our_goaway: Option<u32>,
    /// Streams that the peer opened above that one: not served.
    pub refused: u64,
    /// The highest stream the peer has opened.
    highest: u32,
    /// Payload of DATA frames that left whole.
    pub data_out: u64,
    /// Frames that came whole.
    pub frames_in: u64,
    /// The last HEADERS or CONTINUATION was not the end of its block.
    pub is_block_open: bool,
    /// The same for what left.
    pub is_own_block_open: bool,
    /// Of SETTINGS_ENABLE_PUSH, as the peer said it last.
    pub forbids_push: bool,
    has_settings: bool,
    has_settings_ack: bool,
    /// Streams opened with a body to follow, not asked for yet.
    with_body: Vec<u32>,
    /// Bytes of the frames that came whole, the preface's included.
    pub framed: u64,
    /// Payloads of the host's PINGs that the peer has not answered.
    pub asked: Vec<[u8; 8]>,
    pub farewell: Farewell,
}

/// The host's own GOAWAYs.
#[derive(Default)]
pub struct Farewell {
    /// The last stream of the newest.
    pub last_stream: Option<u32>,
    /// The starts of the payloads of those that have not left.
    pub aside: Vec<Vec<u8>>,
    /// First GOAWAYs of h2 that name that last stream in place of all, and have not left.
    pub first_ones: usize,
}

impl Farewell {
    /// Whether a GOAWAY that leaves is one of the host's.
    fn took(&mut self, payload: &[u8]) -> bool {
        let found = self.aside.iter().position(|waiting| waiting == payload);
        found.map(|at| self.aside.remove(at)).is_some()
    }

    /// The last stream that a GOAWAY of h2's means.
    fn meant(&mut self, last_stream: u32) -> u32 {
        match self.first_ones {
            0 => last_stream,
            _ => {
                self.first_ones -= 1;
                STREAM_MAX
            }
        }
    }
}

impl Marks {
    /// Of a connection whose peer has not even sent its preface.
    pub fn new() -> Self {
        Self { framed: frame::PREFACE as u64, ..Self::default() }
    }

    /// Whether the peer has sent its SETTINGS and answered ours.
    pub fn is_settled(&self) -> bool {
        self.has_settings && self.has_settings_ack
    }

    /// The peer has sent SETTINGS (section 6.5.2).
    fn settings(&mut self, payload: &[u8]) {
        self.has_settings = true;
        for entry in payload.chunks_exact(6).filter(|entry| entry[..2] == [0, ENABLE_PUSH]) {
            self.forbids_push = frame::number(entry, 2) == 0;
        }
    }

    /// Whether the frame answers a PING of the host's.
    pub fn is_answer(&mut self, frame: Frame, payload: &[u8]) -> bool {
        if self.asked.is_empty() || frame.kind != kind::PING || !frame.has(ACK) || frame.stream != 0 {
            return false;
        }
        let found = self.asked.iter().position(|asked| asked == payload);
        found.map(|at| self.asked.remove(at)).is_some()
    }

    /// Whether the frame opens a stream, and one above the last of our GOAWAY,
    /// which is not served: it is counted. None of any other frame.
    pub fn is_late(&mut self, frame: Frame) -> Option<bool> {
        if frame.kind != kind::HEADERS || frame.stream <= self.highest {
            return None;
        }
        self.highest = frame.stream;
        // What does not speak HTTP/2 opens no stream.
        let is_late = self.has_settings && self.our_goaway.is_some_and(|last| frame.stream > last);
        self.refused += u64::from(is_late);
        Some(is_late)
    }

    /// Whether a body follows the request's head. Asked once for each request,
    /// in their order, so that those before it were refused.
    pub fn has_body(&mut self, stream: u32) -> bool {
        if self.with_body.is_empty() {
            return false;
        }
        let found = self.with_body.contains(&stream);
        self.with_body.retain(|known| *known > stream);
        found
    }
}

impl Seen {
    pub fn clear(&mut self) {
        let Self { ended, data, reset_by_peer, reset_by_us, promised, goaway, our_goaway, notes, anything } = self;
        ended.clear();
        data.clear();
        reset_by_peer.clear();
        reset_by_us.clear();
        promised.clear();
        notes.clear();
        *goaway = None;
        (*our_goaway, *anything) = (false, false);
    }

    pub fn note(&mut self, note: Note) {
        self.notes.push(note);
        self.anything = true;
    }

    pub fn inbound(&mut self, marks: &mut Marks, frame: Frame, payload: &[u8]) {
        marks.frames_in += 1;
        match frame.kind {
            kind::HEADERS | kind::CONTINUATION => marks.is_block_open = frame.leaves_block_open() == Some(true),
            kind::SETTINGS if frame.has(ACK) => marks.has_settings_ack = true,
            kind::SETTINGS => marks.settings(payload),
            _ => {}
        }
        match frame.kind {
            kind::HEADERS => {
                if marks.is_late(frame) == Some(false) && !frame.has(END_STREAM) {
                    marks.with_body.push(frame.stream);
                }
                return;
            }
            kind::RST_STREAM => self.reset_by_peer.push((frame.stream, frame::number(payload, 0))),
            kind::SETTINGS if frame.has(ACK) => self.notes.push(Note::SettingsAck),
            // Whole entries only, if there are more than are kept.
            kind::SETTINGS => self.notes.push(Note::Settings(payload[..payload.len() / 6 * 6].to_vec())),
            kind::PING if !frame.has(ACK) => self.notes.push(Note::Ping(payload.to_vec())),
            kind::GOAWAY => {
                let debug = payload.get(8..).unwrap_or_default().to_vec();
                self.goaway = Some((frame::number(payload, 0) & 0x7fff_ffff, frame::number(payload, 4), debug));
            }
            _ => return,
        }
        self.anything = true;
    }

    pub fn outbound(&mut self, marks: &mut Marks, frame: Frame, payload: &[u8]) {
        if frame.kind == kind::DATA {
            marks.data_out += u64::from(frame.length);
            if !frame.has(END_STREAM) {
                self.data.push((frame.stream, frame.length));
                self.anything = true;
            }
        }
        marks.is_own_block_open = frame.leaves_block_open().unwrap_or(marks.is_own_block_open);
        match frame.kind {
            kind::DATA | kind::HEADERS if frame.has(END_STREAM) => self.ended.push(frame.stream),
            kind::PUSH_PROMISE => self.promised.push(frame::number(payload, 0) & 0x7fff_ffff),
            kind::RST_STREAM => {
                marks.with_body.retain(|known| *known != frame.stream);
                self.reset_by_us.push((frame.stream, frame::number(payload, 0)));
            }
            kind::GOAWAY if marks.farewell.took(payload) => return,
            kind::GOAWAY => {
                marks.our_goaway = Some(marks.farewell.meant(frame::number(payload, 0) & 0x7fff_ffff));
                self.our_goaway = true;
            }
            _ => return,
        }
        self.anything = true;
    }
}
