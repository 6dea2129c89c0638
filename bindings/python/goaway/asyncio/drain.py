"""What a handler is told when its session begins to leave."""

from __future__ import annotations

import asyncio
import time
from typing import Generator, List, Optional


class Waiters:
    """Those who wait for something to change. Each has a future of its own, so
    that one may be cancelled without the others."""

    __slots__ = ("_futures",)

    def __init__(self) -> None:
        self._futures: List["asyncio.Future[None]"] = []

    async def wait(self) -> None:
        future: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()
        self._futures.append(future)
        try:
            await future
        finally:
            if future in self._futures:
                self._futures.remove(future)

    def wake(self) -> None:
        futures, self._futures = self._futures, []
        for future in futures:
            if not future.done():
                future.set_result(None)


class Drain:
    """Whether a request's session drains: the server closes, or just this
    session. An answer that would go on for ever can end well.

    In the loop's thread only. As `request.draining`, and in an ASGI scope as
    `scope["extensions"]["goaway.drain"]`.
    """

    # Made for each request: what is not set costs nothing.
    _deadline: Optional[float] = None
    _waiters: Optional[Waiters] = None

    def is_set(self) -> bool:
        """Whether it drains."""
        return self._deadline is not None

    @property
    def left_ms(self) -> Optional[int]:
        """Milliseconds until what is still open is reset; None while it does
        not drain."""
        if self._deadline is None:
            return None
        return max(0, round((self._deadline - time.monotonic()) * 1000))

    async def wait(self) -> int:
        """Waits until it drains. Gives the milliseconds that are left."""
        while self._deadline is None:
            if self._waiters is None:
                self._waiters = Waiters()
            await self._waiters.wait()
        left_ms = self.left_ms
        assert left_ms is not None
        return left_ms

    def __await__(self) -> Generator[object, None, int]:
        return self.wait().__await__()

    def begin(self, left_ms: int) -> None:
        """The library says so."""
        self._deadline = time.monotonic() + left_ms / 1000
        if self._waiters is not None:
            self._waiters.wake()
