//! What a host may set, with defaults that are safe in public.

use crate::error::{Error, Result};

/// RFC 9113, section 6.9.1: no window is larger.
const MAX_WINDOW: u64 = (1 << 31) - 1;

/// The server's settings and limits.
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
    /// What h2 may hold of an answer for a slow peer.
    pub send_buffer_bytes: usize,
    /// What the library may hold of a streamed answer before a write is refused.
    pub high_water_bytes: usize,
    /// The largest body the library collects.
    pub max_body_bytes: usize,
    /// Sessions at a time.
    pub max_sessions: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            max_concurrent_streams: 100,
            max_header_list_bytes: 16 << 10,
            max_header_fields: 100,
            stream_window_bytes: 256 << 10,
            session_window_bytes: 1 << 20,
            send_buffer_bytes: 64 << 10,
            high_water_bytes: 64 << 10,
            max_body_bytes: 16 << 20,
            max_sessions: 10_000,
        }
    }
}

/// A limit that a host can set, by the number it has in the C API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Workers,
    MaxConcurrentStreams,
    MaxHeaderListBytes,
    MaxHeaderFields,
    StreamWindowBytes,
    SessionWindowBytes,
    SendBufferBytes,
    HighWaterBytes,
    MaxBodyBytes,
    MaxSessions,
}

impl Limit {
    /// The values it takes.
    fn range(self) -> (u64, u64) {
        match self {
            Limit::Workers => (1, 1024),
            Limit::MaxConcurrentStreams => (1, 100_000),
            Limit::MaxHeaderListBytes => (1 << 10, 1 << 20),
            Limit::MaxHeaderFields => (1, 10_000),
            Limit::StreamWindowBytes | Limit::SessionWindowBytes => (65_535, MAX_WINDOW),
            Limit::SendBufferBytes => (16 << 10, 1 << 30),
            Limit::HighWaterBytes => (1, 1 << 30),
            Limit::MaxBodyBytes => (0, 1 << 40),
            Limit::MaxSessions => (1, 1_000_000),
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
        let size = value as usize;
        let number = value as u32;
        match limit {
            Limit::Workers => self.workers = size,
            Limit::MaxConcurrentStreams => self.max_concurrent_streams = number,
            Limit::MaxHeaderListBytes => self.max_header_list_bytes = number,
            Limit::MaxHeaderFields => self.max_header_fields = size,
            Limit::StreamWindowBytes => self.stream_window_bytes = number,
            Limit::SessionWindowBytes => self.session_window_bytes = number,
            Limit::SendBufferBytes => self.send_buffer_bytes = size,
            Limit::HighWaterBytes => self.high_water_bytes = size,
            Limit::MaxBodyBytes => self.max_body_bytes = size,
            Limit::MaxSessions => self.max_sessions = size,
        }
        Ok(())
    }

    /// h2's settings.
    pub fn h2(&self) -> h2::server::Builder {
        let mut builder = h2::server::Builder::new();
        builder
            .max_concurrent_streams(self.max_concurrent_streams)
            .max_header_list_size(self.max_header_list_bytes)
            .initial_window_size(self.stream_window_bytes)
            .initial_connection_window_size(self.session_window_bytes)
            .max_send_buffer_size(self.send_buffer_bytes)
            .max_local_error_reset_streams(Some(128));
        builder
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
            (Limit::MaxConcurrentStreams, 0),
        ] {
            assert!(config.set(limit, bad).is_err(), "{limit:?} {bad}");
        }
        config.set(Limit::StreamWindowBytes, MAX_WINDOW).unwrap();
        assert_eq!(u64::from(config.stream_window_bytes), MAX_WINDOW);
    }
}
