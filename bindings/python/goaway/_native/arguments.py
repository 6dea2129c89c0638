"""Converts arguments for the library."""

from __future__ import annotations

from typing import Any, Mapping

from ..error import Error
from .declarations import FOREVER, goaway_setting


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


def uint32(value: int, what: str) -> int:
    """Checks that a number fits the library's parameter, which ctypes does not."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise Error("GOAWAY_ERR_INVALID", f"{what} must be a number from 0 to 2^32 - 1, not {value!r}")
    return value


def settings_array(settings: Mapping[int, int]) -> Any:
    """Converts settings of HTTP/2 to an array of `goaway_setting`."""
    return (goaway_setting * len(settings))(
        *(
            goaway_setting(
                uint32(identifier, "the identifier of a setting"), uint32(value, f"the value of setting {identifier}")
            )
            for identifier, value in settings.items()
        )
    )
