"""What can be limited."""

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
]
"""`goaway_limit` of the C header, without GOAWAY_LIMIT_ and in lower case; the
place is the number. What each means, its unit and its default: see there."""
