"""Sessions: one connection each, listed, told of, and closed one by one."""

from __future__ import annotations

from typing import NamedTuple, Optional

from .. import _native
from .tls import TlsInfo, tls_info


class Session(NamedTuple):
    """A live session's figures at one moment, what can be said to its peer, and the two ways to end it. Its
    number stays its own for ever: once it has ended the calls raise `Error`
    with the code "GOAWAY_ERR_GONE". From any thread."""

    id: int
    peer: str
    """The client's address, such as "127.0.0.1:49152", or "unix:pid=7,uid=1000"."""
    state: str
    """How far it is on its way: "handshake", "open", "draining", "last_call",
    "forcing", "closing"."""
    age_ms: int
    """Milliseconds since its connection was accepted."""
    open_streams: int
    bytes_in: int
    """Bytes that came, frames and all."""
    bytes_out: int
    requests: int
    """Requests that were taken."""
    protocol: str
    """As ALPN names it: "h2"."""
    local: str
    """The server's own address of the connection, such as "127.0.0.1:8080"."""

    @property
    def tls(self) -> Optional[TlsInfo]:
        """What its TLS handshake has come to; None without TLS."""
        return tls_info(self.id)

    def close(self, drain: float = 5.0) -> None:
        """Has it leave, its streams served for up to `drain` seconds. Returns
        at once."""
        close_session(self.id, drain)

    def abort(self, code: int = 0, debug: bytes = b"") -> None:
        """Ends it now with GOAWAY, that error code and up to 1024 bytes of debug
        data. Returns at once."""
        abort_session(self.id, code, debug)

    def send_altsvc(self, value: str, *, origin: str = "", stream: int = 0) -> None:
        """Says where else `origin`, or what the request of `stream` asked for, is
        served, with an ALTSVC frame (RFC 7838): `value` as in an Alt-Svc field,
        such as 'h2=":8000"'. One of both is to be given. Returns at once."""
        send_altsvc(self.id, value, origin=origin, stream=stream)

    def send_origin(self, *origins: str) -> None:
        """Says for which origins beside its own the session may be used, with an
        ORIGIN frame (RFC 8336). Returns at once."""
        send_origin(self.id, *origins)


class SessionEvent(NamedTuple):
    """Something that happened to a session. What `kind` does not name is 0,
    empty or None."""

    kind: str
    """"opened" (the first of each session), "settings", "settings_ack", "ping",
    "pong", "goaway", "frame_error", "error", "timeout", "draining", "secured" (the TLS
    handshake is over, which comes before all but "opened"), "unsolicited_ack" (the peer
    has acknowledged a PING, or without `text` SETTINGS, that was not sent), "closed"
    (the last)."""
    session: int
    peer: str
    code: int = 0
    """goaway, frame_error, closed: an error code (RFC 9113, section 7)."""
    cause: Optional[str] = None
    """closed, timeout: why, such as "drained" or "idle_timeout"."""
    outcome: Optional[str] = None
    """closed: "graceful", "by_peer", "in_handshake" or "forced"."""
    stream: int = 0
    """frame_error: the stream, 0 for the whole session."""
    last_stream: int = 0
    """goaway: the last stream that the peer has processed."""
    text: bytes = b""
    """goaway: the debug data. frame_error, error: what was wrong. settings: the
    frame's payload, 6 bytes an entry. ping, pong, unsolicited_ack: its 8 bytes."""


def close_session(session: int, drain: float) -> None:
    """Has the session of that number leave."""
    _native.close_session(session, drain)


def abort_session(session: int, code: int = 0, debug: bytes = b"") -> None:
    """Ends the session of that number now."""
    _native.abort_session(session, code, debug)


def send_altsvc(session: int, value: str, *, origin: str = "", stream: int = 0) -> None:
    """Says to the session of that number where else `origin`, or what the request
    of `stream` asked for, is served."""
    _native.send_altsvc(session, stream, origin, value)


def send_origin(session: int, *origins: str) -> None:
    """Says to the session of that number for which origins it may be used."""
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
    """An event as a SESSION record has it."""
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
