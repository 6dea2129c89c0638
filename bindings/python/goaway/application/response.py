"""Checks of the responses of ASGI and WSGI applications. What other servers correct
silently is corrected here, so that applications are served unchanged."""

from __future__ import annotations

import logging
from typing import Any, Set

from ..core.fields import INVALID
from ..core.response import WITHOUT_BODY
from ..error import Error

log = logging.getLogger("goaway")


def check_status(status: Any) -> int:
    """Checks the status of a final response."""
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise Error(INVALID, f"the status must be a number from 200 to 999, not {status!r}")
    return status


class DroppedBodies:
    """Drops the bodies of responses that must have none (RFC 9110, section 6.4.1), and
    logs a warning once for each status."""

    def __init__(self) -> None:
        self._warned: Set[int] = set()

    def drops(self, status: int, body: bytes, method: str, path: str) -> bool:
        """Whether the body must be dropped."""
        if status not in WITHOUT_BODY:
            return False
        if body and status not in self._warned:
            self._warned.add(status)
            log.warning(
                "%s %s: the application sent a body of %d bytes or more with status %d, which has no body; "
                "it is dropped, and the bodies of further responses with this status are dropped without a warning",
                method,
                path,
                len(body),
                status,
            )
        return True
