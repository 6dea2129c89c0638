"""Calls that concern no server: sessions and requests by number, and the log."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char_p, c_size_t, c_uint32
from typing import List, Mapping, Optional

from ..error import Error
from ..report import MemoryUsage
from .arguments import encode, milliseconds, settings_array, uint32
from .declarations import (
    ERR_FORKED,
    ERR_NOT_FOUND,
    ERR_STATE,
    ERR_TIMEOUT,
    FOREVER,
    LAST_TAKEN,
    OK,
    goaway_bytes,
    goaway_log_line,
    goaway_memory,
    goaway_tls_info,
)
from .library import lib
from .status import check
from .structures import LogLine, _text


def close_session(session: int, drain: float) -> None:
    check(lib.session_close(session, milliseconds(drain)))


def abort_session(session: int, code: int, debug: bytes, last_stream: Optional[int]) -> None:
    last = LAST_TAKEN if last_stream is None else uint32(last_stream, "the last stream")
    check(lib.session_abort_after(session, last, uint32(code, "an error code"), debug, len(debug)))


def ping_session(session: int, payload: Optional[bytes]) -> None:
    if payload is not None and len(payload) != 8:
        raise Error("GOAWAY_ERR_INVALID", f"the payload of a PING has 8 bytes, not {len(payload)}")
    check(lib.session_ping(session, payload))


def send_goaway(session: int, last_stream: Optional[int], code: int, debug: bytes) -> None:
    last = LAST_TAKEN if last_stream is None else uint32(last_stream, "the last stream")
    check(lib.session_send_goaway(session, last, uint32(code, "an error code"), debug, len(debug)))


def set_window(session: int, session_bytes: int, stream_bytes: int) -> None:
    check(
        lib.session_set_window(
            session, uint32(session_bytes, "the window of a session"), uint32(stream_bytes, "the window of a stream")
        )
    )


def send_settings(session: int, settings: Mapping[int, int]) -> None:
    check(lib.session_send_settings(session, settings_array(settings), len(settings)))


def send_altsvc(session: int, stream: int, origin: str, value: str) -> None:
    number = uint32(stream, "a stream identifier")
    check(lib.session_send_altsvc(session, number, encode(origin, "origin"), encode(value, "value")))


def send_origin(session: int, origins: List[str]) -> None:
    texts = (c_char_p * len(origins))(*(encode(origin, "origin") for origin in origins))
    check(lib.session_send_origin(session, texts, len(origins)))


def request_stream(request: int) -> int:
    """The stream identifier; 0 if the request has ended."""
    stream = c_uint32()
    return stream.value if lib.request_stream(request, byref(stream)) == OK else 0


def request_prefix(request: int) -> bytes:
    """The path at which a trusted proxy mounts the server; empty if none is known."""
    prefix = goaway_bytes()
    if lib.request_prefix(request, byref(prefix)) != OK:
        return b""
    return ctypes.string_at(prefix.data, prefix.len)


def session_tls(session: int) -> Optional[goaway_tls_info]:
    """The TLS parameters; None if the session does not use TLS, or its handshake is not
    complete."""
    info = goaway_tls_info()
    status = lib.session_tls(session, byref(info), ctypes.sizeof(info))
    if status == ERR_NOT_FOUND:
        return None
    check(status)
    return info


def peer_certificate(session: int, index: int) -> bytes:
    """A certificate of the client's chain, in DER."""
    place, length = ctypes.create_string_buffer(65536), c_size_t()
    check(lib.session_peer_certificate(session, index, place, len(place), byref(length)))
    return place.raw[: length.value]


def proxy_tlv(session: int, kind: int) -> Optional[bytes]:
    """The value of a TLV of the PROXY header; None if there is none of that type."""
    if not 0 <= kind <= 255:
        raise Error("GOAWAY_ERR_INVALID", f"the type of a TLV must be a number from 0 to 255, not {kind}")
    place, length = ctypes.create_string_buffer(4096), c_size_t()
    status = lib.session_proxy_tlv(session, kind, place, len(place), byref(length))
    if status == ERR_NOT_FOUND:
        return None
    check(status)
    return place.raw[: length.value]


def log_keep(level: int) -> None:
    """Has the library keep its log lines up to this `goaway_log_level`; 0: none."""
    check(lib.log_keep(level))


def memory_usage() -> MemoryUsage:
    """Reads how much memory the library holds for the peers of all servers of this
    process, as of the last turn of each session."""
    memory = goaway_memory()
    check(lib.memory_usage(byref(memory), ctypes.sizeof(memory)))
    return MemoryUsage(*(getattr(memory, name) for name in MemoryUsage._fields))


def log_take(timeout: Optional[float]) -> Optional[LogLine]:
    """Takes the oldest line. Returns None if there is none within `timeout` seconds, or,
    without a timeout, when no more lines are kept."""
    line = goaway_log_line()
    status = lib.log_take(FOREVER if timeout is None else milliseconds(timeout), byref(line))
    if status in (ERR_TIMEOUT, ERR_STATE, ERR_FORKED):
        return None
    check(status)
    return LogLine(line.level, _text(line.target), _text(line.message), line.left_out)
