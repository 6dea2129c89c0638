"""Header fields of a response: checks them, and packs them for a command.

There are two sets of rules. `strict` has the rules of the C library, for programs
written for goaway: an invalid field raises `Error` with the code
GOAWAY_ERR_INVALID. `lenient` is for ASGI and WSGI applications, which other
servers accept: fields that describe the connection are left out, and white space
around a value is removed. A field that could change the framing of the message
still raises.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Optional, Tuple

from ..error import Error

INVALID = "GOAWAY_ERR_INVALID"
MAX_FIELDS = 10_000
"""Fields that one section may have."""

_MAX_NAME_BYTES = 65_535
_MAX_CACHED_NAMES = 1000
_MAX_CACHED_HEADS = 1000
_MAX_CACHED_HEAD_BYTES = 512
_NAME = re.compile(rb"\x01?[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A token (RFC 9110, section 5.1), after an optional mark as sensitive."""
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""Bytes that no value may contain (RFC 9110, section 5.5)."""
_ALLOWED = bytes(byte for byte in range(256) if not _FORBIDDEN.match(bytes([byte])))
_BLANK = b" \t"
_EDGES = (b"\0 ", b" \0", b"\0\t", b"\t\0")
_SENSITIVE = b"\x01"

CONNECTION = b"connection"
_CONNECTION_FIELDS = (b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"te")
"""RFC 9113, section 8.2.2."""
_NOT_IN_TRAILERS = (b"content-encoding", b"content-length", b"content-range", b"content-type", b"host", b"trailer")
"""RFC 9110, section 6.5.1; the same fields as in the library."""


class Packed:
    """Fields that have been checked and packed."""

    __slots__ = ("fields",)

    def __init__(self, fields: bytes = b"") -> None:
        self.fields = fields


class Rules:
    """Checks and packs fields by one of the two sets of rules."""

    def __init__(self, *, is_strict: bool) -> None:
        self._is_strict = is_strict
        self._names: Dict[Any, bytes] = {}
        """Cache: the name as it is sent, by the name as given; empty if the field is left out."""

    def pack(self, fields: Iterable[Tuple[Any, Any]], what: str) -> bytes:
        """The fields packed: name, NUL, value, NUL of each. Names are sent in lower
        case. `what` names the fields in errors."""
        pieces: List[bytes] = []
        names = self._names
        try:
            for name, value in fields:
                known = names.get(name)
                if known is None:
                    known = self._check_name(name, what)
                if known:
                    pieces.append(known)
                    pieces.append(value if type(value) is bytes else _value(value))
        except (TypeError, ValueError) as error:
            raise TypeError(f"{what} must be pairs of name and value, each text or bytes: {error}") from None
        if not pieces:
            return b""
        pieces.append(b"")
        packed = b"\0".join(pieces)
        return self._check(packed, pieces, what)

    def _check(self, packed: bytes, pieces: List[bytes], what: str) -> bytes:
        if len(pieces) > 2 * MAX_FIELDS + 1:
            raise Error("GOAWAY_ERR_TOO_LARGE", f"{what}: {len(pieces) // 2} fields; at most {MAX_FIELDS} are allowed")
        # Without the allowed bytes only the NULs between the pieces remain.
        is_clean = len(packed.translate(None, _ALLOWED)) == len(pieces) - 1
        if not is_clean or any(edge in packed for edge in _EDGES):
            packed = self._check_each(pieces, what)
        return packed

    def _check_each(self, pieces: List[bytes], what: str) -> bytes:
        """Checks and strips each value: at least one needs it. Errors do not show values,
        which may be secrets."""
        for place in range(1, len(pieces), 2):
            name, value = pieces[place - 1], pieces[place]
            stripped = value.strip(_BLANK)
            if stripped != value:
                if self._is_strict:
                    raise Error(
                        INVALID, f"{what}: the value of {_shown(name)} starts or ends with white space; strip it"
                    )
                pieces[place] = stripped
            if _FORBIDDEN.search(stripped):
                raise Error(INVALID, f"{what}: the value of {_shown(name)} contains a control character")
        return b"\0".join(pieces)

    def _check_name(self, name: Any, what: str) -> bytes:
        """The name as it is sent; empty if the field is left out."""
        given = _text(name)
        if not _NAME.fullmatch(given) or len(given) > _MAX_NAME_BYTES:
            raise Error(INVALID, f"{what}: {_shown(given)[:100]!r} is not a field name")
        known = given.lower()
        bare = known.lstrip(_SENSITIVE)
        if not self._is_strict and (bare in _CONNECTION_FIELDS or bare == CONNECTION):
            known = b""
        elif bare in _CONNECTION_FIELDS:
            raise Error(INVALID, f"{what}: {_shown(bare)} describes the connection; the library sends it, leave it out")
        if len(self._names) < _MAX_CACHED_NAMES and isinstance(name, (str, bytes)):
            self._names[name] = known
        return known


strict = Rules(is_strict=True)
lenient = Rules(is_strict=False)


def pack_head(fields: Iterable[Tuple[Any, Any]], what: str, is_http1: bool) -> bytes:
    """Packs the fields of a response head by the strict rules. In HTTP/1.1
    `connection: close` is allowed; it ends the connection after the response."""
    packed = strict.pack(fields, what)
    if b"connection\0" in packed:
        for name, value in pairs(packed):
            if name.lstrip(_SENSITIVE) == CONNECTION and not (is_http1 and _only_closes(value)):
                raise Error(INVALID, f'{what}: connection may only be "close", in HTTP/1.1; it is {_shown(value)!r}')
    return packed


_heads: "Dict[Any, Tuple[bytes, Optional[int]]]" = {}
"""Cache of `application_head`: applications send the same fields again and again."""


_last: "Tuple[List[Tuple[Any, Any]], Tuple[bytes, Optional[int]]]" = ([], (b"", None))
"""The fields of the previous response and their result; one tuple, since threads share it."""


def application_head(fields: Iterable[Tuple[Any, Any]], what: str, is_http1: bool) -> "Tuple[bytes, Optional[int]]":
    """Packs the fields of a response head by the lenient rules; returns them and the
    content-length among them. In HTTP/1.1 `connection: close` ends the connection
    after the response."""
    global _last
    last = _last
    try:
        # Compared by value: an application may change its list. The pairs in the cache cannot change.
        if type(fields) is list and fields == last[0] and not is_http1:
            return last[1]
    except Exception:
        pass  # Under `python -bb` a comparison of bytes and text raises.
    try:
        given = tuple(fields)
    except TypeError as error:
        raise TypeError(f"{what} must be pairs of name and value, each text or bytes: {error}") from None
    try:
        found = None if is_http1 else _heads.get(given)
    except TypeError:
        # A pair that is a list cannot be hashed; some applications send those.
        found = None
    if found is None:
        found = _application_head(given, what, is_http1)
        if not is_http1 and len(found[0]) <= _MAX_CACHED_HEAD_BYTES and _is_plain(given):
            if len(_heads) >= _MAX_CACHED_HEADS:
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
    """Whether these fields are immutable."""
    return all(type(pair) is tuple and type(pair[0]) in _PLAIN and type(pair[1]) in _PLAIN for pair in given)


_PLAIN = (bytes, str)
_CLOSE = b"connection\0close\0"


def pack_trailers(fields: Iterable[Tuple[Any, Any]], what: str, rules: Rules = strict) -> bytes:
    """Packs the fields of a trailer section."""
    packed = rules.pack(fields, what)
    if packed:
        for name, _ in pairs(packed):
            bare = name.lstrip(_SENSITIVE)
            if bare in _NOT_IN_TRAILERS or bare == CONNECTION:
                raise Error(INVALID, f"{what}: {_shown(bare)} is not allowed in trailers (RFC 9110, section 6.5.1)")
    return packed


def content_length(packed: bytes) -> Optional[int]:
    """The value of content-length among packed fields; None if there is none."""
    if b"content-length\0" not in packed:
        return None
    found = [value for name, value in pairs(packed) if name.lstrip(_SENSITIVE) == b"content-length"]
    if len(found) > 1:
        raise Error(INVALID, f"there are {len(found)} content-length fields; send one")
    if not found:
        return None
    if not found[0].isdigit() or int(found[0]) >= 1 << 64:
        raise Error(INVALID, f"content-length is {_shown(found[0])!r}; it must be a decimal number below 2^64")
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
            raise Error(INVALID, f"{given!r} has a character outside latin-1; encode it to bytes") from None
    if isinstance(given, (bytes, bytearray, memoryview)):
        return bytes(given)
    raise TypeError(f"{given!r} is of type {type(given).__name__}")


def _value(given: Any) -> bytes:
    if type(given) is str and given.isascii():
        return given.encode("ascii")
    return _text(given)


def _shown(given: bytes) -> str:
    return given.decode("latin-1")
