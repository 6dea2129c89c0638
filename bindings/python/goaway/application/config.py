"""The options of a program that serves an ASGI or WSGI application."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Mapping, Optional

from .._native import Core
from ..core.tls import Tls
from ..error import Error
from ..limit import IS_OF_C, STALL_SECONDS
from ..threads.pool import QUEUE


@dataclass(frozen=True)
class AccessRecord:
    """One finished request, for `Config.access_log`."""

    method: str
    """The method, such as "GET"; "WEBSOCKET" for a WebSocket of ASGI."""
    path: str
    """The path as received: percent-encoded, without the query."""
    query: str
    """The query as received, without the `?`; empty if there is none."""
    peer: str
    """The client's address, such as "127.0.0.1:49152"; "unix:" for a Unix socket, with
    the process and the user where they are known."""
    status: int
    """The status of the response; 0 if there was none."""
    bytes: int
    """Bytes of the response body that the application has sent."""
    ms: float
    """Milliseconds from the arrival of the request in Python to the end of the response."""
    cause: str
    """Empty if the response is complete; otherwise the reason why it is not, such as
    "peer_reset", "deadline" or "aborted"."""


@dataclass
class Config:
    """Options of `goaway.asgi` and `goaway.wsgi`. An invalid value raises when the
    application is made or started, with a text that names it."""

    bind: List[str] = field(default_factory=lambda: ["127.0.0.1:8000"])
    """Addresses to listen on: "127.0.0.1:8000", "[::1]:0" (port 0: any free port),
    "localhost:8000", "unix:/run/app.sock", "fd:3" (an inherited listening socket) or
    "systemd:" (sockets that the service manager has opened), with options after a "?":
    "127.0.0.1:8000?backlog=4096". See `goaway_server_listen` of the C header."""
    tls: Optional[Tls] = None
    """The certificates of all addresses; None: no TLS."""
    drain: float = 5.0
    """Seconds that open requests have to end when the server closes."""
    shutdown_delay: float = 0.0
    """`serve`: seconds between the signal and the close. Until they have passed the server is
    not ready, so that load balancers take it out, and serves as before."""
    forwarded_allow_ips: Optional[str] = None
    """The proxies that are trusted to say who the client is: addresses and networks, separated
    by commas, "unix" for Unix sockets, "*" for everyone. None or empty: nobody. The command
    has another default."""
    forwarded_fields: Optional[str] = None
    """The header fields in which they say it; None: "x-forwarded-for,x-forwarded-proto". There
    are also x-forwarded-host, -port, -prefix and forwarded. Name only fields that the proxy
    sets or removes."""
    ready_path: Optional[str] = None
    """The path of a readiness check, such as "/ready", to which the library responds itself:
    200 while the server is ready, 503 from the signal on that closes it."""
    live_path: Optional[str] = None
    """The path of a liveness check: 503 while events have been waiting for this process for
    more than `live_timeout` seconds, such as for a loop that is blocked, otherwise 200."""
    live_timeout: float = STALL_SECONDS
    """See `live_path`."""
    limits: Dict[str, int] = field(default_factory=dict)
    """Names of `goaway_limit` of the C header, in lower case and without its prefix,
    with their values: `{"idle_ms": 30000}`."""
    features: Dict[str, bool] = field(default_factory=dict)
    """Names of `goaway_feature` of the C header, in the same form: `{"http1": False}`."""
    workers_threads: int = 1
    """Threads of the library that serve sessions in this process."""
    root_path: str = ""
    """The path at which the application is mounted: ASGI's root_path, WSGI's SCRIPT_NAME."""
    access_log: Optional[Callable[[AccessRecord], None]] = None
    """Called once for each finished request: for ASGI in the loop's thread, for WSGI in a
    thread of the pool. What it raises is logged."""
    ws_max_size: int = 16 * 1024 * 1024
    """ASGI: the maximum size of a WebSocket message in bytes; a longer one closes the
    WebSocket with code 1009."""
    lifespan: str = "auto"
    """ASGI lifespan: "on", "off", or "auto", which serves without a lifespan if the
    application raises before it has completed lifespan.startup."""
    pathsend: bool = False
    """ASGI: offers the extension `http.response.pathsend`. Frameworks then send files by
    name; a middleware that changes response bodies, for example by compression, does not
    see these bytes, or fails."""
    end_on_drain: bool = False
    """ASGI: when the session drains, `receive` of a request whose body was received and whose
    response is being streamed returns `http.disconnect`, as if the client had left; `send`
    still works. Frameworks then end streams that have no end of their own, such as server-sent
    events, but also those that have one. The response is complete if the application completes
    it or it is a text/event-stream, and is otherwise reset with CANCEL. `spec_version` in the scope is 2.3: from 2.4 on
    frameworks do not look at `receive`."""
    threads: int = 40
    """WSGI: threads of the pool."""
    queue: int = QUEUE
    """WSGI: requests that may wait for a thread; further ones get 503, with a warning in
    the log."""
    multiprocess: bool = False
    """WSGI: `wsgi.multiprocess`, whether other processes serve the application too."""


def apply(core: Core, limits: Mapping[str, int], features: Mapping[str, bool]) -> None:
    """Sets the limits and features of a server. Raises `Error` if the library refuses one,
    and for limits that have no effect on an application, which reads the request bodies
    itself."""
    for name in ("body_bytes", "session_body_bytes"):
        if name in limits:
            raise Error("GOAWAY_ERR_INVALID", f"the limit {name} {IS_OF_C}; an application limits itself what it reads")
    for name, value in limits.items():
        core.set_limit(name, value)
    for name, enabled in features.items():
        core.set_feature(name, enabled)


def has_prefix(config: Config) -> bool:
    """Whether proxies may say at which path they mount the application."""
    fields = (config.forwarded_fields or "").lower().split(",")
    return bool(config.forwarded_allow_ips) and "x-forwarded-prefix" in (field.strip() for field in fields)
