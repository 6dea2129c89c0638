"""Stops running servers before the interpreter exits.

The library's threads must not outlive the interpreter, and peers must be told
that the server closes.
"""

from __future__ import annotations

import atexit
import os
import weakref

from .. import _native
from . import library_log

TIMEOUT = 2.0
"""Seconds that the interpreter waits for all servers together."""

_cores: "weakref.WeakSet[_native.Core]" = weakref.WeakSet()


def register(core: _native.Core) -> None:
    """Stops this started server at exit, and forwards the library's log until
    `unregister`."""
    _cores.add(core)
    library_log.begin()


def unregister(core: _native.Core) -> None:
    """The server has ended."""
    if core in _cores:
        _cores.discard(core)
        library_log.end()


@atexit.register
def _stop_all() -> None:
    # The child of a fork must not touch its parent's servers.
    cores = [core for core in _cores if core.pid == os.getpid()]
    for core in cores:
        core.force()
    for core in cores:
        core.wait_ended(TIMEOUT / len(cores))
