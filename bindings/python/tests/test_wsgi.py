"""`goaway.wsgi`: PEP 3333, and applications that violate it."""

from __future__ import annotations

import asyncio
import functools
import socket
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple
from wsgiref.validate import validator

import applications
import pytest
from peers import Peer, client, in_thread, run

import goaway
from goaway.wsgi import Application

serving = functools.partial(applications.serving, Application)
peering = functools.partial(applications.peering, Application)


def test_the_environ_is_valid() -> None:
    seen: List[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.append(dict(environ))
        assert environ["wsgi.input"].read(100) == b"body"
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            answer = await http.post("/a%20b?c=d", content=b"body", headers={"X-A": "b", "cookie": "e"})
            assert (answer.status_code, answer.text) == (200, "hello")

    serving(validator(app), ask, root_path="/root")
    (environ,) = seen
    assert (environ["PATH_INFO"], environ["SCRIPT_NAME"], environ["QUERY_STRING"]) == ("/a b", "/root", "c=d")
    assert (environ["CONTENT_LENGTH"], environ["HTTP_X_A"], environ["HTTP_COOKIE"]) == ("4", "b", "e")
    assert environ["HTTP_HOST"] == f"127.0.0.1:{environ['SERVER_PORT']}" and environ["SERVER_PROTOCOL"] == "HTTP/2.0"
    assert environ["wsgi.multithread"] and environ["REMOTE_ADDR"] == "127.0.0.1"


def test_the_input_streams() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        source = environ["wsgi.input"]
        assert source.readline() == b"first\n"
        assert source.read(3) == b"sec"
        assert next(source) == b"ond\n"
        return [str(sum(len(line) for line in source)).encode()]

    def ask(peer: Peer) -> None:
        number = peer.request("/", "POST", end=False)
        peer.data(number, b"first\nsec")
        peer.data(number, b"ond\n")
        for _ in range(50):
            peer.until(lambda: peer.h2.local_flow_control_window(number) > 20_000)
            peer.data(number, b"x" * 16_000)
        peer.data(number, b"", end=True)
        assert peer.wait(number).body == b"800000"

    peering(app, ask)


def test_the_response_streams_and_is_closed() -> None:
    closed: List[int] = []
    written: List[int] = []

    class Result:
        def __iter__(self) -> Iterator[bytes]:
            for _ in range(100):
                yield b"x" * 10_000
                written.append(10_000)

        def close(self) -> None:
            closed.append(1)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return Result()

    def ask(peer: Peer) -> None:
        number = peer.request("/")
        peer.settle()
        assert 100_000 <= sum(written) <= 300_000
        peer.opens_window = True
        peer.open_window(number, 2_000_000)
        assert len(peer.wait(number).body) == 1_000_000
        given_up = peer.request("/")
        peer.until(lambda: bool(peer.streams[given_up].headers))
        peer.reset(given_up)
        peer.settle(0.3)

    peering(app, ask, holds=True)
    assert closed == [1, 1]


def test_write_and_file_wrapper(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 1000)

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [("Content-Length", "256005")])
        write(b"hello")
        return environ["wsgi.file_wrapper"](file.open("rb"))

    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            assert (await http.get("/")).content == b"hello" + file.read_bytes()
            assert (await http.head("/")).headers["content-length"] == "256005"

    serving(app, ask)


def test_exc_info_replaces_the_head_or_is_raised() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [])
        if environ["PATH_INFO"] == "/late":
            write(b"x")
        try:
            raise ValueError("on purpose")
        except ValueError:
            start_response("418 Teapot", [], sys.exc_info())
        return [b"tea"]

    def ask(peer: Peer) -> None:
        stream = peer.wait(peer.request("/"))
        assert (stream.headers[":status"], stream.body) == ("418", b"tea")
        assert peer.wait(peer.request("/late")).reset == 2

    peering(app, ask)


def raises(environ: Any, start_response: Any) -> Any:
    raise ValueError("on purpose")


def forgets(environ: Any, start_response: Any) -> Any:
    return [b"x"]


def starts_twice(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return [b"x"]


def bad_status(environ: Any, start_response: Any) -> Any:
    start_response(200, [])
    return [b"x"]


def bad_headers(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("a", "b\nc")])
    return [b"x"]


def bad_body(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return ["text"]


def bad_result(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    return None


@pytest.mark.parametrize("app", [raises, forgets, starts_twice, bad_status, bad_headers, bad_body, bad_result])
def test_what_fails_before_the_head_gets_500(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            assert (await http.get("/")).status_code == 500

    serving(app, ask)
    assert caplog.records


def test_what_fails_behind_the_head_is_reset() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"x"
        raise ValueError("on purpose")

    def ask(peer: Peer) -> None:
        stream = peer.wait(peer.request("/"))
        assert (stream.is_whole, stream.reset) == (False, 2)

    peering(app, ask)


def test_beyond_the_pool_503(caplog: pytest.LogCaptureFixture) -> None:
    go_on = threading.Event()
    records: List[goaway.AccessRecord] = []

    def app(environ: Any, start_response: Any) -> Any:
        go_on.wait(10)
        start_response("200 OK", [])
        return []

    def ask(peer: Peer) -> None:
        numbers = [peer.request("/") for _ in range(5)]
        peer.settle()
        assert [peer.streams[number].headers.get(":status") for number in numbers] == [None, None, "503", "503", "503"]
        go_on.set()
        assert [peer.wait(number).headers[":status"] for number in numbers[:2]] == ["200", "200"]

    peering(app, ask, threads=1, queue=1, access_log=records.append)
    assert sorted(record.status for record in records) == [200, 200, 503, 503, 503]
    assert "were refused with 503" in caplog.text


def test_a_drain_is_told() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"x"
        environ["goaway.request"].draining.wait(10)
        yield b"bye"

    async def main() -> None:
        records: List[goaway.AccessRecord] = []
        application = Application(app, goaway.Config(bind=["127.0.0.1:0"], access_log=records.append))
        progress: List[goaway.Progress] = []
        application.progress = progress.append
        await application.start()
        with Peer(application.ports[0]) as peer:
            number = peer.request("/")
            await in_thread(peer.until, lambda: bool(peer.streams[number].body))
            application.close_soon(5)
            assert (await in_thread(peer.wait, number)).body == b"xbye"
            await in_thread(peer.settle, 1)
        report = await application.wait_closed()
        assert report.streams_completed == 1
        assert [(one.status, one.bytes, one.cause) for one in records] == [(200, 4, "")]

    run(main())


def test_it_is_closed_in_time_though_threads_are_stuck() -> None:
    stuck = threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        stuck.wait(20)
        return []

    async def ask(application: Application) -> None:
        peers.append(Peer(application.ports[0]))
        peers[0].request("/")
        await asyncio.sleep(0.2)

    peers: List[Peer] = []
    report = serving(app, ask, drain=0.2)
    stuck.set()
    assert report.sessions_forced == 1


def environ_of(ask: Callable[[int], None], **options: Any) -> Any:
    """What an application is given for the one request that `ask` makes of that port."""
    seen: List[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.append(dict(environ))
        start_response("200 OK", [("content-type", "text/plain")])
        return [environ["wsgi.input"].read(4)]

    serving(validator(app) if not options else app, lambda application: in_thread(ask, application.ports[0]), **options)
    (environ,) = seen
    return environ


def sends(data: bytes) -> Callable[[int], None]:
    """Sends those bytes of HTTP/1.1 and reads to the end."""

    def ask(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 20) as peer:
            peer.sendall(data)
            response = peer.makefile("rb").read()
        assert b" 200 OK\r\n" in response, response

    return ask


def requests(*fields: Tuple[str, str], method: str = "GET", body: bytes = b"") -> Callable[[int], None]:
    """Sends that request over HTTP/2."""

    def ask(port: int) -> None:
        with Peer(port) as peer:
            number = peer.request("/", method, *fields, end=not body)
            if body:
                peer.data(number, body, end=True)
            assert peer.wait(number).headers[":status"] == "200"

    return ask


ONCE = b"connection: close\r\n\r\n"


@pytest.mark.parametrize(
    "ask",
    [
        sends(
            b"POST / HTTP/1.1\r\nhost: a\r\nx_user: root\r\nx-user: me\r\nX_User: root\r\ncontent_length: 0\r\n"
            b"content-length: 4\r\ncontent_type: evil\r\nhost_: b\r\n_: c\r\n" + ONCE + b"body"
        ),
        requests(
            ("x_user", "root"), ("x-user", "me"), ("content_length", "0"), ("content_type", "evil"), ("host_", "b"),
            ("_", "c"), ("content-length", "4"), method="POST", body=b"body",
        ),
    ],
    ids=["http1", "http2"],
)  # fmt: skip
def test_names_with_an_underscore_are_dropped(ask: Callable[[int], None]) -> None:
    environ = environ_of(ask)
    assert (environ["HTTP_X_USER"], environ["CONTENT_LENGTH"]) == ("me", "4")
    assert "CONTENT_TYPE" not in environ
    assert {name for name in environ if name.startswith("HTTP_")} - {"HTTP_CONNECTION"} == {"HTTP_HOST", "HTTP_X_USER"}


def test_a_request_without_host_has_no_http_host() -> None:
    environ = environ_of(sends(b"GET / HTTP/1.0\r\n\r\n"))
    assert "HTTP_HOST" not in environ and environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert environ_of(sends(b"GET / HTTP/1.0\r\nHost: there\r\n\r\n"))["HTTP_HOST"] == "there"


def test_repeated_fields_are_one_variable() -> None:
    environ = environ_of(
        requests(("x-a", "1"), ("cookie", "a=b"), ("x-b", "2"), ("x-a", "3"), ("cookie", "c=d"), ("x-a", ""))
    )
    assert (environ["HTTP_X_A"], environ["HTTP_COOKIE"], environ["HTTP_X_B"]) == ("1,3,", "a=b; c=d", "2")


def test_other_processes_are_told_of() -> None:
    assert environ_of(requests())["wsgi.multiprocess"] is False
    assert environ_of(requests(), multiprocess=True)["wsgi.multiprocess"] is True
