"""Whether the session of a request drains."""

from __future__ import annotations

import time
from typing import Optional


class DrainState:
    """Whether a session drains, and how much time is left."""

    # One is made for each request: a class attribute costs nothing until it is set.
    _deadline: Optional[float] = None

    def is_set(self) -> bool:
        """Whether the session drains."""
        return self._deadline is not None

    @property
    def left_ms(self) -> Optional[int]:
        """Milliseconds until open streams are reset; None while the session does
        not drain."""
        deadline = self._deadline
        return None if deadline is None else max(0, round((deadline - time.monotonic()) * 1000))

    def begin(self, left_ms: int) -> None:
        """The session drains from now on. Called by the library's events."""
        self._deadline = time.monotonic() + left_ms / 1000
