"""The signals that close a server: SIGTERM and SIGINT drain, a later one forces."""

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
"""A signal that comes so soon after the first one asks for the same thing: GNU
timeout tells the program and then its process group, and so do others."""


class Insistence:
    """Tells a signal that forces from one that was sent twice."""

    def __init__(self, same_seconds: float = SAME_SECONDS) -> None:
        self._same_seconds = same_seconds
        self._first: Optional[float] = None

    def forces(self, at: Optional[float] = None) -> Optional[bool]:
        """What a signal means that came at that time of the monotonic clock (now,
        if None): False: drain. True: force. None: the same as the one before."""
        at = time.monotonic() if at is None else at
        if self._first is None:
            self._first = at
            return False
        return True if at - self._first >= self._same_seconds else None


@contextmanager
def signals(close: Callable[[bool], object], same_seconds: float = SAME_SECONDS) -> Iterator[None]:
    """Has `close` called at SIGTERM and SIGINT, with True if there was one at
    least `same_seconds` before: at once, in the midst of whatever the main thread
    does, so that the close is in time even if a handler blocks the loop.

    Python handles signals in the main thread only: in another thread this does
    nothing. A handler that was not set from Python stays."""
    if threading.current_thread() is not threading.main_thread():
        log.debug("signals are left to the main thread")
        yield
        return
    insistence = Insistence(same_seconds)

    def on_signal(number: int, frame: Optional[FrameType]) -> None:
        # Another one may come while this one is taken care of.
        forces = insistence.forces()
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
