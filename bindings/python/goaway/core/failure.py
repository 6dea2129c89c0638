"""What becomes of an exception that ends a handler."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any, Optional

from ..error import BodyTooLarge, Disconnected

log = logging.getLogger("goaway")


def log_failure(what: str, error: BaseException, is_gone: bool) -> None:
    """Logs what `what` has raised. `is_gone`: nobody waits for its response any more;
    an exception that only says so is nobody's fault."""
    if is_gone and is_departure(error):
        log.debug("%s ended since its peer has gone: %r", what, error)
    elif isinstance(error, BodyTooLarge):
        log.debug("%s refused its body: %s", what, error)
    elif isinstance(error, asyncio.CancelledError):
        log.error("%s was cancelled by the program", what)
    else:
        log.error("%s failed", what, exc_info=error)


def is_departure(error: Optional[BaseException]) -> bool:
    """Whether it says that the peer has gone: our `Disconnected`, what a framework
    has made of it, or the cancellation that comes with it. A fault in code that
    handles one of these is a fault."""
    while error is not None:
        members: Any = getattr(error, "exceptions", None)
        if isinstance(members, tuple) and members:
            return all(is_departure(member) for member in members)
        # Frameworks raise their own for http.disconnect and websocket.disconnect:
        # Starlette's ClientDisconnect and WebSocketDisconnect, Werkzeug's ClientDisconnected.
        if isinstance(error, (Disconnected, asyncio.CancelledError)) or "Disconnect" in type(error).__name__:
            return True
        error = error.__cause__
    return False


def expect_departure() -> None:
    """Has a Task of the program's own that ends by `Disconnected` end without a
    complaint: asyncio would log that its exception was never retrieved."""
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


def hook_threads() -> None:
    """Has a thread of the program's own that ends by `Disconnected` end without a
    traceback; every other exception goes to the hook that was there."""
    if not _is_hooked.acquire(blocking=False):
        return
    before = threading.excepthook

    def hook(arguments: "threading.ExceptHookArgs") -> None:
        if isinstance(arguments.exc_value, Disconnected):
            log.debug("a thread ended since its peer has gone: %r", arguments.exc_value)
        else:
            before(arguments)

    threading.excepthook = hook
