"""A request as a handler of `goaway.Server` sees it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, AsyncIterator, Awaitable, Callable, Optional

from .. import _native
from ..core.body import BodyBuffer
from ..core.request import Headers
from ..core.response import CANCEL, Data, Responder, check_code
from ..error import Error
from .drain import Drain
from .exchange import Exchange, ExchangePump

if TYPE_CHECKING:
    from .server import Server

Handler = Callable[["Request"], Awaitable[object]]
"""A handler: a coroutine function."""


class Request(Exchange, Responder):
    """A request. Its handler responds: with `respond`, or with `write_head`, `write` and
    `end`. In the loop's thread only.

    When the peer disconnects, the handler's task is cancelled, and `cause` says why. The
    calls of the response, also those of other tasks, then do nothing and raise
    `Disconnected`, which needs no handling. An invalid status, name, value or length
    raises `Error` in the call that has it, and changes nothing. If the handler raises, or
    returns before the response is complete, the server responds 500, or resets the stream
    if the head was written; other requests are not affected.
    """

    server: "Server"
    """The server that received the request."""

    # The calls below are those of `ThreadedRequest`, as coroutines: what the two can share
    # is in `Responder`, and a coroutine and a function cannot share the rest.

    def __init__(
        self,
        server: "Server",
        pump: ExchangePump,
        handler: Handler,
        id: int,
        session: int,
        text: bytes,
        param_count: int,
        flags: int,
    ) -> None:
        self.server = server
        self.begin(pump, id, Drain())
        self._handler = handler
        self._set_head(session, text, param_count, flags)

    @property
    def draining(self) -> Drain:
        """Whether the session drains: `is_set()`, `left_ms`, `await wait()`."""
        return self.drain

    # The body.

    @property
    def body(self) -> AsyncIterator[bytes]:
        """The request body in pieces, as it arrives: `async for piece in request.body`.
        Flow control: the peer may send as many bytes as are taken. After the last piece
        `trailers` is set. Raises `Disconnected` if the request is cancelled."""
        return self._iterate()

    async def read(self, limit: Optional[int] = None) -> bytes:
        """The whole request body, or the rest of it. `limit`: bytes that it may have, by
        default the server's limit body_bytes. Raises `Error` with the code
        GOAWAY_ERR_TOO_LARGE beyond it; if the handler does not catch that, the response
        is 413."""
        body = BodyBuffer(self.pump.body_bytes if limit is None else limit)
        async for piece in self._iterate():
            body.add(piece)
        return body.join()

    # The response.

    async def respond(self, status: int, body: Data = b"", headers: Headers = None, trailers: Headers = None) -> None:
        """Sends the whole response. The library adds `date` and `content-length`."""
        fields, data, packed = self.take_respond(status, body, headers, trailers)
        if packed is None:
            self.pump.commands.respond(self.id, status, fields, data)
        else:
            self.pump.commands.add(_native.COMMAND_KIND_HEAD, self.id, status, fields)
            self.pump.commands.add(_native.COMMAND_KIND_END, self.id, fields=packed, data=data)

    async def write_head(self, status: int, headers: Headers = None) -> None:
        """Begins a streamed response."""
        fields = self.take_head(status, headers)
        self.pump.commands.add(_native.COMMAND_KIND_HEAD, self.id, status, fields)

    async def write(self, data: Data) -> None:
        """Writes the next bytes of the response body. Waits while the high-water mark (the
        limit high_water_bytes, 64 KiB by default) or more is unsent."""
        while self._is_full:
            await self._wait_writable()
        await super().write(self.take_data(data))

    async def end(self, data: Data = b"", trailers: Headers = None) -> None:
        """Ends a streamed response, with last bytes and trailers if given."""
        piece, packed = self.take_end(data, trailers)
        self.pump.commands.add(_native.COMMAND_KIND_END, self.id, fields=packed, data=piece)

    async def inform(self, status: int, headers: Headers = None) -> None:
        """Sends an informational response, such as 103 (Early Hints), before the response."""
        fields = self.take_inform(status, headers)
        self.pump.commands.add(_native.COMMAND_KIND_INFORM, self.id, status, fields)

    def reset(self, code: int = CANCEL) -> None:
        """Ends the stream with RST_STREAM and an error code (RFC 9113, section 7): the peer
        sees that the response is not complete. Does nothing if the response has ended or
        the request was cancelled."""
        if not self.is_over:
            super().reset(check_code(code))

    def set_idle(self, seconds: float) -> None:
        """Sets how long the stream may be idle in both directions before it is reset; 0 is
        without limit. Default: the limit `stream_idle_ms`, five minutes."""
        self.pump.commands.add(_native.COMMAND_KIND_SET_IDLE, self.id, number=_native.milliseconds(seconds))

    # What the task and the pump call.

    def call(self) -> Awaitable[object]:
        return self._handler(self)

    def has_begun(self) -> bool:
        return self.has_head

    def title(self) -> str:
        return f"the handler of {self.method} {self.path}"

    def cancelled(self, cause: str, code: int) -> None:
        super().cancelled(cause, code)
        if self.task is not None:
            self.task.add_done_callback(self._end_cancelled)
            self.task.cancel()

    def _end_cancelled(self, task: "asyncio.Task[None]") -> None:
        """A Task that is cancelled before its first step ends without running any code."""
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
                    raise Error(
                        "GOAWAY_ERR_GONE", "the response has ended, and the rest of the request body is discarded"
                    )
                await self.wait_readable()
