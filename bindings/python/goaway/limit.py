"""The names of the limits."""

from __future__ import annotations

BODY_BYTES = 16 << 20
"""The default of the limit body_bytes."""
IS_OF_C = "concerns bodies that the library collects, as it does for programs in C"
"""Why some limits cannot be set here."""

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
"""The names of `goaway_limit` of the C header in lower case, without GOAWAY_LIMIT_;
the index is the number. The header has the meaning, unit and default of each."""
