"""Calls the callbacks that a program has set."""

from __future__ import annotations

import logging
from contextvars import copy_context
from typing import Callable, Optional, TypeVar

from .failure import is_interrupt

log = logging.getLogger("goaway")
_V = TypeVar("_V")


def notify(callback: Optional[Callable[[_V], object]], value: _V) -> None:
    """Calls `callback` with `value`, if there is one, in a copy of the context: no
    request sees what it sets there. Logs what it raises, `SystemExit` included."""
    if callback is None:
        return
    try:
        copy_context().run(callback, value)
    except BaseException as error:
        log.error("a callback for %s failed", type(value).__name__, exc_info=error)
        if is_interrupt(error):
            raise
