"""The time a close has, which every further call may shorten."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Coroutine, Optional

if TYPE_CHECKING:
    from .pump import Pump

log = logging.getLogger("goaway")

GRACE = 1.0
"""Seconds that a cancelled request may take, or the shutdown of a forced close."""


class Deadline:
    """When a close must have come to its end. In the loop's thread only."""

    def __init__(self) -> None:
        self._at: Optional[float] = None
        self._changed: Optional["asyncio.Future[None]"] = None
        self.is_forced = False
        """Whether there was no time at all."""

    def shorten(self, seconds: float) -> None:
        """It is in so many seconds, if that is earlier than it was."""
        at = time.monotonic() + max(0.0, seconds)
        if seconds <= 0:
            self.is_forced = True
        if self._at is None or at < self._at:
            self._at = at
            if self._changed is not None and not self._changed.done():
                self._changed.set_result(None)

    def left(self) -> float:
        """Seconds until then."""
        assert self._at is not None
        return max(0.0, self._at - time.monotonic())

    async def run(self, what: "Coroutine[object, object, None]", grace: float = 0.0) -> bool:
        """Runs `what` until the deadline and `grace` seconds more. False if it
        had to be cancelled. What it raises is raised."""
        task = asyncio.ensure_future(what)
        # The server may have ended before the loop heard that it is to close.
        unheard = time.monotonic() + GRACE
        try:
            while not task.done():
                left = (unheard if self._at is None else self._at) + grace - time.monotonic()
                if left <= 0:
                    return False
                self._changed = asyncio.get_running_loop().create_future()
                await asyncio.wait({task, self._changed}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            task.result()
            return True
        finally:
            task.cancel()


async def end_requests(pump: "Pump", deadline: Deadline) -> None:
    """Whoever was answered and still works may do so until the deadline, and is
    cancelled then."""
    if await deadline.run(pump.wait_idle()):
        return
    for exchange in list(pump.requests.values()):
        if exchange.task is not None:
            exchange.task.cancel()
    if not await deadline.run(pump.wait_idle(), GRACE):
        log.error("%d requests go on though they were cancelled", len(pump.requests))
