//! What a host may set, with defaults that are safe in public.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::padding::Padding;

/// RFC 9113, section 6.9.1: no window is larger.
const MAX_WINDOW: u64 = (1 << 31) - 1;
/// RFC 9113, section 6.5.2: the values that hold until a SETTINGS frame says others.
const FRAME_BYTES: u32 = 16_384;
const HEADER_TABLE_BYTES: u32 = 4096;
/// 30 days: longer than anybody waits, short enough to be added to any time.
const MAX_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// The server's settings and limits. A time of 0 is no limit.
#[derive(Clone, Debug)]
pub struct Config {
    /// Worker threads.
    pub workers: usize,
    /// SETTINGS_MAX_CONCURRENT_STREAMS (section 6.5.2). A request that the
    /// host still holds counts, even when its stream has gone.
    pub max_concurrent_streams: u32,
    /// SETTINGS_MAX_HEADER_LIST_SIZE, in bytes with 32 more a field.
    pub max_header_list_bytes: u32,
    /// Header fields of a request, each cookie field counted.
    pub max_header_fields: usize,
    /// SETTINGS_INITIAL_WINDOW_SIZE: what a peer may send on a stream ahead of the host.
    pub stream_window_bytes: u32,
    /// The same for the whole session.
    pub session_window_bytes: u32,
    /// SETTINGS_MAX_FRAME_SIZE: the longest frame a peer may send.
    pub max_frame_bytes: u32,
    /// SETTINGS_HEADER_TABLE_SIZE: what the peer's header compression may have us remember.
    pub header_table_bytes: u32,
    /// SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441), where there is a handler for CONNECT.
    pub connect_protocol: bool,
    /// Whether a request of HTTP/1.1 that asks for another protocol keeps its form,
    /// and a response of 101 switches to it.
    pub upgrade: bool,
    /// What is written of a response, and has not left, for a slow peer.
    pub send_buffer_bytes: usize,
    /// The same for all responses of a session together.
    pub session_send_bytes: usize,
    /// What the library may hold of a streamed response before a write is refused.
    pub high_water_bytes: usize,
    /// The largest body the library collects.
    pub max_body_bytes: usize,
    /// Sessions at a time.
    pub max_sessions: usize,
    /// Of those, from one address; 0 is no limit.
    pub max_sessions_per_address: usize,
    /// Bytes of all bodies together that a session collects.
    pub session_body_bytes: usize,
    /// Until the preface, the first SETTINGS and the acknowledgement of ours have come.
    pub handshake: Duration,
    /// TLS handshakes at a time; who comes then waits for a turn.
    pub tls_handshakes: usize,
    /// Until a header block or a control frame that has begun is whole.
    pub header_block: Duration,
    /// Without a stream, until the session is drained.
    pub idle: Duration,
    /// Of silence, until a PING asks whether the peer is there.
    pub keepalive: Duration,
    /// Until that PING must be answered.
    pub keepalive_timeout: Duration,
    /// While a response waits for its peer, or a collected body for its rest,
    /// at least `progress_bytes` must pass in each `progress`.
    pub progress: Duration,
    pub progress_bytes: u64,
    /// Of a stream on which no byte passes either way.
    pub stream_idle: Duration,
    /// Of a session, until it is drained.
    pub max_age: Duration,
    /// Up to so much is added to a session's `max_age`, so that sessions that
    /// began together do not end together.
    pub age_jitter: Duration,
    /// Requests, until the session is drained; 0 is no limit.
    pub max_requests: u64,
    /// How long a session that is drained by a limit may take.
    pub grace: Duration,
    /// Control frames that may come at once, and each second after.
    pub control_burst: u32,
    pub control_per_second: u32,
    /// Whether HTTP/1.1 is served too.
    pub http1: bool,
    /// How frames of HTTP/2 are padded.
    pub padding: Padding,
}

impl Default for Config {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            max_concurrent_streams: 100,
            max_header_list_bytes: 16 << 10,
            max_header_fields: 100,
            stream_window_bytes: 256 << 10,
            session_window_bytes: 1 << 20,
            max_frame_bytes: FRAME_BYTES,
            header_table_bytes: HEADER_TABLE_BYTES,
            connect_protocol: true,
            upgrade: false,
            send_buffer_bytes: 64 << 10,
            session_send_bytes: 1 << 20,
            high_water_bytes: 64 << 10,
            max_body_bytes: 16 << 20,
            max_sessions: 10_000,
            max_sessions_per_address: 0,
            session_body_bytes: 64 << 20,
            handshake: seconds(10),
            tls_handshakes: 1000,
            header_block: seconds(10),
            idle: seconds(60),
            keepalive: seconds(30),
            keepalive_timeout: seconds(20),
            progress: seconds(30),
            progress_bytes: 16 << 10,
            stream_idle: seconds(300),
            max_age: Duration::ZERO,
            age_jitter: Duration::ZERO,
            max_requests: 0,
            grace: seconds(10),
            control_burst: 500,
            control_per_second: 50,
            http1: true,
            padding: Padding::None,
        }
    }
}

/// A limit that a host can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Workers,
    MaxConcurrentStreams,
    MaxHeaderListBytes,
    MaxHeaderFields,
    StreamWindowBytes,
    SessionWindowBytes,
    SendBufferBytes,
    SessionSendBytes,
    HighWaterBytes,
    MaxBodyBytes,
    MaxSessions,
    MaxSessionsPerAddress,
    Handshake,
    HeaderBlock,
    Idle,
    Keepalive,
    KeepaliveTimeout,
    Progress,
    ProgressBytes,
    StreamIdle,
    MaxAge,
    AgeJitter,
    MaxRequests,
    Grace,
    ControlBurst,
    ControlPerSecond,
    SessionBodyBytes,
    FrameBytes,
    HeaderTableBytes,
    TlsHandshakes,
}

/// A part of the protocols that a host can turn on and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    Http1,
    Upgrade,
    ConnectProtocol,
}

impl Limit {
    /// The values it takes; times in milliseconds.
    pub fn range(self) -> (u64, u64) {
        match self {
            Limit::Workers => (1, 1024),
            Limit::MaxConcurrentStreams => (1, 100_000),
            Limit::MaxHeaderListBytes => (1, 1 << 20),
            Limit::MaxHeaderFields => (1, 10_000),
            Limit::StreamWindowBytes => (0, MAX_WINDOW),
            // A session's begins with so much (RFC 9113, section 6.9.2), and no setting lowers it.
            Limit::SessionWindowBytes => (65_535, MAX_WINDOW),
            Limit::SendBufferBytes | Limit::SessionSendBytes => (16 << 10, 1 << 30),
            Limit::HighWaterBytes => (1, 1 << 30),
            Limit::MaxBodyBytes | Limit::SessionBodyBytes => (0, 1 << 40),
            Limit::MaxSessions | Limit::TlsHandshakes => (1, 1_000_000),
            Limit::MaxSessionsPerAddress => (0, 1_000_000),
            Limit::ProgressBytes => (1, 1 << 30),
            Limit::MaxRequests => (0, u64::MAX),
            Limit::KeepaliveTimeout => (1, MAX_MS),
            Limit::ControlBurst => (10, 1_000_000),
            Limit::ControlPerSecond => (1, 1_000_000),
            Limit::FrameBytes => (FRAME_BYTES.into(), (1 << 24) - 1),
            Limit::HeaderTableBytes => (0, 1 << 20),
            Limit::Handshake
            | Limit::HeaderBlock
            | Limit::Idle
            | Limit::Keepalive
            | Limit::Progress
            | Limit::StreamIdle
            | Limit::MaxAge
            | Limit::AgeJitter
            | Limit::Grace => (0, MAX_MS),
        }
    }
}

impl Config {
    /// Sets a limit; refused, not clamped, outside its range.
    pub fn set(&mut self, limit: Limit, value: u64) -> Result<()> {
        let (least, most) = limit.range();
        if value < least || value > most {
            return Err(Error::invalid(format_args!("{value} is outside {least} to {most}")));
        }
        let (size, number, time) = (value as usize, value as u32, Duration::from_millis(value));
        match limit {
            Limit::Workers => self.workers = size,
            Limit::MaxConcurrentStreams => self.max_concurrent_streams = number,
            Limit::MaxHeaderListBytes => self.max_header_list_bytes = number,
            Limit::MaxHeaderFields => self.max_header_fields = size,
            Limit::StreamWindowBytes => self.stream_window_bytes = number,
            Limit::SessionWindowBytes => self.session_window_bytes = number,
            Limit::SendBufferBytes => self.send_buffer_bytes = size,
            Limit::SessionSendBytes => self.session_send_bytes = size,
            Limit::HighWaterBytes => self.high_water_bytes = size,
            Limit::MaxBodyBytes => self.max_body_bytes = size,
            Limit::MaxSessions => self.max_sessions = size,
            Limit::MaxSessionsPerAddress => self.max_sessions_per_address = size,
            Limit::Handshake => self.handshake = time,
            Limit::HeaderBlock => self.header_block = time,
            Limit::Idle => self.idle = time,
            Limit::Keepalive => self.keepalive = time,
            Limit::KeepaliveTimeout => self.keepalive_timeout = time,
            Limit::Progress => self.progress = time,
            Limit::ProgressBytes => self.progress_bytes = value,
            Limit::StreamIdle => self.stream_idle = time,
            Limit::MaxAge => self.max_age = time,
            Limit::AgeJitter => self.age_jitter = time,
            Limit::MaxRequests => self.max_requests = value,
            Limit::Grace => self.grace = time,
            Limit::ControlBurst => self.control_burst = number,
            Limit::ControlPerSecond => self.control_per_second = number,
            Limit::SessionBodyBytes => self.session_body_bytes = size,
            Limit::FrameBytes => self.max_frame_bytes = number,
            Limit::HeaderTableBytes => self.header_table_bytes = number,
            Limit::TlsHandshakes => self.tls_handshakes = size,
        }
        Ok(())
    }

    pub fn set_feature(&mut self, feature: Feature, is_enabled: bool) {
        match feature {
            Feature::Http1 => self.http1 = is_enabled,
            Feature::Upgrade => self.upgrade = is_enabled,
            Feature::ConnectProtocol => self.connect_protocol = is_enabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_the_range_are_refused() {
        let mut config = Config::default();
        for (limit, bad) in [
            (Limit::Workers, 0),
            (Limit::StreamWindowBytes, 1 << 31),
            (Limit::SessionWindowBytes, u64::MAX),
            (Limit::SessionWindowBytes, 65_534),
            (Limit::MaxHeaderListBytes, 0),
            (Limit::MaxConcurrentStreams, 0),
            (Limit::FrameBytes, 16_383),
            (Limit::FrameBytes, 1 << 24),
            (Limit::HeaderTableBytes, 1 << 21),
        ] {
            assert!(config.set(limit, bad).is_err(), "{limit:?} {bad}");
        }
        config.set(Limit::StreamWindowBytes, MAX_WINDOW).unwrap();
        assert_eq!(u64::from(config.stream_window_bytes), MAX_WINDOW);
    }
}
