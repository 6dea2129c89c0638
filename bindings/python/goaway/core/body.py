"""A request body that is collected in memory."""

from __future__ import annotations

from typing import List

from ..error import BodyTooLarge


class BodyBuffer:
    """Collects the pieces of a request body, up to a limit."""

    def __init__(self, limit: int) -> None:
        """`limit`: bytes that the body may have."""
        self._limit = limit
        self._pieces: List[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Appends a piece. Raises `BodyTooLarge` beyond the limit."""
        self._size += len(piece)
        if self._size > self._limit:
            raise BodyTooLarge(self._limit)
        self._pieces.append(piece)

    def join(self) -> bytes:
        """The whole body."""
        return b"".join(self._pieces)
