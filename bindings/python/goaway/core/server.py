"""What `goaway.Server` and `goaway.ThreadedServer` have in common."""

from __future__ import annotations

from typing import Any, Callable, Generic, List, Mapping, Optional, TypeVar

from .. import _native
from ..limit import BODY_BYTES, STALL_SECONDS
from ..report import Counts
from . import library_log
from .dispatcher import HIGH_WATER
from .session import Session, list_sessions
from .tls import Tls

H = TypeVar("H", bound=Callable[..., object])
"""The type of the handlers."""
_S = TypeVar("_S", bound="ServerBase[Any]")


class ServerBase(Generic[H]):
    """Routes, addresses and limits, and what a running server can be asked."""

    def __init__(
        self,
        limits: Optional[Mapping[str, int]],
        features: Optional[Mapping[str, bool]],
        drain: float,
        shutdown_delay: float,
        tls: Optional[Tls],
    ) -> None:
        self.drain = drain
        """Seconds that the close at the end of `with` or `async with` may take."""
        self.shutdown_delay = shutdown_delay
        """Seconds that this close waits first, not ready, before it begins to drain."""
        self._core = _native.Core()
        self._tls = tls
        self._handlers: List[H] = []
        self._high_water = HIGH_WATER
        self._body_bytes = BODY_BYTES
        for name, value in (limits or {}).items():
            self.set_limit(name, value)
        for name, enabled in (features or {}).items():
            self.set_feature(name, enabled)

    # Before the start.

    def set_limit(self, name: str, value: int) -> None:
        """Sets a limit, before the start: `server.set_limit("idle_ms", 30000)`.
        Raises `Error` if there is no such limit or the value is out of range."""
        self._core.set_limit(name, value)
        if name == "high_water_bytes":
            # `write` must wait where the library would refuse.
            self._high_water = value
        elif name == "body_bytes":
            # The library does not collect bodies here; `read` does.
            self._body_bytes = value

    def set_feature(self, name: str, enabled: bool) -> None:
        """Turns a feature on or off, before the start: `server.set_feature("http1", False)`.
        Raises `Error` if there is no such feature."""
        self._core.set_feature(name, enabled)

    def set_settings(self, settings: Mapping[int, int]) -> None:
        """Adds settings to the first SETTINGS frame of each session (RFC 9113, section
        6.5), before the start: values by identifier. The library sends them and gives
        them no meaning. Raises `Error` for a setting that the library itself sends."""
        self._core.set_settings(settings)

    def set_padding(self, padding: str) -> None:
        """Sets how frames are padded (RFC 9113, section 10.7), before the start:
        "none" (the default), "aligned" (to a multiple of 8 bytes) or "max" (by 256
        bytes)."""
        self._core.set_padding(padding)

    def route(self, pattern: str) -> Callable[[H], H]:
        """Decorator: registers the function as the handler of `pattern`; see
        `register`."""

        def decorate(handler: H) -> H:
            self.register(pattern, handler)
            return handler

        return decorate

    def register(self, pattern: str, handler: H) -> None:
        """Registers the handler of the requests that `pattern` matches, before the
        start. Raises `Error` if the pattern is malformed or registered already.

        "GET /users/{id}" matches one path segment, "GET /files/{*rest}" matches all
        that follow. The method `*` matches every method but CONNECT. The pattern "*"
        matches every request that no other pattern matches. CONNECT must be named:
        "CONNECT *"; a 2xx response then opens a tunnel, and an extended CONNECT has
        `:protocol` as its first header field. The library itself responds 404 if no
        pattern matches the path, and 405 if patterns match it with other methods only."""
        if not callable(handler):
            raise TypeError(f"the handler of {pattern!r} must be callable, not {type(handler).__name__}")
        self._core.register(pattern, len(self._handlers))
        self._handlers.append(handler)

    def listen(self: _S, address: str, *, tls: Optional[Tls] = None) -> _S:
        """Listens on an address, before the start, and returns the server itself. May
        be called several times.

        `address`: "127.0.0.1:8080", "[::1]:0" (port 0: any free port), a host name and
        a port, "unix:/run/app.sock", "fd:3" or "systemd:", with options after a "?";
        see `goaway_server_listen` of the C header. `tls`: the certificates of this
        address; by default those of the server, or none.

        Raises `Error` if the address is malformed or in use."""
        chosen = tls or self._tls
        with library_log.shown():
            self._core.listen(address, None if chosen is None else chosen._core)
        return self

    # Information. From any thread.

    @property
    def ports(self) -> List[int]:
        """The ports listened on, in the order of `listen`; 0 for a Unix socket."""
        return self._core.ports()

    @property
    def addresses(self) -> List[str]:
        """The addresses listened on, in the order of `listen`: "127.0.0.1:8080",
        "unix:/run/app.sock"."""
        return self._core.addresses()

    @property
    def port(self) -> int:
        """The first of `ports`."""
        return self._core.port(0)

    def hand_over(self, number: int = 0) -> int:
        """Duplicates the descriptor of a listening socket, so that a successor can
        listen on it as "fd:N". `number`: its index in `addresses`.

        The caller owns the descriptor, which child processes do not inherit. When this
        server closes, it leaves waiting connections and the file of a Unix socket to
        the successor."""
        return self._core.hand_over(number)

    def counts(self) -> Counts:
        """Counts what the server has refused since its start: connections beyond
        limits, TLS handshakes, PROXY headers. After the end: the final counts."""
        return self._core.counts()

    def set_forwarded(self, trusted: Optional[str] = None, fields: Optional[str] = None) -> None:
        """Trusts proxies to say who the client of a request is, before the start: `peer`,
        `scheme`, `authority` and `prefix` of the request are then what they say. Raises
        `Error` if an item is malformed.

        `trusted`: addresses and networks, separated by commas, "unix" for Unix sockets,
        "*" for everyone; by default "127.0.0.0/8,::1,unix". `fields`: the header fields
        to read, by default "x-forwarded-for,x-forwarded-proto"; there are also
        x-forwarded-host, -port, -prefix and forwarded. Name only fields that the proxy sets
        or removes; see `goaway_server_set_forwarded` of the C header."""
        self._core.set_forwarded(trusted, fields)

    def set_health_paths(
        self, *, ready: Optional[str] = None, live: Optional[str] = None, stall: float = STALL_SECONDS
    ) -> None:
        """Has the library respond to health checks itself, before the start. Handlers do
        not see these requests. Raises `Error` if a path is malformed or has a handler.

        `ready`: this path has the status 200 while the server `is_ready`, otherwise 503.
        `live`: this path has the status 503 while something has been waiting for this
        program for more than `stall` seconds, such as for a loop that is blocked, otherwise
        200. They are served on every address; an address with the option `?health=1`
        serves nothing else."""
        self._core.set_health_paths(ready, live, stall)

    def set_ready(self, ready: bool) -> None:
        """Sets the readiness flag that health checks read. False does not stop
        anything: it announces a close, and can be taken back."""
        self._core.set_ready(ready)

    @property
    def is_ready(self) -> bool:
        """Whether the server runs, does not close, and was not set to be not ready."""
        return self._core.is_ready()

    def sessions(self) -> List[Session]:
        """The live sessions, oldest first; none once the server has ended."""
        return list_sessions(self._core)
