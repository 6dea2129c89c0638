"""ASGI lifespan: the application's startup and shutdown."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Dict, MutableMapping, Optional

from ..error import ShutdownError, StartupError

log = logging.getLogger("goaway")

_RAISE_SECONDS = 1.0
"""Seconds that an application has to raise the failure that it has reported."""
_SLOW_SECONDS = 10.0
"""Seconds after which the log says that the startup is not complete."""


class Lifespan:
    """Calls the application with a lifespan scope, in a Task of its own, and exchanges
    the messages of startup and shutdown with it.

    A lifespan that ends while requests are served is logged at once.
    """

    def __init__(self, app: Any, mode: str, extensions: Dict[str, Any]) -> None:
        """`mode`: "on", "off" or "auto"."""
        if mode not in ("on", "off", "auto"):
            raise ValueError(f'lifespan must be "on", "off" or "auto", not {mode!r}')
        self.state: Dict[str, Any] = {}
        """What the application stores for its requests."""
        self._app = app
        self._mode = mode
        self._extensions = extensions
        self._task: Optional["asyncio.Task[None]"] = None
        self.is_supported = False
        """Whether the application has completed its startup. Set by `start`."""
        self._error: Optional[BaseException] = None
        """The exception that the application has raised."""
        self._has_taken_part = False
        """The application has received or sent a message."""
        self._is_stopping = False

    async def start(self) -> None:
        """Runs the application's startup. Raises StartupError if it fails."""
        if self._mode == "off":
            return
        loop = asyncio.get_running_loop()
        self._messages: "asyncio.Queue[MutableMapping[str, Any]]" = asyncio.Queue()
        self._started: "asyncio.Future[Optional[str]]" = loop.create_future()
        self._stopped: "asyncio.Future[Optional[str]]" = loop.create_future()
        self._idle: "asyncio.Future[None]" = loop.create_future()
        self._messages.put_nowait({"type": "lifespan.startup"})
        self._task = loop.create_task(self._run(), name="goaway lifespan")
        slow = loop.call_later(
            _SLOW_SECONDS,
            log.warning,
            "the application's startup is not complete yet; waiting for lifespan.startup.complete",
        )
        try:
            await _either(self._task, self._started)
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        finally:
            slow.cancel()
        if not self._started.done():
            return await self._start_without()
        failure = self._started.result()
        if failure is not None:
            raise StartupError(failure or "the application has sent lifespan.startup.failed") from await self._raised()
        self.is_supported = True
        self._task.add_done_callback(self._ended)

    async def _start_without(self) -> None:
        """The application has returned or raised before its startup was complete."""
        error = await self._raised()
        exits = isinstance(error, (SystemExit, KeyboardInterrupt))
        if exits:
            raise StartupError(f"the application exits in its startup: {error!r}") from error
        if self._mode == "on":
            what = "raised in its lifespan" if error is not None else "returned from its lifespan"
            raise StartupError(f"the application {what} before its startup was complete") from error
        if error is not None and self._has_taken_part:
            # An application without a lifespan refuses the scope before it receives a message.
            log.error("the application failed in its startup; serving without a lifespan", exc_info=error)
        else:
            log.debug("the application has no lifespan", exc_info=error)

    async def stop(self) -> None:
        """Runs the application's shutdown. Raises ShutdownError if it fails."""
        if self._task is None or not self.is_supported:
            return
        self._is_stopping = True
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
        """Cancels the application."""
        if self._task is not None:
            self._is_stopping = True
            self._task.cancel()

    async def _raised(self) -> Optional[BaseException]:
        """The exception that the application raises after its last message, if any."""
        assert self._task is not None
        await asyncio.wait({self._task, self._idle}, timeout=_RAISE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not self._task.done():
            self._task.cancel()
            return None
        return asyncio.CancelledError() if self._task.cancelled() else self._error

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """The application has returned from its lifespan, or has raised."""
        if self._is_stopping:
            return
        if self._error is not None or task.cancelled():
            log.error(
                "the application's lifespan failed while requests are served; its shutdown will not run",
                exc_info=self._error,
            )
        else:
            log.warning(
                "the application returned from its lifespan while requests are served; its shutdown will not run"
            )

    async def _run(self) -> None:
        asgi = {"version": "3.0", "spec_version": "2.0"}
        scope = {"type": "lifespan", "asgi": asgi, "state": self.state, "extensions": self._extensions}
        try:
            await self._app(scope, self._receive, self._send)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            # SystemExit too: asyncio would let it end the loop, and all requests with it.
            self._error = error

    async def _receive(self) -> MutableMapping[str, Any]:
        self._has_taken_part = True
        failed = self._started.done() and self._started.result() is not None
        if (failed or self._stopped.done()) and not self._idle.done():
            # It waits for a message that will not come, and so raises nothing more.
            self._idle.set_result(None)
        return await self._messages.get()

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self._has_taken_part = True
        kind = message["type"]
        if kind in ("lifespan.startup.complete", "lifespan.startup.failed"):
            future = self._started
        elif kind in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            future = self._stopped
            if not self._is_stopping:
                raise RuntimeError(f"{kind} was sent before lifespan.shutdown was received")
        else:
            raise ValueError(f'an ASGI application cannot send "{kind}" on its lifespan')
        if future.done():
            raise RuntimeError(f"{kind} was sent, but the outcome of this phase was sent before")
        future.set_result(message.get("message", "") if kind.endswith("failed") else None)


async def _either(one: "asyncio.Future[Any]", other: "asyncio.Future[Any]") -> None:
    await asyncio.wait({one, other}, return_when=asyncio.FIRST_COMPLETED)
