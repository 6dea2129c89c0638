"""Commands on their way to the library: packed as they come, handed over
together."""

from __future__ import annotations

import struct
from typing import Any, Callable, Iterable, List, NamedTuple, Tuple

from . import _native
from .error import Error

COMMAND = struct.Struct("=HHIQIIIIQ")
"""`goaway_command`: kind, status, flags, request, fields, data, number; fields
and data are an offset and a length."""
RECORD = struct.Struct("=HHIQQIIIIIIQII")
"""`goaway_record`: kind, flags, tag, id, session, text, data, code, cause,
number, fields, params; text and data are an offset and a length."""

FULL = 64 << 20
"""So many bytes are not gathered longer."""
MOST = 1 << 30
"""One command carries no more."""

_pack = COMMAND.pack
_RESPOND = _native.COMMAND_RESPOND
_WRITE = _native.COMMAND_WRITE


class Failure(NamedTuple):
    """A command that the library refused."""

    request: int
    kind: int
    error: Error


class Outbox:
    """Gathers commands until `flush`. For one thread at a time."""

    __slots__ = ("_arena", "_commands", "_core", "_failures", "_len", "_wake")

    def __init__(self, core: _native.Core, wake: Callable[[], None]) -> None:
        """`wake` is called for the first command after a flush."""
        self._core = core
        self._commands: List[bytes] = []
        self._arena: List[bytes] = []
        self._len = 0
        self._wake = wake
        self._failures: List[Failure] = []

    def respond(self, request: int, status: int, fields: bytes, body: bytes) -> None:
        """A whole answer. `fields` is name NUL value NUL ..."""
        size = len(body)
        if self._len + size > FULL:
            self._make_room(size)
        commands, arena, start = self._commands, self._arena, self._len
        if not commands:
            self._wake()
        fields_len = len(fields)
        middle = start + fields_len
        commands.append(_pack(_RESPOND, status, 0, request, start, fields_len, middle, size, 0))
        arena.append(fields)
        arena.append(body)
        self._len = middle + size

    def write(self, request: int, data: bytes, flags: int = 0) -> None:
        """The next bytes of an answer's body."""
        size = len(data)
        if self._len + size > FULL:
            self._make_room(size)
        commands, start = self._commands, self._len
        if not commands:
            self._wake()
        commands.append(_pack(_WRITE, 0, flags, request, 0, 0, start, size, 0))
        self._arena.append(data)
        self._len = start + size

    def add(
        self, kind: int, request: int, status: int = 0, fields: bytes = b"", data: bytes = b"", number: int = 0
    ) -> None:
        """Any command."""
        size = len(data)
        if self._len + size > FULL:
            self._make_room(size)
        commands, arena, start = self._commands, self._arena, self._len
        if not commands:
            self._wake()
        fields_len = len(fields)
        middle = start + fields_len
        commands.append(_pack(kind, status, 0, request, start, fields_len, middle, size, number))
        arena.append(fields)
        arena.append(data)
        self._len = middle + size

    def flush(self) -> List[Failure]:
        """Hands over what has gathered, in one call. Gives what was refused
        since the last flush, the first for each request, but for requests that
        have ended meanwhile."""
        commands, arena = self._commands, self._arena
        if commands:
            self._commands, self._arena, self._len = [], [], 0
            packed = b"".join(commands)
            failed = self._core.submit(packed, len(commands), b"".join(arena))
            if failed:
                self._failures += [_failure(packed, *one) for one in failed if one[1] not in _UNTOLD]
        if not self._failures:
            return _NONE
        failures, self._failures = self._failures, []
        return failures

    def _make_room(self, size: int) -> None:
        if size > MOST:
            raise Error("GOAWAY_ERR_TOO_LARGE", f"{size} bytes at once are more than {MOST}")
        self._failures = self.flush()


_NONE: List[Failure] = []
_ENDED = (_native.ERR_GONE, _native.ERR_CANCELLED, _native.ERR_FORKED)
# Of these one that failed before has been told.
_UNTOLD = (*_ENDED, _native.ERR_SKIPPED)


def _failure(packed: bytes, index: int, status: int, text: str) -> Failure:
    kind, _, _, request, *_ = COMMAND.unpack_from(packed, index * COMMAND.size)
    return Failure(request, kind, Error(_native.status_name(status), text or "the command was refused"))


def as_bytes(data: Any, what: str) -> bytes:
    """What can be sent, as bytes that nobody changes any more."""
    if type(data) is bytes:
        return data
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise TypeError(f"{what} must be bytes, not {type(data).__name__}")


def pack_fields(fields: Iterable[Tuple[Any, Any]], what: str) -> bytes:
    """Header fields as a command carries them. Names and values may be text or
    bytes; names go out in lower case, those that HTTP/2 has no use for (RFC
    9113, section 8.2.2) are left out."""
    pieces: List[bytes] = []
    try:
        for name, value in fields:
            known = _names.get(name)
            if known is None:
                known = _learn(name)
            if known:
                pieces.append(known)
                pieces.append(value if type(value) is bytes else _field(value))
        pieces.append(b"")
        packed = b"\0".join(pieces)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} must be pairs of name and value, each text or bytes: {error}") from None
    if packed.count(b"\0") >= len(pieces):
        raise Error("GOAWAY_ERR_INVALID", f"a name or value of {what} contains a NUL")
    return packed


def pack_answer(fields: Iterable[Tuple[Any, Any]], what: str, http_version: str) -> bytes:
    """The fields of an answer's head. In HTTP/1.1 one of them is `connection:
    close`, if they say so: the connection ends behind that answer."""
    if http_version == "2":
        return pack_fields(fields, what)
    given = list(fields)
    packed = pack_fields(given, what)
    return packed + _CLOSE if any(_says_close(name, value) for name, value in given) else packed


_CLOSE = b"connection\0close\0"


def _says_close(name: Any, value: Any) -> bool:
    if _field(name).lower() != b"connection":
        return False
    return b"close" in (token.strip().lower() for token in _field(value).split(b","))


_names: "dict[Any, bytes]" = {}
_HOP_BY_HOP = (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")


def _field(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("latin-1")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"{value!r} is neither")


def _learn(name: Any) -> bytes:
    """The name as it goes out; empty if it does not."""
    known = _field(name).lower()
    if not known:
        raise TypeError("a name is empty")
    if known in _HOP_BY_HOP:
        known = b""
    if len(_names) < 1000 and isinstance(name, (str, bytes)):
        _names[name] = known
    return known
