"""Header fields of a response: checked, and packed as a command carries them.

There are two sets of rules. `strict` is that of the C library, for programs
written for goaway: what is wrong raises `Error` with the code
GOAWAY_ERR_INVALID. `lenient` is for ASGI and WSGI applications, which are served
unchanged: fields that describe the connection are left out, and white space
around a value is removed. What could change the message still raises.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Optional, Tuple

from ..error import Error

INVALID = "GOAWAY_ERR_INVALID"
FIELDS_MOST = 10_000
"""Fields of one section."""

_NAME_LONGEST = 65_535
_NAMES_KEPT = 1000
_SECTIONS_KEPT = 1000
_SECTION_LONGEST = 512
_NAME = re.compile(rb"\x01?[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A token (RFC 9110, section 5.1), perhaps marked as sensitive."""
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""What no value may contain (RFC 9110, section 5.5)."""
_ALLOWED = bytes(byte for byte in range(256) if not _FORBIDDEN.match(bytes([byte])))
_BLANK = b" \t"
_EDGES = (b"\0 ", b" \0", b"\0\t", b"\t\0")
_SENSITIVE = b"\x01"

CONNECTION = b"connection"
_OF_THE_CONNECTION = (b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"te")
"""RFC 9113, section 8.2.2."""
_NOT_IN_TRAILERS = (b"content-encoding", b"content-length", b"content-range", b"content-type", b"host", b"trailer")
"""RFC 9110, section 6.5.1; as the library has it."""


class Packed:
    """Fields that are checked and packed already."""

    __slots__ = ("fields",)

    def __init__(self, fields: bytes = b"") -> None:
        self.fields = fields


class Rules:
    """Packs fields by one of the two sets of rules."""

    def __init__(self, *, is_strict: bool) -> None:
        self._is_strict = is_strict
        self._names: Dict[Any, bytes] = {}
        """Names as they go out, by name as it was given; empty if they do not go out."""

    def pack(self, fields: Iterable[Tuple[Any, Any]], what: str) -> bytes:
        """Name, NUL, value, NUL of each field. Names go out in lower case."""
        pieces: List[bytes] = []
        names = self._names
        try:
            for name, value in fields:
                known = names.get(name)
                if known is None:
                    known = self._learn(name, what)
                if known:
                    pieces.append(known)
                    pieces.append(value if type(value) is bytes else _value(value, what))
        except (TypeError, ValueError) as error:
            raise TypeError(f"{what} must be pairs of name and value, each text or bytes: {error}") from None
        if not pieces:
            return b""
        pieces.append(b"")
        packed = b"\0".join(pieces)
        return self._check(packed, pieces, what)

    def _check(self, packed: bytes, pieces: List[bytes], what: str) -> bytes:
        if len(pieces) > 2 * FIELDS_MOST + 1:
            raise Error("GOAWAY_ERR_TOO_LARGE", f"{what} has more than {FIELDS_MOST} fields")
        # Without what is allowed the NULs between the pieces are left, and no more.
        is_clean = len(packed.translate(None, _ALLOWED)) == len(pieces) - 1
        if not is_clean or any(edge in packed for edge in _EDGES):
            packed = self._check_each(pieces, what)
        return packed

    def _check_each(self, pieces: List[bytes], what: str) -> bytes:
        """One value at least has something special about it."""
        for place in range(1, len(pieces), 2):
            name, value = pieces[place - 1], pieces[place]
            stripped = value.strip(_BLANK)
            if stripped != value:
                if self._is_strict:
                    raise Error(INVALID, f"the value of {_shown(name)} in {what} starts or ends with white space")
                pieces[place] = stripped
            if _FORBIDDEN.search(stripped):
                raise Error(INVALID, f"the value of {_shown(name)} in {what} contains a control character")
        return b"\0".join(pieces)

    def _learn(self, name: Any, what: str) -> bytes:
        """The name as it goes out; empty if it does not."""
        given = _text(name)
        if not _NAME.fullmatch(given) or len(given) > _NAME_LONGEST:
            raise Error(INVALID, f"{_shown(given)!r} in {what} is no field name")
        known = given.lower()
        bare = known.lstrip(_SENSITIVE)
        if not self._is_strict and (bare in _OF_THE_CONNECTION or bare == CONNECTION):
            known = b""
        elif bare in _OF_THE_CONNECTION:
            raise Error(INVALID, f"{_shown(bare)} in {what} describes the connection, which is not yours to describe")
        if len(self._names) < _NAMES_KEPT and isinstance(name, (str, bytes)):
            self._names[name] = known
        return known


strict = Rules(is_strict=True)
lenient = Rules(is_strict=False)


def pack_head(fields: Iterable[Tuple[Any, Any]], what: str, is_http1: bool) -> bytes:
    """Fields of a response head, by the strict rules. `connection: close` is allowed
    in HTTP/1.1, where it has the connection end after the response."""
    packed = strict.pack(fields, what)
    if b"connection\0" in packed:
        for name, value in pairs(packed):
            if name.lstrip(_SENSITIVE) == CONNECTION and not (is_http1 and _only_closes(value)):
                raise Error(INVALID, f'connection in {what} may be "close" in HTTP/1.1, and nothing else')
    return packed


_heads: "Dict[Any, Tuple[bytes, Optional[int]]]" = {}
"""What `application_head` has found for heads, since applications repeat theirs."""


_last: "Tuple[List[Tuple[Any, Any]], Tuple[bytes, Optional[int]]]" = ([], (b"", None))
"""The one that was found there last, and what was found. One tuple, for many threads."""


def application_head(fields: Iterable[Tuple[Any, Any]], what: str, is_http1: bool) -> "Tuple[bytes, Optional[int]]":
    """Fields of a response head, packed by the lenient rules, and the content-length
    among them. `connection: close` in HTTP/1.1 has the connection end after the
    response."""
    global _last
    last = _last
    try:
        # By value: an application may change its list. The pairs that are kept cannot change.
        if type(fields) is list and fields == last[0] and not is_http1:
            return last[1]
    except Exception:
        pass  # Bytes and text, for one, cannot be compared under `python -bb`.
    try:
        given = tuple(fields)
    except TypeError as error:
        raise TypeError(f"{what} must be pairs of name and value, each text or bytes: {error}") from None
    try:
        found = None if is_http1 else _heads.get(given)
    except TypeError:
        # A pair that is a list, as some have them.
        found = None
    if found is None:
        found = _application_head(given, what, is_http1)
        if not is_http1 and len(found[0]) <= _SECTION_LONGEST and _is_plain(given):
            if len(_heads) >= _SECTIONS_KEPT:
                _heads.clear()
            _heads[given] = found
    elif type(fields) is list:
        _last = (list(given), found)
    return found


def _application_head(given: "Tuple[Any, ...]", what: str, is_http1: bool) -> "Tuple[bytes, Optional[int]]":
    packed = lenient.pack(given, what)
    if is_http1 and any(_says_close(name, value) for name, value in given):
        packed += _CLOSE
    return packed, content_length(packed)


def _is_plain(given: "Tuple[Any, ...]") -> bool:
    """Whether nobody can change these fields."""
    return all(type(pair) is tuple and type(pair[0]) in _PLAIN and type(pair[1]) in _PLAIN for pair in given)


_PLAIN = (bytes, str)
_CLOSE = b"connection\0close\0"


def pack_trailers(fields: Iterable[Tuple[Any, Any]], what: str, rules: Rules = strict) -> bytes:
    """Fields of a trailer section."""
    packed = rules.pack(fields, what)
    if packed:
        for name, _ in pairs(packed):
            bare = name.lstrip(_SENSITIVE)
            if bare in _NOT_IN_TRAILERS or bare == CONNECTION:
                raise Error(INVALID, f"{_shown(bare)} is not allowed in trailers")
    return packed


def content_length(packed: bytes) -> Optional[int]:
    """The content-length among packed fields."""
    if b"content-length\0" not in packed:
        return None
    found = [value for name, value in pairs(packed) if name.lstrip(_SENSITIVE) == b"content-length"]
    if len(found) > 1:
        raise Error(INVALID, "there are two content-length fields")
    if not found:
        return None
    if not found[0].isdigit() or int(found[0]) >= 1 << 64:
        raise Error(INVALID, f"content-length is {_shown(found[0])!r}, which is no length")
    return int(found[0])


def pairs(packed: bytes) -> "Iterable[Tuple[bytes, bytes]]":
    """Packed fields as pairs of name and value."""
    pieces = packed.split(b"\0")
    return zip(pieces[::2], pieces[1::2])


def _only_closes(value: bytes) -> bool:
    return all(token.strip().lower() == b"close" for token in value.split(b","))


def _says_close(name: Any, value: Any) -> bool:
    if _text(name).lower() != CONNECTION:
        return False
    return b"close" in (token.strip().lower() for token in _text(value).split(b","))


def _text(given: Any) -> bytes:
    """A name or value as bytes."""
    if isinstance(given, str):
        try:
            return given.encode("latin-1")
        except UnicodeEncodeError:
            raise Error(INVALID, f"{given!r} has a character outside latin-1") from None
    if isinstance(given, (bytes, bytearray, memoryview)):
        return bytes(given)
    raise TypeError(f"{given!r} is neither")


def _value(given: Any, what: str) -> bytes:
    if type(given) is str and given.isascii():
        return given.encode("ascii")
    return _text(given)


def _shown(given: bytes) -> str:
    return given.decode("latin-1")
