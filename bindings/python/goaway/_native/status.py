"""Statuses and other numbers by name, and the exception for a failed call."""

from __future__ import annotations

from typing import Optional

from ..error import Error
from .declarations import OK
from .library import lib
from .structures import _text


def status_name(status: int) -> str:
    """Such as "GOAWAY_ERR_STATE"."""
    return _text(lib.status_name(status)) or f"GOAWAY_ERR_{status}"


def _named(name: Optional[bytes], number: int) -> str:
    return _text(name) or f"unknown_{number}"


def cause_name(number: int) -> str:
    return _named(lib.cause_name(number), number)


def event_name(number: int) -> str:
    return _named(lib.event_name(number), number)


def outcome_name(number: int) -> str:
    return _named(lib.outcome_name(number), number)


def stage_name(number: int) -> str:
    return _named(lib.stage_name(number), number)


def version() -> str:
    return _text(lib.version())


def failure(status: int) -> Error:
    """The exception for a status, with this thread's last text."""
    return Error(status_name(status), _text(lib.last_error()) or "the call failed")


def last_failure() -> Error:
    """The exception for this thread's last failed call, one that gave NULL or -1."""
    return failure(lib.last_status())


def check(status: int) -> None:
    if status != OK:
        raise failure(status)
