"""goaway: an HTTP server, for HTTP/2 and HTTP/1.1, that closes gracefully.

`Server` serves in an event loop and `ThreadedServer` in threads; `goaway.asgi` and
`goaway.wsgi` serve applications. A close always ends in time, and returns a report.
"""

# The layers, from the top down. A module imports only from layers below its own
# and from its own subpackage; names on one line do not import each other.
# tests/test_layers.py reads this table and checks it.
#
#   cli: the command `goaway`: its options and its start
#   supervisor: several worker processes, kept by one supervisor
#   worker: one process that loads and serves an application
#   asgi, wsgi: the servers of ASGI and WSGI applications
#   application: what these two have in common
#   asyncio, threads: Server, in an event loop; ThreadedServer, in a pool of threads
#   core: what these two have in common: sessions, requests, responses, TLS, logs
#   _native: the C library; the only subpackage that knows ctypes
#   error: the exceptions
#   limit: what Python knows of some limits
#   report, signals: Report, Progress, Counts and MemoryUsage; SIGTERM and SIGINT

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING

from ._native import memory_usage, version
from .application.config import AccessRecord, Config
from .asyncio.drain import Drain
from .asyncio.request import Request
from .asyncio.server import Server, run
from .core.session import Session, SessionEvent, abort_session, close_session, send_altsvc, send_origin
from .core.tls import Tls, TlsInfo, tls_info
from .error import Disconnected, Error, ShutdownError, StartupError
from .report import Counts, MemoryUsage, Progress, Report
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
    "MemoryUsage",
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
    "memory_usage",
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
