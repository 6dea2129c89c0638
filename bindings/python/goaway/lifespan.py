"""ASGI's lifespan: the application's own startup and shutdown."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Dict, MutableMapping, Optional

from .error import ShutdownError, StartupError

log = logging.getLogger("goaway")

_LAST_WORD = 1.0
"""Seconds that an application has to raise what it has reported."""


class Lifespan:
    """Runs the application once, for its whole life, in a Task of its own."""

    def __init__(self, app: Any, mode: str, extensions: Dict[str, Any]) -> None:
        """`mode`: "on", "off" or "auto"."""
        if mode not in ("on", "off", "auto"):
            raise ValueError(f'lifespan must be "on", "off" or "auto", not {mode!r}')
        self.state: Dict[str, Any] = {}
        """What the application leaves for its requests."""
        self._app = app
        self._mode = mode
        self._extensions = extensions
        self._task: Optional["asyncio.Task[None]"] = None
        self.is_supported = False
        """Whether the application has a lifespan; after `start`."""

    async def start(self) -> None:
        """Has the application start; raises StartupError if it does not."""
        if self._mode == "off":
            return
        loop = asyncio.get_running_loop()
        self._messages: "asyncio.Queue[MutableMapping[str, Any]]" = asyncio.Queue()
        self._started: "asyncio.Future[Optional[str]]" = loop.create_future()
        self._stopped: "asyncio.Future[Optional[str]]" = loop.create_future()
        self._messages.put_nowait({"type": "lifespan.startup"})
        self._task = loop.create_task(self._run(), name="goaway lifespan")
        try:
            await _either(self._task, self._started)
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        if self._started.done():
            failure = self._started.result()
            if failure is None:
                self.is_supported = True
                return
            raise StartupError(failure or "the application says that its startup failed") from await self._raised()
        error = await self._raised()
        if self._mode == "on":
            what = "raised in its lifespan" if error is not None else "returned from its lifespan"
            raise StartupError(f"the application {what} before its startup was complete") from error
        log.debug("the application has no lifespan", exc_info=error)

    async def stop(self) -> None:
        """Has the application shut down; raises ShutdownError if that fails."""
        if self._task is None or not self.is_supported:
            return
        if not self._task.done():
            self._messages.put_nowait({"type": "lifespan.shutdown"})
            try:
                await _either(self._task, self._stopped)
            except asyncio.CancelledError:
                self._task.cancel()
                raise
        failure = self._stopped.result() if self._stopped.done() else None
        error = await self._raised()
        if failure is not None or error is not None:
            raise ShutdownError(failure or "the application raised in its lifespan") from error

    def cancel(self) -> None:
        """It takes too long."""
        if self._task is not None:
            self._task.cancel()

    async def _raised(self) -> Optional[BaseException]:
        """What the application raises behind its last message, if it does."""
        assert self._task is not None
        await asyncio.wait({self._task}, timeout=_LAST_WORD)
        if not self._task.done():
            self._task.cancel()
            return None
        if self._task.cancelled():
            return asyncio.CancelledError()
        return self._task.exception()

    async def _run(self) -> None:
        asgi = {"version": "3.0", "spec_version": "2.0"}
        scope = {"type": "lifespan", "asgi": asgi, "state": self.state, "extensions": self._extensions}
        await self._app(scope, self._messages.get, self._send)

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        kind = message["type"]
        if kind in ("lifespan.startup.complete", "lifespan.startup.failed"):
            future = self._started
        elif kind in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            future = self._stopped
        else:
            raise ValueError(f'an ASGI application cannot send "{kind}" on its lifespan')
        if future.done():
            raise RuntimeError(f"{kind} was sent after an answer had been sent already")
        future.set_result(message.get("message", "") if kind.endswith("failed") else None)


async def _either(one: "asyncio.Future[Any]", other: "asyncio.Future[Any]") -> None:
    await asyncio.wait({one, other}, return_when=asyncio.FIRST_COMPLETED)
