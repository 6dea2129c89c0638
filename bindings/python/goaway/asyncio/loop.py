"""The event loop: uvloop's if it is installed."""

from __future__ import annotations

import asyncio
from typing import Any, Coroutine

from ..error import Error
from ..report import Report


def new_loop(kind: str = "auto") -> asyncio.AbstractEventLoop:
    """Makes an event loop of "asyncio", of "uvloop", or with "auto" of uvloop if it is
    installed. Raises ImportError."""
    if kind == "asyncio":
        return asyncio.new_event_loop()
    try:
        import uvloop
    except ImportError:
        if kind == "uvloop":
            raise
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def run(main: "Coroutine[Any, Any, Report]") -> Report:
    """`asyncio.run`, on uvloop if it is installed. In any thread that runs no event
    loop. Raises `Error` in one that does."""
    if asyncio._get_running_loop() is not None:
        main.close()
        raise Error(
            "GOAWAY_ERR_STATE",
            "an event loop runs in this thread; start a Server or an Application in it instead",
        )
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    # uvloop before 0.18 has no `run`.
    if not hasattr(uvloop, "run"):
        return asyncio.run(main)
    report: Report = uvloop.run(main)
    return report
