"""From a configuration to a listening server, and from there to a signal."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Coroutine, List, Optional, Protocol, Tuple

from .. import _native
from ..core.address import Address, shown
from ..error import Error
from ..limit import check_application
from ..report import Progress, Report
from ..signals import signals
from .config import Config


class Servable(Protocol):
    """What `goaway.asgi.Application` and `goaway.wsgi.Application` are."""

    config: Config
    ports: List[int]
    addresses: List[str]
    progress: Optional[Callable[[Progress], None]]

    async def start(self) -> None: ...

    def begin_close(self, drain: Optional[float] = None) -> None: ...

    def close_soon(self, drain: Optional[float] = None) -> None: ...

    async def wait_closed(self) -> Report: ...


def prepare(core: _native.Core, config: Config) -> None:
    """Sets the limits and features, and listens."""
    if config.drain < 0:
        raise ValueError(f"drain must be a number of seconds from 0 on, not {config.drain!r}")
    if not config.bind:
        raise ValueError("bind must name an address at least")
    core.set_limit("workers", config.workers_threads)
    check_application(config.limits)
    for name, value in config.limits.items():
        core.set_limit(name, value)
    for name, enabled in config.features.items():
        core.set_feature(name, enabled)
    for address in config.bind:
        core.listen(address, None if config.tls is None else config.tls._core)


def server_of(core: _native.Core, config: Config) -> Tuple[str, Optional[int]]:
    """The first address, as ASGI's scope shows it."""
    return shown(core.addresses(), Address.parse(config.bind[0]))


def run(main: "Coroutine[Any, Any, Report]") -> Report:
    """`asyncio.run`, on uvloop if it is installed. In any thread that has no loop yet."""
    if asyncio._get_running_loop() is not None:
        main.close()
        raise Error(
            "GOAWAY_ERR_STATE", "an event loop runs in this thread already: there, start a server or an application"
        )
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    if not hasattr(uvloop, "run"):
        return asyncio.run(main)
    report: Report = uvloop.run(main)
    return report


def serve_until_signal(application: Servable) -> Report:
    """Serves until SIGTERM or SIGINT has been taken care of, in the main thread; in
    others until somebody closes the application."""
    return run(_serve(application))


async def _serve(application: Servable) -> Report:
    with signals(lambda forced: application.close_soon(0 if forced else None)):
        await application.start()
        return await application.wait_closed()
