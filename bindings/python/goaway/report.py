"""The progress of a close, its report, the counts of a server, and the memory in use."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Progress(NamedTuple):
    """The progress of a close, reported about ten times a second."""

    sessions: int
    """Sessions that are still open."""
    streams: int
    """Streams that are still open."""
    left_ms: int
    """Milliseconds until the deadline."""


class Counts(NamedTuple):
    """What a server has refused since its start. The log has the reasons."""

    sessions_refused: int = 0
    """Connections refused because of a limit."""
    handshakes_failed: int = 0
    """TLS handshakes that failed; plain HTTP on a TLS port counts too."""
    proxies_refused: int = 0
    """Connections whose PROXY header was missing, malformed, late, or not from
    a trusted proxy."""


class MemoryUsage(NamedTuple):
    """The memory that the library holds for its peers, in bytes: of all servers of
    the process. `total` is the sum of the others."""

    total: int = 0
    """All of it."""
    sessions: int = 0
    """What each connection takes, idle or not."""
    streams: int = 0
    """What each open request takes, beside the following."""
    fields: int = 0
    """Header and trailer sections of requests and responses."""
    compression: int = 0
    """Header compression tables."""
    bodies: int = 0
    """Request bodies that the program has not consumed."""
    responses: int = 0
    """Response bodies that wait for the peer."""
    input: int = 0
    """Bytes that were read and not processed."""
    output: int = 0
    """Bytes that the kernel has not accepted."""
    tls: int = 0
    """The state and the records of TLS."""
    records: int = 0
    """The events that wait for Python."""


class Report(NamedTuple):
    """How the sessions and streams that were open at the close have ended. The first
    four counts add up to all sessions."""

    sessions_graceful: int = 0
    """Sessions that were sent GOAWAY and completed every stream."""
    sessions_by_peer: int = 0
    """Sessions that the peer closed or lost."""
    sessions_in_handshake: int = 0
    """Connections that were still in a handshake."""
    sessions_forced: int = 0
    """Sessions that were aborted, at the deadline or by a call."""
    sessions_stuck: int = 0
    """Forced sessions whose thread was in a callback that did not return."""
    streams_completed: int = 0
    """Streams whose response was sent completely."""
    streams_reset: int = 0
    """Streams that ended before their response was complete."""
    streams_refused: int = 0
    """Streams that were opened after the final GOAWAY and not processed."""
    bytes_unsent: int = 0
    """Bytes of response bodies that were written but not sent."""
    elapsed_ms: int = 0
    """Milliseconds from the call of close to the end of the last session."""

    def to_json(self, **more: Any) -> str:
        """The report as one line of JSON, followed by the members of `more`."""
        return json.dumps({**self._asdict(), **more}, separators=(",", ":"))
