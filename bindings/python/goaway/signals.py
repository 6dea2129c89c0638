"""Closes a server at SIGTERM and SIGINT: the first signal drains, a later one forces. With a
shutdown delay one in between ends the delay."""

from __future__ import annotations

import logging
import signal
import threading
import time
from contextlib import contextmanager
from types import FrameType
from typing import Callable, Dict, Iterator, Optional, Tuple

log = logging.getLogger("goaway")

SAME_SECONDS = 0.5
"""A signal that follows another one within this time is a duplicate: GNU timeout,
for example, signals the program and then its process group."""


class ClosingSignals:
    """Says what each signal asks of a server that closes: the first one to close after the
    shutdown delay, one during the delay to close now, and a further one to force. A signal
    that follows such a signal within `same_seconds` is a duplicate."""

    def __init__(self, drain: float, shutdown_delay: float = 0.0, same_seconds: float = SAME_SECONDS) -> None:
        self._drain = drain
        self._shutdown_delay = shutdown_delay
        self._same_seconds = same_seconds
        self._drains_at: Optional[float] = None
        self._last = 0.0

    def next(self, at: Optional[float] = None) -> Optional[Tuple[float, float]]:
        """The times of the close that a signal asks for, `drain` and `shutdown_delay`. The
        signal arrived at `at`, a time of the monotonic clock (now by default). None: a
        duplicate."""
        at = time.monotonic() if at is None else at
        if self._drains_at is None:
            self._last, self._drains_at = at, at + self._shutdown_delay
            return self._drain, self._shutdown_delay
        if at - self._last < self._same_seconds:
            return None
        self._last = at
        if at < self._drains_at:
            self._drains_at = at
            return self._drain, 0.0
        return 0.0, 0.0


@contextmanager
def signals(
    close: Callable[[float, float], object],
    drain: float,
    shutdown_delay: float = 0.0,
    same_seconds: float = SAME_SECONDS,
) -> Iterator[None]:
    """Calls `close(drain, shutdown_delay)` at SIGTERM and SIGINT, with the times that
    `ClosingSignals` returns. `close` runs as a signal handler in the main thread, so that
    the close begins in time even if something blocks the event loop. At the end of the
    block the previous handlers are restored.

    Python handles signals in the main thread only: in another thread this does
    nothing. A handler that was not installed from Python is not replaced."""
    if threading.current_thread() is not threading.main_thread():
        log.debug("signals are not handled: this is not the main thread")
        yield
        return
    closing = ClosingSignals(drain, shutdown_delay, same_seconds)

    def on_signal(number: int, frame: Optional[FrameType]) -> None:
        # Another signal may interrupt this handler.
        times = closing.next()
        if times is not None:
            close(*times)

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
