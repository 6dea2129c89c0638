"""Watches the files of the application, for ``--reload``."""

from __future__ import annotations

import importlib.util
import threading
from typing import Callable


class ReloadError(Exception):
    """Files cannot be watched. The message says what to do."""


def check() -> None:
    """Raises ReloadError if watchfiles is not installed."""
    if importlib.util.find_spec("watchfiles") is None:
        raise ReloadError("--reload: watchfiles is not installed; pip install watchfiles")


class Watch:
    """Watches the Python files in folders, in a thread of its own."""

    def __init__(self, folders: list[str], on_change: Callable[[list[str]], None]) -> None:
        """Watches until `stop`. `on_change` is called with the paths that have changed, in the
        thread."""
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._watch, args=(folders, on_change), name="goaway-reload", daemon=True
        )
        self._thread.start()

    def _watch(self, folders: list[str], on_change: Callable[[list[str]], None]) -> None:
        import watchfiles

        filtered = watchfiles.PythonFilter()
        for changes in watchfiles.watch(*folders, watch_filter=filtered, stop_event=self._stop, raise_interrupt=False):
            on_change(sorted({path for _, path in changes}))

    def stop(self) -> None:
        """Ends the watch."""
        self._stop.set()
        self._thread.join(timeout=2)
