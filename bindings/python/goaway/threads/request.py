"""A request as a handler of `goaway.ThreadedServer` has it."""

from __future__ import annotations

import threading
import time
from typing import Callable, Iterator, List, Optional, Tuple

from .. import _native
from ..asyncio.exchange import CANCEL
from ..core.command_buffer import Outbox
from ..core.head import Headers
from ..core.response import Data, Responder, check_code
from ..error import BodyTooLarge, Disconnected, Error
from ..limit import BODY_BYTES


class ThreadedDrain:
    """Whether a request's session drains. From any thread."""

    def __init__(self, condition: threading.Condition) -> None:
        self._condition = condition
        self._deadline: Optional[float] = None

    def is_set(self) -> bool:
        """Whether it drains."""
        return self._deadline is not None

    @property
    def left_ms(self) -> Optional[int]:
        """Milliseconds until what is still open is reset; None while it does
        not drain."""
        deadline = self._deadline
        return None if deadline is None else max(0, round((deadline - time.monotonic()) * 1000))

    def wait(self, timeout: Optional[float] = None) -> Optional[int]:
        """Waits until it drains, for `timeout` seconds at most. Gives the
        milliseconds that are left, None if the time was up."""
        with self._condition:
            self._condition.wait_for(self.is_set, timeout)
        return self.left_ms

    def begin(self, left_ms: int) -> None:
        """The library says so."""
        with self._condition:
            self._deadline = time.monotonic() + left_ms / 1000
            self._condition.notify_all()


class ThreadedRequest(Responder):
    """One request, to be answered by its handler, or later by another thread if
    the handler says `keep()`: with `respond`, or with `write_head`, `write` and
    `end`. From one thread at a time; `draining`, `cause` and `reset` from any.

    If the peer has gone, `cause` says why. The calls of the response, those that
    wait included, then do nothing and raise `Disconnected`, which needs no handling,
    also in a thread of the program's own. What is wrong with a status, a name, a
    value or a length raises `Error` in the call that has it, and changes nothing. A
    handler that raises, whatever it is, or returns without a response responds 500,
    or, after the head, resets the stream; the server goes on.
    """

    def __init__(
        self, core: _native.Core, id: int, session: int, text: bytes, param_count: int, flags: int, high_water: int
    ) -> None:
        self.id = id
        self.session = session
        self.cause: Optional[str] = None
        """Why nobody waits for the answer any more."""
        self.code = 0
        """The error code (RFC 9113, section 7) beside `cause`: with "peer_reset" and
        "peer_goaway" the peer's, otherwise what the peer was sent, or 0."""
        self.trailers: Tuple[Tuple[bytes, bytes], ...] = ()
        """The request's trailer fields, once its body has ended."""
        self.is_kept = False
        self.on_over: Callable[["ThreadedRequest"], None] = lambda request: None
        self._pieces = text.split(b"\0")
        self._pieces.pop()
        self._param_count = param_count
        self._flags = flags
        self._condition = threading.Condition()
        self.drain = ThreadedDrain(self._condition)
        self._outbox = Outbox(core, _nothing)
        self._high_water = high_water
        self.body_bytes = BODY_BYTES
        self._unread: List[bytes] = []
        self._whole: Optional[bytes] = None
        self._has_end = False
        self._queued = 0
        self._is_full = False

    @property
    def draining(self) -> ThreadedDrain:
        """Whether the session drains: `is_set()`, `left_ms`, `wait(timeout)`."""
        return self.drain

    def keep(self) -> None:
        """The handler may return before the answer: it comes from elsewhere."""
        self.is_kept = True

    # The body.

    @property
    def body(self) -> Iterator[bytes]:
        """The body in pieces as it comes: `for piece in request.body`. The peer
        may send as much as is taken. Its trailers are in `trailers` then."""
        return iter(self.read_piece, b"")

    def read_piece(self) -> bytes:
        """What is here of the body, as soon as there is something; empty at the end."""
        with self._condition:
            if self._whole is not None:
                whole, self._whole = self._whole, None
                self._has_end = True
                if whole:
                    return whole
            if not self._unread and not self._has_end:
                if self.is_over:
                    raise Error("GOAWAY_ERR_GONE", "the response has ended, and the body comes no more")
                # A peer that expects 100 (Continue) sends its body for this.
                self._send(_native.COMMAND_CONSUME)
            self._condition.wait_for(lambda: self._unread or self._has_end or self.cause is not None)
            if not self._unread:
                if not self._has_end:
                    self.check_open()
                return b""
            data = b"".join(self._unread)
            self._unread.clear()
        self._send(_native.COMMAND_CONSUME, number=len(data))
        return data

    def read(self, limit: Optional[int] = None) -> bytes:
        """The whole body, or what is left of it. If it has more than `limit` bytes,
        or than the server's limit body_bytes, `Error` with the code
        GOAWAY_ERR_TOO_LARGE: a handler that lets that through responds 413."""
        limit = self.body_bytes if limit is None else limit
        pieces: List[bytes] = []
        size = 0
        for piece in self.body:
            size += len(piece)
            if size > limit:
                raise BodyTooLarge(limit)
            pieces.append(piece)
        return b"".join(pieces)

    # The response.

    def respond(self, status: int, body: Data = b"", headers: Headers = None, trailers: Headers = None) -> None:
        """Responds. `date` and `content-length` are added."""
        fields, data, packed = self.take_respond(status, body, headers, trailers)
        if packed is None:
            self._send(_native.COMMAND_RESPOND, status, fields, data)
        else:
            self._outbox.add(_native.COMMAND_HEAD, self.id, status, fields)
            self._send(_native.COMMAND_END, 0, packed, data)
        self._end()

    def write_head(self, status: int, headers: Headers = None) -> None:
        """Begins a streamed response. It goes out with what is written next."""
        self._send(_native.COMMAND_HEAD, status, self.take_head(status, headers))

    def write(self, data: Data) -> None:
        """Writes the next bytes, and waits while more than the high-water mark
        (64 KiB if not set) waits for the peer."""
        piece = self.take_data(data)
        if not piece:
            return
        with self._condition:
            self._queued += len(piece)
            self._is_full = self._queued >= self._high_water
        self._outbox.write(self.id, piece, _native.COMMAND_FLAG_NOTIFY if self._is_full else 0)
        self._flush()
        if self._is_full:
            with self._condition:
                self._condition.wait_for(lambda: not self._is_full or self.cause is not None)
            self.check_open()

    def end(self, data: Data = b"", trailers: Headers = None) -> None:
        """Ends a streamed response."""
        piece, packed = self.take_end(data, trailers)
        self._send(_native.COMMAND_END, 0, packed, piece)
        self._end()

    def inform(self, status: int, headers: Headers = None) -> None:
        """Sends an informational head, such as 103 (Early Hints), before the response."""
        self._send(_native.COMMAND_INFORM, status, self.take_inform(status, headers))

    def reset(self, code: int = CANCEL) -> None:
        """Ends the stream with RST_STREAM: the peer sees that the response is not
        whole. Does nothing if the response has ended, or the peer has gone."""
        if not self.is_over:
            self.is_over = True
            self._send(_native.COMMAND_RESET, number=check_code(code))
            self._end()

    def set_idle(self, seconds: float) -> None:
        """How long no byte may pass either way; 0 is for ever. Default: the
        limit `stream_idle_ms`, five minutes."""
        self._send(_native.COMMAND_SET_IDLE, number=_native.milliseconds(seconds))

    # What the pump's thread tells.

    def begin(self, whole: Optional[bytes]) -> None:
        """The body has come with the request."""
        self._whole = whole

    def feed(self, data: bytes, has_end: bool, trailers: bytes) -> None:
        with self._condition:
            if data:
                self._unread.append(data)
            if has_end:
                pieces = trailers.split(b"\0")
                self.trailers = tuple(zip(pieces[::2], pieces[1::2]))
                self._has_end = True
            self._condition.notify_all()

    def writable(self, queued: int, mark: int) -> None:
        with self._condition:
            self._queued = queued
            self._high_water = mark
            self._is_full = False
            self._condition.notify_all()

    def cancelled(self, cause: str, code: int) -> None:
        with self._condition:
            self.code = code
            self.cause = cause
            self._condition.notify_all()
        self.on_over(self)

    def _end(self) -> None:
        if self.is_kept:
            self.on_over(self)

    def check_open(self) -> None:
        if self.cause is not None:
            raise Disconnected(self.cause)

    def _send(self, kind: int, status: int = 0, fields: bytes = b"", data: bytes = b"", number: int = 0) -> None:
        self._outbox.add(kind, self.id, status, fields, data, number)
        self._flush()

    def _flush(self) -> None:
        failures = self._outbox.flush()
        if not failures:
            return
        first = failures[0]
        if first.kind in (_native.COMMAND_RESPOND, _native.COMMAND_HEAD):
            self.has_head = self.is_over = False
        elif first.kind == _native.COMMAND_END:
            self.is_over = False
        raise first.error


def _nothing() -> None:
    pass
