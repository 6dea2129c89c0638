"""How the library's functions are called."""

from __future__ import annotations

from ctypes import POINTER, c_bool, c_char_p, c_int, c_int32, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any, Dict, Tuple

from .structures import _Batch, _Counts, _LogLine, _Report, _SessionInfo, _TlsInfo

_STATUS = c_int32
_P = c_void_p

# Result, arguments. Those of QUICK never wait, and keep the interpreter's lock:
# giving it up and taking it again costs more than they do.
QUICK: Dict[str, Tuple[Any, Tuple[Any, ...]]] = {
    "goaway_version": (c_char_p, ()),
    "goaway_last_error": (c_char_p, ()),
    "goaway_last_status": (c_int32, ()),
    "goaway_status_name": (c_char_p, (c_int32,)),
    "goaway_event_name": (c_char_p, (c_uint32,)),
    "goaway_cause_name": (c_char_p, (c_uint32,)),
    "goaway_outcome_name": (c_char_p, (c_uint32,)),
    "goaway_stage_name": (c_char_p, (c_uint32,)),
    "goaway_tls_new": (_P, ()),
    "goaway_tls_free": (None, (_P,)),
    "goaway_tls_set_min_version": (_STATUS, (_P, c_uint32)),
    "goaway_tls_set_server_name": (_STATUS, (_P, c_char_p)),
    "goaway_tls_set_resumption": (_STATUS, (_P, c_bool)),
    "goaway_session_tls": (_STATUS, (c_uint64, POINTER(_TlsInfo), c_size_t)),
    "goaway_session_peer_certificate": (_STATUS, (c_uint64, c_size_t, _P, c_size_t, POINTER(c_size_t))),
    "goaway_server_new": (_P, ()),
    "goaway_server_port": (c_uint16, (_P, c_size_t)),
    "goaway_server_address": (c_char_p, (_P, c_size_t)),
    "goaway_server_dup_fd": (c_int, (_P, c_size_t)),
    "goaway_server_set_shared": (_STATUS, (_P, c_size_t, c_bool)),
    "goaway_server_set_limit": (_STATUS, (_P, c_uint32, c_uint64)),
    "goaway_server_set_feature": (_STATUS, (_P, c_uint32, c_bool)),
    "goaway_server_set_ready": (_STATUS, (_P, c_bool)),
    "goaway_server_is_ready": (c_bool, (_P,)),
    "goaway_server_report": (POINTER(_Report), (_P,)),
    "goaway_server_counts": (_STATUS, (_P, POINTER(_Counts), c_size_t)),
    "goaway_server_register_queue": (_STATUS, (_P, c_char_p, _P, c_uint32)),
    "goaway_request_stream": (_STATUS, (c_uint64, POINTER(c_uint32))),
    "goaway_queue_new": (_P, (_P,)),
    "goaway_queue_watch": (_STATUS, (_P, c_uint32)),
    "goaway_queue_fd": (c_int, (_P,)),
    "goaway_queue_set_limit": (_STATUS, (_P, c_uint32)),
    "goaway_queue_take": (_STATUS, (_P, POINTER(_Batch))),
    "goaway_queue_submit": (_STATUS, (_P, c_char_p, c_size_t, c_char_p, c_size_t, POINTER(c_uint32))),
}
SLOW: Dict[str, Tuple[Any, Tuple[Any, ...]]] = {
    "goaway_server_listen": (_STATUS, (_P, c_char_p)),
    "goaway_server_listen_tls": (_STATUS, (_P, c_char_p, _P)),
    "goaway_tls_add_certificate": (_STATUS, (_P, c_char_p, c_char_p, c_char_p)),
    "goaway_tls_add_certificate_pem": (_STATUS, (_P, c_char_p, c_size_t, c_char_p, c_size_t, c_char_p)),
    "goaway_tls_set_client_certificates": (_STATUS, (_P, c_uint32, c_char_p)),
    "goaway_tls_set_client_certificates_pem": (_STATUS, (_P, c_uint32, c_char_p, c_size_t)),
    "goaway_tls_set_key_log": (_STATUS, (_P, c_char_p)),
    "goaway_tls_reload": (_STATUS, (_P,)),
    "goaway_tls_replace": (_STATUS, (_P, _P)),
    "goaway_server_start": (_STATUS, (_P,)),
    "goaway_server_close": (_STATUS, (_P, c_uint32, _P, _P)),
    "goaway_server_wait": (_STATUS, (_P, c_uint32)),
    "goaway_server_free": (None, (_P,)),
    "goaway_session_list_new": (_P, (_P,)),
    "goaway_session_list_len": (c_size_t, (_P,)),
    "goaway_session_list_at": (POINTER(_SessionInfo), (_P, c_size_t)),
    "goaway_session_list_free": (None, (_P,)),
    "goaway_session_close": (_STATUS, (c_uint64, c_uint32)),
    "goaway_session_abort": (_STATUS, (c_uint64, c_uint32, c_char_p, c_size_t)),
    "goaway_session_send_altsvc": (_STATUS, (c_uint64, c_uint32, c_char_p, c_char_p)),
    "goaway_session_send_origin": (_STATUS, (c_uint64, POINTER(c_char_p), c_size_t)),
    "goaway_log_keep": (_STATUS, (c_uint32,)),
    "goaway_log_take": (_STATUS, (c_uint32, POINTER(_LogLine))),
    "goaway_queue_wait": (_STATUS, (_P, c_uint32)),
    "goaway_queue_free": (None, (_P,)),
}
