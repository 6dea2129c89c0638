"""What `include/goaway.json` says, for ctypes. Written by `bindings/python/declare.py`: do not edit."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_bool, c_char, c_char_p, c_int, c_int32, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any, Dict, Tuple

__all__ = [
    "BLOCKING",
    "CAUSE_ABORTED",
    "CAUSE_BODY_TOO_LARGE",
    "CAUSE_CONNECTION_LOST",
    "CAUSE_DEADLINE",
    "CAUSE_DRAINED",
    "CAUSE_EVICTED",
    "CAUSE_FLOOD",
    "CAUSE_HANDSHAKE",
    "CAUSE_HANDSHAKE_TIMEOUT",
    "CAUSE_HEADER_TIMEOUT",
    "CAUSE_IDLE_TIMEOUT",
    "CAUSE_INTERNAL",
    "CAUSE_KEEPALIVE_TIMEOUT",
    "CAUSE_MAX_AGE",
    "CAUSE_MAX_REQUESTS",
    "CAUSE_MEMORY",
    "CAUSE_NONE",
    "CAUSE_PEER_CLOSED",
    "CAUSE_PEER_GOAWAY",
    "CAUSE_PEER_RESET",
    "CAUSE_PROTOCOL_ERROR",
    "CAUSE_PROXY",
    "CAUSE_PUSH_REFUSED",
    "CAUSE_SILENT",
    "CAUSE_STREAM_IDLE",
    "CAUSE_TLS",
    "CAUSE_TOO_SLOW",
    "COMMAND_FLAG_KEEP_BODY",
    "COMMAND_FLAG_NOTIFY",
    "COMMAND_FLAG_NOTIFY_SENT",
    "COMMAND_FLAG_NO_DATE",
    "COMMAND_FLAG_NO_LENGTH",
    "COMMAND_KIND_CONSUME",
    "COMMAND_KIND_END",
    "COMMAND_KIND_HEAD",
    "COMMAND_KIND_INFORM",
    "COMMAND_KIND_RESET",
    "COMMAND_KIND_RESPOND",
    "COMMAND_KIND_SET_CONTEXT",
    "COMMAND_KIND_SET_HIGH_WATER",
    "COMMAND_KIND_SET_IDLE",
    "COMMAND_KIND_WRITE",
    "ERR_ADDRESS",
    "ERR_ADDRESS_IN_USE",
    "ERR_CANCELLED",
    "ERR_DEADLOCK",
    "ERR_FORKED",
    "ERR_GONE",
    "ERR_INVALID",
    "ERR_IO",
    "ERR_LENGTH",
    "ERR_NOT_FOUND",
    "ERR_NULL",
    "ERR_PANIC",
    "ERR_PERMISSION",
    "ERR_SKIPPED",
    "ERR_STATE",
    "ERR_TIMEOUT",
    "ERR_TLS",
    "ERR_TOO_LARGE",
    "ERR_UTF8",
    "ERR_WOULD_BLOCK",
    "EVENT_CLOSED",
    "EVENT_DRAINING",
    "EVENT_ERROR",
    "EVENT_FRAME_ERROR",
    "EVENT_GOAWAY",
    "EVENT_OPENED",
    "EVENT_PING",
    "EVENT_PONG",
    "EVENT_SECURED",
    "EVENT_SETTINGS",
    "EVENT_SETTINGS_ACK",
    "EVENT_TIMEOUT",
    "EVENT_UNSOLICITED_ACK",
    "FEATURES",
    "FEATURE_CONNECT_PROTOCOL",
    "FEATURE_HTTP1",
    "FEATURE_UPGRADE",
    "FIELD_SENSITIVE",
    "FOREVER",
    "FUNCTIONS",
    "LAST_TAKEN",
    "LIMITS",
    "LIMIT_AGE_JITTER_MS",
    "LIMIT_AGE_MS",
    "LIMIT_BODY_BYTES",
    "LIMIT_CONCURRENT_STREAMS",
    "LIMIT_CONTROL_BURST",
    "LIMIT_CONTROL_PER_SECOND",
    "LIMIT_FRAME_BYTES",
    "LIMIT_GRACE_MS",
    "LIMIT_HANDSHAKE_MS",
    "LIMIT_HEADER_BLOCK_MS",
    "LIMIT_HEADER_FIELDS",
    "LIMIT_HEADER_LIST_BYTES",
    "LIMIT_HEADER_TABLE_BYTES",
    "LIMIT_HIGH_WATER_BYTES",
    "LIMIT_IDLE_MS",
    "LIMIT_KEEPALIVE_MS",
    "LIMIT_KEEPALIVE_TIMEOUT_MS",
    "LIMIT_MEMORY_BYTES",
    "LIMIT_PROGRESS_BYTES",
    "LIMIT_PROGRESS_MS",
    "LIMIT_REQUESTS",
    "LIMIT_SEND_BUFFER_BYTES",
    "LIMIT_SESSIONS",
    "LIMIT_SESSIONS_PER_ADDRESS",
    "LIMIT_SESSION_BODY_BYTES",
    "LIMIT_SESSION_RESPONSE_BYTES",
    "LIMIT_SESSION_SEND_BYTES",
    "LIMIT_SESSION_WINDOW_BYTES",
    "LIMIT_STREAM_IDLE_MS",
    "LIMIT_STREAM_WINDOW_BYTES",
    "LIMIT_TLS_HANDSHAKES",
    "LIMIT_WORKERS",
    "LOG_DEBUG",
    "LOG_ERROR",
    "LOG_INFO",
    "LOG_OFF",
    "LOG_WARN",
    "OK",
    "OUTCOME_BY_PEER",
    "OUTCOME_FORCED",
    "OUTCOME_GRACEFUL",
    "OUTCOME_HANDSHAKE",
    "PADDING_ALIGNED",
    "PADDING_MAX",
    "PADDING_NONE",
    "PSEUDO_FIELD_AUTHORITY",
    "PSEUDO_FIELD_METHOD",
    "PSEUDO_FIELD_PATH",
    "PSEUDO_FIELD_PROTOCOL",
    "PSEUDO_FIELD_SCHEME",
    "PSEUDO_FIELD_SENSITIVE",
    "RECORD_FLAG_COOKIES",
    "RECORD_FLAG_DRAINING",
    "RECORD_FLAG_END",
    "RECORD_FLAG_HEAD",
    "RECORD_FLAG_HOST_ONLY",
    "RECORD_FLAG_HTTP_1_0",
    "RECORD_FLAG_HTTP_1_1",
    "RECORD_FLAG_NO_BODY",
    "RECORD_FLAG_SENSITIVE",
    "RECORD_FLAG_UPGRADE",
    "RECORD_KIND_BODY",
    "RECORD_KIND_CANCELLED",
    "RECORD_KIND_CLOSED",
    "RECORD_KIND_DRAIN",
    "RECORD_KIND_PROGRESS",
    "RECORD_KIND_REQUEST",
    "RECORD_KIND_SESSION",
    "RECORD_KIND_WRITABLE",
    "STAGE_CLOSING",
    "STAGE_DRAINING",
    "STAGE_FORCING",
    "STAGE_HANDSHAKE",
    "STAGE_LAST_CALL",
    "STAGE_OPEN",
    "TLS_1_2",
    "TLS_1_3",
    "TLS_CLIENTS_OFF",
    "TLS_CLIENTS_OPTIONAL",
    "TLS_CLIENTS_REQUIRED",
    "TLS_CLIENTS_UNVERIFIED",
    "WATCH_PROGRESS",
    "WATCH_SESSIONS",
    "goaway_batch",
    "goaway_bytes",
    "goaway_command",
    "goaway_counts",
    "goaway_field",
    "goaway_log_line",
    "goaway_memory",
    "goaway_progress",
    "goaway_record",
    "goaway_report",
    "goaway_session_event",
    "goaway_session_snapshot",
    "goaway_setting",
    "goaway_tls_info",
]

FOREVER = 4294967295
LAST_TAKEN = 4294967295
COMMAND_FLAG_NOTIFY = 1
COMMAND_FLAG_NOTIFY_SENT = 16
COMMAND_FLAG_NO_DATE = 2
COMMAND_FLAG_NO_LENGTH = 4
COMMAND_FLAG_KEEP_BODY = 8
PSEUDO_FIELD_SENSITIVE = 8
FIELD_SENSITIVE = 1
RECORD_FLAG_END = 1
RECORD_FLAG_HEAD = 2
RECORD_FLAG_DRAINING = 4
RECORD_FLAG_HTTP_1_1 = 8
RECORD_FLAG_HTTP_1_0 = 16
RECORD_FLAG_NO_BODY = 32
RECORD_FLAG_HOST_ONLY = 64
RECORD_FLAG_UPGRADE = 128
RECORD_FLAG_COOKIES = 256
RECORD_FLAG_SENSITIVE = 512
WATCH_SESSIONS = 1
WATCH_PROGRESS = 2

# goaway_status
OK = 0
ERR_NULL = 1
ERR_INVALID = 2
ERR_UTF8 = 3
ERR_STATE = 4
ERR_GONE = 5
ERR_CANCELLED = 6
ERR_NOT_FOUND = 7
ERR_ADDRESS = 8
ERR_ADDRESS_IN_USE = 9
ERR_PERMISSION = 10
ERR_IO = 11
ERR_WOULD_BLOCK = 12
ERR_TIMEOUT = 13
ERR_DEADLOCK = 14
ERR_FORKED = 15
ERR_LENGTH = 16
ERR_TOO_LARGE = 17
ERR_PANIC = 18
ERR_TLS = 19
ERR_SKIPPED = 20

# goaway_tls_clients
TLS_CLIENTS_OFF = 0
TLS_CLIENTS_OPTIONAL = 1
TLS_CLIENTS_REQUIRED = 2
TLS_CLIENTS_UNVERIFIED = 3

# goaway_tls_version
TLS_1_2 = 771
TLS_1_3 = 772

# goaway_limit
LIMIT_WORKERS = 0
LIMIT_CONCURRENT_STREAMS = 1
LIMIT_HEADER_LIST_BYTES = 2
LIMIT_HEADER_FIELDS = 3
LIMIT_STREAM_WINDOW_BYTES = 4
LIMIT_SESSION_WINDOW_BYTES = 5
LIMIT_SEND_BUFFER_BYTES = 6
LIMIT_HIGH_WATER_BYTES = 7
LIMIT_BODY_BYTES = 8
LIMIT_SESSIONS = 9
LIMIT_SESSION_SEND_BYTES = 10
LIMIT_SESSIONS_PER_ADDRESS = 11
LIMIT_HANDSHAKE_MS = 12
LIMIT_HEADER_BLOCK_MS = 13
LIMIT_IDLE_MS = 14
LIMIT_KEEPALIVE_MS = 15
LIMIT_KEEPALIVE_TIMEOUT_MS = 16
LIMIT_PROGRESS_MS = 17
LIMIT_PROGRESS_BYTES = 18
LIMIT_STREAM_IDLE_MS = 19
LIMIT_AGE_MS = 20
LIMIT_AGE_JITTER_MS = 21
LIMIT_REQUESTS = 22
LIMIT_GRACE_MS = 23
LIMIT_CONTROL_BURST = 24
LIMIT_CONTROL_PER_SECOND = 25
LIMIT_SESSION_BODY_BYTES = 26
LIMIT_FRAME_BYTES = 27
LIMIT_HEADER_TABLE_BYTES = 28
LIMIT_TLS_HANDSHAKES = 29
LIMIT_MEMORY_BYTES = 30
LIMIT_SESSION_RESPONSE_BYTES = 31

# goaway_feature
FEATURE_HTTP1 = 0
FEATURE_UPGRADE = 1
FEATURE_CONNECT_PROTOCOL = 2

# goaway_log_level
LOG_OFF = 0
LOG_ERROR = 1
LOG_WARN = 2
LOG_INFO = 3
LOG_DEBUG = 4

# goaway_stage
STAGE_HANDSHAKE = 0
STAGE_OPEN = 1
STAGE_DRAINING = 2
STAGE_LAST_CALL = 3
STAGE_FORCING = 4
STAGE_CLOSING = 5

# goaway_command_kind
COMMAND_KIND_RESPOND = 1
COMMAND_KIND_HEAD = 2
COMMAND_KIND_WRITE = 3
COMMAND_KIND_END = 4
COMMAND_KIND_RESET = 5
COMMAND_KIND_CONSUME = 6
COMMAND_KIND_INFORM = 7
COMMAND_KIND_SET_IDLE = 8
COMMAND_KIND_SET_HIGH_WATER = 9
COMMAND_KIND_SET_CONTEXT = 10

# goaway_pseudo_field
PSEUDO_FIELD_METHOD = 1
PSEUDO_FIELD_SCHEME = 2
PSEUDO_FIELD_AUTHORITY = 3
PSEUDO_FIELD_PATH = 4
PSEUDO_FIELD_PROTOCOL = 5

# goaway_cause
CAUSE_NONE = 0
CAUSE_DRAINED = 1
CAUSE_PEER_CLOSED = 2
CAUSE_PEER_GOAWAY = 3
CAUSE_PEER_RESET = 4
CAUSE_CONNECTION_LOST = 5
CAUSE_PROTOCOL_ERROR = 6
CAUSE_HANDSHAKE = 7
CAUSE_DEADLINE = 8
CAUSE_ABORTED = 9
CAUSE_INTERNAL = 10
CAUSE_HANDSHAKE_TIMEOUT = 11
CAUSE_HEADER_TIMEOUT = 12
CAUSE_IDLE_TIMEOUT = 13
CAUSE_KEEPALIVE_TIMEOUT = 14
CAUSE_TOO_SLOW = 15
CAUSE_STREAM_IDLE = 16
CAUSE_MAX_AGE = 17
CAUSE_MAX_REQUESTS = 18
CAUSE_FLOOD = 19
CAUSE_BODY_TOO_LARGE = 20
CAUSE_PUSH_REFUSED = 21
CAUSE_PROXY = 22
CAUSE_TLS = 23
CAUSE_SILENT = 24
CAUSE_EVICTED = 25
CAUSE_MEMORY = 26

# goaway_outcome
OUTCOME_GRACEFUL = 0
OUTCOME_BY_PEER = 1
OUTCOME_HANDSHAKE = 2
OUTCOME_FORCED = 3

# goaway_event
EVENT_OPENED = 0
EVENT_SETTINGS = 1
EVENT_PING = 2
EVENT_GOAWAY = 3
EVENT_FRAME_ERROR = 4
EVENT_ERROR = 5
EVENT_TIMEOUT = 6
EVENT_DRAINING = 7
EVENT_CLOSED = 8
EVENT_PONG = 9
EVENT_SETTINGS_ACK = 10
EVENT_SECURED = 11
EVENT_UNSOLICITED_ACK = 12

# goaway_padding
PADDING_NONE = 0
PADDING_ALIGNED = 1
PADDING_MAX = 2

# goaway_record_kind
RECORD_KIND_REQUEST = 1
RECORD_KIND_BODY = 2
RECORD_KIND_WRITABLE = 3
RECORD_KIND_CANCELLED = 4
RECORD_KIND_DRAIN = 5
RECORD_KIND_SESSION = 6
RECORD_KIND_PROGRESS = 7
RECORD_KIND_CLOSED = 8


class goaway_report(ctypes.Structure):
    _fields_ = [
        ("sessions_graceful", c_uint64),
        ("sessions_by_peer", c_uint64),
        ("sessions_in_handshake", c_uint64),
        ("sessions_forced", c_uint64),
        ("sessions_stuck", c_uint64),
        ("streams_completed", c_uint64),
        ("streams_reset", c_uint64),
        ("streams_refused", c_uint64),
        ("bytes_unsent", c_uint64),
        ("elapsed_ms", c_uint64),
    ]


class goaway_progress(ctypes.Structure):
    _fields_ = [
        ("sessions", c_uint64),
        ("streams", c_uint64),
        ("left_ms", c_uint64),
    ]


class goaway_counts(ctypes.Structure):
    _fields_ = [
        ("sessions_refused", c_uint64),
        ("handshakes_failed", c_uint64),
        ("proxies_refused", c_uint64),
    ]


class goaway_tls_info(ctypes.Structure):
    _fields_ = [
        ("version", c_char * 16),
        ("cipher", c_char * 64),
        ("alpn", c_char * 16),
        ("server_name", c_char * 256),
        ("client_error", c_char * 128),
        ("client_certificates", c_uint32),
        ("version_number", c_uint32),
        ("cipher_number", c_uint32),
        ("is_resumed", c_bool),
    ]


class goaway_session_snapshot(ctypes.Structure):
    _fields_ = [
        ("session", c_uint64),
        ("stage", c_uint32),
        ("open_streams", c_uint32),
        ("age_ms", c_uint64),
        ("bytes_in", c_uint64),
        ("bytes_out", c_uint64),
        ("requests", c_uint64),
        ("peer", c_char * 64),
        ("protocol", c_char * 16),
        ("local", c_char * 64),
    ]


class goaway_batch(ctypes.Structure):
    _fields_ = [
        ("records", c_void_p),
        ("count", c_size_t),
        ("arena", c_void_p),
        ("arena_len", c_size_t),
    ]


class goaway_memory(ctypes.Structure):
    _fields_ = [
        ("total", c_uint64),
        ("sessions", c_uint64),
        ("streams", c_uint64),
        ("fields", c_uint64),
        ("compression", c_uint64),
        ("bodies", c_uint64),
        ("responses", c_uint64),
        ("input", c_uint64),
        ("output", c_uint64),
        ("tls", c_uint64),
        ("records", c_uint64),
    ]


class goaway_log_line(ctypes.Structure):
    _fields_ = [
        ("level", c_uint32),
        ("target", c_char_p),
        ("message", c_char_p),
        ("left_out", c_uint64),
    ]


class goaway_bytes(ctypes.Structure):
    _fields_ = [
        ("data", c_void_p),
        ("len", c_size_t),
    ]


class goaway_session_event(ctypes.Structure):
    _fields_ = [
        ("kind", c_uint32),
        ("session", c_uint64),
        ("stream", c_uint32),
        ("last_stream", c_uint32),
        ("code", c_uint32),
        ("cause", c_uint32),
        ("outcome", c_uint32),
        ("text", goaway_bytes),
        ("peer", c_char * 64),
    ]


class goaway_field(ctypes.Structure):
    _fields_ = [
        ("name", c_char_p),
        ("value", c_char_p),
    ]


class goaway_setting(ctypes.Structure):
    _fields_ = [
        ("id", c_uint32),
        ("value", c_uint32),
    ]


class goaway_command(ctypes.Structure):
    _fields_ = [
        ("kind", c_uint16),
        ("status", c_uint16),
        ("flags", c_uint32),
        ("request", c_uint64),
        ("fields_offset", c_uint32),
        ("fields_len", c_uint32),
        ("data_offset", c_uint32),
        ("data_len", c_uint32),
        ("number", c_uint64),
    ]


class goaway_record(ctypes.Structure):
    _fields_ = [
        ("kind", c_uint16),
        ("flags", c_uint16),
        ("tag", c_uint32),
        ("id", c_uint64),
        ("session", c_uint64),
        ("context", c_uint64),
        ("text_offset", c_uint32),
        ("text_len", c_uint32),
        ("data_offset", c_uint32),
        ("data_len", c_uint32),
        ("code", c_uint32),
        ("cause", c_uint32),
        ("number", c_uint32),
        ("fields", c_uint16),
        ("params", c_uint16),
    ]


#: Result and arguments of each function.
FUNCTIONS: Dict[str, Tuple[Any, Tuple[Any, ...]]] = {
    "goaway_version": (c_char_p, ()),
    "goaway_last_error": (c_char_p, ()),
    "goaway_last_status": (c_int32, ()),
    "goaway_status_name": (c_char_p, (c_int32,)),
    "goaway_server_new": (c_void_p, ()),
    "goaway_server_register_handler": (c_int32, (c_void_p, c_char_p, c_void_p, c_void_p,)),
    "goaway_server_set_settings": (c_int32, (c_void_p, c_void_p, c_size_t,)),
    "goaway_server_set_on_progress": (c_int32, (c_void_p, c_void_p, c_void_p,)),
    "goaway_server_start": (c_int32, (c_void_p,)),
    "goaway_server_set_ready": (c_int32, (c_void_p, c_bool,)),
    "goaway_server_is_ready": (c_bool, (c_void_p,)),
    "goaway_server_set_forwarded": (c_int32, (c_void_p, c_char_p, c_char_p,)),
    "goaway_server_set_health_paths": (c_int32, (c_void_p, c_char_p, c_char_p, c_uint32,)),
    "goaway_server_close": (c_int32, (c_void_p, c_uint32, c_void_p, c_void_p,)),
    "goaway_server_close_after": (c_int32, (c_void_p, c_uint32, c_uint32, c_void_p, c_void_p,)),
    "goaway_server_wait": (c_int32, (c_void_p, c_uint32,)),
    "goaway_server_report": (POINTER(goaway_report), (c_void_p,)),
    "goaway_server_counts": (c_int32, (c_void_p, POINTER(goaway_counts), c_size_t,)),
    "goaway_server_free": (None, (c_void_p,)),
    "goaway_server_listen": (c_int32, (c_void_p, c_char_p,)),
    "goaway_server_port": (c_uint16, (c_void_p, c_size_t,)),
    "goaway_server_address": (c_char_p, (c_void_p, c_size_t,)),
    "goaway_server_dup_fd": (c_int, (c_void_p, c_size_t,)),
    "goaway_server_set_shared": (c_int32, (c_void_p, c_size_t, c_bool,)),
    "goaway_tls_new": (c_void_p, ()),
    "goaway_tls_free": (None, (c_void_p,)),
    "goaway_tls_add_certificate": (c_int32, (c_void_p, c_char_p, c_char_p, c_char_p,)),
    "goaway_tls_add_certificate_pem": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_char_p,)),
    "goaway_tls_set_server_name": (c_int32, (c_void_p, c_char_p,)),
    "goaway_tls_set_client_certificates": (c_int32, (c_void_p, c_uint32, c_char_p,)),
    "goaway_tls_set_client_certificates_pem": (c_int32, (c_void_p, c_uint32, c_void_p, c_size_t,)),
    "goaway_tls_set_min_version": (c_int32, (c_void_p, c_uint32,)),
    "goaway_tls_set_certificate_required": (c_int32, (c_void_p, c_bool,)),
    "goaway_tls_set_resumption": (c_int32, (c_void_p, c_bool,)),
    "goaway_tls_set_key_log": (c_int32, (c_void_p, c_char_p,)),
    "goaway_tls_reload": (c_int32, (c_void_p,)),
    "goaway_tls_replace": (c_int32, (c_void_p, c_void_p,)),
    "goaway_server_listen_tls": (c_int32, (c_void_p, c_char_p, c_void_p,)),
    "goaway_session_tls": (c_int32, (c_uint64, POINTER(goaway_tls_info), c_size_t,)),
    "goaway_session_peer_certificate": (c_int32, (c_uint64, c_size_t, c_void_p, c_size_t, POINTER(c_size_t),)),
    "goaway_request_peer_certificate": (c_int32, (c_uint64, c_size_t, POINTER(goaway_bytes),)),
    "goaway_server_set_limit": (c_int32, (c_void_p, c_uint32, c_uint64,)),
    "goaway_server_set_padding": (c_int32, (c_void_p, c_uint32,)),
    "goaway_server_set_feature": (c_int32, (c_void_p, c_uint32, c_bool,)),
    "goaway_request_method": (c_int32, (c_uint64, POINTER(goaway_bytes),)),
    "goaway_request_pseudo_order": (c_int32, (c_uint64, POINTER(c_uint32),)),
    "goaway_request_version": (c_int32, (c_uint64, POINTER(goaway_bytes),)),
    "goaway_request_path": (c_int32, (c_uint64, POINTER(goaway_bytes),)),
    "goaway_request_query": (c_int32, (c_uint64, POINTER(goaway_bytes),)),
    "goaway_request_authority": (c_int32, (c_uint64, POINTER(goaway_bytes),)),
    "goaway_request_scheme": (c_int32, (c_uint64, POINTER(goaway_bytes),)),
    "goaway_request_peer": (c_int32, (c_uint64, POINTER(goaway_bytes),)),
    "goaway_request_received_authority": (c_int32, (c_uint64, POINTER(goaway_bytes),)),
    "goaway_request_received_scheme": (c_int32, (c_uint64, POINTER(goaway_bytes),)),
    "goaway_request_prefix": (c_int32, (c_uint64, POINTER(goaway_bytes),)),
    "goaway_request_protocol": (c_int32, (c_uint64, POINTER(goaway_bytes),)),
    "goaway_request_param": (c_int32, (c_uint64, c_char_p, POINTER(goaway_bytes),)),
    "goaway_request_header": (c_int32, (c_uint64, c_char_p, POINTER(goaway_bytes),)),
    "goaway_request_header_at": (c_int32, (c_uint64, c_size_t, POINTER(goaway_bytes), POINTER(goaway_bytes), POINTER(c_uint32),)),
    "goaway_request_trailer_at": (c_int32, (c_uint64, c_size_t, POINTER(goaway_bytes), POINTER(goaway_bytes), POINTER(c_uint32),)),
    "goaway_request_session": (c_int32, (c_uint64, POINTER(c_uint64),)),
    "goaway_request_stream": (c_int32, (c_uint64, POINTER(c_uint32),)),
    "goaway_request_drain_left_ms": (c_int32, (c_uint64, POINTER(c_uint64),)),
    "goaway_request_set_on_cancel": (c_int32, (c_uint64, c_void_p, c_void_p,)),
    "goaway_request_set_on_drain": (c_int32, (c_uint64, c_void_p, c_void_p,)),
    "goaway_request_set_context": (c_int32, (c_uint64, c_uint64,)),
    "goaway_request_context": (c_int32, (c_uint64, POINTER(c_uint64),)),
    "goaway_request_set_idle_ms": (c_int32, (c_uint64, c_uint32,)),
    "goaway_request_consume": (c_int32, (c_uint64, c_uint64,)),
    "goaway_request_set_on_body": (c_int32, (c_uint64, c_void_p, c_void_p,)),
    "goaway_request_pause": (c_int32, (c_uint64,)),
    "goaway_request_resume": (c_int32, (c_uint64,)),
    "goaway_request_set_on_readable": (c_int32, (c_uint64, c_void_p, c_void_p,)),
    "goaway_request_read": (c_int32, (c_uint64, c_void_p, c_size_t, POINTER(c_size_t),)),
    "goaway_request_collect": (c_int32, (c_uint64, c_void_p, c_void_p,)),
    "goaway_request_keep_body": (c_int32, (c_uint64,)),
    "goaway_request_set_header": (c_int32, (c_uint64, c_char_p, c_char_p,)),
    "goaway_request_add_header": (c_int32, (c_uint64, c_char_p, c_char_p,)),
    "goaway_request_respond": (c_int32, (c_uint64, c_uint16, c_void_p, c_size_t,)),
    "goaway_request_respond_with": (c_int32, (c_uint64, c_uint16, c_void_p, c_size_t, c_void_p, c_size_t, c_uint32,)),
    "goaway_request_inform": (c_int32, (c_uint64, c_uint16, c_void_p, c_size_t,)),
    "goaway_request_push": (c_int32, (c_uint64, c_void_p, c_size_t, POINTER(c_uint64),)),
    "goaway_request_write_head": (c_int32, (c_uint64, c_uint16,)),
    "goaway_request_write_head_with": (c_int32, (c_uint64, c_uint16, c_void_p, c_size_t, c_uint32,)),
    "goaway_request_write": (c_int32, (c_uint64, c_void_p, c_size_t, POINTER(c_size_t),)),
    "goaway_request_set_high_water_bytes": (c_int32, (c_uint64, c_size_t,)),
    "goaway_request_set_on_writable": (c_int32, (c_uint64, c_void_p, c_void_p,)),
    "goaway_request_notify": (c_int32, (c_uint64, c_uint32,)),
    "goaway_request_add_trailer": (c_int32, (c_uint64, c_char_p, c_char_p,)),
    "goaway_request_end": (c_int32, (c_uint64,)),
    "goaway_request_end_with": (c_int32, (c_uint64, c_void_p, c_size_t, c_void_p, c_size_t, c_uint32,)),
    "goaway_request_reset": (c_int32, (c_uint64, c_uint32,)),
    "goaway_server_set_on_session": (c_int32, (c_void_p, c_void_p, c_void_p,)),
    "goaway_session_list_new": (c_void_p, (c_void_p,)),
    "goaway_session_list_len": (c_size_t, (c_void_p,)),
    "goaway_session_list_at": (POINTER(goaway_session_snapshot), (c_void_p, c_size_t,)),
    "goaway_session_list_free": (None, (c_void_p,)),
    "goaway_session_info": (c_int32, (c_uint64, POINTER(goaway_session_snapshot), c_size_t,)),
    "goaway_session_close": (c_int32, (c_uint64, c_uint32,)),
    "goaway_session_abort": (c_int32, (c_uint64, c_uint32, c_void_p, c_size_t,)),
    "goaway_session_abort_after": (c_int32, (c_uint64, c_uint32, c_uint32, c_void_p, c_size_t,)),
    "goaway_session_ping": (c_int32, (c_uint64, c_void_p,)),
    "goaway_session_send_goaway": (c_int32, (c_uint64, c_uint32, c_uint32, c_void_p, c_size_t,)),
    "goaway_session_send_altsvc": (c_int32, (c_uint64, c_uint32, c_char_p, c_char_p,)),
    "goaway_session_send_origin": (c_int32, (c_uint64, c_void_p, c_size_t,)),
    "goaway_session_set_window": (c_int32, (c_uint64, c_uint32, c_uint32,)),
    "goaway_session_send_settings": (c_int32, (c_uint64, c_void_p, c_size_t,)),
    "goaway_session_proxy_tlv": (c_int32, (c_uint64, c_uint32, c_void_p, c_size_t, POINTER(c_size_t),)),
    "goaway_queue_new": (c_void_p, (c_void_p,)),
    "goaway_queue_free": (None, (c_void_p,)),
    "goaway_server_register_queue": (c_int32, (c_void_p, c_char_p, c_void_p, c_uint32,)),
    "goaway_queue_watch": (c_int32, (c_void_p, c_uint32,)),
    "goaway_queue_fd": (c_int, (c_void_p,)),
    "goaway_queue_set_on_ready": (c_int32, (c_void_p, c_void_p, c_void_p,)),
    "goaway_queue_set_limit": (c_int32, (c_void_p, c_uint32,)),
    "goaway_queue_take": (c_int32, (c_void_p, POINTER(goaway_batch),)),
    "goaway_queue_wait": (c_int32, (c_void_p, c_uint32,)),
    "goaway_queue_submit": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p,)),
    "goaway_record_text": (c_void_p, (POINTER(goaway_record), POINTER(goaway_batch),)),
    "goaway_record_data": (c_void_p, (POINTER(goaway_record), POINTER(goaway_batch),)),
    "goaway_record_text_next": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch), c_char_p,)),
    "goaway_record_text_at": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch), c_size_t,)),
    "goaway_record_method": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch),)),
    "goaway_record_scheme": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch),)),
    "goaway_record_authority": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch),)),
    "goaway_record_path": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch),)),
    "goaway_record_query": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch),)),
    "goaway_record_peer": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch),)),
    "goaway_record_protocol": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch),)),
    "goaway_record_param": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch), c_char_p,)),
    "goaway_record_param_at": (c_bool, (POINTER(goaway_record), POINTER(goaway_batch), c_size_t, POINTER(c_char_p), POINTER(c_char_p),)),
    "goaway_record_header": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch), c_char_p,)),
    "goaway_record_header_at": (c_bool, (POINTER(goaway_record), POINTER(goaway_batch), c_size_t, POINTER(c_char_p), POINTER(c_char_p),)),
    "goaway_record_field_flags": (c_uint32, (POINTER(goaway_record), POINTER(goaway_batch), c_size_t,)),
    "goaway_record_pseudo_order": (c_uint32, (POINTER(goaway_record),)),
    "goaway_record_cookie_at": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch), c_size_t,)),
    "goaway_record_trailer": (c_char_p, (POINTER(goaway_record), POINTER(goaway_batch), c_char_p,)),
    "goaway_record_trailer_at": (c_bool, (POINTER(goaway_record), POINTER(goaway_batch), c_size_t, POINTER(c_char_p), POINTER(c_char_p),)),
    "goaway_record_body": (c_void_p, (POINTER(goaway_record), POINTER(goaway_batch), POINTER(c_size_t),)),
    "goaway_record_stream": (c_uint32, (POINTER(goaway_record),)),
    "goaway_record_last_stream": (c_uint32, (POINTER(goaway_record),)),
    "goaway_record_cause": (c_uint32, (POINTER(goaway_record),)),
    "goaway_record_code": (c_uint32, (POINTER(goaway_record),)),
    "goaway_record_left_ms": (c_uint64, (POINTER(goaway_record),)),
    "goaway_record_queued": (c_uint32, (POINTER(goaway_record),)),
    "goaway_record_high_water": (c_uint32, (POINTER(goaway_record),)),
    "goaway_record_sessions": (c_uint32, (POINTER(goaway_record),)),
    "goaway_record_streams": (c_uint32, (POINTER(goaway_record),)),
    "goaway_record_event": (c_uint32, (POINTER(goaway_record),)),
    "goaway_record_outcome": (c_uint32, (POINTER(goaway_record),)),
    "goaway_record_event_text": (c_void_p, (POINTER(goaway_record), POINTER(goaway_batch), POINTER(c_size_t),)),
    "goaway_record_report": (POINTER(goaway_report), (POINTER(goaway_record), POINTER(goaway_batch),)),
    "goaway_event_name": (c_char_p, (c_uint32,)),
    "goaway_cause_name": (c_char_p, (c_uint32,)),
    "goaway_outcome_name": (c_char_p, (c_uint32,)),
    "goaway_stage_name": (c_char_p, (c_uint32,)),
    "goaway_memory_usage": (c_int32, (POINTER(goaway_memory), c_size_t,)),
    "goaway_log_set_on_line": (c_int32, (c_uint32, c_void_p, c_void_p,)),
    "goaway_log_keep": (c_int32, (c_uint32,)),
    "goaway_log_take": (c_int32, (c_uint32, POINTER(goaway_log_line),)),
}

#: Those that may wait.
BLOCKING = frozenset((
    "goaway_server_wait",
    "goaway_server_free",
    "goaway_server_listen",
    "goaway_tls_add_certificate",
    "goaway_tls_set_client_certificates",
    "goaway_tls_set_key_log",
    "goaway_tls_reload",
    "goaway_server_listen_tls",
    "goaway_queue_free",
    "goaway_queue_wait",
    "goaway_log_take",
))

#: goaway_limit: the place is the number.
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
    "memory_bytes",
    "session_response_bytes",
]

#: goaway_feature: the place is the number.
FEATURES = [
    "http1",
    "upgrade",
    "connect_protocol",
]
