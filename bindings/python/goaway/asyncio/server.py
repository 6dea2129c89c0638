"""`Server`: an HTTP/2 server in the running event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import AsyncIterator, Awaitable, Callable, Deque, Iterable, List, Mapping, Optional, Type, TypeVar, Union

from .. import _native
from ..application.serving import run as run_loop
from ..core import at_exit
from ..core.server import Front
from ..core.session import SessionEvent
from ..core.tls import Tls
from ..error import Error
from ..report import Progress, Report
from ..signals import signals
from .deadline import Deadline, end_requests
from .drain import Waiters
from .pump import Pump
from .request import Request

Handler = Callable[[Request], Awaitable[object]]
_H = TypeVar("_H", bound=Handler)

EVENTS_KEPT = 4096
"""Events that wait for a slow `Server.events`; the oldest give way."""


class Server(Front):
    """An HTTP/2 server. Made, given routes and addresses, started, closed.

        server = Server(tls=tls)

        @server.route("GET /users/{id}")
        async def user(request):
            await request.respond(200, request.params["id"])

        async with server.listen("127.0.0.1:8080"):
            ...

    In the loop's thread only. `async with` starts it, and closes it with
    `drain` at the end.
    """

    def __init__(
        self,
        *,
        limits: Optional[Mapping[str, int]] = None,
        features: Optional[Mapping[str, bool]] = None,
        drain: float = 5.0,
        tls: Optional[Tls] = None,
    ) -> None:
        """`limits`: `goaway_limit` of the C header by name, in lower case and
        without its prefix; `features`: `goaway_feature` likewise, as in
        `{"http1": False}`. `drain`: seconds that the close of `async with` may
        take. `tls`: what TLS is spoken with where `listen` is not told otherwise."""
        super().__init__(limits, features, tls)
        self.drain = drain
        self.on_session: Optional[Callable[[SessionEvent], None]] = None
        """Called for each session event. What it raises is logged."""
        self.on_progress: Optional[Callable[[Progress], None]] = None
        """Called about ten times a second while the server closes."""
        self._handlers: List[Handler] = []
        self._deadline = Deadline()
        self._finishing: Optional["asyncio.Task[Report]"] = None
        self._readers: "List[tuple[Deque[SessionEvent], Waiters]]" = []

    # Before the start.

    def route(self, pattern: str) -> Callable[[_H], _H]:
        """As a decorator: has requests that `pattern` matches handled."""

        def keep(handler: _H) -> _H:
            self.register(pattern, handler)
            return handler

        return keep

    def register(self, pattern: str, handler: Handler) -> None:
        """Has requests that `pattern` matches handled by `await handler(request)`.

        "GET /users/{id}" takes one segment, "GET /files/{*rest}" all that
        follows, the method `*` is every method, and the pattern "*" is what no
        other one matches. CONNECT must be named: "CONNECT *", whose answers of
        2xx open tunnels; an extended one has `:protocol` as its first field. The
        library answers 404 and 405 by itself."""
        if not callable(handler):
            raise TypeError(f"the handler of {pattern!r} cannot be called")
        self._core.register(pattern, len(self._handlers))
        self._handlers.append(handler)

    def listen(self, address: str, *, tls: Optional[Tls] = None) -> "Server":
        """Listens on "127.0.0.1:8080", "[::1]:0" (0: any free port), a name and
        a port, "unix:/run/app.sock", "fd:3" or "systemd:", with options behind a
        "?"; see `goaway_server_listen` of the C header; with `tls`, TLS. May be
        called several times. Gives the server itself."""
        self._listen(address, tls)
        return self

    # Its life.

    async def start(self) -> None:
        """Serves from now on, in the running loop."""
        if self._finishing is not None:
            raise Error("GOAWAY_ERR_STATE", "the server was started before")
        core = self._core
        core.watch(_native.WATCH_PROGRESS | _native.WATCH_SESSIONS)
        pump = self._pump = Pump(core, asyncio.get_running_loop(), self._accept)
        pump.high_water = self._high_water
        pump.body_bytes = self._body_bytes
        pump.on_progress = self._tell_progress
        pump.on_event = self._tell_event
        core.start()
        pump.start()
        at_exit.watch(core)
        self._finishing = asyncio.get_running_loop().create_task(self._finish(core, pump))

    def close(self, drain: float = 5.0) -> "asyncio.Future[Report]":
        """Begins to close, at once; `await` gives the report. Open requests go on
        for up to `drain` seconds and are then reset; it is complete one second
        later at most. Again, also from handlers and after the end: a shorter
        time shortens, 0 forces, and each caller gets the same report."""
        if self._finishing is None:
            raise Error("GOAWAY_ERR_STATE", "the server was not started")
        self._deadline.shorten(drain)
        if not self._finishing.done():
            self._core.close_if_open(drain)
        return asyncio.shield(self._finishing)

    def close_soon(self, drain: float = 5.0) -> None:
        """`close` from any thread, and from a signal's handler: it works even
        while something blocks the loop."""
        if self._finishing is None:
            raise Error("GOAWAY_ERR_STATE", "the server was not started")
        self._core.close_if_open(drain)
        self._pump.loop.call_soon_threadsafe(self._deadline.shorten, drain)

    async def wait_closed(self) -> Report:
        """Waits for the end of a close, which it does not begin."""
        if self._finishing is None:
            raise Error("GOAWAY_ERR_STATE", "the server was not started")
        return await asyncio.shield(self._finishing)

    async def __aenter__(self) -> "Server":
        await self.start()
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close(self.drain)

    # What can be asked.

    async def events(self) -> AsyncIterator[SessionEvent]:
        """The session events from now on, until the server has ended."""
        reader = (deque(maxlen=EVENTS_KEPT), Waiters())  # type: tuple[Deque[SessionEvent], Waiters]
        self._readers.append(reader)
        kept, waiters = reader
        try:
            while True:
                while kept:
                    yield kept.popleft()
                if self._finishing is not None and self._pump.closed.done():
                    return
                await waiters.wait()
        finally:
            self._readers.remove(reader)

    # What the pump calls.

    def _accept(
        self, id: int, flags: int, tag: int, session: int, left_ms: int, text: bytes, data: bytes, params: int
    ) -> Request:
        request = Request(self, self._handlers[tag], id, session, text, params, flags)
        if flags & _native.FLAG_END:
            request.whole = data
        if flags & _native.FLAG_DRAINING:
            request.drain.begin(left_ms)
        return request

    def _tell_progress(self, progress: Progress) -> None:
        if self.on_progress is not None:
            self.on_progress(progress)

    def _tell_event(self, event: SessionEvent) -> None:
        for kept, waiters in self._readers:
            kept.append(event)
            waiters.wake()
        if self.on_session is not None:
            self.on_session(event)

    async def _finish(self, core: _native.Core, pump: Pump) -> Report:
        try:
            report = await pump.closed
            for _, waiters in self._readers:
                waiters.wake()
            await end_requests(pump, self._deadline)
        finally:
            pump.stop()
            core.free()
            at_exit.forget(core)
        return report


def run(
    routes: Mapping[str, Handler],
    bind: Union[str, Iterable[str]] = "127.0.0.1:8080",
    drain: float = 5.0,
    tls: Optional[Tls] = None,
) -> Report:
    """Prints "listening on ADDRESS" for each address, and serves `routes` until
    SIGTERM or SIGINT has been taken care of: the first drains, another one half a
    second later or more forces. Blocks; on uvloop if it is installed. In a thread
    other than the main one no signal is handled."""

    async def main() -> Report:
        server = Server(tls=tls)
        for pattern, handler in routes.items():
            server.register(pattern, handler)
        for address in [bind] if isinstance(bind, str) else bind:
            server.listen(address)
        await server.start()
        with signals(lambda forced: server.close_soon(0 if forced else drain)):
            for where in server.addresses:
                print(f"listening on {where}", flush=True)
            return await server.wait_closed()

    return run_loop(main())
