"""Calling what the program has set."""

from __future__ import annotations

import logging
from typing import Callable, Optional, TypeVar

log = logging.getLogger("goaway")
_V = TypeVar("_V")


def tell(callback: Optional[Callable[[_V], None]], value: _V) -> None:
    """Calls it, if there is one. What it raises is logged."""
    if callback is None:
        return
    try:
        callback(value)
    except Exception:
        log.exception("a callback for %s failed", type(value).__name__)
