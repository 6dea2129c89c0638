"""Exceptions that end a handler: which ones are faults, and what the log says of them."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from typing import Any, Optional

from ..error import BodyTooLarge, Disconnected

log = logging.getLogger("goaway")


def log_failure(what: str, error: BaseException, is_cancelled: bool) -> None:
    """Logs that `what` has raised `error`. `is_cancelled`: the request was cancelled;
    an exception that only reports this is not a fault."""
    if is_cancelled and is_disconnect(error):
        log.debug("%s ended because its peer disconnected: %r", what, error)
    elif isinstance(error, BodyTooLarge):
        log.debug("%s refused the request body: %s", what, error)
    elif isinstance(error, asyncio.CancelledError):
        log.error("%s was cancelled by the program", what)
    else:
        log.error("%s failed", what, exc_info=error)


def log_incomplete(what: str) -> None:
    """Logs that `what` has returned before its response was complete."""
    log.error("%s returned without completing its response", what)


def is_disconnect(error: Optional[BaseException]) -> bool:
    """Whether the exception reports that the peer disconnected: `Disconnected`, the
    exception that a framework raises instead, or the cancellation that comes with
    it. An exception raised while one of these is handled is a fault."""
    while error is not None:
        members: Any = getattr(error, "exceptions", None)
        if isinstance(members, tuple) and members:
            return all(is_disconnect(member) for member in members)
        # Frameworks raise their own for http.disconnect and websocket.disconnect:
        # Starlette's ClientDisconnect and WebSocketDisconnect, Werkzeug's ClientDisconnected.
        if isinstance(error, (Disconnected, asyncio.CancelledError)) or "Disconnect" in type(error).__name__:
            return True
        error = error.__cause__
    return False


def is_interrupt(error: BaseException) -> bool:
    """Whether `error`, raised by a handler or a callback, may be Python's report of
    SIGINT. It must then leave the event loop.

    This holds only in the main thread, and only while Python's own handler of SIGINT
    is installed. The command, `goaway.run`, both `serve` functions and `asyncio.run`
    (Python 3.11 or later) install another one; a KeyboardInterrupt is then raised by
    the program itself, and ends one request as any other exception does.
    """
    return (
        isinstance(error, KeyboardInterrupt)
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )


def suppress_disconnect_of_task() -> None:
    """If the current Task of the program ends with `Disconnected`, asyncio does not
    log that its exception was never retrieved."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return
    if task is not None:
        task.remove_done_callback(_retrieve)
        task.add_done_callback(_retrieve)


def _retrieve(task: "asyncio.Task[Any]") -> None:
    if isinstance(getattr(task, "_exception", None), Disconnected):
        task.exception()


_is_hooked = threading.Lock()


def suppress_disconnect_of_threads() -> None:
    """If a thread of the program ends with `Disconnected`, no traceback is printed.
    Every other exception goes to the hook that was installed before."""
    if not _is_hooked.acquire(blocking=False):
        return
    before = threading.excepthook

    def hook(arguments: "threading.ExceptHookArgs") -> None:
        if isinstance(arguments.exc_value, Disconnected):
            log.debug("a thread ended because its peer disconnected: %r", arguments.exc_value)
        else:
            before(arguments)

    threading.excepthook = hook
