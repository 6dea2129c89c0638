"""A request and its answer in an event loop: what ASGI and `goaway.Server`
have in common."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, List, Optional, Tuple

from .. import _native
from ..core.failure import expect_departure, log_failure
from ..error import BodyTooLarge, Disconnected
from .drain import Drain, Waiters
from .tasks import Work

if TYPE_CHECKING:
    from .pump import Pump

log = logging.getLogger("goaway")

INTERNAL_ERROR = 2
"""RFC 9113, section 7."""
CANCEL = 8
ERROR_ANSWER = (b"content-type\0text/plain\0", b"Internal Server Error")
"""Fields and body of a 500."""
TOO_LARGE_ANSWER = (b"content-type\0text/plain\0", b"Content Too Large")


class Exchange(Work):
    """One request. In the loop's thread only."""

    # Slots are for what is looked at for each request: they are quick. The rest is set
    # where it is needed: until then it is the class's, and costs a request nothing.
    __slots__ = ("__dict__", "_readers", "drain", "id", "is_broken", "is_over", "pump", "whole")

    pump: "Pump"
    id: int
    drain: Drain
    cause: Optional[str] = None
    """Why nobody waits for the answer any more."""
    code = 0
    """The error code (RFC 9113, section 7) beside `cause`: with "peer_reset" and
    "peer_goaway" the peer's, otherwise what the peer was sent, or 0."""
    failure: Optional[Exception] = None
    """What the library has refused of the answer."""
    is_broken: bool
    """There is a `cause` or a `failure`."""
    is_over: bool
    """The answer is whole, or given up."""
    trailers: "Tuple[Tuple[bytes, bytes], ...]" = ()
    """The request's trailer fields, once its body has ended."""
    cookies = b""
    """If several cookie fields came: the value of each, a NUL behind each."""
    whole: Optional[bytes]
    """The body, if it came with the request and was not taken yet."""

    _has_end = False
    _unread: Optional[List[bytes]] = None
    _asked = False
    _taken = 0
    _queued = 0
    _is_full = False
    _readers: Optional[Waiters]
    _writers: Optional[Waiters] = None
    # The high-water mark, once the library has told that it has grown.
    _mark: int = 0

    def begin(self, pump: "Pump", id: int, drain: Drain) -> None:
        """It has come. Called right after it was made."""
        self.task = None
        self.pump = pump
        self.id = id
        self.drain = drain
        self.is_broken = False
        self.is_over = False
        self.whole = None
        self._readers = None

    # What the pump tells.

    def feed(self, data: bytes, has_end: bool, trailers: bytes) -> None:
        """More of the body has come."""
        if self._unread is None:
            self._unread = []
        if data:
            self._unread.append(data)
        if has_end:
            self._has_end = True
            pieces = trailers.split(b"\0")
            self.trailers = tuple(zip(pieces[::2], pieces[1::2]))
        self.wake_readers()

    def writable(self, queued: int, mark: int) -> None:
        """The answer has room again, up to the mark."""
        self._queued = queued
        self._mark = mark
        self._is_full = False
        if self._writers is not None:
            self._writers.wake()

    def cancelled(self, cause: str, code: int) -> None:
        """Nobody waits for the answer any more."""
        self.is_broken = True
        self.cause = cause
        self.code = code
        self.wake_readers()
        if self._writers is not None:
            self._writers.wake()

    def failed(self, error: Exception) -> None:
        """The library has refused a part of the answer, which is over thus."""
        self.is_broken = True
        self.failure = error
        self.is_over = True
        self.wake_readers()
        if self._writers is not None:
            self._writers.wake()

    # What an answer is made of.

    def wake_readers(self) -> None:
        if self._readers is not None:
            self._readers.wake()

    async def wait_readable(self) -> None:
        """Until more of the body is here, or nobody waits any more."""
        if not self._asked and not self._has_end:
            # A peer that expects 100 (Continue) sends its body for this.
            self._asked = True
            self.pump.outbox.add(_native.COMMAND_CONSUME, self.id)
        if self._readers is None:
            self._readers = Waiters()
        await self._readers.wait()

    def take_body(self) -> Optional[bytes]:
        """What is here of the body and not taken yet; None if there is nothing.
        The peer may send as much again when this is called again: what was
        taken before is done with then."""
        if self.whole is not None:
            whole, self.whole = self.whole, None
            self._has_end = True
            return whole
        if self._taken:
            self._asked = True
            self.pump.outbox.add(_native.COMMAND_CONSUME, self.id, number=self._taken)
            self._taken = 0
        unread = self._unread
        if not unread:
            return None
        data = unread[0] if len(unread) == 1 else b"".join(unread)
        unread.clear()
        self._taken = len(data)
        return data

    def check_open(self) -> None:
        """Raises if nobody waits for the answer any more."""
        if self.failure is not None:
            raise self.failure
        if self.cause is not None:
            if asyncio.current_task() is not self.task:
                expect_departure()
            raise Disconnected(self.cause)

    async def write(self, data: bytes) -> None:
        """Writes, and waits while too much waits for the peer."""
        while self._is_full:
            await self._wait_writable()
        self.check_open()
        size = len(data)
        if not size:
            return
        queued = self._queued + size
        if queued < (self._mark or self.pump.high_water):
            self.pump.outbox.write(self.id, data)
            self._queued = queued
            return
        self.pump.outbox.write(self.id, data, _native.COMMAND_FLAG_NOTIFY)
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
        self.pump.outbox.add(_native.COMMAND_RESET, self.id, number=code)

    # The end.

    def done(self, error: Optional[BaseException]) -> None:
        self.task = None
        if error is not None:
            # Who works on after the response is cancelled when the server closes.
            is_late = self.is_over and isinstance(error, asyncio.CancelledError)
            log_failure(self.title(), error, is_late or self.cause is not None)
        if not self.is_over and self.cause is None:
            if error is None:
                log.error("%s returned without completing its response", self.title())
            if isinstance(error, BodyTooLarge) and not self.has_begun():
                self.is_over = True
                self.pump.outbox.respond(self.id, 413, *TOO_LARGE_ANSWER)
            else:
                self.give_up()
        self.pump.forget(self.id, None)

    def flush(self) -> None:
        self.pump.flush()

    def title(self) -> str:
        """Who responds to what, for the log."""
        raise NotImplementedError

    def has_begun(self) -> bool:
        """Whether the head of the response was handed over."""
        raise NotImplementedError

    def give_up(self) -> None:
        """Responds 500; after the head resets the stream, so that what is not whole
        does not look so."""
        if self.has_begun():
            self.reset(INTERNAL_ERROR)
        else:
            self.is_over = True
            self.pump.outbox.respond(self.id, 500, *ERROR_ANSWER)
