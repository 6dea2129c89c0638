"""What a close says while it goes on, and at its end."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Progress(NamedTuple):
    """How far a close has come. Told about ten times a second."""

    sessions: int
    """Sessions that are still open."""
    streams: int
    """Streams that are still open."""
    left_ms: int
    """Milliseconds until the deadline."""


class Counts(NamedTuple):
    """What a server has refused since its start. The log says why."""

    sessions_refused: int = 0
    """Connections that a limit refused."""
    handshakes_failed: int = 0
    """TLS handshakes that failed, plain HTTP on a port of TLS among them."""
    proxies_refused: int = 0
    """Connections whose PROXY header was missing, malformed, late, or not from
    a trusted proxy."""


class Report(NamedTuple):
    """What became of the sessions and streams that a close met. The first four
    sum up to all sessions."""

    sessions_graceful: int = 0
    """Sessions that were told with GOAWAY and had every stream served."""
    sessions_by_peer: int = 0
    """Sessions that the peer ended, or broke."""
    sessions_in_handshake: int = 0
    """Connections that had not become a session yet."""
    sessions_forced: int = 0
    """Sessions that were cut at the deadline, or aborted."""
    sessions_stuck: int = 0
    """Of the forced: those whose thread was inside a callback that did not return."""
    streams_completed: int = 0
    """Streams whose answer left whole."""
    streams_reset: int = 0
    """Streams that ended before their answer had."""
    streams_refused: int = 0
    """Streams that were opened too late and not processed."""
    bytes_unsent: int = 0
    """Bytes of bodies that were written and did not leave."""
    elapsed_ms: int = 0
    """From the call of close to the last session's end."""

    def to_json(self, **more: Any) -> str:
        """The report as one line of JSON, with `more` at its end."""
        return json.dumps({**self._asdict(), **more}, separators=(",", ":"))
