"""An exception in a handler or callback ends one request only: the response is 500 before
the head, a reset after it. The exception is logged, and the server goes on."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from hosts import ALL, ASYNC, awaiting, send_together, served, wait_for
from peers import Peer

import goaway
from goaway.asyncio.tasks import CAN_START_EAGERLY


class Unusual(BaseException):
    """An exception that `except Exception` does not see."""


RAISED: List[Callable[[], BaseException]] = [
    lambda: ValueError("on purpose"),
    lambda: SystemExit(3),
    KeyboardInterrupt,
    GeneratorExit,
    asyncio.CancelledError,
    lambda: Unusual("on purpose"),
    lambda: RuntimeError("on purpose"),
    StopAsyncIteration,
]
NAMES = [type(make()).__name__ for make in RAISED]

Outcome = Tuple[str, bytes]
BEFORE: Outcome = ("500", b"Internal Server Error")
AFTER: Outcome = ("reset 2", b"")
WHOLE: Outcome = ("200", b"whole")

START: Dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}


def _chosen(point: str, path: str) -> "Tuple[str, Callable[[], BaseException]]":
    """Where a request of that path fails, and what it raises: /bad3 raises the third of `RAISED`."""
    return ("none", RAISED[0]) if path == "/good" else (point, RAISED[int(path[4:])])


def _asgi(point: str) -> Any:
    async def pieces(make: Callable[[], BaseException]) -> Any:
        yield b"first"
        raise make()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        now, make = _chosen(point, scope["path"])
        if now == "before":
            raise make()
        if now == "while it waits":
            await asyncio.sleep(0.001)
            raise make()
        await send(START)
        if now == "started":
            raise make()
        if now == "iterator":
            async for piece in pieces(make):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.sleep(0.02)
        if now == "after the head":
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            raise make()
        await send({"type": "http.response.body", "body": b"whole"})
        if now == "background":
            raise make()
        if now == "background that waits":
            await asyncio.sleep(0.001)
            raise make()

    return app


def _server(point: str) -> Any:
    async def pieces(make: Callable[[], BaseException]) -> Any:
        yield b"first"
        raise make()

    async def handler(request: goaway.Request) -> None:
        now, make = _chosen(point, request.path)
        if now == "before":
            raise make()
        if now == "while it waits":
            await asyncio.sleep(0.001)
            raise make()
        if now in ("iterator", "after the head"):
            await request.write_head(200)
            if now == "after the head":
                raise make()
            async for piece in pieces(make):
                await request.write(piece)
        await request.respond(200, b"whole")
        if now == "background":
            raise make()
        if now == "background that waits":
            await asyncio.sleep(0.001)
            raise make()

    return handler


class _Result:
    """A WSGI result that fails at one point."""

    def __init__(self, point: str, make: Callable[[], BaseException]) -> None:
        self._point, self._make = point, make

    def __iter__(self) -> Iterator[bytes]:
        if self._point == "first piece":
            raise self._make()
        yield b"whole"
        if self._point == "iterator":
            raise self._make()

    def close(self) -> None:
        if self._point == "close":
            raise self._make()


def _wsgi(point: str) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        now, make = _chosen(point, environ["PATH_INFO"])
        if now == "before":
            raise make()
        write = start_response("200 OK", [])
        if now == "started":
            raise make()
        if now == "after the head":
            write(b"x")
            raise make()
        return _Result(now, make)

    return app


def _threaded(point: str) -> Any:
    def pieces(make: Callable[[], BaseException]) -> Iterator[bytes]:
        yield b"first"
        raise make()

    def handler(request: goaway.ThreadedRequest) -> None:
        now, make = _chosen(point, request.path)
        if now == "before":
            raise make()
        if now in ("iterator", "after the head"):
            request.write_head(200)
            if now == "after the head":
                raise make()
            for piece in pieces(make):
                request.write(piece)
        request.respond(200, b"whole")
        if now == "background":
            raise make()

    return handler


PROGRAMS = {"asgi": _asgi, "server": _server, "wsgi": _wsgi, "threaded": _threaded}
POINTS: Dict[str, Dict[str, Outcome]] = {
    "asgi": {
        "before": BEFORE,
        "while it waits": BEFORE,
        "started": BEFORE,
        "iterator": AFTER,
        "after the head": AFTER,
        "background": WHOLE,
        "background that waits": WHOLE,
    },
    "server": {
        "before": BEFORE,
        "while it waits": BEFORE,
        "iterator": AFTER,
        "after the head": AFTER,
        "background": WHOLE,
        "background that waits": WHOLE,
    },
    "wsgi": {
        "before": BEFORE,
        "started": BEFORE,
        "first piece": BEFORE,
        "after the head": AFTER,
        "iterator": AFTER,
        "close": WHOLE,
    },
    "threaded": {"before": BEFORE, "iterator": AFTER, "after the head": AFTER, "background": WHOLE},
}


@pytest.mark.parametrize("kind, point", [(kind, point) for kind in ALL for point in POINTS[kind]])
def test_what_is_raised_ends_one_request(kind: str, point: str, caplog: pytest.LogCaptureFixture) -> None:
    """All exceptions at one point, with other requests in the same packet."""
    expected = POINTS[kind][point]
    with served(kind, PROGRAMS[kind](point)) as port, Peer(port) as peer:
        for number, make in enumerate(RAISED):
            caplog.clear()
            good, bad, other = send_together(peer, "/good", f"/bad{number}", "/good")
            assert (good, other) == (WHOLE, WHOLE), make
            # What was sent of the body before a reset may arrive or not.
            assert bad == expected or (bad[0] == expected[0] and expected == AFTER), make
            assert send_together(peer, "/good") == [WHOLE], make
            # Work behind the response that is cancelled is cancelled on purpose.
            is_quiet = point.startswith("background") and NAMES[number] == "CancelledError" and kind in ASYNC
            if not is_quiet:
                wait_for(lambda: _errors(caplog))
            assert len(_errors(caplog)) == (0 if is_quiet else 1), (make, caplog.text)
            # A generator does not let everything through as it was.
            shown = (NAMES[number], "raised", "cancelled by the program")
            assert is_quiet or any(text in caplog.text for text in shown), (make, caplog.text)
    assert not [record for record in caplog.records if record.name == "asyncio"], caplog.text


def _errors(caplog: pytest.LogCaptureFixture) -> "List[logging.LogRecord]":
    return [record for record in caplog.records if record.name == "goaway" and record.levelno >= logging.ERROR]


@pytest.mark.parametrize("kind", ASYNC)
def test_a_handler_may_cancel_its_own_task(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    async def work(path: str) -> bytes:
        task = asyncio.current_task()
        assert task is not None
        if path == "/bad":
            task.cancel()
        elif path == "/caught":
            task.cancel()
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                getattr(task, "uncancel", lambda: 0)()
        await asyncio.sleep(0)
        return b"whole"

    with served(kind, awaiting(kind, work)) as port, Peer(port) as peer:
        assert send_together(peer, "/good", "/bad", "/caught", "/good") == [WHOLE, BEFORE, WHOLE, WHOLE]
        assert send_together(peer, "/good") == [WHOLE]
    assert [record.levelname for record in caplog.records] == ["ERROR"] and "cancelled by the program" in caplog.text


@pytest.mark.parametrize("kind", ASYNC)
def test_tasks_cancelled_before_their_first_step_respond(kind: str) -> None:
    async def work(path: str) -> bytes:
        if path == "/first":
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task() and "_run" in repr(task.get_coro()):
                    task.cancel()
        await asyncio.sleep(0)
        return b"whole"

    with served(kind, awaiting(kind, work)) as port, Peer(port) as peer:
        # Where Tasks start at once there is none that could be cancelled before.
        others = WHOLE if CAN_START_EAGERLY else BEFORE
        assert send_together(peer, "/first", "/second", "/third") == [WHOLE, others, others]
        assert send_together(peer, "/good") == [WHOLE]


@pytest.mark.parametrize("kind", ALL)
def test_who_asks_and_leaves_at_once_leaves_nothing(kind: str) -> None:
    """The request and its reset are in one packet."""
    with served(kind, PROGRAMS[kind]("none"), drain=20) as port:
        with Peer(port) as peer:
            flush, peer.flush = peer.flush, lambda: None  # type: ignore[method-assign]
            for _ in range(10):
                peer.reset(peer.request("/good"))
            peer.flush = flush  # type: ignore[method-assign]
            peer.flush()
            assert send_together(peer, "/good") == [WHOLE]
        began = time.monotonic()
    # Nobody waits for a request that will never end.
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("kind", ASYNC)
def test_a_timeout_or_a_group_that_fails_ends_one_request(kind: str) -> None:
    async def work(path: str) -> bytes:
        if path == "/timeout":
            await asyncio.wait_for(asyncio.sleep(10), 0.001)
        if path == "/group" and sys.version_info >= (3, 11):
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.wait_for(asyncio.sleep(10), 0.001))
                await asyncio.sleep(10)
        elif path == "/group":
            raise ValueError(path)
        return b"whole"

    with served(kind, awaiting(kind, work)) as port, Peer(port) as peer:
        paths = ("/good", "/timeout", "/group", "/good")
        assert send_together(peer, *paths) == [WHOLE, BEFORE, BEFORE, WHOLE]
        assert send_together(peer, "/good") == [WHOLE]


@pytest.mark.parametrize("make", RAISED, ids=NAMES)
@pytest.mark.parametrize("kind", ["asgi", "server", "threaded"])
def test_a_callback_that_raises_ends_nothing(
    kind: str, make: Callable[[], BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    def on_session(event: goaway.SessionEvent) -> None:
        raise make()

    with served(kind, PROGRAMS[kind]("none"), on_session=on_session) as port:
        for _ in range(2):
            with Peer(port) as peer:
                assert send_together(peer, "/good") == [WHOLE]
    assert "a callback for SessionEvent failed" in caplog.text


@pytest.mark.parametrize("make", RAISED, ids=NAMES)
@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_an_access_log_that_raises_ends_nothing(kind: str, make: Callable[[], BaseException]) -> None:
    def access_log(record: goaway.AccessRecord) -> None:
        raise make()

    with served(kind, PROGRAMS[kind]("none"), access_log=access_log) as port, Peer(port) as peer:
        assert send_together(peer, "/good", "/good") == [WHOLE, WHOLE]
        assert send_together(peer, "/good") == [WHOLE]


def test_ctrl_c_in_a_handler_leaves_the_loop_of_a_program() -> None:
    """Where SIGINT is left to Python's own handler, which raises wherever it arrives."""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    server = goaway.Server()

    async def handler(request: goaway.Request) -> None:
        if request.path == "/interrupted":
            signal.raise_signal(signal.SIGINT)
        await request.respond(200, b"whole")

    server.register("GET /{*path}", handler)
    found: List[Outcome] = []

    def ask(path: str) -> None:
        with Peer(server.port) as peer:
            found.extend(send_together(peer, path))

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(server.listen("127.0.0.1:0").start())
        thread = threading.Thread(target=ask, args=("/interrupted",))
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(asyncio.sleep(20))
        thread.join()
        # The program may go on with the same loop.
        loop.run_until_complete(loop.run_in_executor(None, ask, "/good"))
        loop.run_until_complete(server.close(1))
    finally:
        loop.close()
    assert found == [BEFORE, WHOLE]
