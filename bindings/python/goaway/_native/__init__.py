"""The C library: the only folder that knows ctypes.

`declarations` is written from `include/goaway.json`, which `tests/test_header.py`
checks; the rest is how the package calls the library.
"""

from .arguments import milliseconds
from .calls import (
    abort_session,
    close_session,
    log_keep,
    log_take,
    memory_usage,
    peer_certificate,
    ping_session,
    proxy_tlv,
    request_prefix,
    request_stream,
    send_altsvc,
    send_goaway,
    send_origin,
    send_settings,
    session_tls,
    set_window,
)
from .core import Core
from .declarations import *  # noqa: F403
from .library import NAME, SUPPORTED, lib, places
from .status import cause_name, event_name, failure, outcome_name, stage_name, status_name, version
from .structures import LogLine, SessionRow, _text, read_report
from .tls import TlsCore

__all__ = [
    "NAME",
    "SUPPORTED",
    "Core",
    "LogLine",
    "SessionRow",
    "TlsCore",
    "_text",
    "abort_session",
    "cause_name",
    "close_session",
    "event_name",
    "failure",
    "lib",
    "log_keep",
    "log_take",
    "memory_usage",
    "milliseconds",
    "outcome_name",
    "peer_certificate",
    "ping_session",
    "places",
    "proxy_tlv",
    "read_report",
    "request_prefix",
    "request_stream",
    "send_altsvc",
    "send_goaway",
    "send_origin",
    "send_settings",
    "session_tls",
    "set_window",
    "stage_name",
    "status_name",
    "version",
]
