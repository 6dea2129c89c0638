"""ASGI and WSGI applications, served in the process of the test."""

from __future__ import annotations

from typing import Any, Awaitable, Callable

from peers import Peer, in_thread, run

import goaway

OK = {"type": "http.response.start", "status": 200, "headers": []}


def body(data: bytes = b"", more: bool = False) -> "dict[str, Any]":
    return {"type": "http.response.body", "body": data, "more_body": more}


def serving(kind: Any, app: Any, ask: Callable[[Any], Awaitable[None]], **options: Any) -> goaway.Report:
    """Serves `app` as that kind of Application while `ask` goes on, then closes."""
    config = goaway.Config(bind=["127.0.0.1:0"], **{"lifespan": "off", "drain": 1, **options})

    async def main() -> goaway.Report:
        application = kind(app, config)
        await application.start()
        try:
            await ask(application)
        finally:
            application.begin_close()
            report: goaway.Report = await application.wait_closed()
        return report

    return run(main())


def peering(kind: Any, app: Any, ask: Callable[[Peer], None], holds: bool = False, **options: Any) -> goaway.Report:
    """The same for what is asked in frames, on a thread of its own."""

    def with_peer(port: int) -> None:
        with Peer(port, holds) as peer:
            ask(peer)

    return serving(kind, app, lambda application: in_thread(with_peer, application.ports[0]), **options)
