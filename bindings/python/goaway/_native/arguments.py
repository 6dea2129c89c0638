"""Converts arguments for the library."""

from __future__ import annotations

from ..error import Error
from .declarations import FOREVER


def encode(text: str, what: str) -> bytes:
    if "\0" in text:
        raise Error("GOAWAY_ERR_INVALID", f"{what} contains a NUL character: {text!r}")
    return text.encode("utf-8")


def milliseconds(seconds: float) -> int:
    """Converts seconds to milliseconds. A negative time is 0; the longest is 49 days."""
    if not seconds > 0:
        if seconds != seconds:
            raise ValueError("a time in seconds must be a number, not NaN")
        return 0
    return min(int(min(seconds, FOREVER) * 1000 + 0.5), FOREVER - 1)
