"""Which calls of the library keep the interpreter's lock."""

from __future__ import annotations

#: These are short and never wait: giving the lock up and taking it again costs
#: more than they do. All others give it up.
QUICK = frozenset(
    (
        "goaway_version",
        "goaway_last_error",
        "goaway_last_status",
        "goaway_status_name",
        "goaway_event_name",
        "goaway_cause_name",
        "goaway_outcome_name",
        "goaway_stage_name",
        "goaway_tls_new",
        "goaway_tls_free",
        "goaway_tls_set_min_version",
        "goaway_tls_set_server_name",
        "goaway_tls_set_resumption",
        "goaway_session_tls",
        "goaway_session_peer_certificate",
        "goaway_session_proxy_tlv",
        "goaway_server_new",
        "goaway_server_port",
        "goaway_server_address",
        "goaway_server_dup_fd",
        "goaway_server_set_shared",
        "goaway_server_set_limit",
        "goaway_server_set_feature",
        "goaway_server_set_ready",
        "goaway_server_is_ready",
        "goaway_server_report",
        "goaway_server_counts",
        "goaway_memory_usage",
        "goaway_server_register_queue",
        "goaway_request_stream",
        "goaway_request_prefix",
        "goaway_queue_new",
        "goaway_queue_watch",
        "goaway_queue_fd",
        "goaway_queue_set_limit",
        "goaway_queue_take",
        "goaway_queue_submit",
    )
)
