"""A request as a handler of `goaway.Server` has it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, AsyncIterator, Awaitable, List, Optional

from .. import _native
from ..core.head import Headers
from ..core.response import Data, Responder, check_code
from ..error import BodyTooLarge, Error
from .drain import Drain
from .exchange import CANCEL, Exchange

if TYPE_CHECKING:
    from .server import Handler, Server


class Request(Exchange, Responder):
    """One request, to be responded to by its handler: with `respond`, or with
    `write_head`, `write` and `end`. In the loop's thread only.

    If the peer has gone the handler's task is cancelled, and `cause` says why. The
    calls of the response, also those of other tasks, then do nothing and raise
    `Disconnected`, which needs no handling. What is wrong with a status, a name, a
    value or a length raises `Error` in the call that has it, and changes nothing. A
    handler that raises, whatever it is, or returns without a response responds 500,
    or, after the head, resets the stream; the server goes on.
    """

    def __init__(
        self, server: "Server", handler: "Handler", id: int, session: int, text: bytes, param_count: int, flags: int
    ) -> None:
        self.server = server
        self.session = session
        self.begin(server._pump, id, Drain())
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

    async def read(self, limit: Optional[int] = None) -> bytes:
        """The whole body, or what is left of it. If it has more than `limit` bytes,
        or than the server's limit body_bytes, `Error` with the code
        GOAWAY_ERR_TOO_LARGE: a handler that lets that through responds 413."""
        limit = self.pump.body_bytes if limit is None else limit
        pieces: List[bytes] = []
        size = 0
        async for piece in self._iterate():
            size += len(piece)
            if size > limit:
                raise BodyTooLarge(limit)
            pieces.append(piece)
        return b"".join(pieces)

    # The response.

    async def respond(self, status: int, body: Data = b"", headers: Headers = None, trailers: Headers = None) -> None:
        """Responds. `date` and `content-length` are added."""
        fields, data, packed = self.take_respond(status, body, headers, trailers)
        if packed is None:
            self.pump.outbox.respond(self.id, status, fields, data)
        else:
            self.pump.outbox.add(_native.COMMAND_HEAD, self.id, status, fields)
            self.pump.outbox.add(_native.COMMAND_END, self.id, fields=packed, data=data)

    async def write_head(self, status: int, headers: Headers = None) -> None:
        """Begins a streamed response."""
        fields = self.take_head(status, headers)
        self.pump.outbox.add(_native.COMMAND_HEAD, self.id, status, fields)

    async def write(self, data: Data) -> None:
        """Writes the next bytes, and waits while more than the high-water mark
        (64 KiB if not set) waits for the peer."""
        while self._is_full:
            await self._wait_writable()
        await super().write(self.take_data(data))

    async def end(self, data: Data = b"", trailers: Headers = None) -> None:
        """Ends a streamed response."""
        piece, packed = self.take_end(data, trailers)
        self.pump.outbox.add(_native.COMMAND_END, self.id, fields=packed, data=piece)

    async def inform(self, status: int, headers: Headers = None) -> None:
        """Sends an informational head, such as 103 (Early Hints), before the response."""
        fields = self.take_inform(status, headers)
        self.pump.outbox.add(_native.COMMAND_INFORM, self.id, status, fields)

    def reset(self, code: int = CANCEL) -> None:
        """Ends the stream with RST_STREAM: the peer sees that the response is not
        whole. Does nothing if the response has ended, or the peer has gone."""
        if not self.is_over:
            super().reset(check_code(code))

    def set_idle(self, seconds: float) -> None:
        """How long no byte may pass either way; 0 is for ever. Default: the
        limit `stream_idle_ms`, five minutes."""
        self.pump.outbox.add(_native.COMMAND_SET_IDLE, self.id, number=_native.milliseconds(seconds))

    # What the runner and the pump call.

    def call(self) -> Awaitable[object]:
        return self._handler(self)

    def has_begun(self) -> bool:
        return self.has_head

    def title(self) -> str:
        return f"the handler of {self.method} {self.path}"

    def cancelled(self, cause: str, code: int) -> None:
        super().cancelled(cause, code)
        if self.task is not None:
            self.task.add_done_callback(self._end_unbegun)
            self.task.cancel()

    def _end_unbegun(self, task: "asyncio.Task[None]") -> None:
        """A Task that is cancelled before its first step ends without a word."""
        if self.task is task:
            self.done(asyncio.CancelledError())

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
