"""The exceptions of the package."""

from __future__ import annotations

from typing import Optional

from .report import Report


class Error(RuntimeError):
    """A call failed and has changed nothing."""

    code: str
    """The name of the C status, such as "GOAWAY_ERR_STATE"."""
    text: str
    """A description for people, without the code."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{text} ({code})")
        self.code = code
        self.text = text

    def __reduce__(self) -> "tuple[type[Error], tuple[str, str]]":
        return (Error, (self.code, self.text))


class BodyTooLarge(Error):
    """A request body is longer than the limit of `read`. If the handler does not catch
    it, the response is 413."""

    def __init__(self, limit: int) -> None:
        super().__init__("GOAWAY_ERR_TOO_LARGE", f"the request body has more than {limit} bytes")


class Disconnected(OSError):
    """The request was cancelled: its peer has disconnected, or a deadline has passed.

    It needs no handling: a handler, a task or a thread that it ends is logged at
    debug level only.
    """

    cause: str
    """Why, such as "peer_reset" or "deadline"."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"the request was cancelled: {cause}")
        self.cause = cause

    def __reduce__(self) -> "tuple[type[Disconnected], tuple[str]]":
        return (Disconnected, (self.cause,))


class StartupError(RuntimeError):
    """The application did not start. `__cause__` is the exception that it raised, if any."""


class ShutdownError(RuntimeError):
    """The application's lifespan shutdown failed, after the server had closed.
    `__cause__` is the exception that the application raised, if any."""

    report: Optional[Report] = None
    """The report of the close."""
