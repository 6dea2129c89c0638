"""The rules of a response that a handler of `Server` or `ThreadedServer` writes:
the order of the calls, and the length of the body.

Each call checks its arguments before it changes anything, so that a call that
raises can be corrected and repeated. The library checks the same rules when it
takes the response, and a test compares the two. Errors have the codes of the C
calls.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Optional, Tuple, Union

from .. import _native
from .._native import RECORD_FLAG_HEAD, RECORD_FLAG_HTTP_1_1
from ..error import BodyTooLarge, Error
from .command_buffer import as_bytes
from .fields import INVALID, Packed, content_length, pack_head, pack_trailers
from .request import Headers, RequestHead, RequestState, field_pairs
from .session import abort_session, close_session
from .tls import TlsInfo, tls_info

Data = Union[bytes, bytearray, memoryview]

INTERNAL_ERROR = 2
"""Error code (RFC 9113, section 7): the handler failed after the response head."""
CANCEL = 8
"""Error code (RFC 9113, section 7): the stream is no longer needed."""

WITHOUT_BODY = frozenset((204, 205, 304))
"""Statuses of responses without a body (RFC 9110, sections 6.4.1 and 15.3.6)."""

TEXT = b"content-type\0text/plain\0"
"""The fields of a response with plain text."""
UNAVAILABLE = (503, TEXT, b"Service Unavailable")
_FAILED = (500, TEXT, b"Internal Server Error")
_TOO_LARGE = (413, TEXT, b"Content Too Large")


def error_response(error: Optional[BaseException] = None) -> "Tuple[int, bytes, bytes]":
    """Status, fields and body of the response to a request whose handler ended with
    `error` before it sent a head."""
    return _TOO_LARGE if isinstance(error, BodyTooLarge) else _FAILED


class Responder(RequestHead, RequestState):
    """A request, and the state of its response."""

    id: int
    has_head = False
    """The response head has been written."""
    is_over = False
    """The response is complete, or was reset."""

    _announced: Optional[int] = None
    """The content-length of a streamed body."""
    _written = 0
    _is_bodyless = False

    @property
    def stream(self) -> int:
        """The stream identifier; in HTTP/1.1 the 1-based index of the request on its
        connection. 0 once the request has ended."""
        return _native.request_stream(self.id)

    @property
    def tls(self) -> Optional[TlsInfo]:
        """The result of the session's TLS handshake; None without TLS."""
        return tls_info(self.session)

    def close_session(self, drain: float = 5.0) -> None:
        """Closes the session of the request gracefully: its open streams, this request
        included, have `drain` seconds to end. Returns at once. Does nothing if the
        session has ended."""
        with _unless_gone():
            close_session(self.session, drain)

    def abort_session(self, code: int = 0, debug: bytes = b"") -> None:
        """Ends the session of the request now, with a GOAWAY frame of this error code
        and up to 1024 bytes of debug data. Does nothing if the session has ended."""
        with _unless_gone():
            abort_session(self.session, code, debug)

    # For the two kinds of requests. Each method checks, and returns what to send.

    def check_open(self) -> None:
        """Raises `Disconnected` if the request was cancelled."""
        raise NotImplementedError

    def take_respond(
        self, status: int, body: Data, headers: Headers, trailers: Headers
    ) -> "Tuple[bytes, bytes, Optional[bytes]]":
        """A whole response: its packed fields, its body and its packed trailers."""
        fields = self._check_head(status, headers)
        data = as_bytes(body, "the body")
        packed = None if trailers is None else pack_trailers(field_pairs(trailers), "trailers")
        announced = content_length(fields)
        if not self._is_tunnel(status):
            if data and status in WITHOUT_BODY:
                raise Error(INVALID, f"a response with status {status} has no body, but {len(data)} bytes were given")
            if announced is not None and not self._is_without_body(status) and announced != len(data):
                raise length_error(announced, len(data))
        self.has_head = self.is_over = True
        return fields, data, packed

    def take_head(self, status: int, headers: Headers) -> bytes:
        """The packed head of a streamed response."""
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
        """The last piece of a streamed body, and the packed trailers."""
        piece = as_bytes(data, "data")
        self._check_body(piece)
        packed = pack_trailers(field_pairs(trailers), "trailers")
        written = self._written + len(piece)
        if self._announced is not None and written != self._announced:
            raise length_error(self._announced, written)
        self.is_over = True
        return piece, packed

    def take_inform(self, status: int, headers: Headers) -> bytes:
        """The packed fields of an informational response."""
        if not _is_number(status) or not 100 <= status <= 199 or status == 101:
            raise Error(INVALID, f"the status of an informational response must be 100 or 102 to 199, not {status!r}")
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
        return pack_head(field_pairs(headers), "headers", bool(self._flags & RECORD_FLAG_HTTP_1_1))

    def _check_no_head(self) -> None:
        self.check_open()
        if self.is_over:
            raise Error("GOAWAY_ERR_STATE", "the response has ended")
        if self.has_head:
            raise Error("GOAWAY_ERR_STATE", "the response head was written before")

    def _check_body(self, piece: bytes) -> None:
        self.check_open()
        if self.is_over:
            raise Error("GOAWAY_ERR_STATE", "the response has ended")
        if not self.has_head:
            raise Error("GOAWAY_ERR_STATE", "no response head was written; call write_head first")
        if piece and self._is_bodyless:
            raise Error("GOAWAY_ERR_STATE", "a response with this status has no body")
        if self._announced is not None and self._written + len(piece) > self._announced:
            raise length_error(self._announced, self._written + len(piece))

    def _is_without_body(self, status: int) -> bool:
        """Whether a content-length describes the body of another response."""
        return status in WITHOUT_BODY or bool(self._flags & RECORD_FLAG_HEAD)

    def _is_tunnel(self, status: int) -> bool:
        """Whether this is a successful response to CONNECT (RFC 9110, section 9.3.6)."""
        return status < 300 and self._pieces[0] == b"CONNECT"


@contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        yield
    except Error as error:
        if error.code != "GOAWAY_ERR_GONE":
            raise


def check_code(code: int) -> int:
    """Checks an error code of RST_STREAM."""
    if not _is_number(code) or not 0 <= code < 1 << 32:
        raise Error(INVALID, f"an error code must be a number from 0 to 2^32 - 1, not {code!r}")
    return code


def _is_number(status: Any) -> bool:
    return isinstance(status, int) and not isinstance(status, bool)


def length_error(announced: int, written: int) -> Error:
    """The body does not have the length that content-length announces."""
    return Error("GOAWAY_ERR_LENGTH", f"content-length is {announced}, but the body has {written} bytes")
