"""How a thread learns that its session drains."""

from __future__ import annotations

import threading
from typing import Optional

from ..core.drain import DrainState


class ThreadedDrain(DrainState):
    """Whether the session of a request drains. From any thread."""

    def __init__(self, condition: threading.Condition) -> None:
        """`condition`: the request's; it guards the state."""
        self._condition = condition

    def wait(self, timeout: Optional[float] = None) -> Optional[int]:
        """Waits until the session drains, for `timeout` seconds at most (None: without
        limit). Returns the milliseconds that are left; None after the timeout."""
        with self._condition:
            self._condition.wait_for(self.is_set, timeout)
        return self.left_ms

    def begin(self, left_ms: int) -> None:
        with self._condition:
            super().begin(left_ms)
            self._condition.notify_all()
