"""Commands for the library: packed one by one, submitted together.

A call of the library costs more than a command. So the commands of many
responses are collected and submitted by one call.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, List, NamedTuple, Optional

from .. import _native
from ..error import Error

COMMAND = struct.Struct("=HHIQIIIIQ")
"""`goaway_command`: kind, status, flags, request, fields, data, number; fields
and data are an offset and a length."""

MAX_BUFFERED = 64 << 20
"""Bytes that are collected before they are submitted early."""
MAX_COMMAND = 1 << 30
"""Bytes that one command may carry."""

_RESPOND = _native.COMMAND_KIND_RESPOND
_WRITE = _native.COMMAND_KIND_WRITE
_pack = COMMAND.pack
# The same without the members that are 0 in every such command.
_pack_respond = struct.Struct("=HH4xQIIII8x").pack
_pack_write = struct.Struct("=H2xIQ8xII8x").pack


class Failure(NamedTuple):
    """A command that the library refused."""

    request: int
    kind: int
    error: Error


class CommandBuffer:
    """Collects commands until `flush`. For one thread at a time."""

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
        """The fields of the previous response, and where they are in the arena."""
        self._wake = wake
        self._failures: List[Failure] = []

    # The three methods that add a command repeat a few lines: they run for each
    # request, and a call of a common function would take as long as the rest.

    def respond(self, request: int, status: int, fields: bytes, body: bytes) -> None:
        """Adds a whole response. `fields`: name, NUL, value, NUL of each field."""
        size = len(body)
        start = self._len
        if start + size > MAX_BUFFERED:
            self._make_room(size)
            start = self._len
        commands = self._commands
        if not commands:
            self._wake()
        if fields is not self._fields:
            # Most responses repeat the fields of the previous one, which are in the arena already.
            self._fields, self._fields_at, self._fields_len = fields, start, len(fields)
            self._arena.append(fields)
            start += self._fields_len
        commands.append(_pack_respond(_RESPOND, status, request, self._fields_at, self._fields_len, start, size))
        self._arena.append(body)
        self._len = start + size

    def write(self, request: int, data: bytes, flags: int = 0) -> None:
        """Adds the next bytes of a response body."""
        size = len(data)
        if self._len + size > MAX_BUFFERED:
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
        """Adds a command of any kind."""
        size = len(data)
        if self._len + size > MAX_BUFFERED:
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
        """Submits the collected commands by one call. Returns the commands that were
        refused since the last flush: the first of each request, and none of requests
        that have ended in the meantime."""
        commands, arena = self._commands, self._arena
        if commands:
            self._commands, self._arena, self._len, self._fields = [], [], 0, None
            packed = b"".join(commands)
            failed = self._core.submit(packed, len(commands), b"".join(arena))
            if failed:
                self._failures += [_failure(packed, *one) for one in failed if one[1] not in _NOT_REPORTED]
        if not self._failures:
            return _NONE
        failures, self._failures = self._failures, []
        return failures

    def _make_room(self, size: int) -> None:
        if size > MAX_COMMAND:
            raise Error(
                "GOAWAY_ERR_TOO_LARGE", f"one call takes at most {MAX_COMMAND} bytes, not {size}; split the data"
            )
        self._failures = self.flush()


_NONE: List[Failure] = []
_ENDED = (_native.ERR_GONE, _native.ERR_CANCELLED, _native.ERR_FORKED)
# ERR_SKIPPED: an earlier command of the same request has failed, and was reported.
_NOT_REPORTED = (*_ENDED, _native.ERR_SKIPPED)


def _failure(packed: bytes, index: int, status: int, text: str) -> Failure:
    kind, _, _, request, *_ = COMMAND.unpack_from(packed, index * COMMAND.size)
    return Failure(request, kind, Error(_native.status_name(status), text or "the command was refused"))


def as_bytes(data: Any, what: str) -> bytes:
    """Data to be sent, as bytes that cannot change any more."""
    if type(data) is bytes:
        return data
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise TypeError(f"{what} must be bytes, not {type(data).__name__}")
