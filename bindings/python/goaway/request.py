"""A request as a handler of `goaway.Server` has it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, AsyncIterator, Awaitable, List, Optional, Union

from . import _native
from .drain import Drain
from .error import Error
from .exchange import CANCEL, ERROR_ANSWER, INTERNAL_ERROR, Disconnected, Exchange
from .head import Head, Headers, field_pairs
from .outbox import as_bytes, pack_answer, pack_fields
from .session import abort_session, close_session
from .tls import TlsInfo, tls_info

if TYPE_CHECKING:
    from .server import Handler, Server

log = logging.getLogger("goaway")

BODY_MOST = 16 * 1024 * 1024
"""Bytes that `Request.read` gathers if nothing else is said."""

Data = Union[bytes, bytearray, memoryview]


class Request(Exchange, Head):
    """One request, to be answered by its handler: with `respond`, or with
    `write_head`, `write` and `end`. In the loop's thread only.

    If nobody waits for the answer any more the handler's task is cancelled, and
    `cause` says why; calls then raise `Disconnected`. A handler that raises or
    returns without an answer answers 500, or, behind a head, resets the stream.
    """

    has_head = False
    """The answer has begun."""

    def __init__(
        self, server: "Server", handler: "Handler", id: int, session: int, text: bytes, param_count: int, flags: int
    ) -> None:
        self.server = server
        self.session = session
        """The session that it came on; see `Server.close_session`."""
        self.pump = server._pump
        self.id = id
        self.drain = Drain()
        self._handler = handler
        self._pieces = text.split(b"\0")
        self._pieces.pop()
        self._param_count = param_count
        self._flags = flags

    @property
    def draining(self) -> Drain:
        """Whether the session drains: `is_set()`, `left_ms`, `await wait()`."""
        return self.drain

    # The body.

    @property
    def body(self) -> AsyncIterator[bytes]:
        """The body in pieces as it comes: `async for piece in request.body`. The
        peer may send as much as is taken. Its trailers are in `trailers` then."""
        return self._iterate()

    async def read(self, limit: int = BODY_MOST) -> bytes:
        """The whole body, or what is left of it. `Error` with the code
        GOAWAY_ERR_TOO_LARGE if it has more than `limit` bytes."""
        pieces: List[bytes] = []
        size = 0
        async for piece in self._iterate():
            size += len(piece)
            if size > limit:
                raise Error("GOAWAY_ERR_TOO_LARGE", f"the body has more than {limit} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    # The answer.

    async def respond(self, status: int, body: Data = b"", headers: Headers = None, trailers: Headers = None) -> None:
        """Answers. `date` and `content-length` are added."""
        self._check_head(status)
        data = as_bytes(body, "the body")
        fields = pack_answer(field_pairs(headers), "headers", self.http_version)
        self.has_head = self.is_over = True
        if trailers is None:
            self.pump.outbox.respond(self.id, status, fields, data)
        else:
            packed = pack_fields(field_pairs(trailers), "trailers")
            self.pump.outbox.add(_native.COMMAND_HEAD, self.id, status, fields)
            self.pump.outbox.add(_native.COMMAND_END, self.id, fields=packed, data=data)

    async def write_head(self, status: int, headers: Headers = None) -> None:
        """Begins a streamed answer."""
        self._check_head(status)
        fields = pack_answer(field_pairs(headers), "headers", self.http_version)
        self.has_head = True
        self.pump.outbox.add(_native.COMMAND_HEAD, self.id, status, fields)

    async def write(self, data: Data) -> None:
        """Writes the next bytes, and waits while more than the high-water mark
        (64 KiB if not set) waits for the peer."""
        self._check_body()
        await super().write(as_bytes(data, "data"))

    async def end(self, data: Data = b"", trailers: Headers = None) -> None:
        """Ends a streamed answer."""
        self._check_body()
        packed = pack_fields(field_pairs(trailers), "trailers")
        self.is_over = True
        self.pump.outbox.add(_native.COMMAND_END, self.id, fields=packed, data=as_bytes(data, "data"))

    async def inform(self, status: int, headers: Headers = None) -> None:
        """Sends an informational head, such as 103 (Early Hints), before the answer."""
        if not isinstance(status, int) or not 100 <= status <= 199 or status == 101:
            raise Error("GOAWAY_ERR_INVALID", f"the status of an informational head cannot be {status!r}")
        self._check_no_head()
        fields = pack_fields(field_pairs(headers), "headers")
        self.pump.outbox.add(_native.COMMAND_INFORM, self.id, status, fields)

    def reset(self, code: int = CANCEL) -> None:
        """Ends the stream with RST_STREAM: the peer sees that the answer is not whole."""
        if not self.is_over:
            super().reset(code)

    def set_idle(self, seconds: float) -> None:
        """How long no byte may pass either way; 0 is for ever. Default: the
        limit `stream_idle_ms`, five minutes."""
        self.pump.outbox.add(_native.COMMAND_SET_IDLE, self.id, number=_native.milliseconds(seconds))

    @property
    def stream(self) -> int:
        """The number of its stream, or, in HTTP/1.1, of the request on its
        connection; 0 once it is over."""
        return _native.request_stream(self.id)

    @property
    def tls(self) -> Optional[TlsInfo]:
        """What the TLS handshake of its session has come to; None without TLS."""
        return tls_info(self.session)

    def close_session(self, drain: float = 5.0) -> None:
        """Has the session that the request came on leave, this request served."""
        close_session(self.session, drain)

    def abort_session(self, code: int = 0, debug: bytes = b"") -> None:
        """Ends the session that the request came on now."""
        abort_session(self.session, code, debug)

    # What the runner and the pump call.

    def call(self) -> Awaitable[object]:
        return self._handler(self)

    def done(self, error: Optional[BaseException]) -> None:
        self.task = None
        if not self.is_over and self.cause is None:
            self._give_up(error)
        elif error is not None and not isinstance(error, (asyncio.CancelledError, Disconnected)):
            log.error("the handler failed at %s %s", self.method, self.path, exc_info=error)
        self.pump.forget(self.id)

    def cancelled(self, cause: str, code: int) -> None:
        super().cancelled(cause, code)
        if self.task is not None:
            self.task.cancel()

    def _give_up(self, error: Optional[BaseException]) -> None:
        if error is None:
            log.error("the handler of %s %s returned without an answer", self.method, self.path)
        elif not isinstance(error, asyncio.CancelledError):
            log.error("the handler failed at %s %s", self.method, self.path, exc_info=error)
        if not self.has_head and not isinstance(error, asyncio.CancelledError):
            self.is_over = True
            self.pump.outbox.respond(self.id, 500, *ERROR_ANSWER)
        else:
            self.reset(CANCEL if isinstance(error, asyncio.CancelledError) else INTERNAL_ERROR)

    async def _iterate(self) -> AsyncIterator[bytes]:
        while True:
            data = self.take_body()
            if data:
                yield data
            elif self._has_end:
                return
            else:
                self.check_open()
                if self.is_over:
                    raise Error("GOAWAY_ERR_GONE", "the request was answered, and its body comes no more")
                await self.wait_readable()

    def _check_head(self, status: int) -> None:
        if not isinstance(status, int) or not 200 <= status <= 599:
            raise Error("GOAWAY_ERR_INVALID", f"the status must be a number from 200 to 599, not {status!r}")
        self._check_no_head()

    def _check_no_head(self) -> None:
        self.check_open()
        if self.has_head or self.is_over:
            raise Error("GOAWAY_ERR_STATE", "the head is written already")

    def _check_body(self) -> None:
        self.check_open()
        if self.is_over:
            raise Error("GOAWAY_ERR_STATE", "the answer has ended")
        if not self.has_head:
            raise Error("GOAWAY_ERR_STATE", "there is no head yet")
