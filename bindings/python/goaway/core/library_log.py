"""The library's own log, handed to `logging`'s logger "goaway".

The library's threads cannot call Python: they may hold a lock that the caller
of a handler waits for, and the interpreter may be gone. So the library keeps
its lines, and they are taken here: by a thread while a server runs, and at once
by whoever has just read certificates.
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
_PATIENCE = 1.0
"""Seconds that the end of the interpreter waits for a handler of `logging`."""


class _Taker:
    """Hands lines over in a thread of its own, while it is wanted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: Optional[threading.Thread] = None
        self._users = 0

    def begin(self) -> None:
        """A server starts. The level is that of the logger now."""
        with self._lock:
            self._users += 1
            _keep()
            if self._thread is None:
                # A daemon: `leave` ends it before the interpreter does.
                self._thread = threading.Thread(target=self._run, name="goaway-log", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """A server has ended, and what it said is handed over."""
        with self._lock:
            self._users = max(self._users - 1, 0)
            if self._users == 0:
                _native.log_keep(0)  # wakes the thread, which ends
        hand_over()

    def leave(self) -> None:
        """The interpreter ends."""
        with self._lock:
            self._users = 0
            thread = self._thread
            _native.log_keep(0)
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PATIENCE)

    def _run(self) -> None:
        while True:
            line = _native.log_take(None)
            if line is not None:
                _tell(line)
                continue
            with self._lock:
                # Another server may have started meanwhile.
                if self._users == 0:
                    self._thread = None
                    return


_taker = _Taker()


def begin() -> None:
    """Has the library's log handed over until `end`."""
    _taker.begin()


def end() -> None:
    """Undoes one `begin`."""
    _taker.end()


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Hands over, at the end of the block, what the library has said in it."""
    _keep()
    try:
        yield
    finally:
        hand_over()


def hand_over() -> None:
    """Hands over the lines that wait, on the calling thread."""
    while (line := _native.log_take(0)) is not None:
        _tell(line)


def _keep() -> None:
    wanted = LOG.getEffectiveLevel()
    _native.log_keep(next((number for level, number in reversed(_LEVELS) if level >= wanted), 1))


def _tell(line: _native.LogLine) -> None:
    if line.left_out:
        LOG.warning("%d lines were left out of the library's log", line.left_out)
    level = next((level for level, number in _LEVELS if number == line.level), logging.DEBUG)
    LOG.log(level, "%s", line.message)


atexit.register(_taker.leave)


def _forked() -> None:
    global _taker
    atexit.unregister(_taker.leave)
    _taker = _Taker()  # the thread and the servers are the parent's
    atexit.register(_taker.leave)


os.register_at_fork(after_in_child=_forked)
