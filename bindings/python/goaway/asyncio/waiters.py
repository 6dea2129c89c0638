"""Coroutines that wait for a change."""

from __future__ import annotations

import asyncio
from typing import List


class Waiters:
    """Wakes all coroutines that wait for a change. Each has a future of its own, so
    that one can be cancelled without the others. In the loop's thread only."""

    __slots__ = ("_futures",)

    def __init__(self) -> None:
        self._futures: List["asyncio.Future[None]"] = []

    async def wait(self) -> None:
        """Waits for the next `wake`."""
        future: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()
        self._futures.append(future)
        try:
            await future
        finally:
            if future in self._futures:
                self._futures.remove(future)

    def wake(self) -> None:
        """Wakes all that wait now."""
        futures, self._futures = self._futures, []
        for future in futures:
            if not future.done():
                future.set_result(None)
