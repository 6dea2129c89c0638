//! The limits, by their numbers in the C API.

use std::ptr::NonNull;

use super::server::{borrow, goaway_server};
use super::{goaway_status, guard};
use crate::config::Limit;
use crate::padding::Padding;

/// Limits of a server, with units, defaults and ranges; see
/// `goaway_server_set_limit`.
// C passes the numbers; `LIMITS` in src/config.rs has a row for each.
#[allow(dead_code)]
#[repr(C)]
#[derive(Clone, Copy)]
pub enum goaway_limit {
    /// Threads that serve sessions. One session uses only one of them. Default: one a
    /// processor. 1 to 1024.
    GOAWAY_LIMIT_WORKERS = 0,
    /// Streams that a peer may have open at a time (SETTINGS_MAX_CONCURRENT_STREAMS,
    /// RFC 9113, section 6.5.2). A request that the host still holds counts, even if
    /// the peer has reset its stream. Further streams are refused with
    /// REFUSED_STREAM. Default 100. 1 to 100000.
    GOAWAY_LIMIT_CONCURRENT_STREAMS = 1,
    /// Bytes of a request's header list, plus 32 for each field
    /// (SETTINGS_MAX_HEADER_LIST_SIZE). A longer list gets the response 431. A header
    /// block longer than four times the limit, and longer than 64 KiB, ends the
    /// session. Default 16384. 1 to 1048576.
    GOAWAY_LIMIT_HEADER_LIST_BYTES = 2,
    /// Header fields of a request; all its cookie fields count as one. A request with
    /// more gets the response 431. Default 100. 1 to 10000.
    GOAWAY_LIMIT_HEADER_FIELDS = 3,
    /// Bytes that a peer may send on a stream before the host consumes them
    /// (SETTINGS_INITIAL_WINDOW_SIZE). A value below 65535 takes effect when the peer
    /// has acknowledged it. With 0, no body arrives over HTTP/2 until
    /// `goaway_session_set_window`. Default 262144. 0 to 2147483647.
    GOAWAY_LIMIT_STREAM_WINDOW_BYTES = 4,
    /// Bytes that a peer may send on all streams of a session together before the
    /// host consumes them. Default 1048576. 65535 to 2147483647.
    GOAWAY_LIMIT_SESSION_WINDOW_BYTES = 5,
    /// Unsent bytes of one response. Over HTTP/2 256 KiB more, which are gathered for
    /// one system call. Default 65536. 16384 to 1073741824.
    GOAWAY_LIMIT_SEND_BUFFER_BYTES = 6,
    /// Bytes of a streamed response that may wait for the peer before
    /// `goaway_request_write` returns GOAWAY_ERR_WOULD_BLOCK; see
    /// `goaway_request_set_high_water_bytes`. If a peer reads a long response faster than
    /// it is written, the mark grows, up to GOAWAY_LIMIT_SESSION_SEND_BYTES. All
    /// marks of a session together grow by at most twice that. Default 65536. 1 to
    /// 1073741824.
    GOAWAY_LIMIT_HIGH_WATER_BYTES = 7,
    /// Bytes of a request body that `goaway_request_collect` collects. A longer body
    /// gets the response 413. Bodies that arrive in records of a queue are not
    /// collected. Default 16777216. 0 to 1099511627776.
    GOAWAY_LIMIT_BODY_BYTES = 8,
    /// Sessions at a time. For a further connection the one that has been silent
    /// longest is closed (GOAWAY_CAUSE_SILENT), otherwise the session that has been
    /// idle longest is drained (GOAWAY_CAUSE_EVICTED). If all are in use, it is closed
    /// as soon as it is accepted. Default 10000. 1 to 1000000.
    GOAWAY_LIMIT_SESSIONS = 9,
    /// Unsent bytes of a session from which on no more content is written to it.
    /// Default 1048576. 16384 to 1073741824.
    GOAWAY_LIMIT_SESSION_SEND_BYTES = 10,
    /// Sessions from one address at a time. Further connections are closed as soon as
    /// they are accepted, or, behind a proxy, as soon as the proxy has named the
    /// client. Peers of a Unix socket have no address and do not count. Default 0, no
    /// limit. 0 to 1000000.
    GOAWAY_LIMIT_SESSIONS_PER_ADDRESS = 11,
    /// Milliseconds in which a new connection must complete its TLS handshake, if it
    /// uses TLS, and send its preface, its first SETTINGS and the acknowledgement of
    /// ours. Then it gets GOAWAY(SETTINGS_TIMEOUT), or NO_ERROR if there was no
    /// preface. Default 10000. 0, no limit, to 30 days.
    GOAWAY_LIMIT_HANDSHAKE_MS = 12,
    /// Milliseconds in which a header block or control frame that has begun must be
    /// complete. Then the session gets GOAWAY(ENHANCE_YOUR_CALM). Default 10000. 0,
    /// no limit, to 30 days.
    GOAWAY_LIMIT_HEADER_BLOCK_MS = 13,
    /// Milliseconds without a stream after which a session is drained. PINGs do not
    /// count as use. Default 60000. 0, no limit, to 30 days.
    GOAWAY_LIMIT_IDLE_MS = 14,
    /// Milliseconds of silence after which the library sends a PING. Default 30000.
    /// 0, never, to 30 days.
    GOAWAY_LIMIT_KEEPALIVE_MS = 15,
    /// Milliseconds in which the peer must acknowledge that PING. Then the connection
    /// is cut. Default 20000. 1 to 30 days.
    GOAWAY_LIMIT_KEEPALIVE_TIMEOUT_MS = 16,
    /// Milliseconds in which GOAWAY_LIMIT_PROGRESS_BYTES must pass on a stream whose
    /// response waits for the peer, or whose body the library collects. Then the
    /// stream gets RST_STREAM(CANCEL). A connection whose peer reads nothing at all
    /// is cut. Default 30000. 0, no limit, to 30 days.
    GOAWAY_LIMIT_PROGRESS_MS = 17,
    /// Bytes that must pass in GOAWAY_LIMIT_PROGRESS_MS. Default 16384. 1 to
    /// 1073741824.
    GOAWAY_LIMIT_PROGRESS_BYTES = 18,
    /// Milliseconds of a stream without a byte in either direction. Then it gets
    /// RST_STREAM(CANCEL). `goaway_request_set_idle_ms` sets it for one request.
    /// Default 300000. 0, no limit, to 30 days.
    GOAWAY_LIMIT_STREAM_IDLE_MS = 19,
    /// Milliseconds after which a session is drained, even if it is in use. Default
    /// 0, no limit. 0 to 30 days.
    GOAWAY_LIMIT_AGE_MS = 20,
    /// Milliseconds up to which a random time is added to GOAWAY_LIMIT_AGE_MS for
    /// each session. Default 0. 0 to 30 days.
    GOAWAY_LIMIT_AGE_JITTER_MS = 21,
    /// Requests after which a session is drained. Default 0, no limit.
    GOAWAY_LIMIT_REQUESTS = 22,
    /// Drain time in milliseconds of a session that a limit drains. Default 10000. 0
    /// to 30 days.
    GOAWAY_LIMIT_GRACE_MS = 23,
    /// Frames that a peer may send at once although they cost the server something
    /// and do not advance a request: PING, SETTINGS, priorities, RST_STREAM, errors
    /// of a stream, empty and unknown frames, and others. docs/limits.md has the
    /// complete list, and the frames that are free. Beyond the limit, reading pauses
    /// for 100 ms at a time; then the session gets GOAWAY(ENHANCE_YOUR_CALM).
    ///
    /// Ten times as many requests may reach no handler (404, 405, 501), and one more
    /// for each request that does. Beyond that, reading pauses; a peer that does not
    /// wait for its responses gets GOAWAY(ENHANCE_YOUR_CALM). Default 500. 10 to
    /// 1000000.
    GOAWAY_LIMIT_CONTROL_BURST = 24,
    /// Frames of GOAWAY_LIMIT_CONTROL_BURST that are added for each second. Default
    /// 50. 1 to 1000000.
    GOAWAY_LIMIT_CONTROL_PER_SECOND = 25,
    /// Bytes of all request bodies of a session together that
    /// `goaway_request_collect` is collecting. The body that exceeds it gets the
    /// response 413 with `retry-after`. Default 67108864. 0 to 1099511627776.
    GOAWAY_LIMIT_SESSION_BODY_BYTES = 26,
    /// Bytes of the longest frame that a peer may send (SETTINGS_MAX_FRAME_SIZE),
    /// without the frame header. A longer frame ends the session with
    /// GOAWAY(FRAME_SIZE_ERROR). Default 16384. 16384 to 16777215.
    GOAWAY_LIMIT_FRAME_BYTES = 27,
    /// Bytes of a session's dynamic table, by which the peer compresses its header
    /// fields (SETTINGS_HEADER_TABLE_SIZE, RFC 7541, section 4.2). Default 4096. 0 to
    /// 1048576.
    GOAWAY_LIMIT_HEADER_TABLE_BYTES = 28,
    /// TLS handshakes at a time, each from its first byte on. For a further connection
    /// one whose hello is not complete is closed (GOAWAY_CAUSE_SILENT). If there is
    /// none, the connection waits for its turn; its GOAWAY_LIMIT_HANDSHAKE_MS runs
    /// meanwhile. Default 1000. 1 to 1000000.
    GOAWAY_LIMIT_TLS_HANDSHAKES = 29,
    /// Bytes of memory that peers may make the library hold, in all servers of the
    /// process together (`goaway_memory_usage`). Each server acts at its own limit.
    /// Above three quarters of it peers get small windows; at the limit the largest
    /// sessions wait, then they are closed: GOAWAY(ENHANCE_YOUR_CALM),
    /// GOAWAY_CAUSE_MEMORY. Default half of the control group's memory limit, without
    /// one 1 GiB or half of the machine's memory, whichever is less. 1048576 to
    /// 1125899906842624.
    GOAWAY_LIMIT_MEMORY_BYTES = 30,
    /// Bytes of a session's responses that wait for a peer which takes nothing at the
    /// moment. From there on its further requests wait, too, until it takes something.
    /// Default 524288. 0 to 1099511627776.
    GOAWAY_LIMIT_SESSION_RESPONSE_BYTES = 31,
}

/// Sets a limit, one of `goaway_limit`. Allowed before the start only. A value
/// outside the range is refused and never changed to one that fits.
///
/// GOAWAY_ERR_INVALID: `limit` is none of these numbers, or `value` is outside its
/// range.
/// GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_set_limit(
    server: Option<NonNull<goaway_server>>,
    limit: u32,
    value: u64,
) -> goaway_status {
    guard(|| borrow(server)?.set_limit(Limit::of(limit)?, value))
}

/// Sets how the HEADERS, PUSH_PROMISE and DATA frames of a server are padded, one of
/// `goaway_padding`, so that their lengths reveal less about their content (RFC 9113,
/// section 10.7). A frame gets less padding if the peer's window or the longest frame
/// has no room for it. Padding uses up the peer's windows. Default
/// GOAWAY_PADDING_NONE. Allowed before the start only.
///
/// GOAWAY_ERR_INVALID: `padding` is none of these numbers.
/// GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_set_padding(server: Option<NonNull<goaway_server>>, padding: u32) -> goaway_status {
    guard(|| borrow(server)?.set_padding(Padding::from_number(padding)?))
}
