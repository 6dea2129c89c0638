"""A request as a handler of `goaway.ThreadedServer` has it."""

from __future__ import annotations

import threading
import time
from typing import Callable, Iterator, List, Optional, Tuple, Union

from . import _native
from .error import Error
from .exchange import CANCEL, Disconnected
from .head import Head, Headers, field_pairs
from .outbox import Outbox, as_bytes, pack_answer, pack_fields
from .session import abort_session, close_session
from .tls import TlsInfo, tls_info

BODY_MOST = 16 * 1024 * 1024
"""Bytes that `ThreadedRequest.read` gathers if nothing else is said."""

Data = Union[bytes, bytearray, memoryview]


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


class ThreadedRequest(Head):
    """One request, to be answered by its handler, or later by another thread if
    the handler says `keep()`: with `respond`, or with `write_head`, `write` and
    `end`. From one thread at a time; `draining`, `cause` and `reset` from any.

    If nobody waits for the answer any more, `cause` says why and every call
    raises `Disconnected`, those that wait included.
    """

    def __init__(
        self, core: _native.Core, id: int, session: int, text: bytes, param_count: int, flags: int, high_water: int
    ) -> None:
        self.id = id
        self.session = session
        """The session that it came on; see `close_session`."""
        self.cause: Optional[str] = None
        """Why nobody waits for the answer any more."""
        self.code = 0
        """The RST_STREAM code, if there was one."""
        self.trailers: Tuple[Tuple[bytes, bytes], ...] = ()
        """The request's trailer fields, once its body has ended."""
        self.is_over = False
        """The answer is whole, or given up."""
        self.has_head = False
        """The answer has begun."""
        self.is_kept = False
        self.on_over: Callable[["ThreadedRequest"], None] = lambda request: None
        self._pieces = text.split(b"\0")
        self._pieces.pop()
        self._param_count = param_count
        self._flags = flags
        self._condition = threading.Condition()
        self._drain = ThreadedDrain(self._condition)
        self._outbox = Outbox(core, _nothing)
        self._high_water = high_water
        self._unread: List[bytes] = []
        self._whole: Optional[bytes] = None
        self._has_end = False
        self._queued = 0
        self._is_full = False

    @property
    def draining(self) -> ThreadedDrain:
        """Whether the session drains: `is_set()`, `left_ms`, `wait(timeout)`."""
        return self._drain

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
                # A peer that expects 100 (Continue) sends its body for this.
                self._send(_native.COMMAND_CONSUME)
            self._condition.wait_for(lambda: self._unread or self._has_end or self.cause is not None)
            if not self._unread:
                if not self._has_end:
                    self._check_open()
                return b""
            data = b"".join(self._unread)
            self._unread.clear()
        self._send(_native.COMMAND_CONSUME, number=len(data))
        return data

    def read(self, limit: int = BODY_MOST) -> bytes:
        """The whole body, or what is left of it. `Error` with the code
        GOAWAY_ERR_TOO_LARGE if it has more than `limit` bytes."""
        pieces: List[bytes] = []
        size = 0
        for piece in self.body:
            size += len(piece)
            if size > limit:
                raise Error("GOAWAY_ERR_TOO_LARGE", f"the body has more than {limit} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    # The answer.

    def respond(self, status: int, body: Data = b"", headers: Headers = None, trailers: Headers = None) -> None:
        """Answers. `date` and `content-length` are added."""
        self._check_open()
        data = as_bytes(body, "the body")
        fields = pack_answer(field_pairs(headers), "headers", self.http_version)
        if trailers is None:
            self._send(_native.COMMAND_RESPOND, _status(status), fields, data)
        else:
            packed = pack_fields(field_pairs(trailers), "trailers")
            self._outbox.add(_native.COMMAND_HEAD, self.id, _status(status), fields)
            self._send(_native.COMMAND_END, 0, packed, data)
        self.has_head = True
        self._end()

    def write_head(self, status: int, headers: Headers = None) -> None:
        """Begins a streamed answer. It goes out with what is written next."""
        self._check_open()
        if self.has_head:
            raise Error("GOAWAY_ERR_STATE", "the head is written already")
        fields = pack_answer(field_pairs(headers), "headers", self.http_version)
        self._send(_native.COMMAND_HEAD, _status(status), fields)
        self.has_head = True

    def write(self, data: Data) -> None:
        """Writes the next bytes, and waits while more than the high-water mark
        (64 KiB if not set) waits for the peer."""
        piece = as_bytes(data, "data")
        self._check_open()
        if not piece:
            return
        with self._condition:
            self._queued += len(piece)
            self._is_full = self._queued >= self._high_water
        self._outbox.write(self.id, piece, _native.COMMAND_NOTIFY if self._is_full else 0)
        self._flush()
        if self._is_full:
            with self._condition:
                self._condition.wait_for(lambda: not self._is_full or self.cause is not None)
            self._check_open()

    def end(self, data: Data = b"", trailers: Headers = None) -> None:
        """Ends a streamed answer."""
        self._check_open()
        packed = pack_fields(field_pairs(trailers), "trailers")
        self._send(_native.COMMAND_END, 0, packed, as_bytes(data, "data"))
        self._end()

    def inform(self, status: int, headers: Headers = None) -> None:
        """Sends an informational head, such as 103 (Early Hints), before the answer."""
        self._check_open()
        self._send(_native.COMMAND_INFORM, _status(status), pack_fields(field_pairs(headers), "headers"))

    def reset(self, code: int = CANCEL) -> None:
        """Ends the stream with RST_STREAM: the peer sees that the answer is not whole."""
        self._send(_native.COMMAND_RESET, number=code)
        self._end()

    def set_idle(self, seconds: float) -> None:
        """How long no byte may pass either way; 0 is for ever. Default: the
        limit `stream_idle_ms`, five minutes."""
        self._send(_native.COMMAND_SET_IDLE, number=_native.milliseconds(seconds))

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

    def _end(self) -> None:
        self.is_over = True
        if self.is_kept:
            self.on_over(self)

    def _check_open(self) -> None:
        if self.cause is not None:
            raise Disconnected(self.cause)
        if self.is_over:
            raise Error("GOAWAY_ERR_STATE", "the answer has ended")

    def _send(self, kind: int, status: int = 0, fields: bytes = b"", data: bytes = b"", number: int = 0) -> None:
        self._outbox.add(kind, self.id, status, fields, data, number)
        self._flush()

    def _flush(self) -> None:
        failures = self._outbox.flush()
        if failures:
            raise failures[0].error


def _status(status: int) -> int:
    if not isinstance(status, int) or not 100 <= status <= 599:
        raise Error("GOAWAY_ERR_INVALID", f"the status must be a number from 100 to 599, not {status!r}")
    return status


def _nothing() -> None:
    pass
