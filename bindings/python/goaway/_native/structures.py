"""What the library fills in, and what the package makes of it."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple, Optional

from ..report import Report
from .declarations import goaway_report


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
    size = min(len(data), ctypes.sizeof(goaway_report))
    report = goaway_report.from_buffer_copy(data[:size].ljust(ctypes.sizeof(goaway_report), b"\0"))
    return Report(*(getattr(report, name) for name in Report._fields))
