"""The rules of a response that a handler of `Server` or `ThreadedServer` writes:
what may follow what, and what fits its head. Each call checks its arguments
before it changes anything, so that one that raises can be corrected.

The library checks the same again when it takes the response; a test compares the
two. Errors have the codes of the C calls.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Optional, Tuple, Union

from .. import _native
from .._native import FLAG_HEAD, FLAG_HTTP_1_1
from ..error import Error
from .command_buffer import as_bytes
from .fields import INVALID, Packed, content_length, pack_head, pack_trailers
from .head import Head, Headers, field_pairs
from .session import abort_session, close_session
from .tls import TlsInfo, tls_info

Data = Union[bytes, bytearray, memoryview]

WITHOUT_BODY = frozenset((204, 205, 304))
"""Statuses of responses without a body (RFC 9110, sections 6.4.1 and 15.3.6)."""


class Responder(Head):
    """A request, and what has been said of its response so far."""

    id: int
    session: int
    """The session that it came on; see `close_session`."""
    has_head = False
    """The response has begun."""
    is_over = False
    """The response is whole, or given up."""

    _announced: Optional[int] = None
    """The content-length of a streamed body."""
    _written = 0
    _is_bodyless = False

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
        """Has the session that the request came on leave, this request served. Does
        nothing if it has ended."""
        with _unless_gone():
            close_session(self.session, drain)

    def abort_session(self, code: int = 0, debug: bytes = b"") -> None:
        """Ends the session that the request came on now. Does nothing if it has ended."""
        with _unless_gone():
            abort_session(self.session, code, debug)

    # For the two kinds of requests.

    def check_open(self) -> None:
        """Raises `Disconnected` if the peer has gone."""
        raise NotImplementedError

    def take_respond(
        self, status: int, body: Data, headers: Headers, trailers: Headers
    ) -> "Tuple[bytes, bytes, Optional[bytes]]":
        """A whole response: its fields, body and trailers, packed."""
        fields = self._check_head(status, headers)
        data = as_bytes(body, "the body")
        packed = None if trailers is None else pack_trailers(field_pairs(trailers), "trailers")
        announced = content_length(fields)
        if not self._is_tunnel(status):
            if data and status in WITHOUT_BODY:
                raise Error(INVALID, f"a response with status {status} has no body")
            if announced is not None and not self._is_without_body(status) and announced != len(data):
                raise _length(announced, len(data))
        self.has_head = self.is_over = True
        return fields, data, packed

    def take_head(self, status: int, headers: Headers) -> bytes:
        """The head of a streamed response."""
        fields = self._check_head(status, headers)
        announced = content_length(fields)
        if not self._is_tunnel(status):
            self._is_bodyless = status in WITHOUT_BODY
            self._announced = None if self._is_without_body(status) else announced
        self.has_head = True
        return fields

    def take_data(self, data: Data) -> bytes:
        """The next piece of a streamed body."""
        piece = as_bytes(data, "data")
        self._check_body(piece)
        self._written += len(piece)
        return piece

    def take_end(self, data: Data, trailers: Headers) -> "Tuple[bytes, bytes]":
        """The last piece and the trailers."""
        piece = as_bytes(data, "data")
        self._check_body(piece)
        packed = pack_trailers(field_pairs(trailers), "trailers")
        written = self._written + len(piece)
        if self._announced is not None and written != self._announced:
            raise _length(self._announced, written)
        self.is_over = True
        return piece, packed

    def take_inform(self, status: int, headers: Headers) -> bytes:
        """An informational head."""
        if not _is_number(status) or not 100 <= status <= 199 or status == 101:
            raise Error(INVALID, f"the status of an informational head cannot be {status!r}")
        self._check_no_head()
        return pack_head(field_pairs(headers), "headers", False)

    def _check_head(self, status: int, headers: Headers) -> bytes:
        self._check_no_head()
        if not _is_number(status) or not 200 <= status <= 999:
            raise Error(INVALID, f"the status must be a number from 200 to 999, not {status!r}")
        if headers is None:
            return b""
        if isinstance(headers, Packed):
            return headers.fields
        return pack_head(field_pairs(headers), "headers", bool(self._flags & FLAG_HTTP_1_1))

    def _check_no_head(self) -> None:
        self.check_open()
        if self.is_over:
            raise Error("GOAWAY_ERR_STATE", "the response has ended")
        if self.has_head:
            raise Error("GOAWAY_ERR_STATE", "the head is written already")

    def _check_body(self, piece: bytes) -> None:
        self.check_open()
        if self.is_over:
            raise Error("GOAWAY_ERR_STATE", "the response has ended")
        if not self.has_head:
            raise Error("GOAWAY_ERR_STATE", "there is no head yet")
        if piece and self._is_bodyless:
            raise Error("GOAWAY_ERR_STATE", "a response with this status has no body")
        if self._announced is not None and self._written + len(piece) > self._announced:
            raise _length(self._announced, self._written + len(piece))

    def _is_without_body(self, status: int) -> bool:
        """Its content-length, if it has one, describes another response's body."""
        return status in WITHOUT_BODY or bool(self._flags & FLAG_HEAD)

    def _is_tunnel(self, status: int) -> bool:
        """A CONNECT that succeeds (RFC 9110, section 9.3.6)."""
        return status < 300 and self._pieces[0] == b"CONNECT"


@contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        yield
    except Error as error:
        if error.code != "GOAWAY_ERR_GONE":
            raise


def check_code(code: int) -> int:
    """An error code of RST_STREAM."""
    if not _is_number(code) or not 0 <= code < 1 << 32:
        raise Error(INVALID, f"an error code is a number of 32 bits, not {code!r}")
    return code


def _is_number(status: Any) -> bool:
    return isinstance(status, int) and not isinstance(status, bool)


def _length(announced: int, written: int) -> Error:
    return Error("GOAWAY_ERR_LENGTH", f"content-length is {announced}, and the body has {written} bytes")
