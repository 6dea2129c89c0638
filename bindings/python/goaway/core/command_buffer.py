"""Commands on their way to the library: packed as they come, handed over
together."""

from __future__ import annotations

import struct
from typing import Any, Callable, List, NamedTuple, Optional

from .. import _native
from ..error import Error

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

_RESPOND = _native.COMMAND_RESPOND
_WRITE = _native.COMMAND_WRITE
_pack = COMMAND.pack
# The same without the members that are 0 in every such command.
_pack_respond = struct.Struct("=HH4xQIIII8x").pack
_pack_write = struct.Struct("=H2xIQ8xII8x").pack


class Failure(NamedTuple):
    """A command that the library refused."""

    request: int
    kind: int
    error: Error


class Outbox:
    """Gathers commands until `flush`. For one thread at a time."""

    __slots__ = (
        "_arena", "_commands", "_core", "_failures", "_fields", "_fields_at", "_fields_len", "_len", "_wake",
    )  # fmt: skip

    def __init__(self, core: _native.Core, wake: Callable[[], None]) -> None:
        """`wake` is called for the first command after a flush."""
        self._core = core
        self._commands: List[bytes] = []
        self._arena: List[bytes] = []
        self._len = 0
        self._fields: Optional[bytes] = None
        self._fields_at = self._fields_len = 0
        """The last response's fields, and where in the arena they are."""
        self._wake = wake
        self._failures: List[Failure] = []

    def respond(self, request: int, status: int, fields: bytes, body: bytes) -> None:
        """A whole answer. `fields` is name NUL value NUL ..."""
        size = len(body)
        start = self._len
        if start + size > FULL:
            self._make_room(size)
            start = self._len
        commands = self._commands
        if not commands:
            self._wake()
        if fields is not self._fields:
            # Most responses have the fields of the one before, which are there already.
            self._fields, self._fields_at, self._fields_len = fields, start, len(fields)
            self._arena.append(fields)
            start += self._fields_len
        commands.append(_pack_respond(_RESPOND, status, request, self._fields_at, self._fields_len, start, size))
        self._arena.append(body)
        self._len = start + size

    def write(self, request: int, data: bytes, flags: int = 0) -> None:
        """The next bytes of an answer's body."""
        size = len(data)
        if self._len + size > FULL:
            self._make_room(size)
        commands, start = self._commands, self._len
        if not commands:
            self._wake()
        commands.append(_pack_write(_WRITE, flags, request, start, size))
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
            self._commands, self._arena, self._len, self._fields = [], [], 0, None
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
