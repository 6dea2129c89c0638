"""What can be limited."""

from __future__ import annotations

from typing import Mapping

from .error import Error

BODY_BYTES = 16 << 20
"""The default of the limit body_bytes."""
IS_OF_C = "is about bodies that the library gathers, as it does for programs in C"

LIMITS = [
    "workers",
    "concurrent_streams",
    "header_list_bytes",
    "header_fields",
    "stream_window_bytes",
    "session_window_bytes",
    "send_buffer_bytes",
    "high_water_bytes",
    "body_bytes",
    "sessions",
    "session_send_bytes",
    "sessions_per_address",
    "handshake_ms",
    "header_block_ms",
    "idle_ms",
    "keepalive_ms",
    "keepalive_timeout_ms",
    "progress_ms",
    "progress_bytes",
    "stream_idle_ms",
    "age_ms",
    "age_jitter_ms",
    "requests",
    "grace_ms",
    "control_burst",
    "control_per_second",
    "session_body_bytes",
    "frame_bytes",
    "header_table_bytes",
    "tls_handshakes",
]
"""`goaway_limit` of the C header, without GOAWAY_LIMIT_ and in lower case; the
place is the number. What each means, its unit and its default: see there."""


def check_application(limits: "Mapping[str, int]") -> None:
    """An application of ASGI or WSGI reads its bodies itself: what bounds those
    that somebody gathers would have no effect."""
    for name in ("body_bytes", "session_body_bytes"):
        if name in limits:
            raise Error("GOAWAY_ERR_INVALID", f"the limit {name} {IS_OF_C}: an application bounds what it reads itself")
