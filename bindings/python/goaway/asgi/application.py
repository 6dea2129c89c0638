"""Serves an ASGI 3 application."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Dict, List, Optional

from .. import _native
from ..application.config import Config
from ..application.server import ApplicationServer, serve_until_signal
from ..asyncio.deadline import GRACE, LoopDeadline
from ..asyncio.pump import Pump
from ..core import at_exit
from ..core.session import Session, SessionEvent, list_sessions
from ..error import Error, ShutdownError, StartupError
from ..report import Report
from .context import Context
from .lifespan import Lifespan
from .scope import ScopeFactory


class Application(ApplicationServer):
    """Serves one ASGI application in the running event loop.

    The application finds this object as `scope["extensions"]["goaway.server"]`,
    in its lifespan too.
    """

    def __init__(self, app: Any, config: Optional[Config] = None) -> None:
        """`app`: the ASGI application. `config`: the options; by default `Config()`."""
        super().__init__(config)
        self.on_session: Optional[Callable[[SessionEvent], None]] = None
        """Called for each session event, in the loop's thread, if it is set before the
        startup is complete: the application may set it in its lifespan."""
        self._app = app
        self._extensions: Dict[str, Any] = {"goaway.server": self}
        self._lifespan = Lifespan(app, self.config.lifespan, self._extensions.copy())
        self._deadline = LoopDeadline()
        self._pump: Optional[Pump] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._starting: Optional["asyncio.Task[None]"] = None
        self._finishing: Optional["asyncio.Task[Report]"] = None

    async def start(self) -> None:
        """Listens, runs the application's lifespan startup, then serves. Connections that
        arrive during the startup wait.

        Raises `Error` if an address or a limit is refused, and `StartupError` if the
        application does not start; its `__cause__` is the exception that the application
        raised. Nothing listens then."""
        core = self._open()
        self._loop = asyncio.get_running_loop()
        try:
            await self._start_app()
            self._pump = self._make_pump(core)
            self._pump.start()
            core.start()
        except BaseException:
            self._lifespan.cancel()
            if self._pump is not None:
                self._pump.stop()
            core.free()
            raise
        at_exit.register(core)
        self._finishing = self._loop.create_task(self._finish(self._pump))
        if self._deadline.is_set:
            # It was never ready, so that nothing waits for the delay.
            self._close_core(self._deadline.left())

    def begin_close(self, drain: Optional[float] = None, shutdown_delay: float = 0.0) -> None:
        """Begins to close, and returns at once: open requests have `drain` seconds to end
        (`Config.drain` if None). With a `shutdown_delay` the close begins so many
        seconds later: until then the server is not ready and serves as before. It may be
        called again: a shorter time shortens the delay and the deadline, 0 forces. Before the startup is complete the server closes right after
        it, and 0 cancels the startup. In the loop's thread only."""
        drain = self.config.drain if drain is None else drain
        self._deadline.shorten(shutdown_delay + drain)
        if self._finishing is not None:
            self._close_core(drain, shutdown_delay)
        elif self._deadline.is_forced and self._starting is not None:
            self._starting.cancel()

    def close_soon(self, drain: Optional[float] = None, shutdown_delay: float = 0.0) -> None:
        """`begin_close` from any thread, and from a signal handler: it works even while
        something blocks the loop."""
        if self._core is not None and self._finishing is not None:
            self._core.close_if_open(self.config.drain if drain is None else drain, shutdown_delay)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.begin_close, drain, shutdown_delay)

    async def wait_closed(self) -> Report:
        """Waits until a close is complete, the lifespan shutdown included; does not begin
        one. Raises `ShutdownError` if the application's shutdown failed, after everything
        has ended."""
        if self._finishing is None:
            raise Error("GOAWAY_ERR_STATE", "the application was not started; call start first")
        return await asyncio.shield(self._finishing)

    def sessions(self) -> List[Session]:
        """The live sessions, oldest first; none once the server has ended."""
        return list_sessions(self._core) if self._core is not None else []

    def _close_core(self, drain: float, shutdown_delay: float = 0.0) -> None:
        assert self._core is not None
        if self._finishing is not None and not self._finishing.done():
            self._core.close_if_open(drain, shutdown_delay)

    async def _start_app(self) -> None:
        self._starting = asyncio.ensure_future(self._lifespan.start())
        try:
            await asyncio.wait({self._starting})
        except asyncio.CancelledError:
            self._starting.cancel()
            raise
        if self._starting.cancelled():
            raise StartupError("the server was closed by force before the application's startup was complete")
        self._starting.result()
        self._starting = None

    def _make_pump(self, core: _native.Core) -> Pump:
        state = self._lifespan.state if self._lifespan.is_supported else None
        context = Context(self._app, self.config)
        scopes = ScopeFactory(context, self.config, self._extensions, self._server, state)
        core.register("*", 0)
        core.register("CONNECT *", 0)
        core.watch(_native.WATCH_PROGRESS | (_native.WATCH_SESSIONS if self.on_session is not None else 0))
        pump = context.pump = Pump(core, asyncio.get_running_loop(), scopes.accept)
        pump.high_water = self.config.limits.get("high_water_bytes", pump.high_water)
        pump.on_progress = self._notify_progress
        pump.on_event = self.on_session
        return pump

    async def _finish(self, pump: Pump) -> Report:
        """Waits for the end of the server, then of the requests, then of the lifespan."""
        report = await pump.closed
        try:
            await pump.end_requests(self._deadline)
            await self._stop_app()
        except ShutdownError as error:
            error.report = report
            raise
        finally:
            pump.end()
        return report

    async def _stop_app(self) -> None:
        deadline = LoopDeadline()
        deadline.shorten(GRACE if self._deadline.is_forced else max(GRACE, self.config.drain))
        if not await deadline.run(self._lifespan.stop()):
            raise ShutdownError("the application's lifespan shutdown did not end in time")


def serve(app: Any, **options: Any) -> Report:
    """Serves `app` until SIGTERM or SIGINT, and returns the report of the close. The first
    signal drains; another one half a second later or more forces. Blocks; runs on uvloop if
    it is installed. `options`: those of `Config`.

    Python handles signals in the main thread only. In another thread this serves until the
    application calls `close_soon` of `scope["extensions"]["goaway.server"]`."""
    return serve_until_signal(Application(app, Config(**options)))
