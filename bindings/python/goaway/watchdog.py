"""Ends the process if it does not end by itself in time."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Callable

#: Seconds for the last words: whoever should read them may have stopped reading.
_LAST_WORDS = 1.0


class Watchdog:
    """One deadline, in a thread of its own. From any thread, and from signal handlers."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None
        self._at = float("inf")
        # Reentrant: a signal's handler may come in the midst of a call.
        self._lock = threading.RLock()

    def shorten(self, seconds: float, last_words: Callable[[], int]) -> None:
        """Ends the process in so many seconds, unless that is later than it was.
        `last_words` is called then, and gives the exit status."""
        with self._lock:
            if time.monotonic() + seconds < self._at:
                self.restart(seconds, last_words)

    def restart(self, seconds: float, last_words: Callable[[], int]) -> None:
        """The same, but whatever it was before does not count any more."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._at = time.monotonic() + seconds
            self._timer = threading.Timer(seconds, _end, (last_words,))
            self._timer.daemon = True
            self._timer.start()


def _end(last_words: Callable[[], int]) -> None:
    status = [1]

    def say() -> None:
        status[0] = last_words()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()

    # In a thread, since stdout and stderr may be pipes that nobody reads.
    thread = threading.Thread(target=say, daemon=True)
    thread.start()
    thread.join(_LAST_WORDS)
    os._exit(status[0])
