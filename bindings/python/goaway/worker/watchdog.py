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
    """One deadline, in threads of its own, which are there before it is needed:
    Python 3.12 starts none while it ends. From any thread, and from signal handlers."""

    def __init__(self) -> None:
        # Reentrant: a signal's handler may come in the midst of a call.
        self._changed = threading.Condition(threading.RLock())
        self._at = float("inf")
        self._last_words: Callable[[], int] | None = None
        self._is_over = threading.Event()
        self._status = 1

    def shorten(self, seconds: float, last_words: Callable[[], int]) -> None:
        """Ends the process in so many seconds, unless that is later than it was.
        `last_words` is called then, and gives the exit status."""
        with self._changed:
            if time.monotonic() + seconds < self._at:
                self.restart(seconds, last_words)

    def restart(self, seconds: float, last_words: Callable[[], int]) -> None:
        """The same, but whatever it was before does not count any more."""
        with self._changed:
            is_new = self._last_words is None
            self._at, self._last_words = time.monotonic() + seconds, last_words
            self._changed.notify_all()
        if is_new:
            for work in (self._watch, self._insist):
                threading.Thread(target=work, name="goaway-watchdog", daemon=True).start()

    def _watch(self) -> None:
        with self._changed:
            while time.monotonic() < self._at:
                self._changed.wait(self._at - time.monotonic())
            last_words = self._last_words
        assert last_words is not None
        self._is_over.set()
        self._status = last_words()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(self._status)

    def _insist(self) -> None:
        """stdout and stderr may be pipes that nobody reads."""
        self._is_over.wait()
        time.sleep(_LAST_WORDS)
        os._exit(self._status)
