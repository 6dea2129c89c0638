//! The settings of a server, with defaults that are safe on the Internet.

use std::sync::OnceLock;
use std::time::Duration;

use crate::cgroup;
use crate::error::{Error, Result};
use crate::event::Cause;
use crate::padding::Padding;

/// The largest window (RFC 9113, section 6.9.1).
const MAX_WINDOW: u64 = (1 << 31) - 1;
/// The defaults of SETTINGS (RFC 9113, section 6.5.2).
const FRAME_BYTES: u32 = 16_384;
const HEADER_TABLE_BYTES: u32 = 4096;
/// 2^50 bytes, more than any machine has.
const MAX_MEMORY: u64 = 1 << 50;
/// 30 days. Longer times are of no use, and could overflow when added to a time.
const MAX_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// The settings and limits of a server. A time of 0 is no limit.
#[derive(Clone, Debug)]
pub struct Config {
    /// The number of worker threads.
    pub workers: usize,
    /// SETTINGS_MAX_CONCURRENT_STREAMS (section 6.5.2). A request that the host still
    /// holds counts, even if its stream has ended.
    pub max_concurrent_streams: u32,
    /// SETTINGS_MAX_HEADER_LIST_SIZE: bytes, plus 32 for each field.
    pub max_header_list_bytes: u32,
    /// The most header fields of a request.
    pub max_header_fields: usize,
    /// SETTINGS_INITIAL_WINDOW_SIZE: how much a peer may send on a stream before the host
    /// consumes it.
    pub stream_window_bytes: u32,
    /// The same for all streams of a session together.
    pub session_window_bytes: u32,
    /// SETTINGS_MAX_FRAME_SIZE: the longest frame that a peer may send.
    pub max_frame_bytes: u32,
    /// SETTINGS_HEADER_TABLE_SIZE: the table of the peer's header compression.
    pub header_table_bytes: u32,
    /// SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441), if there is a handler for CONNECT.
    pub connect_protocol: bool,
    /// Whether an HTTP/1.1 request for an upgrade reaches the host as such, and a 101
    /// response switches the protocol.
    pub upgrade: bool,
    /// How much of a response is written to the output buffer for a slow peer.
    pub send_buffer_bytes: usize,
    /// The same for all responses of a session together.
    pub session_send_bytes: usize,
    /// How much of a streamed response may wait before a write is refused.
    pub high_water_bytes: usize,
    /// The longest body that the library collects.
    pub max_body_bytes: usize,
    /// The most sessions.
    pub max_sessions: usize,
    /// The most sessions from one address. 0 is no limit.
    pub max_sessions_per_address: usize,
    /// The most bytes of all bodies that a session collects.
    pub session_body_bytes: usize,
    /// The most memory that peers may make the library hold, in all servers of the
    /// process together.
    pub memory_bytes: usize,
    /// The bytes of a session's responses that may wait for a peer that takes nothing
    /// before its further requests wait.
    pub session_response_bytes: usize,
    /// The time for the preface, the first SETTINGS, and the acknowledgement of ours.
    pub handshake: Duration,
    /// The most TLS handshakes at a time. Further connections wait for a turn.
    pub tls_handshakes: usize,
    /// The time for a header block or a control frame, from its first byte.
    pub header_block: Duration,
    /// How long a session may have no stream until it is drained.
    pub idle: Duration,
    /// How long a peer may be silent until it gets a PING.
    pub keepalive: Duration,
    /// The time for the acknowledgement of that PING.
    pub keepalive_timeout: Duration,
    /// While a response waits for its peer, or a collected body for more bytes, at least
    /// `progress_bytes` must pass in each `progress`.
    pub progress: Duration,
    pub progress_bytes: u64,
    /// How long a stream may have no byte in either direction.
    pub stream_idle: Duration,
    /// How old a session may be until it is drained.
    pub max_age: Duration,
    /// The most that is added to a session's `max_age` at random, so that sessions that
    /// began together do not end together.
    pub age_jitter: Duration,
    /// How many requests a session may have until it is drained. 0 is no limit.
    pub max_requests: u64,
    /// The time for the drain of a session that has reached a limit.
    pub grace: Duration,
    /// How many control frames are free at once, and per second.
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
            memory_bytes: memory_share(),
            session_response_bytes: 512 << 10,
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

/// Read once: the limit of a control group does not follow the process.
fn memory_share() -> usize {
    static SHARE: OnceLock<usize> = OnceLock::new();
    *SHARE.get_or_init(|| usize::try_from(cgroup::share()).unwrap_or(usize::MAX).min(MAX_MEMORY as usize))
}

/// A limit that a host can set. `Config::default` has its default. The comment of its
/// number in `src/ffi/limit.rs` describes it.
pub struct Limit {
    /// The name in C without GOAWAY_LIMIT_.
    pub name: &'static str,
    pub unit: &'static str,
    /// The range of its values.
    pub min: u64,
    pub max: u64,
    /// The cause of the end of a session or request that exceeds it.
    pub cause: Option<Cause>,
    /// The version in which it was added.
    pub since: &'static str,
    place: fn(&mut Config) -> &mut dyn Value,
}

/// All limits by their numbers.
pub static LIMITS: [Limit; 32] = [
    limit("WORKERS", "threads", 1, 1024, None, |config| &mut config.workers),
    limit("CONCURRENT_STREAMS", "streams", 1, 100_000, None, |config| &mut config.max_concurrent_streams),
    limit("HEADER_LIST_BYTES", "bytes", 1, 1 << 20, None, |config| &mut config.max_header_list_bytes),
    limit("HEADER_FIELDS", "fields", 1, 10_000, None, |config| &mut config.max_header_fields),
    limit("STREAM_WINDOW_BYTES", "bytes", 0, MAX_WINDOW, None, |config| &mut config.stream_window_bytes),
    // RFC 9113, section 6.9.2: a session's window begins with this size, and no setting
    // makes it smaller.
    limit("SESSION_WINDOW_BYTES", "bytes", 65_535, MAX_WINDOW, None, |config| &mut config.session_window_bytes),
    limit("SEND_BUFFER_BYTES", "bytes", 16 << 10, 1 << 30, None, |config| &mut config.send_buffer_bytes),
    limit("HIGH_WATER_BYTES", "bytes", 1, 1 << 30, None, |config| &mut config.high_water_bytes),
    limit("BODY_BYTES", "bytes", 0, 1 << 40, Some(Cause::BodyTooLarge), |config| &mut config.max_body_bytes),
    limit("SESSIONS", "sessions", 1, 1_000_000, None, |config| &mut config.max_sessions),
    limit("SESSION_SEND_BYTES", "bytes", 16 << 10, 1 << 30, None, |config| &mut config.session_send_bytes),
    limit("SESSIONS_PER_ADDRESS", "sessions", 0, 1_000_000, None, |config| &mut config.max_sessions_per_address),
    limit("HANDSHAKE_MS", "milliseconds", 0, MAX_MS, Some(Cause::HandshakeTimeout), |config| &mut config.handshake),
    limit("HEADER_BLOCK_MS", "milliseconds", 0, MAX_MS, Some(Cause::HeaderTimeout), |config| &mut config.header_block),
    limit("IDLE_MS", "milliseconds", 0, MAX_MS, Some(Cause::IdleTimeout), |config| &mut config.idle),
    limit("KEEPALIVE_MS", "milliseconds", 0, MAX_MS, None, |config| &mut config.keepalive),
    limit("KEEPALIVE_TIMEOUT_MS", "milliseconds", 1, MAX_MS, Some(Cause::KeepaliveTimeout), |config| {
        &mut config.keepalive_timeout
    }),
    limit("PROGRESS_MS", "milliseconds", 0, MAX_MS, Some(Cause::TooSlow), |config| &mut config.progress),
    limit("PROGRESS_BYTES", "bytes", 1, 1 << 30, Some(Cause::TooSlow), |config| &mut config.progress_bytes),
    limit("STREAM_IDLE_MS", "milliseconds", 0, MAX_MS, Some(Cause::StreamIdle), |config| &mut config.stream_idle),
    limit("AGE_MS", "milliseconds", 0, MAX_MS, Some(Cause::MaxAge), |config| &mut config.max_age),
    limit("AGE_JITTER_MS", "milliseconds", 0, MAX_MS, None, |config| &mut config.age_jitter),
    limit("REQUESTS", "requests", 0, u64::MAX, Some(Cause::MaxRequests), |config| &mut config.max_requests),
    limit("GRACE_MS", "milliseconds", 0, MAX_MS, Some(Cause::Deadline), |config| &mut config.grace),
    limit("CONTROL_BURST", "frames", 10, 1_000_000, Some(Cause::Flood), |config| &mut config.control_burst),
    limit("CONTROL_PER_SECOND", "frames per second", 1, 1_000_000, Some(Cause::Flood), |config| {
        &mut config.control_per_second
    }),
    limit("SESSION_BODY_BYTES", "bytes", 0, 1 << 40, Some(Cause::BodyTooLarge), |config| {
        &mut config.session_body_bytes
    }),
    limit("FRAME_BYTES", "bytes", FRAME_BYTES as u64, (1 << 24) - 1, None, |config| &mut config.max_frame_bytes),
    limit("HEADER_TABLE_BYTES", "bytes", 0, 1 << 20, None, |config| &mut config.header_table_bytes),
    limit("TLS_HANDSHAKES", "handshakes", 1, 1_000_000, None, |config| &mut config.tls_handshakes),
    limit("MEMORY_BYTES", "bytes", 1 << 20, MAX_MEMORY, Some(Cause::Memory), |config| &mut config.memory_bytes),
    limit("SESSION_RESPONSE_BYTES", "bytes", 0, 1 << 40, None, |config| &mut config.session_response_bytes),
];

/// A row of the table for a limit of the first version.
const fn limit(
    name: &'static str,
    unit: &'static str,
    min: u64,
    max: u64,
    cause: Option<Cause>,
    place: fn(&mut Config) -> &mut dyn Value,
) -> Limit {
    Limit { name, unit, min, max, cause, since: "0.1.0", place }
}

impl Limit {
    /// The limit with this number.
    pub fn of(number: u32) -> Result<&'static Self> {
        LIMITS.get(number as usize).ok_or_else(|| Error::invalid(format_args!("{number} is no limit")))
    }

    /// The limit with this name, which must be in the table.
    pub fn named(name: &str) -> &'static Self {
        LIMITS.iter().find(|limit| limit.name == name).unwrap_or_else(|| unreachable!("no limit {name}"))
    }

    pub fn range(&self) -> (u64, u64) {
        (self.min, self.max)
    }

    pub fn default(&self) -> u64 {
        (self.place)(&mut Config::default()).get()
    }
}

/// How the value of a limit is stored.
pub trait Value {
    fn get(&self) -> u64;
    /// The value is within the range of the limit.
    fn set(&mut self, value: u64);
}

impl Value for usize {
    fn get(&self) -> u64 {
        *self as u64
    }

    fn set(&mut self, value: u64) {
        *self = value as usize;
    }
}

impl Value for u32 {
    fn get(&self) -> u64 {
        (*self).into()
    }

    fn set(&mut self, value: u64) {
        *self = value as u32;
    }
}

impl Value for u64 {
    fn get(&self) -> u64 {
        *self
    }

    fn set(&mut self, value: u64) {
        *self = value;
    }
}

/// In milliseconds.
impl Value for Duration {
    fn get(&self) -> u64 {
        self.as_millis() as u64
    }

    fn set(&mut self, value: u64) {
        *self = Duration::from_millis(value);
    }
}

/// A protocol feature that a host can enable and disable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    Http1,
    Upgrade,
    ConnectProtocol,
}

impl Config {
    /// Sets a limit. A value outside the range is an error.
    pub fn set(&mut self, limit: &Limit, value: u64) -> Result<()> {
        if value < limit.min || value > limit.max {
            return Err(Error::invalid(format_args!("{value} is outside {} to {}", limit.min, limit.max)));
        }
        (limit.place)(self).set(value);
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
        for limit in &LIMITS {
            let mut config = Config::default();
            for bad in [limit.min.checked_sub(1), limit.max.checked_add(1)].into_iter().flatten() {
                assert!(config.set(limit, bad).is_err(), "{} {bad}", limit.name);
                assert_eq!((limit.place)(&mut config).get(), limit.default(), "{}", limit.name);
            }
            for good in [limit.min, limit.max] {
                config.set(limit, good).unwrap();
                assert_eq!((limit.place)(&mut config).get(), good, "{}", limit.name);
            }
        }
    }

    #[test]
    fn each_limit_has_a_place_of_its_own_and_a_default_in_its_range() {
        for (number, limit) in LIMITS.iter().enumerate() {
            assert!((limit.min..=limit.max).contains(&limit.default()), "{}", limit.name);
            let mut config = Config::default();
            config.set(limit, if limit.default() == limit.min { limit.max } else { limit.min }).unwrap();
            for (other, untouched) in LIMITS.iter().enumerate().filter(|(other, _)| *other != number) {
                let value = (untouched.place)(&mut config).get();
                assert_eq!(value, untouched.default(), "{} changes {} ({other})", limit.name, untouched.name);
            }
        }
    }
}
