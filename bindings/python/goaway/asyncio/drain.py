"""How a coroutine learns that its session drains."""

from __future__ import annotations

from typing import Callable, Generator, Optional

from ..core.drain import DrainState
from .waiters import Waiters


class Drain(DrainState):
    """Whether the session of a request drains, because the server or only this session
    closes. An endless response can then end properly.

    In the loop's thread only. It is `request.draining`, and in an ASGI scope
    `scope["extensions"]["goaway.drain"]`.
    """

    _waiters: Optional[Waiters] = None
    on_begin: Optional[Callable[[], None]] = None
    """Called when the session begins to drain."""

    async def wait(self) -> int:
        """Waits until the session drains. Returns the milliseconds that are left."""
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
        super().begin(left_ms)
        if self._waiters is not None:
            self._waiters.wake()
        if self.on_begin is not None:
            self.on_begin()
