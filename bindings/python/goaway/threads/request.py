"""A request as a handler of `goaway.ThreadedServer` sees it."""

from __future__ import annotations

import logging
import threading
from typing import Callable, Iterator, List, Optional

from .. import _native
from ..core.body import BodyBuffer
from ..core.command_buffer import CommandBuffer
from ..core.fields import Packed, pairs
from ..core.request import Headers
from ..core.response import CANCEL, INTERNAL_ERROR, Data, Responder, check_code, error_response
from ..error import Disconnected, Error
from ..limit import BODY_BYTES
from .drain import ThreadedDrain

log = logging.getLogger("goaway")


class ThreadedRequest(Responder):
    """A request. Its handler responds, or another thread does later if the handler calls
    `keep()`: with `respond`, or with `write_head`, `write` and `end`. From one thread at a
    time; `draining`, `cause` and `reset` from any.

    When the peer disconnects, `cause` says why. The calls of the response, those that wait
    included, then do nothing and raise `Disconnected`, which needs no handling, also in a
    thread of the program. An invalid status, name, value or length raises `Error` in the
    call that has it, and changes nothing. If the handler raises, or returns before the
    response is complete, the server responds 500, or resets the stream if the head was
    written; other requests are not affected.
    """

    # The calls below are those of `Request`, as functions: what the two can share is in
    # `Responder`, and a coroutine and a function cannot share the rest.

    def __init__(
        self, core: _native.Core, id: int, session: int, text: bytes, param_count: int, flags: int, high_water: int
    ) -> None:
        self.id = id
        self.is_kept = False
        """Whether `keep` was called."""
        self.on_over: Callable[["ThreadedRequest"], None] = lambda request: None
        """Called when a kept request has ended, or any request is cancelled."""
        self._set_head(session, text, param_count, flags)
        self._condition = threading.Condition()
        self.drain = ThreadedDrain(self._condition)
        self._commands = CommandBuffer(core, _nothing)
        self._high_water = high_water
        self.body_bytes = BODY_BYTES
        """The default limit of `read`."""
        self._unread: List[bytes] = []
        self._full_body: Optional[bytes] = None
        self._has_end = False
        self._queued = 0
        self._is_full = False

    @property
    def draining(self) -> ThreadedDrain:
        """Whether the session drains: `is_set()`, `left_ms`, `wait(timeout)`."""
        return self.drain

    def keep(self) -> None:
        """The handler may return before the response is complete: another thread
        completes it."""
        self.is_kept = True

    # The body.

    @property
    def body(self) -> Iterator[bytes]:
        """The request body in pieces, as it arrives: `for piece in request.body`. Flow
        control: the peer may send as many bytes as are taken. After the last piece
        `trailers` is set. Raises `Disconnected` if the request is cancelled."""
        return iter(self.read_piece, b"")

    def read_piece(self) -> bytes:
        """Waits for the next piece of the request body; empty at its end."""
        with self._condition:
            if self._full_body is not None:
                body, self._full_body = self._full_body, None
                self._has_end = True
                if body:
                    return body
            if not self._unread and not self._has_end:
                if self.is_over:
                    raise Error(
                        "GOAWAY_ERR_GONE", "the response has ended, and the rest of the request body is discarded"
                    )
                # A peer that expects 100 (Continue) sends its body only now.
                self._send(_native.COMMAND_KIND_CONSUME)
            self._condition.wait_for(lambda: self._unread or self._has_end or self.cause is not None)
            if not self._unread:
                if not self._has_end:
                    self.check_open()
                return b""
            data = b"".join(self._unread)
            self._unread.clear()
        self._send(_native.COMMAND_KIND_CONSUME, number=len(data))
        return data

    def read(self, limit: Optional[int] = None) -> bytes:
        """The whole request body, or the rest of it. `limit`: bytes that it may have, by
        default the server's limit body_bytes. Raises `Error` with the code
        GOAWAY_ERR_TOO_LARGE beyond it; if the handler does not catch that, the response
        is 413."""
        body = BodyBuffer(self.body_bytes if limit is None else limit)
        for piece in self.body:
            body.add(piece)
        return body.join()

    # The response.

    def respond(self, status: int, body: Data = b"", headers: Headers = None, trailers: Headers = None) -> None:
        """Sends the whole response. The library adds `date` and `content-length`."""
        fields, data, packed = self.take_respond(status, body, headers, trailers)
        if packed is None:
            self._send(_native.COMMAND_KIND_RESPOND, status, fields, data)
        else:
            self._commands.add(_native.COMMAND_KIND_HEAD, self.id, status, fields)
            self._send(_native.COMMAND_KIND_END, 0, packed, data)
        self._ended()

    def write_head(self, status: int, headers: Headers = None) -> None:
        """Begins a streamed response. The head is sent with the first bytes of the body."""
        self._send(_native.COMMAND_KIND_HEAD, status, self.take_head(status, headers))

    def write(self, data: Data) -> None:
        """Writes the next bytes of the response body. Waits while the high-water mark (the
        limit high_water_bytes, 64 KiB by default) or more is unsent."""
        piece = self.take_data(data)
        if not piece:
            return
        with self._condition:
            self._queued += len(piece)
            self._is_full = self._queued >= self._high_water
        self._commands.write(self.id, piece, _native.COMMAND_FLAG_NOTIFY if self._is_full else 0)
        self._flush()
        if self._is_full:
            with self._condition:
                self._condition.wait_for(lambda: not self._is_full or self.cause is not None)
            self.check_open()

    def end(self, data: Data = b"", trailers: Headers = None) -> None:
        """Ends a streamed response, with last bytes and trailers if given."""
        piece, packed = self.take_end(data, trailers)
        self._send(_native.COMMAND_KIND_END, 0, packed, piece)
        self._ended()

    def inform(self, status: int, headers: Headers = None) -> None:
        """Sends an informational response, such as 103 (Early Hints), before the response."""
        self._send(_native.COMMAND_KIND_INFORM, status, self.take_inform(status, headers))

    def reset(self, code: int = CANCEL) -> None:
        """Ends the stream with RST_STREAM and an error code (RFC 9113, section 7): the peer
        sees that the response is not complete. Does nothing if the response has ended or
        the request was cancelled."""
        if not self.is_over:
            self.is_over = True
            self._send(_native.COMMAND_KIND_RESET, number=check_code(code))
            self._ended()

    def set_idle(self, seconds: float) -> None:
        """Sets how long the stream may be idle in both directions before it is reset; 0 is
        without limit. Default: the limit `stream_idle_ms`, five minutes."""
        self._send(_native.COMMAND_KIND_SET_IDLE, number=_native.milliseconds(seconds))

    def fail(self, error: Optional[BaseException] = None) -> None:
        """Ends the response of a handler that ended with `error` or too early: responds 500
        or 413; after the head resets the stream, so that the peer does not take the
        response for complete."""
        if self.is_over or self.cause is not None:
            return
        try:
            if self.has_head:
                self.reset(INTERNAL_ERROR)
            else:
                status, fields, body = error_response(error)
                self.respond(status, body, Packed(fields))
        except (Error, Disconnected) as failed:
            log.debug("the error response was not sent: %s", failed)

    # Events, which the pump's thread passes on.

    def begin(self, body: Optional[bytes]) -> None:
        """The whole body came with the request."""
        self._full_body = body

    def feed(self, data: bytes, has_end: bool, trailers: bytes) -> None:
        """More of the request body has arrived."""
        with self._condition:
            if data:
                self._unread.append(data)
            if has_end:
                self.trailers = tuple(pairs(trailers))
                self._has_end = True
            self._condition.notify_all()

    def writable(self, queued: int, high_water: int) -> None:
        """`queued` bytes of the response body are unsent now; up to `high_water` may be."""
        with self._condition:
            self._queued = queued
            self._high_water = high_water
            self._is_full = False
            self._condition.notify_all()

    def cancelled(self, cause: str, code: int) -> None:
        """The request was cancelled."""
        with self._condition:
            self.code = code
            self.cause = cause
            self._condition.notify_all()
        self.on_over(self)

    def _ended(self) -> None:
        if self.is_kept:
            self.on_over(self)

    def check_open(self) -> None:
        if self.cause is not None:
            raise Disconnected(self.cause)

    def _send(self, kind: int, status: int = 0, fields: bytes = b"", data: bytes = b"", number: int = 0) -> None:
        self._commands.add(kind, self.id, status, fields, data, number)
        self._flush()

    def _flush(self) -> None:
        """Submits the commands. If the library refuses one, the response is as it was before,
        and the error is raised."""
        failures = self._commands.flush()
        if not failures:
            return
        first = failures[0]
        if first.kind in (_native.COMMAND_KIND_RESPOND, _native.COMMAND_KIND_HEAD):
            self.has_head = self.is_over = False
        elif first.kind == _native.COMMAND_KIND_END:
            self.is_over = False
        raise first.error


def _nothing() -> None:
    pass
