"""Forwards the log of the library to the logger "goaway" of `logging`.

The library's threads cannot call Python: they may hold a lock that the caller of
a handler waits for, and the interpreter may have exited. So the library keeps its
log lines, and Python takes them: a thread does so while a server runs, and each
call that reads certificates does so before it returns.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
from typing import Iterator, Optional

from .. import _native

LOG = logging.getLogger("goaway")

#: goaway_log_level, from the most important to the least.
_LEVELS = ((logging.ERROR, 1), (logging.WARNING, 2), (logging.INFO, 3), (logging.DEBUG, 4))
_EXIT_TIMEOUT = 1.0
"""Seconds that the exit of the interpreter waits for a handler of `logging`."""


class _Forwarder:
    """Forwards lines in a thread of its own while any server runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: Optional[threading.Thread] = None
        self._users = 0

    def begin(self) -> None:
        """A server starts. The level is the current level of the logger."""
        with self._lock:
            self._users += 1
            _keep()
            if self._thread is None:
                # A daemon: `stop` ends it before the interpreter does.
                self._thread = threading.Thread(target=self._run, name="goaway-log", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """A server has ended. Its last lines are forwarded before this returns."""
        with self._lock:
            self._users = max(self._users - 1, 0)
            if self._users == 0:
                _native.log_keep(0)  # wakes the thread, which ends
        forward()

    def stop(self) -> None:
        """The interpreter exits."""
        with self._lock:
            self._users = 0
            thread = self._thread
            _native.log_keep(0)
        if thread is not None and thread is not threading.current_thread():
            thread.join(_EXIT_TIMEOUT)

    def _run(self) -> None:
        while True:
            line = _native.log_take(None)
            if line is not None:
                _log(line)
                continue
            with self._lock:
                # Another server may have started in the meantime.
                if self._users == 0:
                    self._thread = None
                    return


_forwarder = _Forwarder()


def begin() -> None:
    """Forwards the library's log until `end`."""
    _forwarder.begin()


def end() -> None:
    """Undoes one `begin`."""
    _forwarder.end()


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """At the end of the block, forwards the lines that the library logged in it."""
    _keep()
    try:
        yield
    finally:
        forward()


def forward() -> None:
    """Forwards the waiting lines, on the calling thread."""
    while (line := _native.log_take(0)) is not None:
        _log(line)


def _keep() -> None:
    """Sets the level from which on the library keeps lines."""
    wanted = LOG.getEffectiveLevel()
    _native.log_keep(next((number for level, number in reversed(_LEVELS) if level >= wanted), 1))


def _log(line: _native.LogLine) -> None:
    if line.left_out:
        LOG.warning("%d lines of the library's log were lost: they came faster than they were read", line.left_out)
    level = next((level for level, number in _LEVELS if number == line.level), logging.DEBUG)
    LOG.log(level, "%s", line.message)


atexit.register(_forwarder.stop)


def _forked() -> None:
    global _forwarder
    atexit.unregister(_forwarder.stop)
    _forwarder = _Forwarder()  # The thread and the servers belong to the parent.
    atexit.register(_forwarder.stop)


os.register_at_fork(after_in_child=_forked)
