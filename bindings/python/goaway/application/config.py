"""What a program that serves an application chooses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Optional

from ..core.tls import Tls
from ..threads.pool import QUEUE


@dataclass(frozen=True)
class AccessRecord:
    """One finished request, as `Config.access_log` is told of it."""

    method: str
    """Such as "GET"."""
    path: str
    """As it came: percent-encoded, without the query."""
    query: str
    """What stands behind the path's `?`, as it came; empty if there is nothing."""
    peer: str
    """The client's address, such as "127.0.0.1:49152", or "unix:" and what is
    known of a Unix socket's."""
    status: int
    """The answer's status; 0 if there was none before the end."""
    bytes: int
    """Bytes of the answer's body that the application has handed over."""
    ms: float
    """Milliseconds from the request's arrival in Python to the answer's end."""
    cause: str
    """Empty if the answer is whole; else why not, such as "peer_reset" or "deadline"."""


@dataclass
class Config:
    """Options of `goaway.asgi` and `goaway.wsgi`. A bad value raises when the
    application is made or starts, with a text that names it."""

    bind: List[str] = field(default_factory=lambda: ["127.0.0.1:8000"])
    """Addresses: "127.0.0.1:8000", "[::1]:0" (0: any free port), "localhost:8000",
    "unix:/run/app.sock", "fd:3", an inherited socket that listens, or "systemd:",
    what the service manager has opened; with options, "127.0.0.1:8000?backlog=4096".
    See `goaway_server_listen` of the C header."""
    tls: Optional[Tls] = None
    """What TLS is spoken with, at all addresses; none, and there is none."""
    drain: float = 5.0
    """Seconds that a close may take."""
    limits: Dict[str, int] = field(default_factory=dict)
    """`goaway_limit` of the C header by name, in lower case and without its
    prefix: `{"idle_ms": 30000}`."""
    features: Dict[str, bool] = field(default_factory=dict)
    """`goaway_feature` of the C header, likewise: `{"http1": False}`."""
    workers_threads: int = 1
    """Threads of the library that serve sessions in this process."""
    root_path: str = ""
    """ASGI's root_path, WSGI's SCRIPT_NAME."""
    access_log: Optional[Callable[[AccessRecord], None]] = None
    """Called once for each finished request, in the loop's thread (WSGI: in a
    thread of the pool). What it raises is logged."""
    ws_max_size: int = 16 * 1024 * 1024
    """ASGI: bytes of a WebSocket message; the peer of a longer one is told 1009."""
    lifespan: str = "auto"
    """ASGI lifespan: "on", "off", or "auto", which goes on without it if the
    application raises before it has answered lifespan.startup."""
    pathsend: bool = False
    """ASGI: offers the extension `http.response.pathsend`. Frameworks then send
    files by name, and a middleware that knows responses only by their body,
    such as one that compresses, no longer sees the bytes, or fails."""
    threads: int = 40
    """WSGI: threads of the pool."""
    queue: int = QUEUE
    """WSGI: requests that may wait for a thread. Those beyond are answered 503, with
    a warning in the log."""
    multiprocess: bool = False
    """WSGI: `wsgi.multiprocess`, whether other processes serve the application too."""
