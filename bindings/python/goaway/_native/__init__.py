"""The C library: the only folder that knows ctypes.

Every declaration here is compared with `include/goaway.h` by
`tests/test_header.py`.
"""

from .arguments import milliseconds
from .calls import (
    abort_session,
    close_session,
    log_keep,
    log_take,
    peer_certificate,
    request_stream,
    send_altsvc,
    send_origin,
    session_tls,
)
from .core import Core
from .functions import QUICK, SLOW
from .library import NAME, SUPPORTED, lib, places
from .numbers import *  # noqa: F403
from .status import cause_name, event_name, failure, outcome_name, stage_name, status_name, version
from .structures import LogLine, SessionRow, _Batch, _Report, _SessionInfo, _text, _TlsInfo, read_report
from .tls import TlsCore

__all__ = [
    "NAME",
    "QUICK",
    "SLOW",
    "SUPPORTED",
    "Core",
    "LogLine",
    "SessionRow",
    "TlsCore",
    "_Batch",
    "_Report",
    "_SessionInfo",
    "_TlsInfo",
    "_text",
    "abort_session",
    "cause_name",
    "close_session",
    "event_name",
    "failure",
    "lib",
    "log_keep",
    "log_take",
    "milliseconds",
    "outcome_name",
    "peer_certificate",
    "places",
    "read_report",
    "request_stream",
    "send_altsvc",
    "send_origin",
    "session_tls",
    "stage_name",
    "status_name",
    "version",
]
