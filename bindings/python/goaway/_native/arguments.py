"""Arguments as the library takes them."""

from __future__ import annotations

from ..error import Error
from .declarations import FOREVER


def encode(text: str, what: str) -> bytes:
    if "\0" in text:
        raise Error("GOAWAY_ERR_INVALID", f"{what} contains a NUL")
    return text.encode("utf-8")


def milliseconds(seconds: float) -> int:
    """Seconds as the library takes times; negative is 0, the longest is 49 days."""
    if not seconds > 0:
        if seconds != seconds:
            raise ValueError("a time is no number")
        return 0
    return min(int(min(seconds, FOREVER) * 1000 + 0.5), FOREVER - 1)
