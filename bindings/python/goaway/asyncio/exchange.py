"""A request and its response in an event loop: the common base of `goaway.Request` and
of the requests of an ASGI application."""

from __future__ import annotations

import asyncio
from typing import Callable, List, Optional, Protocol, Tuple

from .. import _native
from ..core.command_buffer import CommandBuffer
from ..core.failure import log_failure, log_incomplete, suppress_disconnect_of_task
from ..core.fields import pairs
from ..core.request import RequestState
from ..core.response import INTERNAL_ERROR, error_response
from ..error import Disconnected
from .drain import Drain
from .tasks import Runnable
from .waiters import Waiters


class ExchangePump(Protocol):
    """The pump, as its exchanges see it."""

    commands: CommandBuffer
    high_water: int
    body_bytes: int
    loop: asyncio.AbstractEventLoop
    remove: Callable[[int, None], object]

    def flush(self) -> None:
        """Submits the commands."""


class Exchange(Runnable, RequestState):
    """A request and its response. In the loop's thread only."""

    # The slots hold what each request needs, for speed. All other attributes are class
    # attributes until they are set, and cost a request nothing.
    __slots__ = ("__dict__", "_readers", "drain", "full_body", "id", "is_broken", "is_over", "pump")

    pump: ExchangePump
    id: int
    drain: Drain
    failure: Optional[Exception] = None
    """The error with which the library refused a part of the response."""
    is_broken: bool
    """There is a `cause` or a `failure`."""
    is_over: bool
    """The response is complete, or was reset."""
    cookies = b""
    """If several cookie fields came: the value of each, each followed by a NUL."""
    sensitive: Optional[Tuple[int, bytes]] = None
    """See `RequestHead.sensitive`."""
    full_body: Optional[bytes]
    """The request body, if it came with the request and was not taken yet."""

    _has_end = False
    """The end of the request body has arrived."""
    _unread: Optional[List[bytes]] = None
    """Pieces of the request body that were not taken yet."""
    _has_asked = False
    """The peer was allowed to send the request body."""
    _taken = 0
    """Bytes that were taken; the peer may send as many more once they are processed."""
    _queued = 0
    """Unsent bytes of the response body."""
    _is_full = False
    """A writer must wait until the library reports `writable`."""
    _readers: Optional[Waiters]
    _writers: Optional[Waiters] = None
    _high_water: int = 0
    """The high-water mark, once the library has reported that it has grown."""

    def begin(self, pump: ExchangePump, id: int, drain: Drain) -> None:
        """Sets the slots. Called once, right after construction."""
        self.task = None
        self.pump = pump
        self.id = id
        self.drain = drain
        self.is_broken = False
        self.is_over = False
        self.full_body = None
        self._readers = None

    # Events, which the pump passes on.

    def feed(self, data: bytes, has_end: bool, trailers: bytes) -> None:
        """More of the request body has arrived."""
        if self._unread is None:
            self._unread = []
        if data:
            self._unread.append(data)
        if has_end:
            self._has_end = True
            self.trailers = tuple(pairs(trailers))
        self.wake_readers()

    def writable(self, queued: int, high_water: int) -> None:
        """`queued` bytes of the response body are unsent now; up to `high_water` may be."""
        self._queued = queued
        self._high_water = high_water
        self._is_full = False
        self.wake_writers()

    def cancelled(self, cause: str, code: int) -> None:
        """The request was cancelled."""
        self.is_broken = True
        self.cause = cause
        self.code = code
        self.wake_readers()
        self.wake_writers()

    def refused(self, error: Exception) -> None:
        """The library has refused a part of the response, which ends it."""
        self.is_broken = True
        self.failure = error
        self.is_over = True
        self.wake_readers()
        self.wake_writers()

    # Reading the request body and writing the response.

    def wake_readers(self) -> None:
        """Wakes the coroutines in `wait_readable`."""
        if self._readers is not None:
            self._readers.wake()

    def wake_writers(self) -> None:
        """Wakes the coroutines that wait in `write`."""
        if self._writers is not None:
            self._writers.wake()

    async def wait_readable(self) -> None:
        """Waits until more of the request body arrives, or the request is cancelled."""
        if not self._has_asked and not self._has_end:
            # A peer that expects 100 (Continue) sends its body only now.
            self._has_asked = True
            self.pump.commands.add(_native.COMMAND_KIND_CONSUME, self.id)
        if self._readers is None:
            self._readers = Waiters()
        await self._readers.wait()

    def take_body(self) -> Optional[bytes]:
        """Takes what has arrived of the request body; None if nothing has. The bytes of the
        previous call count as processed now: the peer may send as many more."""
        if self.full_body is not None:
            body, self.full_body = self.full_body, None
            self._has_end = True
            return body
        if self._taken:
            self._has_asked = True
            self.pump.commands.add(_native.COMMAND_KIND_CONSUME, self.id, number=self._taken)
            self._taken = 0
        unread = self._unread
        if not unread:
            return None
        data = unread[0] if len(unread) == 1 else b"".join(unread)
        unread.clear()
        self._taken = len(data)
        return data

    def check_open(self) -> None:
        """Raises `Disconnected` if the request was cancelled, or the error with which the
        library refused a part of the response."""
        if self.failure is not None:
            raise self.failure
        if self.cause is not None:
            if asyncio.current_task() is not self.task:
                suppress_disconnect_of_task()
            raise Disconnected(self.cause)

    async def write(self, data: bytes) -> None:
        """Writes bytes of the response body. Waits while too many bytes are unsent."""
        while self._is_full:
            await self._wait_writable()
        self.check_open()
        size = len(data)
        if not size:
            return
        queued = self._queued + size
        if queued < (self._high_water or self.pump.high_water):
            self.pump.commands.write(self.id, data)
            self._queued = queued
            return
        self.pump.commands.write(self.id, data, _native.COMMAND_FLAG_NOTIFY)
        self._queued = queued
        self._is_full = True
        while self._is_full:
            await self._wait_writable()

    async def _wait_writable(self) -> None:
        self.check_open()
        if self._writers is None:
            self._writers = Waiters()
        await self._writers.wait()
        self.check_open()

    def reset(self, code: int) -> None:
        """Ends the stream with RST_STREAM."""
        self.is_over = True
        self.pump.commands.add(_native.COMMAND_KIND_RESET, self.id, number=code)

    # The end of the handler.

    def done(self, error: Optional[BaseException]) -> None:
        self.task = None
        if error is not None:
            # A handler that still runs after its response is cancelled when the server closes.
            is_late = self.is_over and isinstance(error, asyncio.CancelledError)
            log_failure(self.title(), error, is_late or self.cause is not None)
        if not self.is_over and self.cause is None:
            if error is None:
                log_incomplete(self.title())
            self.fail(error)
        self.pump.remove(self.id, None)

    def flush(self) -> None:
        self.pump.flush()

    def title(self) -> str:
        """The handler and its request, for the log."""
        raise NotImplementedError

    def has_begun(self) -> bool:
        """Whether the response head was submitted."""
        raise NotImplementedError

    def fail(self, error: Optional[BaseException] = None) -> None:
        """Ends the response of a handler that ended with `error` or too early: responds 500
        or 413; after the head resets the stream, so that the peer does not take the
        response for complete."""
        if self.has_begun():
            self.reset(INTERNAL_ERROR)
        else:
            self.is_over = True
            self.pump.commands.respond(self.id, *error_response(error))
