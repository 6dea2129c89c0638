"""The deadline of a close."""

from __future__ import annotations

import time
from typing import Optional


class Deadline:
    """The moment at which a close must be complete. It is unset until a close
    begins, and a further call of the close can only shorten it."""

    def __init__(self) -> None:
        self._at: Optional[float] = None
        self.is_forced = False
        """Whether a call allowed no time at all."""

    @property
    def is_set(self) -> bool:
        """Whether a close has begun."""
        return self._at is not None

    def shorten(self, seconds: float) -> bool:
        """Sets the deadline to `seconds` from now, unless it is earlier already.
        Returns whether it has changed."""
        if seconds <= 0:
            self.is_forced = True
        at = time.monotonic() + max(0.0, seconds)
        if self._at is not None and self._at <= at:
            return False
        self._at = at
        return True

    def left(self) -> float:
        """Seconds until the deadline; 0 if it is unset or has passed."""
        return 0.0 if self._at is None else max(0.0, self._at - time.monotonic())
