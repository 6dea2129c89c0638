"""Serves a WSGI application (PEP 3333)."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Optional

from .. import _native
from ..application.config import Config
from ..application.response import DroppedBodies
from ..application.server import ApplicationServer, serve_until_signal
from ..core import at_exit
from ..core.deadline import Deadline
from ..error import Error
from ..report import Report
from ..threads.pool import Pool
from ..threads.pump import ThreadPump
from ..threads.request import ThreadedRequest
from ..threads.server import GRACE
from .request import WsgiApp, WsgiRequest


class Application(ApplicationServer):
    """Serves one WSGI application by a pool of threads. It is started and closed in a
    running event loop, which takes no part in the requests.

    The environ has `goaway.request`, the `ThreadedRequest`: by its `draining` an endless
    response learns that it must end. `goaway.server` is this object.
    """

    def __init__(self, app: WsgiApp, config: Optional[Config] = None) -> None:
        """`app`: the WSGI application. `config`: the options; by default `Config()`."""
        super().__init__(config)
        self._app = app
        self._dropped = DroppedBodies()
        self._pool = Pool(self.config.threads, self.config.queue)
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._closed: Optional["asyncio.Future[Report]"] = None
        self._deadline = Deadline()

    async def start(self) -> None:
        """Listens and serves. Raises `Error` if an address or a limit is refused; nothing
        listens then."""
        core = self._open()
        loop = self._loop = asyncio.get_running_loop()
        try:
            core.register("*", 0)
            core.watch(_native.WATCH_PROGRESS)
            core.start()
        except BaseException:
            core.free()
            raise
        self._closed = loop.create_future()
        pump = self._pump = ThreadPump(core, self._accept)
        pump.high_water = self.config.limits.get("high_water_bytes", pump.high_water)
        pump.on_progress = lambda progress: self._post(self._notify_progress, progress)
        pump.on_closed = self._finish
        self._first_address = self._server
        at_exit.register(core)
        pump.start()
        if self._deadline.is_set:
            # It was never ready, so that nothing waits for the delay.
            self._close_core(self._deadline.left())

    def begin_close(self, drain: Optional[float] = None, shutdown_delay: float = 0.0) -> None:
        """Begins to close, and returns at once: open requests have `drain` seconds to end
        (`Config.drain` if None). With a `shutdown_delay` the close begins so many
        seconds later: until then the server is not ready and serves as before. It may be
        called again: a shorter time shortens the delay and the deadline, 0 forces. From any thread."""
        drain = self.config.drain if drain is None else drain
        self._deadline.shorten(shutdown_delay + drain)
        self._close_core(drain, shutdown_delay)

    def close_soon(self, drain: Optional[float] = None, shutdown_delay: float = 0.0) -> None:
        """The same as `begin_close`; ASGI's Application has both."""
        self.begin_close(drain, shutdown_delay)

    async def wait_closed(self) -> Report:
        """Waits until a close is complete; does not begin one."""
        if self._closed is None:
            raise Error("GOAWAY_ERR_STATE", "the application was not started; call start first")
        return await asyncio.shield(self._closed)

    def _close_core(self, drain: float, shutdown_delay: float = 0.0) -> None:
        if self._core is not None and self._closed is not None:
            self._core.close_if_open(drain, shutdown_delay)

    # In the pump's thread.

    def _accept(self, request: ThreadedRequest, tag: int) -> bool:
        wsgi_request = WsgiRequest(self._app, self.config, self._first_address, self._dropped, request, self)
        if self._pool.submit(lambda: self._handle(wsgi_request)):
            return True
        wsgi_request.refused()
        return False

    def _handle(self, wsgi_request: WsgiRequest) -> None:
        try:
            wsgi_request.run()
        finally:
            self._pump.remove(wsgi_request.request)

    def _finish(self, report: Report) -> None:
        self._pool.close(max(self._deadline.left(), GRACE))
        core = self._core
        if core is not None:
            core.free()
            at_exit.unregister(core)
        self._post(self._set_closed, report)

    def _set_closed(self, report: Report) -> None:
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(report)

    def _post(self, callback: Callable[[Any], None], value: object) -> None:
        """Calls it in the loop's thread."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(callback, value)
        except RuntimeError:
            pass  # The loop was closed.


def serve(app: WsgiApp, **options: Any) -> Report:
    """Serves `app` until SIGTERM or SIGINT, and returns the report of the close. The first
    signal drains; another one half a second later or more forces. Blocks. `options`: those
    of `Config`.

    Python handles signals in the main thread only. In another thread this serves until the
    application calls `close_soon` of `environ["goaway.server"]`."""
    return serve_until_signal(Application(app, Config(**options)))
