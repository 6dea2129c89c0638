"""The deadline of a close in an event loop."""

from __future__ import annotations

import asyncio
import time
from typing import Coroutine, Optional

from ..core.deadline import Deadline

GRACE = 1.0
"""Seconds that a cancelled request may take, or the shutdown after a forced close."""


class LoopDeadline(Deadline):
    """A deadline that coroutines can be bounded by. In the loop's thread only."""

    def __init__(self) -> None:
        super().__init__()
        self._changed: Optional["asyncio.Future[None]"] = None

    def shorten(self, seconds: float) -> bool:
        has_changed = super().shorten(seconds)
        if has_changed and self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        return has_changed

    async def run(self, work: "Coroutine[object, object, None]", grace: float = 0.0) -> bool:
        """Runs `work` until `grace` seconds after the deadline. Returns False if it had
        to be cancelled. Raises what `work` raises."""
        task = asyncio.ensure_future(work)
        # The server may have ended before the loop was notified of the close.
        unset = time.monotonic() + GRACE
        try:
            while not task.done():
                left = (unset if self._at is None else self._at) + grace - time.monotonic()
                if left <= 0:
                    return False
                self._changed = asyncio.get_running_loop().create_future()
                await asyncio.wait({task, self._changed}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            task.result()
            return True
        finally:
            task.cancel()
