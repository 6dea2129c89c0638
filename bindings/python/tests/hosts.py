"""The four interfaces that serve requests in Python, with one common interface for tests."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any, Awaitable, Callable, Iterator, Optional, Union

import anyio.from_thread
from peers import Peer

import goaway
from goaway import asgi, wsgi

ASYNC = ("asgi", "server")
THREADS = ("wsgi", "threaded")
ALL = ASYNC + THREADS

Program = Callable[..., Any]
"""What `served` serves: an ASGI or WSGI application, or a handler of a server."""


@contextmanager
def served(
    kind: str,
    program: Program,
    before: Callable[[], object] = lambda: None,
    on_session: Optional[Callable[[goaway.SessionEvent], None]] = None,
    drain: float = 1,
    **options: Any,
) -> Iterator[int]:
    """Serves `program`, which must be of that kind. Gives the port. The loop of the
    asynchronous kinds runs in a thread of its own. `before` is called before the
    start, in the same context."""
    if kind == "threaded":
        before()
        server = goaway.ThreadedServer(drain=drain, **options)
        server.on_session = on_session
        server.register("* /{*path}", program)
        server.register("* /", program)
        with server.listen("127.0.0.1:0"):
            yield server.port
        return
    with anyio.from_thread.start_blocking_portal() as portal:
        started: Any = portal.call(_start, kind, program, before, on_session, options)
        try:
            yield started.port if kind == "server" else started.ports[0]
        finally:
            portal.call(_close, started, drain)


async def _start(
    kind: str, program: Program, before: Callable[[], object], on_session: Any, options: "dict[str, Any]"
) -> Any:
    before()
    if kind == "server":
        server = goaway.Server(drain=1, **options)
        server.on_session = on_session
        server.register("* /{*path}", program)
        server.register("* /", program)
        await server.listen("127.0.0.1:0").start()
        return server
    config = goaway.Config(bind=["127.0.0.1:0"], **{"lifespan": "off", "drain": 1, **options})
    module: Any = asgi if kind == "asgi" else wsgi
    application = module.Application(program, config)
    if kind == "asgi":
        application.on_session = on_session
    await application.start()
    return application


async def _close(started: "Union[goaway.Server, asgi.Application, wsgi.Application]", drain: float) -> None:
    if isinstance(started, goaway.Server):
        await started.close(drain)
        return
    started.begin_close(drain)
    await started.wait_closed()


def wait_for(done: Callable[[], object]) -> None:
    """Until it is so."""
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def responding(kind: str, work: Callable[[str], bytes]) -> Program:
    """A program of that kind that responds with what `work` makes of the path."""

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        found = work(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": found})

    async def handler(request: goaway.Request) -> None:
        await request.respond(200, work(request.path))

    def wsgi_app(environ: Any, start_response: Any) -> Any:
        found = work(environ["PATH_INFO"])
        start_response("200 OK", [])
        return [found]

    def threaded(request: goaway.ThreadedRequest) -> None:
        request.respond(200, work(request.path))

    return {"asgi": asgi_app, "server": handler, "wsgi": wsgi_app, "threaded": threaded}[kind]


def awaiting(kind: str, work: Callable[[str], Awaitable[bytes]]) -> Program:
    """The same for work that waits; only for the asynchronous kinds."""

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        found = await work(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": found})

    async def handler(request: goaway.Request) -> None:
        await request.respond(200, await work(request.path))

    return {"asgi": asgi_app, "server": handler}[kind]


def ask_together(port: int, *paths: str) -> "list[tuple[str, bytes]]":
    """Sends GET for all paths in one packet, so that the server sees them in one turn
    of its loop. Gives the statuses and bodies in the same order; the status is
    "reset CODE" if the response was reset."""
    with Peer(port) as peer:
        return send_together(peer, *paths)


def send_together(peer: Peer, *paths: str) -> "list[tuple[str, bytes]]":
    """The same on a connection that is there."""
    flush, peer.flush = peer.flush, lambda: None  # type: ignore[method-assign]
    numbers = [peer.request(path) for path in paths]
    peer.flush = flush  # type: ignore[method-assign]
    peer.flush()
    streams = [peer.wait(number) for number in numbers]
    return [
        (stream.headers[":status"] if stream.reset is None else f"reset {stream.reset}", stream.body)
        for stream in streams
    ]
