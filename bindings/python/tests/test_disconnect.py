"""Clients that disconnect cause no error: none in goaway's log, asyncio's log or stderr."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from typing import Any, AsyncIterator, Callable, Iterator, List

import pytest
from hosts import ASYNC, THREADS, served, wait_for
from peers import Peer

import goaway
from goaway import Disconnected


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Nothing above debug is logged, and nothing is printed."""
    caplog.set_level(logging.DEBUG, "goaway")
    yield
    gc.collect()
    records = caplog.get_records("call") + caplog.get_records("teardown")
    assert not [record.getMessage() for record in records if record.levelno > logging.DEBUG]
    assert capfd.readouterr().err == ""


def leave(port: int, path: str = "/", how: str = "reset", count: int = 1) -> None:
    """Asks, waits for the head, and leaves."""
    with Peer(port, holds=True) as peer:
        numbers = [peer.request(path) for _ in range(count)]
        peer.until(lambda: all(peer.streams[number].headers for number in numbers))
        if how == "reset":
            for number in numbers:
                peer.reset(number)
            # Still there: the session must go on.
            peer.settle(0.05)


def _asgi(step: Callable[..., Any], left: "List[object]") -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

        async def write() -> None:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})

        await write()
        await step(write, left)

    return app


def _server(step: Callable[..., Any], left: "List[object]") -> Any:
    async def handler(request: goaway.Request) -> None:
        await request.write_head(200)
        await step(lambda: request.write(b"x"), left)

    return handler


async def _in_the_handler(write: Any, left: "List[object]") -> None:
    try:
        while True:
            await write()
            await asyncio.sleep(0.001)
    finally:
        left.append("handler")


async def _in_a_task_of_its_own(write: Any, left: "List[object]") -> None:
    async def work() -> None:
        try:
            while True:
                await write()
                await asyncio.sleep(0.001)
        finally:
            left.append("task")

    task = asyncio.create_task(work())
    while not left:
        await asyncio.sleep(0.005)
    assert task.done()


async def _in_a_timer(write: Any, left: "List[object]") -> None:
    loop = asyncio.get_running_loop()

    def tick() -> None:
        task = asyncio.ensure_future(write())
        task.add_done_callback(
            lambda done: left.append("timer") if done_is_gone(done) else loop.call_later(0.001, tick)
        )

    def done_is_gone(done: "asyncio.Task[Any]") -> bool:
        # Without retrieving it.
        return isinstance(done._exception, Disconnected)  # type: ignore[attr-defined]

    tick()
    while not left:
        await asyncio.sleep(0.005)


async def _in_a_generator(write: Any, left: "List[object]") -> None:
    async def pieces() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0.001)
        finally:
            left.append("generator")

    async for _ in pieces():
        await write()


async def _in_another_thread(write: Any, left: "List[object]") -> None:
    loop = asyncio.get_running_loop()

    def work() -> None:
        while True:
            future = asyncio.run_coroutine_threadsafe(write(), loop)
            if isinstance(future.exception(5), Disconnected):
                left.append("thread")
                return

    await loop.run_in_executor(None, work)


STEPS = [_in_the_handler, _in_a_task_of_its_own, _in_a_timer, _in_a_generator, _in_another_thread]


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", ASYNC)
def test_writing_after_a_disconnect(kind: str, step: Callable[..., Any], how: str) -> None:
    left: List[object] = []
    program = (_asgi if kind == "asgi" else _server)(step, left)
    with served(kind, program) as port:
        leave(port, how=how)
        wait_for(lambda: left)


@pytest.mark.parametrize("call", ["respond", "write_head", "write", "end", "inform", "reset", "session"])
def test_every_call_after_a_disconnect(call: str) -> None:
    """From a timer, after the handler has been cancelled."""
    outcomes: List[object] = []

    async def handler(request: goaway.Request) -> None:
        loop = asyncio.get_running_loop()
        calls: Any = {
            "respond": lambda: request.respond(200),
            "write_head": lambda: request.write_head(200),
            "write": lambda: request.write(b"x"),
            "end": lambda: request.end(),
            "inform": lambda: request.inform(103),
        }

        def late() -> None:
            if call == "reset":
                request.reset()
                outcomes.append(None)
            elif call == "session":
                request.close_session()
                request.abort_session()
                outcomes.append(None)
            else:
                task = asyncio.ensure_future(calls[call]())
                task.add_done_callback(lambda done: outcomes.append(done))

        await request.inform(103)
        if call in ("write", "end"):
            await request.write_head(200)
        try:
            await asyncio.sleep(30)
        finally:
            loop.call_later(0.01, late)

    with served("server", handler) as port:
        with Peer(port) as peer:
            number = peer.request("/")
            peer.until(lambda: bool(peer.streams[number].informed))
            if call != "session":
                peer.reset(number)
                peer.settle(0.05)
        wait_for(lambda: outcomes)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_threads_of_the_program_after_a_disconnect() -> None:
    left: List[str] = []

    def handler(request: goaway.ThreadedRequest) -> None:
        request.keep()
        request.write_head(200)
        request.write(b"x")

        def work() -> None:
            try:
                while True:
                    request.write(b"x")
                    threading.Event().wait(0.001)
            finally:
                left.append(str(request.cause))

        threading.Thread(target=work, daemon=True).start()
        threading.Timer(0.1, lambda: request.respond(200)).start()

    with served("threaded", handler) as port:
        leave(port)
        wait_for(lambda: left)
        # The timer too.
        wait_for(lambda: not any(isinstance(thread, threading.Timer) for thread in threading.enumerate()))
    assert left == ["peer_reset"]


def test_other_exceptions_of_threads_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook passes on what is not its own."""
    shown: List[object] = []
    from goaway.core import failure

    monkeypatch.setattr(threading, "excepthook", lambda arguments: shown.append(arguments.exc_type))
    monkeypatch.setattr(failure, "_is_hooked", threading.Lock())
    failure.suppress_disconnect_of_threads()
    for error in (ValueError("on purpose"), Disconnected("peer_reset")):

        def work(error: Exception = error) -> None:
            raise error

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert shown == [ValueError]


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("kind", THREADS)
def test_threads_that_stream(kind: str, how: str) -> None:
    left: List[str] = []

    def wsgi_app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 100
        finally:
            left.append("wsgi")

    def threaded(request: goaway.ThreadedRequest) -> None:
        try:
            request.write_head(200)
            while True:
                request.write(b"x" * 100)
        finally:
            left.append("threaded")

    with served(kind, wsgi_app if kind == "wsgi" else threaded) as port:
        leave(port, how=how)
        wait_for(lambda: left)


def _starlette(left: "List[str]", tmp: Any) -> Any:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.requests import Request
    from starlette.responses import FileResponse, StreamingResponse
    from starlette.routing import Route, WebSocketRoute

    async def forever() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
        finally:
            left.append("forever")

    def in_threads() -> Iterator[bytes]:
        while True:
            yield b"x" * 1000

    async def stream(request: Request) -> Any:
        return StreamingResponse(forever())

    async def threads(request: Request) -> Any:
        return StreamingResponse(in_threads())

    async def file(request: Request) -> Any:
        return FileResponse(tmp)

    async def upload(request: Request) -> Any:
        async for _ in request.stream():
            pass

    async def socket(websocket: Any) -> None:
        await websocket.accept()
        while True:
            await websocket.receive_text()

    async def dispatch(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    routes = [Route(f"/{name.__name__}", name) for name in (stream, threads, file)]
    routes += [Route("/upload", upload, methods=["POST"])]
    return Starlette(
        routes=[*routes, WebSocketRoute("/socket", socket)],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=dispatch)] if left == ["middleware"] else [],
    )


@pytest.mark.parametrize("path", ["/stream", "/threads", "/file"])
@pytest.mark.parametrize("with_middleware", [False, True])
def test_responses_of_starlette(path: str, with_middleware: bool, tmp_path: Any) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10_000_000)
    app = _starlette(["middleware"] if with_middleware else [], file)
    finished: List[goaway.AccessRecord] = []
    with served("asgi", app, access_log=finished.append) as port:
        leave(port, path)
        leave(port, path, "close", count=3)
        wait_for(lambda: len(finished) == 4)


def test_uploads_to_starlette() -> None:
    finished: List[goaway.AccessRecord] = []
    with served("asgi", _starlette([], None), access_log=finished.append) as port, Peer(port) as peer:
        number = peer.request("/upload", "POST", end=False)
        peer.data(number, b"x")
        peer.settle(0.05)
        peer.reset(number)
        wait_for(lambda: finished)


def test_websockets_of_starlette() -> None:
    pytest.importorskip("wsproto")
    import base64
    import os
    import socket

    finished: List[goaway.AccessRecord] = []
    with served("asgi", _starlette([], None), access_log=finished.append) as port:
        key = base64.b64encode(os.urandom(16)).decode()
        with socket.create_connection(("127.0.0.1", port), 10) as peer:
            fields = (
                f"upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: {key}"
            )
            peer.sendall(f"GET /socket HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n".encode())
            assert peer.recv(1000).startswith(b"HTTP/1.1 101 ")
        wait_for(lambda: finished)
