"""Ends the process if it does not end by itself in time."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Callable

#: Seconds for the output of the timeout callback: stdout and stderr may be blocked.
_OUTPUT_SECONDS = 1.0


class Watchdog:
    """A deadline for the process. From any thread, and from signal handlers.

    It uses two threads, which are started with the first deadline: Python 3.12 starts no
    thread while it exits.
    """

    def __init__(self) -> None:
        # Reentrant: a signal handler may interrupt a call.
        self._changed = threading.Condition(threading.RLock())
        self._at = float("inf")
        self._on_timeout: Callable[[], int] | None = None
        self._has_expired = threading.Event()
        self._status = 1

    def shorten(self, seconds: float, on_timeout: Callable[[], int]) -> None:
        """Sets the deadline to `seconds` from now, unless it is earlier already. At the
        deadline `on_timeout` is called, and the process ends with the exit status that it
        returns."""
        with self._changed:
            if time.monotonic() + seconds < self._at:
                self.restart(seconds, on_timeout)

    def restart(self, seconds: float, on_timeout: Callable[[], int]) -> None:
        """Sets the deadline to `seconds` from now, even if it was earlier."""
        with self._changed:
            is_new = self._on_timeout is None
            self._at, self._on_timeout = time.monotonic() + seconds, on_timeout
            self._changed.notify_all()
        if is_new:
            for work in (self._watch, self._exit_after_output):
                threading.Thread(target=work, name="goaway-watchdog", daemon=True).start()

    def _watch(self) -> None:
        with self._changed:
            while time.monotonic() < self._at:
                self._changed.wait(self._at - time.monotonic())
            on_timeout = self._on_timeout
        assert on_timeout is not None
        self._has_expired.set()
        self._status = on_timeout()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(self._status)

    def _exit_after_output(self) -> None:
        """Ends the process even if stdout or stderr is a pipe that nobody reads."""
        self._has_expired.wait()
        time.sleep(_OUTPUT_SECONDS)
        os._exit(self._status)
