"""goaway: an HTTP/2 server that knows how to leave.

`Server` serves in an event loop, `ThreadedServer` without one; `goaway.asgi`
and `goaway.wsgi` serve applications. Close always ends, in time, with a report.
"""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING

from ._native import version
from .application.config import AccessRecord, Config
from .asyncio.drain import Drain
from .asyncio.request import Request
from .asyncio.server import Server, run
from .core.session import Session, SessionEvent, abort_session, close_session, send_altsvc, send_origin
from .core.tls import Tls, TlsInfo, tls_info
from .error import Disconnected, Error, ShutdownError, StartupError
from .report import Counts, Progress, Report
from .threads.request import ThreadedRequest
from .threads.server import ThreadedServer

if _TYPE_CHECKING:
    from . import asgi, wsgi

__version__ = version()

__all__ = [
    "AccessRecord",
    "Config",
    "Counts",
    "Disconnected",
    "Drain",
    "Error",
    "Progress",
    "Report",
    "Request",
    "Server",
    "Session",
    "SessionEvent",
    "ShutdownError",
    "StartupError",
    "ThreadedRequest",
    "ThreadedServer",
    "Tls",
    "TlsInfo",
    "abort_session",
    "asgi",
    "close_session",
    "run",
    "send_altsvc",
    "send_origin",
    "tls_info",
    "version",
    "wsgi",
]


def __getattr__(name: str) -> object:
    """`goaway.asgi` and `goaway.wsgi`, loaded when they are first asked for."""
    if name in ("asgi", "wsgi"):
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> "list[str]":
    return sorted({*globals(), *__all__})
