"""`Server`: an HTTP server in the running event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import AsyncIterator, Callable, Deque, Iterable, List, Mapping, Optional, Type, Union

from .. import _native
from ..core import at_exit
from ..core.server import ServerBase
from ..core.session import SessionEvent
from ..core.tls import Tls
from ..error import Error
from ..report import Progress, Report
from ..signals import signals
from .deadline import LoopDeadline
from .loop import run as run_loop
from .pump import Pump
from .request import Handler, Request
from .waiters import Waiters

MAX_EVENTS = 4096
"""Events that are kept for a slow `Server.events`; the oldest are dropped."""


class Server(ServerBase[Handler]):
    """An HTTP server in an event loop.

        server = Server(tls=tls)

        @server.route("GET /users/{id}")
        async def user(request):
            await request.respond(200, request.params["id"].encode())

        async with server.listen("127.0.0.1:8080"):
            ...

    `async with` starts the server, and closes it with `drain` at the end. In the loop's
    thread only, but `close_soon` and the calls that only ask or set readiness.
    """

    def __init__(
        self,
        *,
        limits: Optional[Mapping[str, int]] = None,
        features: Optional[Mapping[str, bool]] = None,
        drain: float = 5.0,
        shutdown_delay: float = 0.0,
        tls: Optional[Tls] = None,
    ) -> None:
        """`limits`: names of `goaway_limit` of the C header, in lower case and without
        its prefix, with their values. `features`: names of `goaway_feature`, in the same
        form: `{"http1": False}`. `drain`: seconds that the close at the end of
        `async with` may take. `shutdown_delay`: seconds that it waits first; see `close`. `tls`: the certificates of every address that `listen` is
        given no others for; without them there is no TLS."""
        super().__init__(limits, features, drain, shutdown_delay, tls)
        self.on_session: Optional[Callable[[SessionEvent], None]] = None
        """Called for each session event, in the loop's thread. What it raises is logged."""
        self.on_progress: Optional[Callable[[Progress], None]] = None
        """Called about ten times a second while the server closes, in the loop's thread.
        What it raises is logged."""
        self._deadline = LoopDeadline()
        self._finishing: Optional["asyncio.Task[Report]"] = None
        self._readers: "List[tuple[Deque[SessionEvent], Waiters]]" = []

    # Start and close.

    async def start(self) -> None:
        """Starts to serve, in the running loop. Raises `Error` if the server listens on no
        address or was started before."""
        if self._finishing is not None:
            raise Error("GOAWAY_ERR_STATE", "the server was started before")
        core = self._core
        core.watch(_native.WATCH_PROGRESS | _native.WATCH_SESSIONS)
        pump = self._pump = Pump(core, asyncio.get_running_loop(), self._accept)
        pump.high_water = self._high_water
        pump.body_bytes = self._body_bytes
        pump.on_progress = self._notify_progress
        pump.on_event = self._notify_event
        core.start()
        pump.start()
        at_exit.register(core)
        self._finishing = asyncio.get_running_loop().create_task(self._finish(pump))

    def close(self, drain: float = 5.0, shutdown_delay: float = 0.0) -> "asyncio.Future[Report]":
        """Begins to close, and returns an awaitable of the report.

        Open requests have `drain` seconds to end, and are then reset. The close is
        complete at most one second later. With a `shutdown_delay` it begins so many seconds
        later: until then the server is not ready (`is_ready`), so that load balancers take
        it out, and serves as before.

        It may be called again, also from handlers and after the end: a shorter time
        shortens the delay and the deadline, so that a call without a delay ends the delay,
        and 0 forces. Every caller gets the same report. Raises `Error` if the server was not
        started."""
        finishing = self._check_started()
        self._deadline.shorten(shutdown_delay + drain)
        if not finishing.done():
            self._core.close_if_open(drain, shutdown_delay)
        return asyncio.shield(finishing)

    def close_soon(self, drain: float = 5.0, shutdown_delay: float = 0.0) -> None:
        """`close` from any thread, and from a signal handler: it works even while something
        blocks the loop. Returns at once."""
        self._check_started()
        self._core.close_if_open(drain, shutdown_delay)
        self._pump.loop.call_soon_threadsafe(self._deadline.shorten, shutdown_delay + drain)

    async def wait_closed(self) -> Report:
        """Waits until a close is complete; does not begin one."""
        return await asyncio.shield(self._check_started())

    def _check_started(self) -> "asyncio.Task[Report]":
        if self._finishing is None:
            raise Error("GOAWAY_ERR_STATE", "the server was not started; call start first")
        return self._finishing

    async def __aenter__(self) -> "Server":
        await self.start()
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close(self.drain, self.shutdown_delay)

    async def events(self) -> AsyncIterator[SessionEvent]:
        """The session events from now on, until the server has closed. A reader that is
        more than 4096 events behind loses the oldest."""
        reader = (deque(maxlen=MAX_EVENTS), Waiters())  # type: tuple[Deque[SessionEvent], Waiters]
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
        request = Request(self, self._pump, self._handlers[tag], id, session, text, params, flags)
        if flags & _native.RECORD_FLAG_END:
            request.full_body = data
        if flags & _native.RECORD_FLAG_DRAINING:
            request.drain.begin(left_ms)
        return request

    def _notify_progress(self, progress: Progress) -> None:
        if self.on_progress is not None:
            self.on_progress(progress)

    def _notify_event(self, event: SessionEvent) -> None:
        for kept, waiters in self._readers:
            kept.append(event)
            waiters.wake()
        if self.on_session is not None:
            self.on_session(event)

    async def _finish(self, pump: Pump) -> Report:
        """Waits for the end of the server, and then for the end of the handlers."""
        try:
            report = await pump.closed
            for _, waiters in self._readers:
                waiters.wake()
            await pump.end_requests(self._deadline)
        finally:
            pump.end()
        return report


def run(
    routes: Mapping[str, Handler],
    bind: Union[str, Iterable[str]] = "127.0.0.1:8080",
    drain: float = 5.0,
    tls: Optional[Tls] = None,
    shutdown_delay: float = 0.0,
) -> Report:
    """Serves `routes`, patterns and their handlers, until SIGTERM or SIGINT, and returns
    the report of the close.

    Prints "listening on ADDRESS" for each address. The first signal drains for `drain`
    seconds; another one half a second later or more forces. With a `shutdown_delay` the
    server is not ready for so many seconds first and serves as before; a signal in these
    seconds ends the delay. Blocks; runs on uvloop if it
    is installed. In a thread other than the main one no signal is handled."""

    async def main() -> Report:
        server = Server(tls=tls)
        for pattern, handler in routes.items():
            server.register(pattern, handler)
        for address in [bind] if isinstance(bind, str) else bind:
            server.listen(address)
        await server.start()
        with signals(server.close_soon, drain, shutdown_delay):
            for where in server.addresses:
                print(f"listening on {where}", flush=True)
            return await server.wait_closed()

    return run_loop(main())
