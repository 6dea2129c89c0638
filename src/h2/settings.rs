//! The SETTINGS of both sides and their acknowledgement (RFC 9113, section 6.5).

use std::collections::VecDeque;

use super::Limits;
use super::flow::DEFAULT_WINDOW;
use super::frame::{self, DEFAULT_SIZE, MAX_31, code, flag, kind};
use crate::engine::Fault;
use crate::setting::{Setting, id};

/// The default size of a dynamic table (RFC 9113, section 6.5.2).
pub(crate) const DEFAULT_TABLE: u32 = 4096;

/// A longer SETTINGS frame is abuse. This is about 60 settings.
pub(crate) const MOST_BYTES: u32 = 360;

/// The settings of the peer.
pub struct RemoteSettings {
    /// Whether its first SETTINGS frame has arrived.
    pub has_come: bool,
    pub max_frame_bytes: u32,
    pub initial_window: u32,
    pub enables_push: bool,
    /// SETTINGS_NO_RFC7540_PRIORITIES.
    ignores_old_priorities: bool,
    /// How many pushed streams it accepts at a time.
    pub max_pushed: u32,
}

/// The effects of a SETTINGS frame of the peer.
#[derive(Default)]
pub struct Changes {
    /// The change of the send windows of all streams.
    pub window: i64,
    /// The smallest and the last size of the encoder's table in the frame.
    pub table: Option<(u32, u32)>,
}

impl Default for RemoteSettings {
    fn default() -> Self {
        Self {
            has_come: false,
            max_frame_bytes: DEFAULT_SIZE,
            initial_window: DEFAULT_WINDOW,
            enables_push: true,
            ignores_old_priorities: false,
            max_pushed: u32::MAX,
        }
    }
}

impl RemoteSettings {
    /// Applies the payload of a SETTINGS frame, one setting after the other.
    pub fn apply(&mut self, payload: &[u8]) -> Result<Changes, Fault> {
        let mut changes = Changes::default();
        let before = i64::from(self.initial_window);
        for setting in payload.chunks_exact(6) {
            let value = frame::number(&setting[2..]);
            match u16::from_be_bytes([setting[0], setting[1]]) {
                id::HEADER_TABLE_SIZE => {
                    let least = changes.table.map_or(value, |(least, _)| least.min(value));
                    changes.table = Some((least, value));
                }
                id::ENABLE_PUSH => self.enables_push = boolean(value)?,
                id::MAX_CONCURRENT_STREAMS => self.max_pushed = value,
                id::INITIAL_WINDOW_SIZE if value > MAX_31 => {
                    return Err(Fault { code: code::FLOW_CONTROL_ERROR, why: "the initial window is too large" });
                }
                id::INITIAL_WINDOW_SIZE => self.initial_window = value,
                id::MAX_FRAME_SIZE if !(DEFAULT_SIZE..1 << 24).contains(&value) => {
                    return Err(Fault { code: code::PROTOCOL_ERROR, why: "the maximum frame size is out of range" });
                }
                id::MAX_FRAME_SIZE => self.max_frame_bytes = value,
                // From a client it has no meaning, but the value must be valid.
                id::ENABLE_CONNECT_PROTOCOL => {
                    boolean(value)?;
                }
                // RFC 7540 priorities are ignored in any case, but the value must not
                // change after the first frame (RFC 9218, section 2.1).
                id::NO_RFC7540_PRIORITIES => {
                    let before = std::mem::replace(&mut self.ignores_old_priorities, boolean(value)?);
                    if self.has_come && before != self.ignores_old_priorities {
                        return Err(Fault { code: code::PROTOCOL_ERROR, why: "NO_RFC7540_PRIORITIES has changed" });
                    }
                }
                // SETTINGS_MAX_HEADER_LIST_SIZE is advisory. Other settings belong to
                // extensions.
                _ => {}
            }
        }
        self.has_come = true;
        changes.window = i64::from(self.initial_window) - before;
        Ok(changes)
    }
}

fn boolean(value: u32) -> Result<bool, Fault> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Fault { code: code::PROTOCOL_ERROR, why: "a boolean setting is neither 0 nor 1" }),
    }
}

/// The values of our settings.
#[derive(Clone, Copy)]
pub struct Values {
    pub header_table_bytes: u32,
    pub max_concurrent_streams: u32,
    pub stream_window_bytes: u32,
    pub max_frame_bytes: u32,
    pub header_list_bytes: u32,
    pub has_connect_protocol: bool,
}

impl Values {
    fn set(&mut self, setting: Setting) {
        match setting.id {
            id::HEADER_TABLE_SIZE => self.header_table_bytes = setting.value,
            id::MAX_CONCURRENT_STREAMS => self.max_concurrent_streams = setting.value,
            id::INITIAL_WINDOW_SIZE => self.stream_window_bytes = setting.value,
            id::MAX_FRAME_SIZE => self.max_frame_bytes = setting.value,
            id::MAX_HEADER_LIST_SIZE => self.header_list_bytes = setting.value,
            id::ENABLE_CONNECT_PROTOCOL => self.has_connect_protocol = setting.value != 0,
            // Settings of extensions, and those that have one value only.
            _ => {}
        }
    }

    /// Each setting with the value that allows the peer more.
    fn or_more(self, other: Self) -> Self {
        Self {
            header_table_bytes: self.header_table_bytes.max(other.header_table_bytes),
            max_concurrent_streams: self.max_concurrent_streams.max(other.max_concurrent_streams),
            stream_window_bytes: self.stream_window_bytes.max(other.stream_window_bytes),
            max_frame_bytes: self.max_frame_bytes.max(other.max_frame_bytes),
            header_list_bytes: self.header_list_bytes.max(other.header_list_bytes),
            has_connect_protocol: self.has_connect_protocol || other.has_connect_protocol,
        }
    }
}

/// A SETTINGS frame of ours.
pub struct Sent {
    pub payload: Box<[u8]>,
    pub is_of_host: bool,
    /// All values after the frame.
    pub values: Values,
}

/// Our settings. The peer applies a frame some time before it acknowledges it. What a
/// frame allows therefore applies when it is sent, and what it forbids when it is
/// acknowledged.
pub struct LocalSettings {
    /// The settings that the peer has acknowledged.
    acknowledged: Values,
    /// The frames that were not acknowledged, the oldest first.
    waiting: VecDeque<Sent>,
    /// Whether the first frame was acknowledged.
    pub is_acknowledged: bool,
    /// The last SETTINGS_INITIAL_WINDOW_SIZE that was sent.
    pub stream_window: u32,
    /// The settings that the host adds to the first frame, until it is written.
    extra: Vec<Setting>,
}

impl LocalSettings {
    pub fn new(limits: &Limits) -> Self {
        // Settings whose defaults in RFC 9113, section 6.5.2, any server can serve start
        // with these defaults. The others apply from the start: a request that exceeds
        // them before the peer has seen them is refused and may be sent again.
        let acknowledged = Values {
            header_table_bytes: DEFAULT_TABLE,
            max_concurrent_streams: limits.max_concurrent_streams,
            stream_window_bytes: DEFAULT_WINDOW,
            max_frame_bytes: DEFAULT_SIZE,
            header_list_bytes: limits.header_list_bytes,
            has_connect_protocol: limits.has_connect_protocol,
        };
        let stream_window = DEFAULT_WINDOW;
        Self { acknowledged, waiting: VecDeque::new(), is_acknowledged: false, stream_window, extra: Vec::new() }
    }

    /// Adds these settings to the first frame.
    pub fn add_to_first(&mut self, extra: &[Setting]) {
        self.extra = extra.to_vec();
    }

    /// Writes the first SETTINGS frame. Default values are omitted.
    pub fn write_first(&mut self, limits: &Limits, out: &mut Vec<u8>) {
        let settings = [
            (id::HEADER_TABLE_SIZE, limits.header_table_bytes, DEFAULT_TABLE),
            (id::MAX_CONCURRENT_STREAMS, limits.max_concurrent_streams, u32::MAX),
            (id::INITIAL_WINDOW_SIZE, limits.stream_window_bytes, DEFAULT_WINDOW),
            (id::MAX_FRAME_SIZE, limits.max_frame_bytes, DEFAULT_SIZE),
            (id::MAX_HEADER_LIST_SIZE, limits.header_list_bytes, u32::MAX),
            (id::ENABLE_CONNECT_PROTOCOL, limits.has_connect_protocol.into(), 0),
            (id::NO_RFC7540_PRIORITIES, 1, 0),
        ];
        let said = settings.into_iter().filter(|(_, value, default)| value != default);
        let mut first: Vec<Setting> = said.map(|(id, value, _)| Setting { id, value }).collect();
        first.append(&mut std::mem::take(&mut self.extra));
        self.write(&first, false, out);
    }

    /// Writes a frame. `is_of_host`: the host gets an event for its acknowledgement.
    pub fn write(&mut self, settings: &[Setting], is_of_host: bool, out: &mut Vec<u8>) {
        let mut values = self.waiting.back().map_or(self.acknowledged, |sent| sent.values);
        let mut payload = Vec::with_capacity(settings.len() * 6);
        for setting in settings {
            values.set(*setting);
            payload.extend_from_slice(&setting.id.to_be_bytes());
            payload.extend_from_slice(&setting.value.to_be_bytes());
        }
        frame::write(out, kind::SETTINGS, 0, 0, &payload);
        self.stream_window = values.stream_window_bytes;
        self.waiting.push_back(Sent { payload: payload.into(), is_of_host, values });
    }

    /// Whether a frame of ours was not acknowledged.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The settings that apply to the peer now.
    pub fn allowed(&self) -> Values {
        self.waiting.iter().fold(self.acknowledged, |values, sent| values.or_more(sent.values))
    }

    /// The peer has acknowledged the oldest frame. `None` if there was none.
    pub fn acknowledge(&mut self) -> Option<Sent> {
        let sent = self.waiting.pop_front()?;
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        self.is_acknowledged = true;
        self.acknowledged = sent.values;
        Some(sent)
    }

    /// How much memory the settings hold.
    pub fn memory(&self) -> usize {
        let payloads: usize = self.waiting.iter().map(|sent| sent.payload.len()).sum();
        self.waiting.capacity() * size_of::<Sent>() + payloads + self.extra.capacity() * size_of::<Setting>()
    }
}

/// Writes the acknowledgement of the peer's SETTINGS.
pub fn write_acknowledgement(out: &mut Vec<u8>) {
    frame::write_head(out, 0, kind::SETTINGS, flag::ACK, 0);
}
