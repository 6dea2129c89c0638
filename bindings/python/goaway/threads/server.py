"""`ThreadedServer`: an HTTP server for programs without an event loop."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Callable, Mapping, Optional, Type

from .. import _native
from ..core import at_exit
from ..core.deadline import Deadline
from ..core.failure import log_failure, log_incomplete
from ..core.server import ServerBase
from ..core.session import SessionEvent
from ..core.tls import Tls
from ..error import Error
from ..report import Progress, Report
from .pool import QUEUE, Pool
from .pump import ThreadPump
from .request import ThreadedRequest

log = logging.getLogger("goaway")

ThreadedHandler = Callable[[ThreadedRequest], object]
"""A handler: a function, called in a thread of the pool."""

GRACE = 1.0
"""Seconds that handlers have at least to return after the server has closed."""

_current = threading.local()


class ThreadedServer(ServerBase[ThreadedHandler]):
    """`goaway.Server` without an event loop: handlers are functions that run in a pool of
    threads. All calls are allowed from any thread.

        server = ThreadedServer(threads=8)

        @server.route("GET /users/{id}")
        def user(request):
            request.respond(200, request.params["id"].encode())

        with server.listen("127.0.0.1:8080"):
            ...

    `with` starts the server, and closes it with `drain` at the end.
    """

    def __init__(
        self,
        *,
        limits: Optional[Mapping[str, int]] = None,
        features: Optional[Mapping[str, bool]] = None,
        drain: float = 5.0,
        shutdown_delay: float = 0.0,
        threads: int = 40,
        queue: int = QUEUE,
        tls: Optional[Tls] = None,
    ) -> None:
        """`limits`: names of `goaway_limit` of the C header, in lower case and without
        its prefix, with their values. `features`: names of `goaway_feature`, in the same
        form. `drain`: seconds that the close at the end of `with`
        may take. `shutdown_delay`: seconds that it waits first; see `begin_close`. `threads`: threads of the pool, started as they are needed. `queue`:
        requests that may wait for a thread; further ones get 503, with a warning in the
        log. `tls`: the certificates of every address that `listen` is given no others for;
        without them there is no TLS."""
        super().__init__(limits, features, drain, shutdown_delay, tls)
        self.on_session: Optional[Callable[[SessionEvent], None]] = None
        """Called for each session event, in a thread of the server, one at a time. What it
        raises is logged."""
        self.on_progress: Optional[Callable[[Progress], None]] = None
        """Called about ten times a second while the server closes, in the same thread. What
        it raises is logged."""
        self._pool = Pool(threads, queue)
        self._pump = ThreadPump(self._core, self._accept)
        self._deadline = Deadline()
        self._closed = threading.Event()
        self._report: Optional[Report] = None
        self._is_started = False

    # Start and close.

    def start(self) -> None:
        """Starts to serve, and returns. Raises `Error` if the server listens on no address
        or was started before."""
        self._core.watch(_native.WATCH_PROGRESS | _native.WATCH_SESSIONS)
        self._pump.on_event = lambda event: self.on_session(event) if self.on_session is not None else None
        self._pump.on_progress = lambda progress: self.on_progress(progress) if self.on_progress is not None else None
        self._pump.high_water = self._high_water
        self._pump.body_bytes = self._body_bytes
        self._pump.on_closed = self._finish
        self._core.start()
        self._is_started = True
        at_exit.register(self._core)
        self._pump.start()

    def begin_close(self, drain: float = 5.0, shutdown_delay: float = 0.0) -> None:
        """Begins to close, and returns at once: open requests have `drain` seconds to end,
        and are then reset. With a `shutdown_delay` the close begins so many seconds later:
        until then the server is not ready (`is_ready`), so that load balancers take it out,
        and serves as before. It may be called again: a shorter time shortens the delay and
        the deadline, so that a call without a delay ends the delay, and 0 forces. Allowed in handlers and in signal handlers. Raises `Error` if the server was
        not started."""
        if not self._is_started:
            raise Error("GOAWAY_ERR_STATE", "the server was not started; call start first")
        self._deadline.shorten(shutdown_delay + drain)
        self._core.close_if_open(drain, shutdown_delay)

    def wait_closed(self, timeout: Optional[float] = None) -> Optional[Report]:
        """Waits until a close is complete; does not begin one. Returns None if it takes
        longer than `timeout` seconds. Raises `Error` with the code GOAWAY_ERR_DEADLOCK in
        a handler of this server."""
        if getattr(_current, "server", None) is self:
            raise Error("GOAWAY_ERR_DEADLOCK", "a handler cannot wait for its own end; call begin_close() instead")
        self._closed.wait(timeout)
        return self._report

    def close(self, drain: float = 5.0, shutdown_delay: float = 0.0) -> Report:
        """`begin_close` and `wait_closed`: takes at most the delay, `drain` seconds and one
        more for the requests, and as long for handlers that do not return. Every call returns the
        same report."""
        self.begin_close(drain, shutdown_delay)
        report = self.wait_closed()
        assert report is not None
        return report

    def __enter__(self) -> "ThreadedServer":
        self.start()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close(self.drain, self.shutdown_delay)

    # What the pump's thread and the pool call.

    def _accept(self, request: ThreadedRequest, tag: int) -> bool:
        return self._pool.submit(lambda: self._handle(request, self._handlers[tag]))

    def _handle(self, request: ThreadedRequest, handler: ThreadedHandler) -> None:
        if request.cause is not None:
            return  # It was cancelled while it waited for a thread.
        _current.server = self
        title = f"the handler of {request.method} {request.path}"
        try:
            handler(request)
        except BaseException as error:
            log_failure(title, error, request.cause is not None)
            request.fail(error)
        else:
            if not request.is_over and not request.is_kept and request.cause is None:
                log_incomplete(title)
                request.fail()
        finally:
            if not request.is_kept:
                self._pump.remove(request)

    def _finish(self, report: Report) -> None:
        busy = self._pool.close(max(self._deadline.left(), GRACE))
        if busy:
            log.error("%d handlers have not returned", busy)
        self._core.free()
        at_exit.unregister(self._core)
        self._report = report
        self._closed.set()
