"""What a request says before its body, and what becomes of it."""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

from .. import _native
from .._native import RECORD_FLAG_HTTP_1_0, RECORD_FLAG_HTTP_1_1
from .fields import Packed, pairs

Headers = Union[Mapping[str, str], Iterable[Tuple[Union[str, bytes], Union[str, bytes]]], Packed, None]
"""Header fields of a response: a mapping, or pairs of name and value, each text
(latin-1) or bytes."""


def version_of(flags: int) -> str:
    """The HTTP version of a REQUEST record with these flags: "2", "1.1" or "1.0"."""
    if flags & RECORD_FLAG_HTTP_1_1:
        return "1.1"
    return "1.0" if flags & RECORD_FLAG_HTTP_1_0 else "2"


class RequestState:
    """What becomes of a request: its trailers, and how it was cancelled."""

    __slots__ = ()

    cause: Optional[str] = None
    """Why the request was cancelled, such as "peer_reset" or "deadline"; None if it
    was not."""
    code = 0
    """The error code (RFC 9113, section 7) that belongs to `cause`: the peer's with
    "peer_reset" and "peer_goaway", otherwise the one that the peer was sent, or 0."""
    trailers: "Tuple[Tuple[bytes, bytes], ...]" = ()
    """The trailer fields of the request, once its body has ended."""
    sensitive_trailers: "Tuple[bytes, ...]" = ()
    """The names of the trailer fields that came as never indexed; see
    `Request.sensitive_headers`."""


class RequestHead:
    """The head of a request. Field names are in lower case; values are text, one
    character for each byte (latin-1)."""

    id: int
    session: int
    """The number of the session that the request came on; see `goaway.close_session`."""
    _pieces: List[bytes]
    _param_count: int
    _flags: int
    cookies = b""
    """If several cookie fields came: the value of each, each followed by a NUL. Set by
    the pump."""
    sensitive: "Optional[Tuple[int, bytes]]" = None
    """If a field came as never indexed: the order of the pseudo-header fields and a byte
    for each header field, as the record has them. Set by the pump."""

    def _set_head(self, session: int, text: bytes, param_count: int, flags: int) -> None:
        """Takes the head from a REQUEST record."""
        self.session = session
        self._pieces = text.split(b"\0")
        self._pieces.pop()
        self._param_count = param_count
        self._flags = flags

    @property
    def http_version(self) -> str:
        """The HTTP version of the request: "2", "1.1" or "1.0"."""
        return version_of(self._flags)

    @property
    def method(self) -> str:
        """Such as "GET"."""
        return self._pieces[0].decode("latin-1")

    @property
    def scheme(self) -> str:
        """The scheme that the peer sent, or that a trusted proxy says: "http" or "https"."""
        return self._pieces[1].decode("latin-1")

    @property
    def authority(self) -> str:
        """The value of `:authority` or `host` (RFC 9113, section 8.3.1), or what a trusted
        proxy says."""
        return self._pieces[2].decode("latin-1")

    @property
    def path(self) -> str:
        """The path as received: percent-encoded, without the query."""
        return self._pieces[3].decode("latin-1")

    @property
    def query(self) -> str:
        """The query as received, without the `?`; empty if there is none."""
        return self._pieces[4].decode("latin-1")

    @property
    def peer(self) -> str:
        """The client's address, such as "127.0.0.1:49152" or "[::1]:49152"; for a
        Unix socket "unix:pid=7,uid=1000". If a trusted proxy says it, the port may be 0."""
        return self._pieces[5].decode("latin-1")

    @property
    def prefix(self) -> str:
        """The path at which a trusted proxy mounts the server, such as "/shop"; empty if
        none says so; see `Server.set_forwarded`."""
        return _native.request_prefix(self.id).decode("latin-1")

    @property
    def params(self) -> Dict[str, str]:
        """The path parameters of the pattern, percent-decoded."""
        end = 6 + 2 * self._param_count
        names, values = self._pieces[6:end:2], self._pieces[7:end:2]
        return {name.decode("utf-8"): value.decode("utf-8") for name, value in zip(names, values)}

    @property
    def headers(self) -> List[Tuple[str, str]]:
        """The header fields in the order of arrival. Several `cookie` fields are joined
        into one with "; " (RFC 9113, section 8.2.3)."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._fields]

    @property
    def raw_headers(self) -> List[Tuple[bytes, bytes]]:
        """The header fields as received, as bytes; several `cookie` fields are not
        joined."""
        if not self.cookies:
            return self._fields
        received = [(b"cookie", value) for value in self.cookies.split(b"\0")[:-1]]
        at = [name for name, _ in self._fields].index(b"cookie")
        return [*self._fields[:at], *received, *self._fields[at + 1 :]]

    @property
    def sensitive_headers(self) -> List[str]:
        """The names of the header fields, pseudo-header fields included, that the peer
        marked as never indexed (RFC 7541, section 7.1.3), each once. A proxy must mark
        them too when it forwards them: a name that begins with "\\x01" is marked. Empty
        in HTTP/1.1."""
        if self.sensitive is None:
            return []
        order, flags = self.sensitive
        names = [name for number, name in _pseudo_fields(order) if number & _native.PSEUDO_FIELD_SENSITIVE]
        names += [name.decode("latin-1") for name in sensitive_names(self._fields, flags)]
        return list(dict.fromkeys(names))

    @property
    def _fields(self) -> List[Tuple[bytes, bytes]]:
        start = 6 + 2 * self._param_count
        return list(zip(self._pieces[start::2], self._pieces[start + 1 :: 2]))

    def header(self, name: str) -> Optional[str]:
        """The value of the first header field of that name, in any case; None if there
        is none. Several `cookie` fields are joined with "; "; `headers` has all fields."""
        wanted = name.lower().encode("latin-1")
        for name_, value in self._fields:
            if name_ == wanted:
                return value.decode("latin-1")
        return None


def sensitive_names(fields: Iterable[Tuple[bytes, bytes]], flags: bytes) -> List[bytes]:
    """The names of the fields whose flags say that they came as never indexed."""
    return [name for (name, _), flag in zip(fields, flags) if flag & _native.FIELD_SENSITIVE]


_PSEUDO_FIELDS = {
    _native.PSEUDO_FIELD_METHOD: ":method",
    _native.PSEUDO_FIELD_SCHEME: ":scheme",
    _native.PSEUDO_FIELD_AUTHORITY: ":authority",
    _native.PSEUDO_FIELD_PATH: ":path",
    _native.PSEUDO_FIELD_PROTOCOL: ":protocol",
}


def _pseudo_fields(order: int) -> "Iterator[Tuple[int, str]]":
    """Number and name of each pseudo-header field, in the order of arrival."""
    while order:
        yield order & 0xF, _PSEUDO_FIELDS[order & 0x7]
        order >>= 4


def field_pairs(headers: Headers) -> "Iterable[Tuple[Union[str, bytes], Union[str, bytes]]]":
    """Header fields as pairs of name and value."""
    if headers is None:
        return ()
    if isinstance(headers, Packed):
        return pairs(headers.fields)
    return headers.items() if isinstance(headers, Mapping) else headers
