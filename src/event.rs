//! The events of sessions and requests, and their causes.

use std::ffi::CStr;

use crate::endpoint::Endpoint;

/// Why a session or a request ended. Later versions may append codes.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It has not ended, or there is no cause to report.
    None = 0,
    /// The session was drained: GOAWAY was sent, every stream was served, then it was
    /// closed.
    Drained = 1,
    /// The peer closed the connection properly.
    PeerClosed = 2,
    /// The peer sent GOAWAY with an error code.
    PeerGoaway = 3,
    /// The peer reset the stream (RST_STREAM).
    PeerReset = 4,
    /// The connection was reset by the peer, or the network failed.
    ConnectionLost = 5,
    /// The peer violated the protocol. The library sent GOAWAY or RST_STREAM, over
    /// HTTP/1.1 a response with an error status.
    ProtocolError = 6,
    /// The server closed before the handshake of the connection was complete.
    Handshake = 7,
    /// The deadline of a drain passed.
    Deadline = 8,
    /// The host aborted the session or reset the request.
    Aborted = 9,
    /// A panic inside the library, which ended only this session.
    Internal = 10,
    /// The handshake of the connection was not complete in time
    /// (GOAWAY_LIMIT_HANDSHAKE_MS).
    HandshakeTimeout = 11,
    /// A header block or control frame was not complete in time
    /// (GOAWAY_LIMIT_HEADER_BLOCK_MS).
    HeaderTimeout = 12,
    /// The session was not used (GOAWAY_LIMIT_IDLE_MS).
    IdleTimeout = 13,
    /// The peer did not acknowledge a PING (GOAWAY_LIMIT_KEEPALIVE_MS).
    KeepaliveTimeout = 14,
    /// The peer read or sent too slowly (GOAWAY_LIMIT_PROGRESS_MS).
    TooSlow = 15,
    /// No byte passed on the stream (GOAWAY_LIMIT_STREAM_IDLE_MS).
    StreamIdle = 16,
    /// The session reached its maximum age (GOAWAY_LIMIT_AGE_MS).
    MaxAge = 17,
    /// The session reached its maximum number of requests (GOAWAY_LIMIT_REQUESTS).
    MaxRequests = 18,
    /// The peer sent too many control frames (GOAWAY_LIMIT_CONTROL_BURST).
    Flood = 19,
    /// The request's body was longer than the library collects, alone
    /// (GOAWAY_LIMIT_BODY_BYTES) or with other bodies of its session
    /// (GOAWAY_LIMIT_SESSION_BODY_BYTES).
    BodyTooLarge = 20,
    /// The pushed request (`goaway_request_push`) was not sent, because the peer had
    /// disabled push or sent GOAWAY in the meantime.
    PushRefused = 21,
    /// The connection did not begin with a valid PROXY header from a trusted proxy in
    /// time (`goaway_server_listen`).
    Proxy = 22,
    /// The TLS handshake failed. An ERROR event before it has the reason.
    Tls = 23,
    /// The peer had sent nothing, or its TLS handshake was not complete, and its place
    /// was needed (GOAWAY_LIMIT_SESSIONS, GOAWAY_LIMIT_TLS_HANDSHAKES).
    Silent = 24,
    /// The session was idle and was drained because its place was needed
    /// (GOAWAY_LIMIT_SESSIONS).
    Evicted = 25,
    /// The session was one of the largest when the server's memory limit was reached
    /// (GOAWAY_LIMIT_MEMORY_BYTES).
    Memory = 26,
}

impl Cause {
    /// The names for logs and reports, by number.
    pub const NAMES: [&CStr; 27] = [
        c"none",
        c"drained",
        c"peer_closed",
        c"peer_goaway",
        c"peer_reset",
        c"connection_lost",
        c"protocol_error",
        c"handshake",
        c"deadline",
        c"aborted",
        c"internal",
        c"handshake_timeout",
        c"header_timeout",
        c"idle_timeout",
        c"keepalive_timeout",
        c"too_slow",
        c"stream_idle",
        c"max_age",
        c"max_requests",
        c"flood",
        c"body_too_large",
        c"push_refused",
        c"proxy",
        c"tls",
        c"silent",
        c"evicted",
        c"memory",
    ];

    pub fn name(self) -> &'static str {
        word(&Self::NAMES, self as u32)
    }

    /// How the report of a close counts a session that ended with this cause.
    pub fn outcome(self) -> Outcome {
        match self {
            Cause::Drained | Cause::IdleTimeout | Cause::MaxAge | Cause::MaxRequests => Outcome::Graceful,
            Cause::Evicted => Outcome::Graceful,
            Cause::PeerClosed | Cause::PeerGoaway | Cause::PeerReset => Outcome::ByPeer,
            Cause::ConnectionLost | Cause::ProtocolError => Outcome::ByPeer,
            Cause::Handshake | Cause::HandshakeTimeout | Cause::Proxy | Cause::Tls => Outcome::Handshake,
            Cause::Silent => Outcome::Handshake,
            Cause::None | Cause::Deadline | Cause::Aborted | Cause::Internal => Outcome::Forced,
            Cause::HeaderTimeout | Cause::KeepaliveTimeout | Cause::Flood | Cause::Memory => Outcome::Forced,
            Cause::TooSlow | Cause::StreamIdle | Cause::BodyTooLarge | Cause::PushRefused => Outcome::Forced,
        }
    }
}

/// How a session ended, as the report of a close counts it.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// GOAWAY was sent and every stream was served.
    Graceful = 0,
    /// The peer ended it, or its connection broke.
    ByPeer = 1,
    /// Its handshake was not complete.
    Handshake = 2,
    /// A deadline, the host or an internal error ended it.
    Forced = 3,
}

impl Outcome {
    /// The names for logs and reports, by number.
    pub const NAMES: [&CStr; 4] = [c"graceful", c"by_peer", c"in_handshake", c"forced"];
}

/// Kinds of session events. Later versions may append codes.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A connection was accepted. The first event of each session.
    Opened = 0,
    /// The peer's SETTINGS arrived (RFC 9113, section 6.5). `text` is the payload of
    /// the frame, up to 85 settings of 6 bytes: two bytes of identifier and four
    /// bytes of value, in network byte order.
    Settings = 1,
    /// The peer sent a PING (section 6.7), and the library has acknowledged it.
    /// `text` has its 8 bytes.
    Ping = 2,
    /// The peer sent a GOAWAY (section 6.8) with `code`, `last_stream` and the debug
    /// data `text`.
    Goaway = 3,
    /// The peer violated the protocol on `stream`, or on the whole session if that is
    /// 0. `code` is the error code that the library sent.
    FrameError = 4,
    /// The connection failed; `text` describes how. With `session` 0, the server
    /// cannot accept connections for a moment, because descriptors or memory have run
    /// out; this event is reported on a thread of its own.
    Error = 5,
    /// A limit ended `stream`, or the whole session if that is 0. `cause` is a cause
    /// that names a GOAWAY_LIMIT_, or GOAWAY_CAUSE_DEADLINE. `code` is the error code
    /// that the library sends in RST_STREAM or GOAWAY, or 0. Exceeding a limit that
    /// was announced in SETTINGS is a FRAME_ERROR instead.
    Timeout = 6,
    /// The session begins to drain: the library sends the first GOAWAY.
    Draining = 7,
    /// The session has ended with `cause` and `outcome`. The last event of each
    /// session.
    Closed = 8,
    /// The peer acknowledged a PING of `goaway_session_ping`. `text` has its 8 bytes.
    Pong = 9,
    /// The peer acknowledged a SETTINGS frame of the library (section 6.5.3): the
    /// first one, or one of `goaway_session_send_settings` or
    /// `goaway_session_set_window`. `text` is the payload of that frame, as for
    /// SETTINGS.
    SettingsAck = 10,
    /// The TLS handshake is complete. `goaway_session_tls` returns its result,
    /// `goaway_session_peer_certificate` the client's certificates. For a session
    /// over TLS it follows OPENED, before any HTTP has arrived.
    Secured = 11,
    /// The peer acknowledged a frame that was not sent: a PING (section 6.7), whose 8
    /// bytes are `text`, or SETTINGS (section 6.5.3) if `text` is empty. The library
    /// counts it as a control frame (GOAWAY_LIMIT_CONTROL_BURST) and does nothing
    /// else.
    UnsolicitedAck = 12,
}

impl EventKind {
    /// The names for logs and reports, by number.
    pub const NAMES: [&CStr; 13] = [
        c"opened",
        c"settings",
        c"ping",
        c"goaway",
        c"frame_error",
        c"error",
        c"timeout",
        c"draining",
        c"closed",
        c"pong",
        c"settings_ack",
        c"secured",
        c"unsolicited_ack",
    ];

    pub fn name(self) -> &'static str {
        word(&Self::NAMES, self as u32)
    }
}

/// Something that happened to a session. Fields that the kind does not name are 0.
#[derive(Clone, Debug)]
pub struct SessionEvent {
    pub kind: EventKind,
    pub session: u64,
    pub peer: Endpoint,
    pub stream: u32,
    pub last_stream: u32,
    pub code: u32,
    pub cause: Cause,
    pub outcome: Outcome,
    pub text: Vec<u8>,
}

impl SessionEvent {
    pub fn new(kind: EventKind, session: u64, peer: Endpoint) -> Self {
        let (cause, outcome) = (Cause::None, Outcome::Graceful);
        Self { kind, session, peer, stream: 0, last_stream: 0, code: 0, cause, outcome, text: Vec::new() }
    }
}

/// The name of this number.
pub fn word(names: &[&'static CStr], number: u32) -> &'static str {
    names.get(number as usize).and_then(|name| name.to_str().ok()).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_each_has_its_word() {
        assert_eq!(Cause::Memory.name(), "memory");
        assert_eq!(Outcome::NAMES.len(), Outcome::Forced as usize + 1);
        assert_eq!(EventKind::UnsolicitedAck.name(), "unsolicited_ack");
    }
}
