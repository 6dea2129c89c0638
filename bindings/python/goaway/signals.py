"""Closes a server at SIGTERM and SIGINT: the first signal drains, a later one forces."""

from __future__ import annotations

import logging
import signal
import threading
import time
from contextlib import contextmanager
from types import FrameType
from typing import Callable, Dict, Iterator, Optional

log = logging.getLogger("goaway")

SAME_SECONDS = 0.5
"""A signal that follows the first one within this time is a duplicate: GNU timeout,
for example, signals the program and then its process group."""


class SignalDebouncer:
    """Distinguishes a signal that forces from a duplicate."""

    def __init__(self, same_seconds: float = SAME_SECONDS) -> None:
        self._same_seconds = same_seconds
        self._first: Optional[float] = None

    def forces(self, at: Optional[float] = None) -> Optional[bool]:
        """The meaning of a signal that arrived at `at`, a time of the monotonic clock (now
        by default): False: drain. True: force. None: a duplicate."""
        at = time.monotonic() if at is None else at
        if self._first is None:
            self._first = at
            return False
        return True if at - self._first >= self._same_seconds else None


@contextmanager
def signals(close: Callable[[bool], object], same_seconds: float = SAME_SECONDS) -> Iterator[None]:
    """Calls `close` at SIGTERM and SIGINT: with False at the first signal, and with True
    at one that follows at least `same_seconds` later. `close` runs as a signal handler
    in the main thread, so that the close begins in time even if something blocks the
    event loop. At the end of the block the previous handlers are restored.

    Python handles signals in the main thread only: in another thread this does
    nothing. A handler that was not installed from Python is not replaced."""
    if threading.current_thread() is not threading.main_thread():
        log.debug("signals are not handled: this is not the main thread")
        yield
        return
    debouncer = SignalDebouncer(same_seconds)

    def on_signal(number: int, frame: Optional[FrameType]) -> None:
        # Another signal may interrupt this handler.
        forces = debouncer.forces()
        if forces is not None:
            close(forces)

    number: int
    replaced: Dict[int, object] = {}
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if before is not None:
            replaced[number] = before
            signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
