"""`goaway.asgi`: the ASGI specification, and messages that violate it."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, List, Optional

import anyio
import applications
import pytest
from applications import OK, body
from peers import Peer, client, in_thread, run

import goaway
from goaway.asgi import Application

serving = functools.partial(applications.serving, Application)
peering = functools.partial(applications.peering, Application)


def test_the_scope() -> None:
    seen: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        await send(OK)
        await send(body())

    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            await http.get("/a%20b%2Fc?d=e%20f", headers={"X-A": "b"})
            await http.get("/%C3%A4%FF")

    serving(app, ask, root_path="/root")
    scope, other = seen
    assert other["path"] == "/root/\u00e4\ufffd"
    assert scope["type"] == "http" and scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}
    assert (scope["http_version"], scope["method"], scope["scheme"]) == ("2", "GET", "http")
    assert (scope["path"], scope["raw_path"]) == ("/root/a b/c", b"/root/a%20b%2Fc")
    assert (scope["query_string"], scope["root_path"]) == (b"d=e%20f", "/root")
    assert scope["headers"][0] == (b"host", b"127.0.0.1:%d" % scope["server"][1])
    assert (b"x-a", b"b") in scope["headers"]
    assert scope["client"][0] == scope["server"][0] == "127.0.0.1" and isinstance(scope["client"][1], int)
    assert set(scope["extensions"]) == {
        "http.response.trailers", "http.response.early_hint", "goaway.drain", "goaway.server"
    }  # fmt: skip
    assert "state" not in scope


def test_a_body_streams_both_ways() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        while True:
            message = await receive()
            await send(body(message["body"], message["more_body"]))
            if not message["more_body"]:
                return

    def ask(peer: Peer) -> None:
        number = peer.request("/", "POST", end=False)
        for count in range(1, 10):
            peer.data(number, b"x" * 5000)
            peer.wait_body(number, count * 5000)
        peer.data(number, b"", end=True)
        assert peer.wait(number).is_whole

    peering(app, ask)


def test_send_waits_for_the_peer() -> None:
    sent: List[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        for _ in range(100):
            await send(body(b"x" * 10_000, True))
            sent.append(10_000)
        await send(body())

    def ask(peer: Peer) -> None:
        number = peer.request("/")
        peer.settle()
        assert 100_000 <= sum(sent) <= 300_000
        peer.opens_window = True
        peer.open_window(number, 2_000_000)
        assert len(peer.wait(number).body) == 1_000_000

    peering(app, ask, holds=True)


def test_trailers_and_early_hints() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.early_hint", "links": [b"</a>", b"</b>"]})
        await send({**OK, "trailers": True})
        await send(body(b"ok"))
        await send({"type": "http.response.trailers", "headers": [(b"x-a", b"1")], "more_trailers": True})
        await send({"type": "http.response.trailers", "headers": [(b"x-b", b"2")]})

    def ask(peer: Peer) -> None:
        stream = peer.wait(peer.request("/"))
        assert stream.informed == [[(":status", "103"), ("link", "</a>"), ("link", "</b>")]]
        assert (stream.body, stream.trailers) == (b"ok", {"x-a": "1", "x-b": "2"})

    peering(app, ask)


def test_pathsend(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 10_000)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**OK, "headers": [(b"content-length", b"2560000")]})
        await send({"type": "http.response.pathsend", "path": str(file)})

    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            assert (await http.get("/")).content == file.read_bytes()
            response = await http.head("/")
            assert (response.content, response.headers["content-length"]) == (b"", "2560000")

    serving(app, ask)


@pytest.mark.parametrize("pathsend", [False, True])
def test_pathsend_is_offered_if_the_program_says_so(pathsend: bool) -> None:
    seen: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["extensions"])
        await send(OK)
        await send(body())

    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            await http.get("/")
        await in_thread(urllib.request.urlopen, f"http://127.0.0.1:{application.ports[0]}/")

    serving(app, ask, pathsend=pathsend)
    over_http2, over_http1 = seen
    assert ("http.response.pathsend" in over_http2) == ("http.response.pathsend" in over_http1) == pathsend
    # Clients of HTTP/1.1 may take a 103 for the response.
    assert "http.response.early_hint" in over_http2 and "http.response.early_hint" not in over_http1
    assert "http.response.trailers" in over_http2 and "http.response.trailers" in over_http1


def test_head_with_the_length_of_get() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**OK, "headers": [(b"content-length", b"5")]})
        await send(body(b"" if scope["path"] == "/empty" else b"hello"))

    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            for path in ("/empty", "/full"):
                response = await http.head(path)
                assert (response.status_code, response.headers["content-length"]) == (200, "5")

    serving(app, ask)


def test_disconnect_and_what_send_says_then(caplog: pytest.LogCaptureFixture) -> None:
    seen: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"x", True))
        assert (await receive())["type"] == "http.request"
        seen.append((await receive())["type"])
        try:
            await send(body(b"x", True))
        except OSError as error:
            seen.append(error.cause)  # type: ignore[attr-defined]
            raise

    def ask(peer: Peer) -> None:
        number = peer.request("/")
        peer.until(lambda: bool(peer.streams[number].headers))
        peer.reset(number)
        wait_for(lambda: len(seen) == 2)

    peering(app, ask)
    assert seen == ["http.disconnect", "peer_reset"]
    assert not caplog.records


def wait_for(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_disconnect_follows_a_complete_response() -> None:
    seen: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0.05)
        await send(OK)
        await send(body(b"ok"))
        seen.append(await waiting)
        seen.append(await receive())

    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            assert (await http.get("/")).text == "ok"
        wait = asyncio.get_running_loop().time() + 5
        while len(seen) < 2 and asyncio.get_running_loop().time() < wait:
            await asyncio.sleep(0.01)

    serving(app, ask)
    assert seen == [{"type": "http.disconnect"}] * 2


def test_a_request_has_a_task_and_a_context_of_its_own() -> None:
    number: "contextvars.ContextVar[Optional[str]]" = contextvars.ContextVar("number", default=None)
    tasks: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.current_task()
        assert task is not None and not task.cancelling() if hasattr(task, "cancelling") else True
        assert number.get() is None and not hasattr(task, "mark") and not any(one is task for one in tasks)
        if scope["path"] == "/context":
            number.set("mine")
        elif scope["path"] == "/keep":
            tasks.append(task)
        elif scope["path"] == "/cancel":
            task.cancel()
        elif scope["path"] == "/wait":
            number.set("mine")
            await asyncio.sleep(0.01)
            assert asyncio.current_task() is task and number.get() == "mine"
            with anyio.move_on_after(0.01) as scope_:
                await anyio.sleep(10)
            assert scope_.cancelled_caught
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 0.01)
        elif scope["path"] == "/timeout":
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.sleep(10), 0.01)
        await send(OK)
        await send(body(b"ok"))

    async def ask(application: Application) -> None:
        before = asyncio.all_tasks()
        async with client(application.ports[0]) as http:
            for _ in range(3):
                paths = ["/", "/context", "/keep", "/wait", "/timeout", "/", "/cancel", "/", "/context", "/wait"]
                responses = await asyncio.gather(*(http.get(path) for path in paths))
                assert [response.text for response in responses] == ["ok"] * len(paths)
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == before, "a Task without work is seen"

    serving(app, ask)


def test_the_program_may_cancel_and_await_all_tasks() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/wait":
            await asyncio.sleep(60)
        await send(OK)
        await send(body(b"ok"))

    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            await http.get("/")
        peer = Peer(application.ports[0])
        before = asyncio.all_tasks()
        number = peer.request("/wait")
        await in_thread(peer.settle, 0.1)
        ours = [task for task in asyncio.all_tasks() if task not in before]
        assert len(ours) == 1
        ours[0].cancel()
        assert (await in_thread(peer.wait, number)).headers[":status"] == "500"
        peer.close()

    serving(app, ask)


# The end.


def test_the_drain_extension() -> None:
    seen: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        drain = scope["extensions"]["goaway.drain"]
        assert not drain.is_set() and drain.left_ms is None
        await send(OK)
        await send(body(b"good", True))
        seen.append(await drain)
        await send(body(b"bye"))

    async def main() -> None:
        application = Application(app, goaway.Config(bind=["127.0.0.1:0"], lifespan="off"))
        await application.start()
        with Peer(application.ports[0]) as peer:
            number = peer.request("/")
            await in_thread(peer.until, lambda: bool(peer.streams[number].headers))
            application.begin_close(3)
            assert (await in_thread(peer.wait, number)).body == b"goodbye"
            await in_thread(peer.settle, 1)
            report = await application.wait_closed()
        assert 2000 < seen[0] <= 3000 and report.streams_completed == 1

    run(main())


def close_with_a_stream(app: Any, **options: Any) -> Any:
    """The report of a close during a stream, and what the client has got of it."""

    async def main() -> Any:
        application = Application(app, goaway.Config(bind=["127.0.0.1:0"], lifespan="off", **options))
        await application.start()
        with Peer(application.ports[0]) as peer:
            number = peer.request("/")
            await in_thread(peer.wait_body, number, 4)
            application.begin_close(options["drain"])
            stream = await in_thread(peer.wait, number)
            await in_thread(peer.settle, 1)
            return await application.wait_closed(), stream

    return run(main())


def test_an_endless_stream_sees_a_disconnect_when_the_drain_begins() -> None:
    seen: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["asgi"]["spec_version"])
        await send(OK)
        await send(body(b"good", True))
        seen.extend([await receive(), await receive()])
        await send(body(b"bye"))

    report, stream = close_with_a_stream(app, drain=15, end_on_drain=True)
    assert seen == ["2.3", {"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]
    assert stream.is_whole and stream.body == b"goodbye"
    assert (report.streams_completed, report.streams_reset) == (1, 0) and report.elapsed_ms < 10_000


def test_a_stream_that_ends_so_without_its_end_is_reset(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"good", True))
        while (await receive())["type"] != "http.disconnect":
            pass

    report, stream = close_with_a_stream(app, drain=15, end_on_drain=True)
    assert stream.reset == 8 and report.streams_reset == 1 and report.elapsed_ms < 10_000
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_stream_of_events_that_ends_so_is_complete(caplog: pytest.LogCaptureFixture) -> None:
    start = {**OK, "headers": [(b"content-type", b"text/event-stream; charset=utf-8")]}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start)
        await send(body(b"data", True))
        while (await receive())["type"] != "http.disconnect":
            pass

    report, stream = close_with_a_stream(app, drain=15, end_on_drain=True)
    assert stream.is_whole and (report.streams_completed, report.streams_reset) == (1, 0)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_framework_ends_its_streams_so(caplog: pytest.LogCaptureFixture) -> None:
    from starlette.responses import StreamingResponse

    async def forever() -> Any:
        while True:
            yield b"tick"
            await asyncio.sleep(0.01)

    report, _ = close_with_a_stream(StreamingResponse(forever()), drain=15, end_on_drain=True)
    assert report.elapsed_ms < 10_000 and report.sessions_forced == 0
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    report, stream = close_with_a_stream(StreamingResponse(forever()), drain=0.3)
    assert report.elapsed_ms >= 300 and stream.reset == 8, "by default it has the whole drain"


def test_what_is_not_streamed_sees_no_disconnect() -> None:
    """Neither a request that is still read, nor one whose response has not begun."""
    seen: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"good", True))
        while True:
            message = await receive()
            seen.append(message["type"])
            if not message.get("more_body"):
                break
        await send(body(b""))

    async def main() -> None:
        application = Application(app, goaway.Config(bind=["127.0.0.1:0"], lifespan="off", drain=10, end_on_drain=True))
        await application.start()
        with Peer(application.ports[0]) as peer:
            number = peer.request("/", "POST", end=False)
            await in_thread(peer.wait_body, number, 4)
            application.begin_close()
            await in_thread(peer.settle, 0.2)
            peer.data(number, b"rest", end=True)
            assert (await in_thread(peer.wait, number)).is_whole
            await in_thread(peer.settle, 1)
            await application.wait_closed()

    run(main())
    assert set(seen) == {"http.request"}


def test_who_does_not_end_is_reset_and_cancelled() -> None:
    seen: List[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"x", True))
        await receive()
        seen.append((await receive())["type"])
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main() -> None:
        application = Application(app, goaway.Config(bind=["127.0.0.1:0"], lifespan="off"))
        told: List[goaway.Progress] = []
        application.progress = told.append
        await application.start()
        with Peer(application.ports[0]) as peer:
            number = peer.request("/")
            await in_thread(peer.until, lambda: bool(peer.streams[number].headers))
            began = time.monotonic()
            application.begin_close(60)
            application.begin_close(0.5)
            await in_thread(peer.settle, 1)
            report = await application.wait_closed()
            assert time.monotonic() - began < 3
            assert peer.streams[number].reset == 8
        assert seen == ["http.disconnect", "cancelled"]
        assert report.sessions_forced == 1 and told

    run(main())


def test_work_behind_the_response_goes_on_until_the_deadline() -> None:
    seen: List[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"ok"))
        await asyncio.sleep(0.5)
        seen.append("done")

    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            assert (await http.get("/")).text == "ok"

    serving(app, ask, drain=3)
    assert seen == ["done"]


# The lifespan.


def test_the_access_log() -> None:
    records: List[goaway.AccessRecord] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/hang":
            await asyncio.sleep(60)
        if scope["path"] == "/fail":
            raise ValueError
        await send(OK)
        await send(body(b"hello"))

    def ask(peer: Peer) -> None:
        peer.wait(peer.request("/a%20b?c"))
        peer.wait(peer.request("/fail"))
        number = peer.request("/hang")
        peer.settle(0.1)
        peer.reset(number)
        wait_for(lambda: len(records) == 3)

    logging.getLogger("goaway").disabled = True
    try:
        peering(app, ask, access_log=records.append, drain=0)
    finally:
        logging.getLogger("goaway").disabled = False
    assert [(one.path, one.query, one.status, one.bytes, one.cause) for one in records] == [
        ("/a%20b", "c", 200, 5, ""),
        ("/fail", "", 500, 0, "aborted"),
        ("/hang", "", 0, 0, "peer_reset"),
    ]
    assert all(one.ms >= 0 and one.peer.startswith("127.0.0.1:") for one in records)
