"""Sessions, one for each connection: their figures, their events, and how to end them."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional

from .. import _native
from .tls import TlsInfo, tls_info


class Session(NamedTuple):
    """The figures of a live session at one moment, and the calls that concern it.

    From any thread. Once the session has ended the calls raise `Error` with the code
    "GOAWAY_ERR_GONE"."""

    id: int
    """The number of the session. It is never used again."""
    peer: str
    """The client's address, such as "127.0.0.1:49152"; for a Unix socket
    "unix:pid=7,uid=1000"."""
    state: str
    """The stage of its life: "handshake", "open", "draining", "last_call",
    "forcing", "closing"."""
    age_ms: int
    """Milliseconds since the connection was accepted."""
    open_streams: int
    """Streams that are open; in HTTP/1.1 1 while a request is served."""
    bytes_in: int
    """Bytes received, frame headers included."""
    bytes_out: int
    """Bytes sent, frame headers included."""
    requests: int
    """Requests that were dispatched to handlers."""
    protocol: str
    """The protocol as ALPN names it, such as "h2"."""
    local: str
    """The server's address of the connection, such as "127.0.0.1:8080"."""

    @property
    def tls(self) -> Optional[TlsInfo]:
        """The result of its TLS handshake; None without TLS."""
        return tls_info(self.id)

    def proxy_tlv(self, kind: int) -> Optional[bytes]:
        """The value of the first TLV of this type in the PROXY header of the session, such
        as 2 for the name that the client asked for; None if there is none. See
        `goaway_session_proxy_tlv` of the C header for the types."""
        return _native.proxy_tlv(self.id, kind)

    def close(self, drain: float = 5.0) -> None:
        """Closes the session gracefully: its open streams have `drain` seconds to end.
        Returns at once."""
        close_session(self.id, drain)

    def abort(self, code: int = 0, debug: bytes = b"", *, last_stream: Optional[int] = None) -> None:
        """Ends the session now, with a GOAWAY frame of this error code and up to 1024
        bytes of debug data. `last_stream`: the last stream that the program has
        processed; the client may send requests above it again elsewhere. None: the last
        one whose request was received. Returns at once."""
        abort_session(self.id, code, debug, last_stream=last_stream)

    def ping(self, payload: Optional[bytes] = None) -> None:
        """Sends a PING frame (RFC 9113, section 6.7) with these 8 bytes, or with bytes
        that the library chooses. The event "pong" reports the acknowledgement. Returns
        at once. Raises `Error` "GOAWAY_ERR_WOULD_BLOCK" while 16 of them are not
        acknowledged, and "GOAWAY_ERR_STATE" over HTTP/1.1."""
        _native.ping_session(self.id, payload)

    def send_goaway(self, code: int = 0, debug: bytes = b"", *, last_stream: Optional[int] = None) -> None:
        """Sends a GOAWAY frame (RFC 9113, section 6.8), and changes nothing else: the
        session and its streams continue. `last_stream`: as for `abort`. Later GOAWAY
        frames never have a higher one. Returns at once."""
        _native.send_goaway(self.id, last_stream, code, debug)

    def set_window(self, *, session_bytes: int = 0, stream_bytes: int = 0) -> None:
        """Sets how many bytes the client may send before the program reads them
        (RFC 9113, section 6.9): on the session, and on each stream. 0 leaves a window
        unchanged. Returns at once."""
        _native.set_window(self.id, session_bytes, stream_bytes)

    def send_settings(self, settings: Mapping[int, int]) -> None:
        """Sends a SETTINGS frame (RFC 9113, section 6.5) with values by identifier,
        such as `{3: 50}`. The event "settings_ack" reports the acknowledgement. See
        `goaway_session_send_settings` of the C header. Returns at once."""
        _native.send_settings(self.id, settings)

    def send_altsvc(self, value: str, *, origin: str = "", stream: int = 0) -> None:
        """Sends an ALTSVC frame (RFC 7838): an alternative service for `origin`, or for
        the resource that the request on `stream` asked for. `value`: as in an Alt-Svc
        field, such as 'h2=":8000"'. Give either `origin` or `stream`. Returns at once."""
        send_altsvc(self.id, value, origin=origin, stream=stream)

    def send_origin(self, *origins: str) -> None:
        """Sends an ORIGIN frame (RFC 8336): the other origins that the session may be
        used for, such as "https://example.org". Returns at once."""
        send_origin(self.id, *origins)


class SessionEvent(NamedTuple):
    """An event of a session. A field that the `kind` of event does not set is 0, empty
    or None."""

    kind: str
    """"opened" (the first of each session), "settings", "settings_ack", "ping",
    "pong", "goaway", "frame_error", "error", "timeout", "draining", "secured" (the TLS
    handshake is complete; directly after "opened"), "unsolicited_ack" (the peer
    has acknowledged a PING, or without `text` SETTINGS, that was not sent), "closed"
    (the last)."""
    session: int
    """The number of the session."""
    peer: str
    """The client's address; see `Session.peer`."""
    code: int = 0
    """goaway, frame_error, closed: the error code (RFC 9113, section 7)."""
    cause: Optional[str] = None
    """closed, timeout: the cause, such as "drained" or "idle_timeout"."""
    outcome: Optional[str] = None
    """closed: "graceful", "by_peer", "in_handshake" or "forced"."""
    stream: int = 0
    """frame_error: the stream; 0 for the whole session."""
    last_stream: int = 0
    """goaway: the last stream that the peer has processed."""
    text: bytes = b""
    """goaway: the debug data. frame_error, error: a description of the error. settings:
    the frame's payload, 6 bytes for each setting. ping, pong, unsolicited_ack: the 8
    bytes of the frame."""


def close_session(session: int, drain: float) -> None:
    """Closes the session of this number gracefully; see `Session.close`."""
    _native.close_session(session, drain)


def abort_session(session: int, code: int = 0, debug: bytes = b"", *, last_stream: Optional[int] = None) -> None:
    """Ends the session of this number now; see `Session.abort`."""
    _native.abort_session(session, code, debug, last_stream)


def send_altsvc(session: int, value: str, *, origin: str = "", stream: int = 0) -> None:
    """Sends an ALTSVC frame on the session of this number; see `Session.send_altsvc`."""
    _native.send_altsvc(session, stream, origin, value)


def send_origin(session: int, *origins: str) -> None:
    """Sends an ORIGIN frame on the session of this number; see `Session.send_origin`."""
    _native.send_origin(session, list(origins))


def list_sessions(core: _native.Core) -> "list[Session]":
    """The live sessions, oldest first."""
    return [
        Session(
            row.session,
            row.peer,
            _native.stage_name(row.stage),
            row.age_ms,
            row.open_streams,
            row.bytes_in,
            row.bytes_out,
            row.requests,
            row.protocol,
            row.local,
        )
        for row in core.sessions()
    ]


def read_event(session: int, kind: int, code: int, cause: int, number: int, outcome: int, text: bytes) -> SessionEvent:
    """The event of a SESSION record."""
    peer, _, rest = text.partition(b"\0")
    name = _native.event_name(kind)
    return SessionEvent(
        name,
        session,
        peer.decode("ascii", "replace"),
        code,
        _native.cause_name(cause) if cause else None,
        _native.outcome_name(outcome) if name == "closed" else None,
        number if name == "frame_error" else 0,
        number if name == "goaway" else 0,
        rest,
    )
