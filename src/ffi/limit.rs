//! Limits, by the numbers that the C API gives them.

use std::ptr::NonNull;

use super::server::{borrow, goaway_server};
use super::{goaway_status, guard};
use crate::config::Limit;
use crate::padding::Padding;

/// What can be limited; see `goaway_server_set_limit`. Each with its unit, its
/// default and the values it takes.
// C passes the numbers; `LIMITS` in src/config.rs has a row for each.
#[allow(dead_code)]
#[repr(C)]
#[derive(Clone, Copy)]
pub enum goaway_limit {
    /// Threads that serve sessions; one session never uses more than one.
    /// Default: one a processor. 1 to 1024.
    GOAWAY_LIMIT_WORKERS = 0,
    /// Streams that a peer may have open at a time (SETTINGS_MAX_CONCURRENT_STREAMS,
    /// RFC 9113, section 6.5.2). A request that the host still holds counts,
    /// even if the peer has reset its stream. More are refused with
    /// REFUSED_STREAM. Default 100. 1 to 100000.
    GOAWAY_LIMIT_CONCURRENT_STREAMS = 1,
    /// Bytes of a request's header list, with 32 more a field
    /// (SETTINGS_MAX_HEADER_LIST_SIZE). More gets the response 431; a header block of more
    /// than four times that, and of more than 64 KiB, ends the session.
    /// Default 16384. 1 to 1048576.
    GOAWAY_LIMIT_HEADER_LIST_BYTES = 2,
    /// Header fields of a request; all its cookie fields count as one. More is
    /// refused with 431. Default 100. 1 to 10000.
    GOAWAY_LIMIT_HEADER_FIELDS = 3,
    /// Bytes that a peer may send on a stream ahead of what the host has
    /// consumed (SETTINGS_INITIAL_WINDOW_SIZE). Less than 65535 holds from when
    /// the peer has acknowledged it; with 0 no body comes in HTTP/2 until
    /// `goaway_session_set_window`. Default 262144. 0 to 2147483647.
    GOAWAY_LIMIT_STREAM_WINDOW_BYTES = 4,
    /// The same for all streams of a session together.
    /// Default 1048576. 65535 to 2147483647.
    GOAWAY_LIMIT_SESSION_WINDOW_BYTES = 5,
    /// Bytes of one response that are written and have not left; over HTTP/2 256 KiB
    /// more, which are gathered for one system call.
    /// Default 65536. 16384 to 1073741824.
    GOAWAY_LIMIT_SEND_BUFFER_BYTES = 6,
    /// Bytes of a streamed response that may wait for the peer before
    /// `goaway_request_write` returns GOAWAY_ERR_WOULD_BLOCK; see
    /// `goaway_request_set_high_water`. If a peer reads a long response faster than it
    /// is written, the mark grows, up to GOAWAY_LIMIT_SESSION_SEND_BYTES; all marks of
    /// a session together grow by at most twice that.
    /// Default 65536. 1 to 1073741824.
    GOAWAY_LIMIT_HIGH_WATER_BYTES = 7,
    /// Bytes of a request body that `goaway_request_collect` gathers. More is
    /// refused with 413. Bodies that come in a queue's records are not gathered.
    /// Default 16777216. 0 to 1099511627776.
    GOAWAY_LIMIT_BODY_BYTES = 8,
    /// Sessions at a time; further connections are closed as soon as they are
    /// accepted. Default 10000. 1 to 1000000.
    GOAWAY_LIMIT_SESSIONS = 9,
    /// Bytes of a session that are written and have not left, above which no more
    /// content is. Default 1048576. 16384 to 1073741824.
    GOAWAY_LIMIT_SESSION_SEND_BYTES = 10,
    /// Of the sessions, those from one address; further connections are closed
    /// as soon as they are accepted, or, behind a proxy, as soon as it has named
    /// their client. A Unix socket's peers have no address. Default 0, no limit. 0 to 1000000.
    GOAWAY_LIMIT_SESSIONS_PER_ADDRESS = 11,
    /// Milliseconds until a new connection has done its TLS handshake, if it is to
    /// have one, and sent its preface, its first SETTINGS and the acknowledgement of ours. Beyond: GOAWAY(SETTINGS_TIMEOUT), or
    /// NO_ERROR if there was no preface.
    /// Default 10000. 0, no limit, to 30 days.
    GOAWAY_LIMIT_HANDSHAKE_MS = 12,
    /// Milliseconds until a header block, or a control frame, that has begun is
    /// whole. Beyond: GOAWAY(ENHANCE_YOUR_CALM). Default 10000. 0, no limit, to 30 days.
    GOAWAY_LIMIT_HEADER_BLOCK_MS = 13,
    /// Milliseconds without a stream until a session is drained; PINGs do not
    /// count as use. Default 60000. 0, no limit, to 30 days.
    GOAWAY_LIMIT_IDLE_MS = 14,
    /// Milliseconds of silence until a PING asks whether the peer is there.
    /// Default 30000. 0, never, to 30 days.
    GOAWAY_LIMIT_KEEPALIVE_MS = 15,
    /// Milliseconds until that PING must be acknowledged. Beyond, the connection is
    /// cut. Default 20000. 1 to 30 days.
    GOAWAY_LIMIT_KEEPALIVE_TIMEOUT_MS = 16,
    /// Milliseconds in which GOAWAY_LIMIT_PROGRESS_BYTES must pass on a stream
    /// whose response waits for the peer, or whose body the library collects.
    /// Beyond: RST_STREAM(CANCEL); who takes nothing at all is cut. Default 30000. 0, no limit, to 30 days.
    GOAWAY_LIMIT_PROGRESS_MS = 17,
    /// Default 16384. 1 to 1073741824.
    GOAWAY_LIMIT_PROGRESS_BYTES = 18,
    /// Milliseconds of a stream on which no byte passes either way. Beyond:
    /// RST_STREAM(CANCEL). `goaway_request_set_idle_ms` sets it for one
    /// request. Default 300000. 0, no limit, to 30 days.
    GOAWAY_LIMIT_STREAM_IDLE_MS = 19,
    /// Milliseconds until a session is drained, however busy it is.
    /// Default 0, no limit. 0 to 30 days.
    GOAWAY_LIMIT_AGE_MS = 20,
    /// Up to so many milliseconds are added to a session's age, by chance.
    /// Default 0. 0 to 30 days.
    GOAWAY_LIMIT_AGE_JITTER_MS = 21,
    /// Requests until a session is drained. Default 0, no limit.
    GOAWAY_LIMIT_REQUESTS = 22,
    /// Milliseconds that a session may take which a limit drains.
    /// Default 10000. 0 to 30 days.
    GOAWAY_LIMIT_GRACE_MS = 23,
    /// Frames that cost the server something and bring no request on (PING, SETTINGS,
    /// priorities, RST_STREAM, errors of a stream, empty and unknown ones, ...; those
    /// that explain themselves are free, see docs/limits.md) that a peer may send at
    /// once. Beyond: reading pauses for 100 ms, then GOAWAY(ENHANCE_YOUR_CALM).
    /// Ten times as many requests may reach no handler (404, 405, 501), and one more
    /// for each that does. Beyond: reading pauses; a peer that does not wait for its
    /// responses gets GOAWAY(ENHANCE_YOUR_CALM). Default 500. 10 to 1000000.
    GOAWAY_LIMIT_CONTROL_BURST = 24,
    /// The same for each second after. Default 50. 1 to 1000000.
    GOAWAY_LIMIT_CONTROL_PER_SECOND = 25,
    /// Bytes of all request bodies of a session together that
    /// `goaway_request_collect` is gathering. The one that exceeds it is
    /// refused with 413 and `retry-after`. Default 67108864. 0 to 1099511627776.
    GOAWAY_LIMIT_SESSION_BODY_BYTES = 26,
    /// Bytes of the longest frame that a peer may send (SETTINGS_MAX_FRAME_SIZE),
    /// without its head. A longer one ends the session: GOAWAY(FRAME_SIZE_ERROR).
    /// Default 16384. 16384 to 16777215.
    GOAWAY_LIMIT_FRAME_BYTES = 27,
    /// Bytes that a session keeps for the compression of the header fields that
    /// its peer sends (SETTINGS_HEADER_TABLE_SIZE, RFC 7541, section 4.2).
    /// Default 4096. 0 to 1048576.
    GOAWAY_LIMIT_HEADER_TABLE_BYTES = 28,
    /// TLS handshakes at a time, from their first byte on. Connections that come
    /// then wait for their turn, and GOAWAY_LIMIT_HANDSHAKE_MS goes on meanwhile.
    /// Default 1000. 1 to 1000000.
    GOAWAY_LIMIT_TLS_HANDSHAKES = 29,
}

/// Sets a limit, one of the numbers of `goaway_limit`. Before the start only.
///
/// GOAWAY_ERR_INVALID: there is no such limit, or it does not take the value,
/// which is never changed to one that fits. GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_set_limit(
    server: Option<NonNull<goaway_server>>,
    limit: u32,
    value: u64,
) -> goaway_status {
    guard(|| borrow(server)?.set_limit(Limit::of(limit)?, value))
}

/// Pads the frames of HTTP/2 that carry messages, so that their lengths tell less
/// of what is in them (RFC 9113, section 10.7): a `goaway_padding`. What the
/// peer's window or the longest frame has no room for is left out. Padding costs
/// bytes of the peer's windows. Default GOAWAY_PADDING_NONE. Before the start only.
///
/// GOAWAY_ERR_INVALID: there is no such padding. GOAWAY_ERR_STATE: the server was started.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_server_set_padding(server: Option<NonNull<goaway_server>>, padding: u32) -> goaway_status {
    guard(|| borrow(server)?.set_padding(Padding::from_number(padding)?))
}
