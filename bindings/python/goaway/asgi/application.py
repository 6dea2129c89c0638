"""Serves ASGI 3 applications."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Callable, Dict, Iterable, List, Optional

from .. import _native
from ..application.config import Config
from ..application.serving import prepare, serve_until_signal, server_of
from ..asyncio.deadline import GRACE, Deadline, end_requests
from ..asyncio.pump import Pump
from ..core import at_exit
from ..core.session import Session, SessionEvent, list_sessions
from ..error import Error, ShutdownError, StartupError
from ..report import Progress, Report
from .lifespan import Lifespan
from .scope import Site


class Application:
    """Serves one ASGI application in the running event loop.

    The application finds this object as `scope["extensions"]["goaway.server"]`,
    in its lifespan too.
    """

    def __init__(self, app: Any, config: Optional[Config] = None) -> None:
        self.config = config if config is not None else Config()
        self.ports: List[int] = []
        """The ports listened on, in the order of `Config.bind`, 0 for a Unix
        socket; after `start`."""
        self.addresses: List[str] = []
        """The same as texts: "127.0.0.1:8000", "unix:/run/app.sock"."""
        self.progress: Optional[Callable[[Progress], None]] = None
        """Called about ten times a second while it closes, in the loop's thread.
        May be set at any time."""
        self.on_session: Optional[Callable[[SessionEvent], None]] = None
        """Called for each session event, in the loop's thread, if it is set before
        the startup is complete: the application may do so in its lifespan."""
        self._app = app
        self._extensions: Dict[str, Any] = {"goaway.server": self}
        self._lifespan = Lifespan(app, self.config.lifespan, self._extensions.copy())
        self._deadline = Deadline()
        self._core: Optional[_native.Core] = None
        self._pump: Optional[Pump] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._starting: Optional["asyncio.Task[None]"] = None
        self._is_closing = False
        self._finishing: Optional["asyncio.Task[Report]"] = None

    async def start(self) -> None:
        """Listens, runs the application's lifespan startup, then serves.

        Raises `Error` if an address or a limit is refused, `StartupError`
        (its `__cause__` is what the application raised) if the application
        fails to start; then nothing listens any more. Connections that come
        during the startup wait."""
        if self._core is not None:
            raise Error("GOAWAY_ERR_STATE", "the application was started before")
        self._loop = asyncio.get_running_loop()
        core = self._core = _native.Core()
        try:
            prepare(core, self.config)
            self.ports = core.ports()
            self.addresses = core.addresses()
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
        at_exit.watch(core)
        self._finishing = self._loop.create_task(self._finish(core, self._pump))
        if self._is_closing:
            self._close()

    def begin_close(self, drain: Optional[float] = None) -> None:
        """Begins to close, and returns at once: open requests go on for up to
        `drain` seconds (`Config.drain` if None). Again: a shorter time shortens,
        0 forces. Before the startup is complete it closes right after, and 0
        ends the startup. Only in the loop's thread."""
        self._deadline.shorten(self.config.drain if drain is None else drain)
        self._is_closing = True
        if self._finishing is not None:
            self._close()
        elif self._deadline.is_forced and self._starting is not None:
            self._starting.cancel()

    def report(self) -> Optional[Report]:
        """The report of the server's close, once that is complete and until
        `wait_closed` gives it. From any thread: the library closes in time even
        if something blocks the loop."""
        return self._core.report() if self._core is not None else None

    def own_sockets(self, numbers: Iterable[int]) -> None:
        """Says that nobody else has those listening sockets any more, counted in
        the order of `Config.bind`: what waits in them at the close is accepted."""
        for number in numbers:
            # It closes already, or has not begun to listen.
            with contextlib.suppress(Error):
                if self._core is not None:
                    self._core.set_shared(number, False)

    def close_soon(self, drain: Optional[float] = None) -> None:
        """`begin_close` from any thread, and from a signal's handler: it works
        even while something blocks the loop."""
        if self._core is not None and self._finishing is not None:
            self._core.close_if_open(self.config.drain if drain is None else drain)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.begin_close, drain)

    async def wait_closed(self) -> Report:
        """Waits until a close that was begun is complete, lifespan shutdown
        included. Raises `ShutdownError` if the application's shutdown failed,
        after everything has ended."""
        if self._finishing is None:
            raise Error("GOAWAY_ERR_STATE", "the application was not started")
        return await asyncio.shield(self._finishing)

    def sessions(self) -> List[Session]:
        """The live sessions, oldest first; none once the server has ended."""
        return list_sessions(self._core) if self._core is not None else []

    def _close(self) -> None:
        assert self._core is not None
        if self._finishing is not None and not self._finishing.done():
            self._core.close_if_open(self._deadline.left())

    async def _start_app(self) -> None:
        self._starting = asyncio.ensure_future(self._lifespan.start())
        try:
            await asyncio.wait({self._starting})
        except asyncio.CancelledError:
            self._starting.cancel()
            raise
        if self._starting.cancelled():
            raise StartupError("the close did not wait for the application's startup")
        self._starting.result()
        self._starting = None

    def _make_pump(self, core: _native.Core) -> Pump:
        state = self._lifespan.state if self._lifespan.is_supported else None
        site = Site(self._app, self.config, self._extensions, server_of(core, self.config), state)
        core.register("*", 0)
        core.register("CONNECT *", 0)
        core.watch(_native.WATCH_PROGRESS | (_native.WATCH_SESSIONS if self.on_session is not None else 0))
        pump = site.pump = Pump(core, asyncio.get_running_loop(), site.accept)
        pump.high_water = self.config.limits.get("high_water_bytes", pump.high_water)
        pump.on_progress = self._tell
        pump.on_event = self.on_session
        return pump

    def _tell(self, progress: Progress) -> None:
        if self.progress is not None:
            self.progress(progress)

    async def _finish(self, core: _native.Core, pump: Pump) -> Report:
        """What comes after the server's end."""
        report = await pump.closed
        try:
            await end_requests(pump, self._deadline)
            await self._stop_app()
        except ShutdownError as error:
            error.report = report
            raise
        finally:
            pump.stop()
            core.free()
            at_exit.forget(core)
        return report

    async def _stop_app(self) -> None:
        stopping = Deadline()
        stopping.shorten(GRACE if self._deadline.is_forced else max(GRACE, self.config.drain))
        if not await stopping.run(self._lifespan.stop()):
            raise ShutdownError("the application's shutdown did not end in time")


def serve(app: Any, **options: Any) -> Report:
    """Serves `app` until SIGTERM or SIGINT has been taken care of: the first
    drains, another one half a second later or more forces. Blocks; on uvloop if
    it is installed. `options` are those of `Config`.

    Python handles signals in the main thread only. In another thread this serves
    until the application closes it: `scope["extensions"]["goaway.server"]`."""
    return serve_until_signal(Application(app, Config(**options)))
