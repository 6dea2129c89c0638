"""What a server has with an event loop and without one."""

from __future__ import annotations

from typing import List, Mapping, Optional

from .. import _native
from ..limit import BODY_BYTES
from ..report import Counts
from . import library_log
from .session import Session, list_sessions
from .tls import Tls


class Front:
    """The limits and features, and what can be asked."""

    def __init__(
        self, limits: Optional[Mapping[str, int]], features: Optional[Mapping[str, bool]], tls: Optional[Tls]
    ) -> None:
        self._core = _native.Core()
        self._tls = tls
        self._high_water = 65536
        self._body_bytes = BODY_BYTES
        for name, value in (limits or {}).items():
            self.set_limit(name, value)
        for name, enabled in (features or {}).items():
            self.set_feature(name, enabled)

    def set_limit(self, name: str, value: int) -> None:
        """Sets a limit, before the start: `server.set_limit("idle_ms", 30000)`."""
        self._core.set_limit(name, value)
        if name == "high_water_bytes":
            # Who writes must stop where the library would refuse.
            self._high_water = value
        elif name == "body_bytes":
            # Here it is `read` that gathers a body.
            self._body_bytes = value

    def set_feature(self, name: str, enabled: bool) -> None:
        """Turns a feature on or off, before the start: `server.set_feature("http1", False)`."""
        self._core.set_feature(name, enabled)

    def _listen(self, address: str, tls: Optional[Tls]) -> None:
        chosen = tls or self._tls
        with library_log.shown():
            self._core.listen(address, None if chosen is None else chosen._core)

    @property
    def ports(self) -> List[int]:
        """The ports listened on, in the order of `listen`; 0 for a Unix socket."""
        return self._core.ports()

    @property
    def addresses(self) -> List[str]:
        """Where it listens, in the same order: "127.0.0.1:8080", "unix:/run/app.sock"."""
        return self._core.addresses()

    def hand_over(self, number: int = 0) -> int:
        """A duplicate of the descriptor of that listening socket, for a
        successor to listen on as "fd:N"; not inheritable, the caller's to close.
        When this server closes it leaves connections that wait to the
        successor, and the file of a Unix socket where it is."""
        return self._core.hand_over(number)

    @property
    def port(self) -> int:
        """The first of them."""
        return self._core.port(0)

    def counts(self) -> Counts:
        """What was refused since the start: connections by limits, TLS
        handshakes, PROXY headers. After the end: what there was at the end."""
        return self._core.counts()

    def set_ready(self, ready: bool) -> None:
        """Says that the server is not ready, or is again: a step before a close
        that can be undone. Everything is still served."""
        self._core.set_ready(ready)

    @property
    def is_ready(self) -> bool:
        """Whether it was started, does not close and was not set to be not ready."""
        return self._core.is_ready()

    def sessions(self) -> List[Session]:
        """The live sessions, oldest first; none once the server has ended."""
        return list_sessions(self._core)
