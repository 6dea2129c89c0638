"""The exceptions of the package."""

from __future__ import annotations

from typing import Optional

from .report import Report


class Error(RuntimeError):
    """A call that failed and changed nothing.

    `code` is the name of the C status, such as "GOAWAY_ERR_STATE"; the text is
    for a person.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{text} ({code})")
        self.code = code
        self.text = text

    def __reduce__(self) -> "tuple[type[Error], tuple[str, str]]":
        return (Error, (self.code, self.text))


class BodyTooLarge(Error):
    """The peer has sent more than a handler wants to read. One that lets it through
    responds 413."""

    def __init__(self, limit: int) -> None:
        super().__init__("GOAWAY_ERR_TOO_LARGE", f"the body has more than {limit} bytes")


class Disconnected(OSError):
    """The peer has gone, and nobody waits for the response any more. `cause` says
    why, such as "peer_reset" or "deadline".

    It needs no handling: a handler, a task or a thread that it ends is logged at
    debug level only.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(f"nobody waits for the response any more: {cause}")
        self.cause = cause

    def __reduce__(self) -> "tuple[type[Disconnected], tuple[str]]":
        return (Disconnected, (self.cause,))


class StartupError(RuntimeError):
    """The application did not start. `__cause__` is what it raised, if it did."""


class ShutdownError(RuntimeError):
    """The application's shutdown failed, after everything had been served.
    `__cause__` is what it raised, if it did."""

    report: Optional[Report] = None
    """What became of the sessions, though."""
