"""What the servers of ASGI and WSGI applications have in common: from the configuration
to listening sockets, and from there to the signal that closes them."""

from __future__ import annotations

import contextlib
from typing import Callable, Iterable, List, Optional, Tuple

from .. import _native
from ..asyncio.loop import run
from ..core.address import Address, asgi_server
from ..error import Error
from ..report import Progress, Report
from ..signals import signals
from .config import Config, apply


class ApplicationServer:
    """Serves one application. It is started and closed in a running event loop."""

    def __init__(self, config: Optional[Config]) -> None:
        self.config = config if config is not None else Config()
        """The options."""
        self.ports: List[int] = []
        """The ports listened on, in the order of `Config.bind`, 0 for a Unix socket.
        Set by `start`."""
        self.addresses: List[str] = []
        """The addresses listened on: "127.0.0.1:8000", "unix:/run/app.sock". Set by
        `start`."""
        self.progress: Optional[Callable[[Progress], None]] = None
        """Called about ten times a second while the server closes, in the loop's thread.
        It may be set at any time."""
        self._core: Optional[_native.Core] = None

    async def start(self) -> None:
        """Listens and serves."""
        raise NotImplementedError

    def begin_close(self, drain: Optional[float] = None, shutdown_delay: float = 0.0) -> None:
        """Begins to close after the delay, and returns at once."""
        raise NotImplementedError

    def close_soon(self, drain: Optional[float] = None, shutdown_delay: float = 0.0) -> None:
        """`begin_close` from any thread, and from a signal handler."""
        raise NotImplementedError

    async def wait_closed(self) -> Report:
        """Waits until a close is complete; does not begin one."""
        raise NotImplementedError

    def report(self) -> Optional[Report]:
        """The report of the close, from its end until `wait_closed` returns it; otherwise
        None. From any thread: the library closes in time even if something blocks the
        loop."""
        return self._core.report() if self._core is not None else None

    def own_sockets(self, numbers: Iterable[int]) -> None:
        """Declares that no other process has these listening sockets any more: connections
        that wait in them at the close are accepted. `numbers`: indexes in `addresses`."""
        for number in numbers:
            # An error means that the server closes already, or does not listen yet.
            with contextlib.suppress(Error):
                if self._core is not None:
                    self._core.set_shared(number, False)

    def _open(self) -> _native.Core:
        """Sets the limits and listens."""
        if self._core is not None:
            raise Error("GOAWAY_ERR_STATE", "the application was started before")
        core = self._core = _native.Core()
        try:
            _prepare(core, self.config)
            self.ports = core.ports()
            self.addresses = core.addresses()
        except BaseException:
            core.free()
            raise
        return core

    @property
    def _server(self) -> Tuple[str, Optional[int]]:
        """The first address, as the `server` of an ASGI scope has it."""
        return asgi_server(self.addresses, Address.parse(self.config.bind[0]))

    def _notify_progress(self, progress: Progress) -> None:
        if self.progress is not None:
            self.progress(progress)


def _prepare(core: _native.Core, config: Config) -> None:
    for name in ("drain", "shutdown_delay"):
        if not getattr(config, name) >= 0:
            raise ValueError(f"{name} must be a number of seconds, 0 or more, not {getattr(config, name)!r}")
    if not config.bind:
        raise ValueError('bind is empty; it must name one address at least, such as "127.0.0.1:8000"')
    core.set_limit("workers", config.workers_threads)
    apply(core, config.limits, config.features)
    if config.forwarded_allow_ips:
        core.set_forwarded(config.forwarded_allow_ips, config.forwarded_fields)
    core.set_health_paths(config.ready_path, config.live_path, config.live_timeout)
    for address in config.bind:
        core.listen(address, None if config.tls is None else config.tls._core)


def serve_until_signal(application: ApplicationServer) -> Report:
    """Serves until SIGTERM or SIGINT; in a thread other than the main one until the
    application is closed by a call."""
    return run(_serve(application))


async def _serve(application: ApplicationServer) -> Report:
    with signals(application.close_soon, application.config.drain, application.config.shutdown_delay):
        await application.start()
        return await application.wait_closed()
