"""Serves WSGI applications."""

from __future__ import annotations

from typing import Any, Callable, List, Optional

from .config import Config
from .report import Progress, Report


class Application:
    """Serves one WSGI application by a pool of threads; to be used in a running event loop."""

    def __init__(self, app: Any, config: Optional[Config] = None) -> None:
        self.config = config if config is not None else Config()
        self.ports: List[int] = []
        """The ports listened on, in the order of `Config.bind`; after `start`."""
        self.progress: Optional[Callable[[Progress], None]] = None
        """Called about ten times a second while it closes, in the loop's thread.
        May be set at any time."""

    async def start(self) -> None:
        """Listens and serves.

        Raises `Error` if an address or a limit is refused, `StartupError`
        (its `__cause__` is what the application raised) if the application
        fails to start; then nothing listens any more."""
        raise NotImplementedError

    def begin_close(self, drain: Optional[float] = None) -> None:
        """Begins to close, and returns at once: open requests go on for up to
        `drain` seconds (`Config.drain` if None). Again: a shorter time shortens,
        0 forces. Only in the loop's thread."""
        raise NotImplementedError

    async def wait_closed(self) -> Report:
        """Waits until a close that was begun is complete, lifespan shutdown
        included. Raises what the application raised in its shutdown, as
        `ShutdownError`, after everything has ended."""
        raise NotImplementedError


def serve(app: Any, **options: Any) -> Report:
    """Serves `app` until SIGTERM or SIGINT has been taken care of: the first
    drains, a second one forces. Blocks; on uvloop if it is installed. `options`
    are those of `Config`."""
    raise NotImplementedError
