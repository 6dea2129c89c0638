//! SETTINGS of both sides and their acknowledgement (RFC 9113, section 6.5).

use super::Limits;
use super::flow::DEFAULT_WINDOW;
use super::frame::{self, DEFAULT_SIZE, MAX_31, code, flag, kind};
use crate::engine::Fault;

/// Settings (RFC 9113, section 6.5.2; RFC 8441, section 3; RFC 9218, section 2.1).
mod id {
    pub(crate) const HEADER_TABLE_SIZE: u16 = 0x1;
    pub(crate) const ENABLE_PUSH: u16 = 0x2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 0x3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 0x4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 0x5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 0x6;
    pub(crate) const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;
    pub(crate) const NO_RFC7540_PRIORITIES: u16 = 0x9;
}

/// The size of a dynamic table until a setting says another (RFC 9113, section 6.5.2).
pub(crate) const DEFAULT_TABLE: u32 = 4096;

/// Bytes of a SETTINGS frame above which it is abuse: some 60 settings.
pub(crate) const MOST_BYTES: u32 = 360;

/// What the peer has set.
pub struct RemoteSettings {
    /// Its first SETTINGS frame has come.
    pub has_come: bool,
    pub max_frame_bytes: u32,
    pub initial_window: u32,
    pub enables_push: bool,
    /// How many pushed streams it takes at a time.
    pub max_pushed: u32,
}

/// What a SETTINGS frame of the peer has others do.
#[derive(Default)]
pub struct Changes {
    /// Of all windows of streams that we send in.
    pub window: i64,
    /// The smallest limit and the last one of the encoder's table that the frame names.
    pub table: Option<(u32, u32)>,
}

impl Default for RemoteSettings {
    fn default() -> Self {
        Self {
            has_come: false,
            max_frame_bytes: DEFAULT_SIZE,
            initial_window: DEFAULT_WINDOW,
            enables_push: true,
            max_pushed: u32::MAX,
        }
    }
}

impl RemoteSettings {
    /// Takes the payload of a SETTINGS frame, one setting after the other.
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
                // What a client says by them has no meaning here: the old priorities are
                // ignored in any case.
                id::ENABLE_CONNECT_PROTOCOL | id::NO_RFC7540_PRIORITIES => {
                    boolean(value)?;
                }
                // The limit of the header list is advisory; others are of extensions.
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
        _ => Err(Fault { code: code::PROTOCOL_ERROR, why: "a setting is neither 0 nor 1" }),
    }
}

/// What we have set and the peer has perhaps not acknowledged.
pub struct LocalSettings {
    /// SETTINGS_INITIAL_WINDOW_SIZE as we said it last.
    pub stream_window: u32,
    /// The same as the peer has acknowledged it.
    pub acknowledged_window: u32,
    /// A SETTINGS frame of ours has no acknowledgement.
    is_waiting: bool,
    /// The first one has.
    pub is_acknowledged: bool,
}

impl LocalSettings {
    pub fn new(limits: &Limits) -> Self {
        Self {
            stream_window: limits.stream_window_bytes,
            acknowledged_window: DEFAULT_WINDOW,
            is_waiting: false,
            is_acknowledged: false,
        }
    }

    /// Writes the first SETTINGS frame. What every peer assumes is not said.
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
        self.write(said.map(|(id, value, _)| (id, value)), out);
    }

    /// Gives streams another window. False if the SETTINGS frame for it has to wait
    /// until the one before is acknowledged.
    pub fn set_stream_window(&mut self, size: u32, out: &mut Vec<u8>) -> bool {
        if size == self.stream_window {
            return true;
        }
        if self.is_waiting {
            return false;
        }
        self.stream_window = size;
        self.write([(id::INITIAL_WINDOW_SIZE, size)].into_iter(), out);
        true
    }

    fn write(&mut self, settings: impl Iterator<Item = (u16, u32)>, out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        for (id, value) in settings {
            payload.extend_from_slice(&id.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        frame::write(out, kind::SETTINGS, 0, 0, &payload);
        self.is_waiting = true;
    }

    /// The peer has acknowledged SETTINGS: by how much the windows of all streams
    /// change. None if there was nothing to acknowledge.
    pub fn acknowledge(&mut self) -> Option<i64> {
        if !std::mem::take(&mut self.is_waiting) {
            return None;
        }
        self.is_acknowledged = true;
        let before = std::mem::replace(&mut self.acknowledged_window, self.stream_window);
        Some(i64::from(self.stream_window) - i64::from(before))
    }
}

/// Writes the acknowledgement of the peer's SETTINGS.
pub fn write_acknowledgement(out: &mut Vec<u8>) {
    frame::write_head(out, 0, kind::SETTINGS, flag::ACK, 0);
}
