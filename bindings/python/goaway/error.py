"""The one exception of the library."""

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


class StartupError(RuntimeError):
    """The application did not start. `__cause__` is what it raised, if it did."""


class ShutdownError(RuntimeError):
    """The application's shutdown failed, after everything had been served.
    `__cause__` is what it raised, if it did."""

    report: Optional[Report] = None
    """What became of the sessions, though."""
