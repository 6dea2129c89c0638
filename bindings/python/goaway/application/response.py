"""What the ASGI and the WSGI gateway have in common: applications are served
unchanged, so what other servers put right in their responses is put right here."""

from __future__ import annotations

import logging
from typing import Any, Set

from ..core.fields import INVALID
from ..core.response import WITHOUT_BODY
from ..error import Error

log = logging.getLogger("goaway")


def check_status(status: Any) -> int:
    """The status of a final response."""
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise Error(INVALID, f"the status must be a number from 200 to 999, not {status!r}")
    return status


class DroppedBodies:
    """Bodies of responses that have none (RFC 9110, section 6.4.1). They are dropped,
    and the log says so once for each status."""

    def __init__(self) -> None:
        self._told: Set[int] = set()

    def drops(self, status: int, body: bytes, method: str, path: str) -> bool:
        """Whether that body must be dropped."""
        if status not in WITHOUT_BODY:
            return False
        if body and status not in self._told:
            self._told.add(status)
            log.warning(
                "%s %s: the application gave a body of %d bytes or more to a response with status %d, which has none; "
                "it is dropped, and so are others, without a further warning",
                method,
                path,
                len(body),
                status,
            )
        return True
