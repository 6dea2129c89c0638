"""What happens when the interpreter ends and a server has not been closed."""

from __future__ import annotations

import atexit
import os
import weakref

from .. import _native
from . import library_log

PATIENCE = 2.0
"""Seconds that the interpreter waits for all servers together."""

_cores: "weakref.WeakSet[_native.Core]" = weakref.WeakSet()


def watch(core: _native.Core) -> None:
    """Has a started server stopped before the interpreter ends, and what the
    library says of it in the log."""
    _cores.add(core)
    library_log.begin()


def forget(core: _native.Core) -> None:
    """It has ended."""
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
        core.wait_ended(PATIENCE / len(cores))
