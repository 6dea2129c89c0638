"""Serves WSGI applications (PEP 3333)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, Callable, Iterable, List, Optional

from .. import _native
from ..application.config import Config
from ..application.response import DroppedBodies
from ..application.serving import prepare, serve_until_signal, server_of
from ..core import at_exit
from ..error import Error
from ..report import Progress, Report
from ..threads.pool import Pool
from ..threads.pump import ThreadPump
from ..threads.request import ThreadedRequest
from .request import WsgiApp, WsgiRequest


class Application:
    """Serves one WSGI application by a pool of threads. It is started and
    closed in a running event loop, which has no part in the requests.

    The environ has `goaway.request`, the `ThreadedRequest`: its `draining` tells
    an endless answer to end well. `goaway.server` is this object.
    """

    def __init__(self, app: WsgiApp, config: Optional[Config] = None) -> None:
        self.config = config if config is not None else Config()
        self.ports: List[int] = []
        """The ports listened on, in the order of `Config.bind`, 0 for a Unix
        socket; after `start`."""
        self.addresses: List[str] = []
        """The same as texts: "127.0.0.1:8000", "unix:/run/app.sock"."""
        self.progress: Optional[Callable[[Progress], None]] = None
        """Called about ten times a second while it closes, in the loop's thread.
        May be set at any time."""
        self._app = app
        self._dropped = DroppedBodies()
        self._pool = Pool(self.config.threads, self.config.queue)
        self._core: Optional[_native.Core] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._closed: Optional["asyncio.Future[Report]"] = None
        self._deadline: Optional[float] = None

    async def start(self) -> None:
        """Listens and serves.

        Raises `Error` if an address or a limit is refused; then nothing listens
        any more."""
        if self._core is not None:
            raise Error("GOAWAY_ERR_STATE", "the application was started before")
        loop = self._loop = asyncio.get_running_loop()
        core = self._core = _native.Core()
        try:
            prepare(core, self.config)
            core.register("*", 0)
            core.watch(_native.WATCH_PROGRESS)
            self.ports = core.ports()
            self.addresses = core.addresses()
            core.start()
        except BaseException:
            core.free()
            raise
        self._closed = loop.create_future()
        self._server = server_of(core, self.config)
        pump = self._pump = ThreadPump(core, self._accept)
        pump.high_water = self.config.limits.get("high_water_bytes", pump.high_water)
        pump.on_progress = lambda progress: self._post(self._tell, progress)
        pump.on_closed = self._finish
        at_exit.watch(core)
        pump.start()
        if self._deadline is not None:
            self._close_core()

    def begin_close(self, drain: Optional[float] = None) -> None:
        """Begins to close, and returns at once: open requests go on for up to
        `drain` seconds (`Config.drain` if None). Again: a shorter time shortens,
        0 forces."""
        deadline = time.monotonic() + (self.config.drain if drain is None else drain)
        if self._deadline is None or deadline < self._deadline:
            self._deadline = deadline
        self._close_core()

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
        """`begin_close` from any thread, and from a signal's handler."""
        self.begin_close(drain)

    async def wait_closed(self) -> Report:
        """Waits until a close that was begun is complete."""
        if self._closed is None:
            raise Error("GOAWAY_ERR_STATE", "the application was not started")
        return await asyncio.shield(self._closed)

    def _close_core(self) -> None:
        if self._core is not None and self._closed is not None and self._deadline is not None:
            self._core.close_if_open(max(0.0, self._deadline - time.monotonic()))

    def _tell(self, progress: Progress) -> None:
        if self.progress is not None:
            self.progress(progress)

    # In the pump's thread.

    def _accept(self, request: ThreadedRequest, tag: int) -> bool:
        wsgi_request = WsgiRequest(self._app, self.config, self._server, self._dropped, request, self)
        if self._pool.submit(lambda: self._handle(wsgi_request)):
            return True
        wsgi_request.refused()
        return False

    def _handle(self, wsgi_request: WsgiRequest) -> None:
        try:
            wsgi_request.run()
        finally:
            self._pump.forget(wsgi_request.request)

    def _finish(self, report: Report) -> None:
        left = 0.0 if self._deadline is None else self._deadline - time.monotonic()
        self._pool.close(max(left, 1.0))
        core = self._core
        if core is not None:
            core.free()
            at_exit.forget(core)
        self._post(self._end, report)

    def _end(self, report: Report) -> None:
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(report)

    def _post(self, work: Callable[[Any], None], value: object) -> None:
        """Has the loop's thread do it, if there still is a loop."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(work, value)
        except RuntimeError:
            pass  # It was closed.


def serve(app: WsgiApp, **options: Any) -> Report:
    """Serves `app` until SIGTERM or SIGINT has been taken care of: the first
    drains, another one half a second later or more forces. Blocks. `options` are
    those of `Config`.

    Python handles signals in the main thread only. In another thread this serves
    until the application closes it: `environ["goaway.server"]`."""
    return serve_until_signal(Application(app, Config(**options)))
