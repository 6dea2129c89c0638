//! The vocabulary of what happens to sessions and requests.

use std::ffi::CStr;

use crate::endpoint::Endpoint;

/// Why a session or a request ended. Codes are appended, never renumbered.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It has not ended, or there is nothing to tell.
    None = 0,
    /// Drained: told with GOAWAY, every stream served, then closed.
    Drained = 1,
    /// The peer closed the connection, in order.
    PeerClosed = 2,
    /// The peer sent GOAWAY with an error code.
    PeerGoaway = 3,
    /// The peer reset the stream (RST_STREAM).
    PeerReset = 4,
    /// The connection broke: reset by the peer or an error of the network.
    ConnectionLost = 5,
    /// The peer broke the protocol; it was told with GOAWAY or RST_STREAM, in
    /// HTTP/1.1 with a status.
    ProtocolError = 6,
    /// The server closed before the connection had become a session.
    Handshake = 7,
    /// The deadline of a drain passed.
    Deadline = 8,
    /// The host aborted the session or reset the request.
    Aborted = 9,
    /// A panic inside the library; only this session suffered.
    Internal = 10,
    /// The connection did not become a session in time (GOAWAY_LIMIT_HANDSHAKE_MS).
    HandshakeTimeout = 11,
    /// A header block or control frame was not whole in time (GOAWAY_LIMIT_HEADER_BLOCK_MS).
    HeaderTimeout = 12,
    /// The session was not used (GOAWAY_LIMIT_IDLE_MS).
    IdleTimeout = 13,
    /// The peer did not acknowledge a PING (GOAWAY_LIMIT_KEEPALIVE_MS).
    KeepaliveTimeout = 14,
    /// The peer took or sent less than it must (GOAWAY_LIMIT_PROGRESS_MS).
    TooSlow = 15,
    /// No byte passed on the stream (GOAWAY_LIMIT_STREAM_IDLE_MS).
    StreamIdle = 16,
    /// The session was old enough (GOAWAY_LIMIT_AGE_MS).
    MaxAge = 17,
    /// The session had served enough (GOAWAY_LIMIT_REQUESTS).
    MaxRequests = 18,
    /// The peer sent too many control frames (GOAWAY_LIMIT_CONTROL_BURST).
    Flood = 19,
    /// The request's body was longer than the library collects (GOAWAY_LIMIT_BODY_BYTES),
    /// alone or with others of its session (GOAWAY_LIMIT_SESSION_BODY_BYTES).
    BodyTooLarge = 20,
    /// The request was to be pushed (`goaway_request_push`), and meanwhile the
    /// peer had disabled that or sent GOAWAY.
    PushRefused = 21,
    /// The connection had to begin with a PROXY header (`goaway_server_listen`)
    /// and did not, in time, as it must be, or from a proxy that is trusted.
    Proxy = 22,
    /// The TLS handshake failed; an ERROR event before says why.
    Tls = 23,
}

impl Cause {
    /// The words for logs and reports, by number.
    pub const NAMES: [&CStr; 24] = [
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
    ];

    pub fn name(self) -> &'static str {
        word(&Self::NAMES, self as u32)
    }

    /// How the close report counts a session that ended so.
    pub fn outcome(self) -> Outcome {
        match self {
            Cause::Drained | Cause::IdleTimeout | Cause::MaxAge | Cause::MaxRequests => Outcome::Graceful,
            Cause::PeerClosed | Cause::PeerGoaway | Cause::PeerReset => Outcome::ByPeer,
            Cause::ConnectionLost | Cause::ProtocolError => Outcome::ByPeer,
            Cause::Handshake | Cause::HandshakeTimeout | Cause::Proxy | Cause::Tls => Outcome::Handshake,
            Cause::None | Cause::Deadline | Cause::Aborted | Cause::Internal => Outcome::Forced,
            Cause::HeaderTimeout | Cause::KeepaliveTimeout | Cause::Flood => Outcome::Forced,
            Cause::TooSlow | Cause::StreamIdle | Cause::BodyTooLarge | Cause::PushRefused => Outcome::Forced,
        }
    }
}

/// The four ways a session can end, as the close report counts them.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Told with GOAWAY and every stream served.
    Graceful = 0,
    /// The peer ended it, or broke it.
    ByPeer = 1,
    /// It had not become a session yet.
    Handshake = 2,
    /// Cut by a deadline, by the host, or by an error of our own.
    Forced = 3,
}

impl Outcome {
    /// The words for logs and reports, by number.
    pub const NAMES: [&CStr; 4] = [c"graceful", c"by_peer", c"in_handshake", c"forced"];
}

/// What a session event is about. Codes are appended, never renumbered.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A connection was accepted. The first event of each session.
    Opened = 0,
    /// The peer's SETTINGS arrived (RFC 9113, section 6.5). `text` is the
    /// frame's payload as it came, of its first 85 entries: 6 bytes each, two of
    /// the setting's identifier and four of its value, the highest byte first.
    Settings = 1,
    /// The peer sent a PING (section 6.7); the library has acknowledged it. `text`
    /// are its 8 bytes.
    Ping = 2,
    /// The peer sent GOAWAY (section 6.8): `code`, `last_stream` and `text` are its.
    Goaway = 3,
    /// The peer broke the protocol on `stream` (0: on the whole session); `code` is what it was told.
    FrameError = 4,
    /// The connection failed; `text` says how. With `session` 0 it is the
    /// server that cannot accept for a moment, since descriptors or memory have
    /// run out; that event comes on a thread of its own.
    Error = 5,
    /// A limit ended the session, or `stream` of it if that is not 0; `cause` says
    /// which: each cause that names a GOAWAY_LIMIT_, and GOAWAY_CAUSE_DEADLINE. `code`
    /// is the RST_STREAM or GOAWAY code that the peer is told, or 0. What no peer
    /// may exceed once it was announced in SETTINGS is FRAME_ERROR instead.
    Timeout = 6,
    /// The session was told to leave: the first GOAWAY is on its way.
    Draining = 7,
    /// The session has ended; `cause` and `outcome` say how. The last event of each session.
    Closed = 8,
    /// The peer acknowledged a PING of `goaway_session_ping`: `text` are its 8 bytes.
    Pong = 9,
    /// The peer has acknowledged a SETTINGS frame of ours (section 6.5.3): the
    /// first, or one of `goaway_session_send_settings` or `_set_window`. `text` is
    /// the payload of that frame, as of SETTINGS.
    SettingsAck = 10,
    /// The TLS handshake is over: `goaway_session_tls` knows what it has come
    /// to, `goaway_session_peer_certificate` who the client is. The next event
    /// after OPENED of a session over TLS, before a word of HTTP has come.
    Secured = 11,
    /// The peer has acknowledged what was not sent: a PING (section 6.7), whose 8
    /// bytes are `text`, or, if `text` is empty, SETTINGS (section 6.5.3). The
    /// library only counts it as a control frame (GOAWAY_LIMIT_CONTROL_BURST).
    UnsolicitedAck = 12,
}

impl EventKind {
    /// The words for logs and reports, by number.
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

/// The word of that number.
pub fn word(names: &[&'static CStr], number: u32) -> &'static str {
    names.get(number as usize).and_then(|name| name.to_str().ok()).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_each_has_its_word() {
        assert_eq!(Cause::Tls.name(), "tls");
        assert_eq!(Outcome::NAMES.len(), Outcome::Forced as usize + 1);
        assert_eq!(EventKind::UnsolicitedAck.name(), "unsolicited_ack");
    }
}
