"""Telling Ctrl-C from an exception of the program's own."""

from __future__ import annotations

import signal
import threading


def is_interrupt(error: BaseException) -> bool:
    """Whether `error`, raised by a handler or a callback, may be Python's way to
    report SIGINT. It must then leave the event loop.

    That is so only in the main thread and only while Python's own handler of SIGINT
    is installed. The command, `goaway.run`, both `serve` and `asyncio.run` (Python
    3.11 or later) install another one; there a KeyboardInterrupt is the program's
    own and ends one request, as any other exception does.
    """
    return (
        isinstance(error, KeyboardInterrupt)
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
