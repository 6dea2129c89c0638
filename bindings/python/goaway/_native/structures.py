"""What the library fills in, and what the package makes of it."""

from __future__ import annotations

import ctypes
from ctypes import c_bool, c_char, c_char_p, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, NamedTuple, Optional

from ..report import Counts, Report


class _Report(ctypes.Structure):
    _fields_ = [(name, c_uint64) for name in Report._fields]


class _SessionInfo(ctypes.Structure):
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


class _Batch(ctypes.Structure):
    _fields_ = [("records", c_void_p), ("count", c_size_t), ("arena", c_void_p), ("arena_len", c_size_t)]


class _TlsInfo(ctypes.Structure):
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


class _Counts(ctypes.Structure):
    _fields_ = [(name, c_uint64) for name in Counts._fields]


class _LogLine(ctypes.Structure):
    _fields_ = [("level", c_uint32), ("target", c_char_p), ("message", c_char_p), ("left_out", c_uint64)]


class LogLine(NamedTuple):
    """A line of the library's log."""

    level: int
    target: str
    message: str
    left_out: int


class SessionRow(NamedTuple):
    """One row of `goaway_session_list_new`."""

    session: int
    stage: int
    open_streams: int
    age_ms: int
    bytes_in: int
    bytes_out: int
    requests: int
    peer: str
    protocol: str
    local: str


def _text(value: Optional[bytes]) -> str:
    return value.decode("utf-8", "replace") if value is not None else ""


def session_row(info: Any) -> SessionRow:
    return SessionRow(
        info.session,
        info.stage,
        info.open_streams,
        info.age_ms,
        info.bytes_in,
        info.bytes_out,
        info.requests,
        _text(info.peer),
        _text(info.protocol),
        _text(info.local),
    )


def read_report(data: bytes) -> Report:
    """The numbers of a `goaway_report`; a newer library may have more of them."""
    size = min(len(data), ctypes.sizeof(_Report))
    report = _Report.from_buffer_copy(data[:size].ljust(ctypes.sizeof(_Report), b"\0"))
    return Report(*(getattr(report, name) for name in Report._fields))
