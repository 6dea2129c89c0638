"""`ThreadedServer`: an HTTP/2 server for programs without an event loop."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Callable, List, Mapping, Optional, Type, TypeVar

from .. import _native
from ..asyncio.exchange import ERROR_ANSWER, INTERNAL_ERROR, TOO_LARGE_ANSWER
from ..core import at_exit
from ..core.failure import log_failure
from ..core.server import Front
from ..core.session import SessionEvent
from ..core.tls import Tls
from ..error import BodyTooLarge, Disconnected, Error
from ..report import Progress, Report
from .pool import QUEUE, Pool
from .pump import ThreadPump
from .request import ThreadedRequest

log = logging.getLogger("goaway")

ThreadedHandler = Callable[[ThreadedRequest], object]
_H = TypeVar("_H", bound=ThreadedHandler)

_here = threading.local()


class ThreadedServer(Front):
    """`goaway.Server` without an event loop: handlers are plain functions and
    run in a pool of threads. From any thread.

        with ThreadedServer() as server: starts it; the end closes it.
    """

    def __init__(
        self,
        *,
        limits: Optional[Mapping[str, int]] = None,
        features: Optional[Mapping[str, bool]] = None,
        drain: float = 5.0,
        threads: int = 40,
        queue: int = QUEUE,
        tls: Optional[Tls] = None,
    ) -> None:
        """`limits`: `goaway_limit` of the C header by name, in lower case and
        without its prefix; `features`: `goaway_feature` likewise. `drain`: seconds that the close of `with` may take.
        `threads`: of the pool. `queue`: requests that may wait for a thread; those
        beyond are answered 503, with a warning in the log. `tls`: see `Server`."""
        super().__init__(limits, features, tls)
        self.drain = drain
        self.on_session: Optional[Callable[[SessionEvent], None]] = None
        """Called for each session event, in a thread of its own, one at a time.
        What it raises is logged."""
        self.on_progress: Optional[Callable[[Progress], None]] = None
        """Called about ten times a second while the server closes, likewise."""
        self._pool = Pool(threads, queue)
        self._handlers: List[ThreadedHandler] = []
        self._pump = ThreadPump(self._core, self._accept)
        self._deadline: Optional[float] = None
        self._closed = threading.Event()
        self._report: Optional[Report] = None
        self._is_started = False

    # Before the start.

    def route(self, pattern: str) -> Callable[[_H], _H]:
        """As a decorator: has requests that `pattern` matches handled."""

        def keep(handler: _H) -> _H:
            self.register(pattern, handler)
            return handler

        return keep

    def register(self, pattern: str, handler: ThreadedHandler) -> None:
        """Has requests that `pattern` matches handled by `handler(request)`; for
        patterns see `Server.register`."""
        if not callable(handler):
            raise TypeError(f"the handler of {pattern!r} cannot be called")
        self._core.register(pattern, len(self._handlers))
        self._handlers.append(handler)

    def listen(self, address: str, *, tls: Optional[Tls] = None) -> "ThreadedServer":
        """Listens; see `Server.listen`. Gives the server itself."""
        self._listen(address, tls)
        return self

    # Its life.

    def start(self) -> None:
        """Serves from now on, and returns."""
        self._core.watch(_native.WATCH_PROGRESS | _native.WATCH_SESSIONS)
        self._pump.on_event = lambda event: self.on_session(event) if self.on_session is not None else None
        self._pump.on_progress = lambda progress: self.on_progress(progress) if self.on_progress is not None else None
        self._pump.high_water = self._high_water
        self._pump.body_bytes = self._body_bytes
        self._pump.on_closed = self._finish
        self._core.start()
        self._is_started = True
        at_exit.watch(self._core)
        self._pump.start()

    def begin_close(self, drain: float = 5.0) -> None:
        """Begins to close, and returns at once. Again: a shorter time shortens,
        0 forces. Allowed in handlers and in signal handlers."""
        if not self._is_started:
            raise Error("GOAWAY_ERR_STATE", "the server was not started")
        deadline = time.monotonic() + drain
        if self._deadline is None or deadline < self._deadline:
            self._deadline = deadline
        self._core.close_if_open(drain)

    def wait_closed(self, timeout: Optional[float] = None) -> Optional[Report]:
        """Waits for the end of a close, which it does not begin. None if
        `timeout` seconds were not enough."""
        if getattr(_here, "server", None) is self:
            raise Error("GOAWAY_ERR_DEADLOCK", "a handler would wait for itself; begin_close() does not")
        self._closed.wait(timeout)
        return self._report

    def close(self, drain: float = 5.0) -> Report:
        """Closes, and waits for it: `drain` seconds and a moment. Repeated calls
        give the same report."""
        self.begin_close(drain)
        report = self.wait_closed()
        assert report is not None
        return report

    def __enter__(self) -> "ThreadedServer":
        self.start()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close(self.drain)

    # What the pump's thread and the pool call.

    def _accept(self, request: ThreadedRequest, tag: int) -> bool:
        return self._pool.submit(lambda: self._handle(request, self._handlers[tag]))

    def _handle(self, request: ThreadedRequest, handler: ThreadedHandler) -> None:
        if request.cause is not None:
            return  # Its peer has gone while it waited for a thread.
        _here.server = self
        try:
            handler(request)
        except BaseException as error:
            log_failure(f"the handler of {request.method} {request.path}", error, request.cause is not None)
            give_up(request, error)
        else:
            if not request.is_over and not request.is_kept and request.cause is None:
                log.error("the handler of %s %s returned without completing its response", request.method, request.path)
                give_up(request)
        finally:
            if not request.is_kept:
                self._pump.forget(request)

    def _finish(self, report: Report) -> None:
        left = 0.0 if self._deadline is None else self._deadline - time.monotonic()
        busy = self._pool.close(max(left, 1.0))
        if busy:
            log.error("%d handlers have not returned", busy)
        self._core.free()
        at_exit.forget(self._core)
        self._report = report
        self._closed.set()


def give_up(request: ThreadedRequest, error: Optional[BaseException] = None) -> None:
    """Without a head 500, or 413 if `error` is about the body's length, else a
    reset: what is not whole must not look so."""
    if request.is_over or request.cause is not None:
        return
    try:
        if request.has_head:
            request.reset(INTERNAL_ERROR)
        elif isinstance(error, BodyTooLarge):
            request.respond(413, TOO_LARGE_ANSWER[1], {"content-type": "text/plain"})
        else:
            request.respond(500, ERROR_ANSWER[1], {"content-type": "text/plain"})
    except (Error, Disconnected) as failed:
        log.debug("nobody hears of it: %s", failed)
