"""Calls that are of no server: of sessions and requests by number, and of the log."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char_p, c_size_t, c_uint32
from typing import List, Optional

from ..error import Error
from .arguments import encode, milliseconds
from .declarations import (
    ERR_FORKED,
    ERR_NOT_FOUND,
    ERR_STATE,
    ERR_TIMEOUT,
    FOREVER,
    OK,
    goaway_log_line,
    goaway_tls_info,
)
from .library import lib
from .status import check
from .structures import LogLine, _text


def close_session(session: int, drain: float) -> None:
    check(lib.session_close(session, milliseconds(drain)))


def abort_session(session: int, code: int, debug: bytes) -> None:
    check(lib.session_abort(session, code, debug, len(debug)))


def send_altsvc(session: int, stream: int, origin: str, value: str) -> None:
    if not 0 <= stream < 1 << 32:
        raise Error("GOAWAY_ERR_INVALID", f"{stream} is no stream")
    check(lib.session_send_altsvc(session, stream, encode(origin, "origin"), encode(value, "value")))


def send_origin(session: int, origins: List[str]) -> None:
    texts = (c_char_p * len(origins))(*(encode(origin, "origin") for origin in origins))
    check(lib.session_send_origin(session, texts, len(origins)))


def request_stream(request: int) -> int:
    """0 if the request has ended."""
    stream = c_uint32()
    return stream.value if lib.request_stream(request, byref(stream)) == OK else 0


def session_tls(session: int) -> Optional[goaway_tls_info]:
    """None if the session speaks no TLS, or not yet."""
    info = goaway_tls_info()
    status = lib.session_tls(session, byref(info), ctypes.sizeof(info))
    if status == ERR_NOT_FOUND:
        return None
    check(status)
    return info


def peer_certificate(session: int, index: int) -> bytes:
    """A certificate that the session's client has shown, in DER."""
    place, length = ctypes.create_string_buffer(65536), c_size_t()
    check(lib.session_peer_certificate(session, index, place, len(place), byref(length)))
    return place.raw[: length.value]


def log_keep(level: int) -> None:
    """Has the log kept up to that number of `goaway_log_level`."""
    check(lib.log_keep(level))


def log_take(timeout: Optional[float]) -> Optional[LogLine]:
    """The oldest line that was kept; None if there is none in so many seconds,
    or, with None, when lines are kept no more."""
    line = goaway_log_line()
    status = lib.log_take(FOREVER if timeout is None else milliseconds(timeout), byref(line))
    if status in (ERR_TIMEOUT, ERR_STATE, ERR_FORKED):
        return None
    check(status)
    return LogLine(line.level, _text(line.target), _text(line.message), line.left_out)
