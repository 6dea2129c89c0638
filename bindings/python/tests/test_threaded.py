"""`goaway.ThreadedServer` and its thread pool."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, List, Optional

import pytest
from peers import Peer, sync_client

import goaway
from goaway import Error, ThreadedRequest, ThreadedServer
from goaway.threads.pool import Pool


def serving(handler: Callable[[ThreadedRequest], object], pattern: str = "* /", **options: Any) -> ThreadedServer:
    server = ThreadedServer(drain=1, **options)
    server.register(pattern, handler)
    return server.listen("127.0.0.1:0")


def wait_for(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_requests_and_responses() -> None:
    def handler(request: ThreadedRequest) -> None:
        body = request.read()
        assert threading.current_thread().name.startswith("goaway-pool")
        request.respond(200, request.params["id"].encode() + body, {"x-a": request.query})

    with serving(handler, "* /users/{id}") as server, sync_client(server.port) as http:
        response = http.post("/users/a%20b?c", content=b"x" * 300_000)
        assert (response.text, response.headers["x-a"]) == ("a b" + "x" * 300_000, "c")
        assert http.get("/none").status_code == 404


def test_other_services_and_origins_are_said() -> None:
    def handler(request: ThreadedRequest) -> None:
        goaway.send_altsvc(request.session, "clear", stream=request.stream)
        server.sessions()[0].send_origin("https://a")
        request.respond(200, b"said")

    with serving(handler) as server, Peer(server.port) as peer:
        assert peer.wait(peer.request("/")).body == b"said"
        assert (peer.services, peer.origins) == ([(b"test", b"clear")], [b"\0\x09https://a"])


def test_a_body_streams_both_ways_and_trailers_too() -> None:
    def handler(request: ThreadedRequest) -> None:
        request.inform(103, {"link": "</a>"})
        request.write_head(200)
        for piece in request.body:
            request.write(piece)
        request.end(trailers={"x-out": request.trailers[0][1].decode()})

    with serving(handler) as server, Peer(server.port) as peer:
        number = peer.request("/", "POST", ("expect", "100-continue"), end=False)
        for count in range(1, 10):
            peer.data(number, b"x" * 1000)
            peer.wait_body(number, count * 1000)
        peer.trailers(number, ("x-in", "1"))
        stream = peer.wait(number)
        assert stream.trailers == {"x-out": "1"}
        assert [(":status", "103"), ("link", "</a>")] in stream.informed


def test_write_waits_for_the_peer() -> None:
    written: List[int] = []

    def handler(request: ThreadedRequest) -> None:
        request.write_head(200)
        for _ in range(100):
            request.write(b"x" * 10_000)
            written.append(10_000)
        request.end()

    with serving(handler) as server, Peer(server.port, holds=True) as peer:
        number = peer.request("/")
        peer.settle()
        assert 100_000 <= sum(written) <= 300_000
        peer.opens_window = True
        peer.open_window(number, 2_000_000)
        assert len(peer.wait(number).body) == 1_000_000


def test_a_cancelled_request_wakes_its_handler() -> None:
    seen: List[Any] = []

    def handler(request: ThreadedRequest) -> None:
        try:
            request.read()
        except goaway.Disconnected as error:
            seen.append((error.cause, request.code))
            raise

    with serving(handler) as server, Peer(server.port) as peer:
        number = peer.request("/", "POST", end=False)
        peer.settle(0.1)
        peer.reset(number)
        wait_for(lambda: bool(seen))
        assert seen == [("peer_reset", 8)]


@pytest.mark.parametrize("with_head", [False, True])
def test_a_handler_that_fails(with_head: bool) -> None:
    def handler(request: ThreadedRequest) -> None:
        if with_head:
            request.write_head(200)
            request.write(b"x")
        raise ValueError("on purpose")

    with serving(handler) as server, Peer(server.port) as peer:
        stream = peer.wait(peer.request("/"))
        assert stream.reset == 2 if with_head else stream.headers[":status"] == "500"


def test_a_response_from_elsewhere() -> None:
    def handler(request: ThreadedRequest) -> None:
        request.keep()
        threading.Timer(0.1, lambda: request.respond(200, b"later")).start()

    with serving(handler) as server, sync_client(server.port) as http:
        assert http.get("/").text == "later"
        assert not server._pump.requests


def test_the_close() -> None:
    seen: List[Optional[int]] = []
    events: List[str] = []

    def handler(request: ThreadedRequest) -> None:
        with pytest.raises(Error) as caught:
            server.wait_closed()
        assert caught.value.code == "GOAWAY_ERR_DEADLOCK"
        assert request.draining.wait(0.01) is None
        seen.append(request.draining.wait())
        request.respond(200, b"bye")

    server = serving(handler)
    server.on_session = lambda event: events.append(event.kind)
    server.start()
    with Peer(server.port) as peer:
        number = peer.request("/")
        peer.settle(0.2)
        assert len(server.sessions()) == 1
        server.begin_close(5)
        assert peer.wait(number).body == b"bye"
        peer.settle(1)
    report = server.close(5)
    assert report.sessions_graceful == 1 and server.close(0) == report == server.wait_closed()
    assert seen[0] is not None and 4000 < seen[0] <= 5000
    assert (events[0], events[-1]) == ("opened", "closed") and server.sessions() == []


def test_a_close_does_not_wait_for_a_stuck_handler() -> None:
    def handler(request: ThreadedRequest) -> None:
        time.sleep(20)

    server = serving(handler)
    server.start()
    with Peer(server.port) as peer:
        peer.request("/")
        peer.settle(0.2)
        began = time.monotonic()
        assert server.close(0.3).sessions_forced == 1
        assert time.monotonic() - began < 3


def test_what_the_pool_cannot_hold_gets_503(caplog: pytest.LogCaptureFixture) -> None:
    go_on = threading.Event()

    def handler(request: ThreadedRequest) -> None:
        go_on.wait(10)
        request.respond(200)

    with serving(handler, threads=2, queue=2) as server, Peer(server.port) as peer:
        numbers = [peer.request("/") for _ in range(10)]
        peer.settle()
        responses = [peer.streams[number].headers.get(":status") for number in numbers]
        assert responses.count("503") == 6 and responses.count(None) == 4
        go_on.set()
        assert all(peer.wait(number).is_whole for number in numbers)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "were refused with 503: 2 threads are busy and 2 requests wait" in caplog.text


def test_one_client_with_many_streams_is_served(caplog: pytest.LogCaptureFixture) -> None:
    """As many as it may have open, which is more than twice the threads."""

    def handler(request: ThreadedRequest) -> None:
        time.sleep(0.005)
        request.respond(200, b"x" * 1000)

    with serving(handler) as server, Peer(server.port) as peer:
        numbers = [peer.request("/") for _ in range(100)]
        assert {peer.wait(number).headers[":status"] for number in numbers} == {"200"}
    assert not caplog.records


def test_who_leaves_while_waiting_for_a_thread_is_not_handled() -> None:
    go_on = threading.Event()
    handled: List[str] = []

    def handler(request: ThreadedRequest) -> None:
        handled.append(request.query)
        go_on.wait(10)
        request.respond(200)

    with serving(handler, threads=1) as server, Peer(server.port) as peer:
        first = peer.request("/?first")
        wait_for(lambda: handled == ["first"])
        second = peer.request("/?second")
        # A request that is reset before the server has read it is never reported.
        wait_for(lambda: len(server._pool._jobs) == 1)
        peer.reset(second)
        third = peer.request("/?third")
        wait_for(lambda: len(server._pool._jobs) == 2)
        wait_for(lambda: len(server._pump.requests) == 2)
        go_on.set()
        assert peer.wait(first).is_whole and peer.wait(third).is_whole
    assert handled == ["first", "third"]


@pytest.mark.parametrize("options", [{"threads": 0}, {"queue": -1}])
def test_a_pool_that_cannot_be_is_refused(options: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        ThreadedServer(**options)


def test_a_pool_is_bounded() -> None:
    pool = Pool(2, 2)
    go_on = threading.Event()
    done: List[int] = []

    def job() -> None:
        go_on.wait(10)
        done.append(1)
        raise ValueError("on purpose")

    assert [pool.submit(job) for _ in range(5)] == [True] * 4 + [False]
    go_on.set()
    assert pool.close(5) == 0 and len(done) == 4
    assert not pool.submit(job)
