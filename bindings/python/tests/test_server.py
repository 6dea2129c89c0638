"""`goaway.Server`, asked by httpx and by a peer that sees every frame."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Awaitable, Callable, List, Optional

import pytest
from peers import Peer, client, in_thread, run

import goaway
from goaway import Error, Request, Server

Handler = Callable[[Request], Awaitable[Any]]


def serving(handler: Handler, ask: Callable[[Server], Awaitable[Any]], pattern: str = "* /", **options: Any) -> None:
    """Serves `handler` while `ask` goes on."""

    async def main() -> None:
        server = Server(drain=1, **options)
        server.register(pattern, handler)
        async with server.listen("127.0.0.1:0"):
            await ask(server)

    run(main())


def peering(handler: Handler, ask: Callable[[Peer], Any], pattern: str = "* /", **options: Any) -> None:
    """The same for a peer that sees every frame."""

    def with_peer(port: int) -> None:
        with Peer(port, **options) as peer:
            ask(peer)

    serving(handler, lambda server: in_thread(with_peer, server.port), pattern)


def test_a_request_says_what_it_is() -> None:
    async def handler(request: Request) -> None:
        assert request.peer.startswith("127.0.0.1:") and request.scheme == "http"
        seen = [
            request.method,
            request.path,
            request.query,
            request.params["id"],
            request.header("X-A"),
            request.authority,
        ]
        assert ("x-a", "b") in request.headers and (b"x-a", b"b") in request.raw_headers
        assert request.header("x-none") is None
        await request.respond(200, repr(seen).encode())

    async def ask(server: Server) -> None:
        async with client(server.port) as http:
            response = await http.get("/users/a%20b?c=d%20e", headers={"x-a": "b"})
        expected = ["GET", "/users/a%20b", "c=d%20e", "a b", "b", f"127.0.0.1:{server.port}"]
        assert (response.http_version, response.text) == ("HTTP/2", repr(expected))

    serving(handler, ask, "GET /users/{id}")


def test_a_lower_mark_only_makes_writes_wait() -> None:
    async def handler(request: Request) -> None:
        await request.write_head(200)
        for _ in range(50):
            await request.write(b"x" * 500)
        await request.end()

    async def ask(server: Server) -> None:
        async with client(server.port) as http:
            assert (await http.get("/")).content == b"x" * 25_000

    serving(handler, ask, limits={"high_water_bytes": 1000})


def test_header_fields_are_text_or_bytes() -> None:
    async def handler(request: Request) -> None:
        for bad in ({"a\0b": "c"}, {"a": "b\0"}):
            with pytest.raises(Error, match=r"not a field name|control character"):
                await request.respond(200, headers=bad)
        for wrong in ([("a",)], {"a": 1}, 5):
            with pytest.raises(TypeError):
                await request.respond(200, headers=wrong)  # type: ignore[arg-type]
        fields = [("Set-Cookie", b"a=1"), (b"set-cookie", "b=2")]
        await request.respond(200, b"", fields)

    async def ask(server: Server) -> None:
        async with client(server.port) as http:
            response = await http.get("/")
        assert response.status_code == 200 and response.headers.get_list("set-cookie") == ["a=1", "b=2"]

    serving(handler, ask)


def test_a_field_that_http_forbids_gets_500() -> None:
    async def handler(request: Request) -> None:
        await request.respond(200, b"", {"x-a": "b\r\nx-evil: c"})

    async def ask(server: Server) -> None:
        async with client(server.port) as http:
            assert (await http.get("/")).status_code == 500

    serving(handler, ask)


def test_a_body_goes_back_as_it_comes() -> None:
    async def handler(request: Request) -> None:
        await request.write_head(200)
        async for piece in request.body:
            await request.write(piece)
        await request.end()

    def ask(peer: Peer) -> None:
        number = peer.request("/", "POST", end=False)
        for count in range(1, 20):
            peer.data(number, b"x" * 1000)
            peer.wait_body(number, count * 1000)
        peer.data(number, b"", end=True)
        assert peer.wait(number).is_whole

    peering(handler, ask)


def test_a_large_body_both_ways() -> None:
    body = bytes(range(256)) * 20_000

    async def handler(request: Request) -> None:
        assert await request.read() == body
        await request.respond(200, body)

    async def ask(server: Server) -> None:
        async with client(server.port) as http:
            assert (await http.post("/", content=body)).content == body

    serving(handler, ask)


def test_read_has_a_limit() -> None:
    async def handler(request: Request) -> None:
        with pytest.raises(Error) as caught:
            await request.read(limit=1000)
        await request.respond(413, caught.value.code.encode())

    async def ask(server: Server) -> None:
        async with client(server.port) as http:
            response = await http.post("/", content=b"x" * 2000)
        assert (response.status_code, response.text) == (413, "GOAWAY_ERR_TOO_LARGE")

    serving(handler, ask)


def test_write_waits_for_the_peer() -> None:
    written: List[int] = []

    async def handler(request: Request) -> None:
        await request.write_head(200)
        for _ in range(100):
            await request.write(b"x" * 10_000)
            written.append(10_000)
        await request.end()

    def ask(peer: Peer) -> None:
        number = peer.request("/")
        peer.settle()
        assert len(peer.streams[number].body) == 65535
        assert 100_000 <= sum(written) <= 300_000, "what the peer does not take gathers"
        peer.opens_window = True
        peer.open_window(number, 2_000_000)
        assert len(peer.wait(number).body) == 1_000_000

    peering(handler, ask, holds=True)


def test_an_unread_body_is_held_back() -> None:
    async def handler(request: Request) -> None:
        await asyncio.sleep(0.5)
        await request.respond(200, str(len(await request.read())).encode())

    def ask(peer: Peer) -> None:
        peer.settle(0.1)
        number = peer.request("/", "POST", end=False)
        sent = 0
        while peer.h2.local_flow_control_window(number) > 0:
            size = min(16384, peer.h2.local_flow_control_window(number))
            peer.data(number, b"x" * size)
            sent += size
        peer.settle(0.2)
        assert sent < 300_000 and peer.h2.local_flow_control_window(number) == 0
        peer.until(lambda: peer.h2.local_flow_control_window(number) > 0)
        peer.data(number, b"", end=True)
        assert peer.wait(number).body == str(sent).encode()

    peering(handler, ask)


def test_trailers_both_ways() -> None:
    async def handler(request: Request) -> None:
        assert await request.read() == b"body"
        assert request.trailers == ((b"x-in", b"1"),)
        await request.respond(200, b"ok", trailers={"x-out": "2"})

    def ask(peer: Peer) -> None:
        number = peer.request("/", "POST", end=False)
        peer.data(number, b"body")
        peer.trailers(number, ("x-in", "1"))
        stream = peer.wait(number)
        assert (stream.body, stream.trailers) == (b"ok", {"x-out": "2"})

    peering(handler, ask)


def test_early_hints() -> None:
    async def handler(request: Request) -> None:
        await request.inform(103, {"link": "</a>"})
        with pytest.raises(Error):
            await request.inform(101)
        await request.respond(200)

    def ask(peer: Peer) -> None:
        stream = peer.wait(peer.request("/"))
        assert stream.informed == [[(":status", "103"), ("link", "</a>")]]
        assert stream.headers[":status"] == "200"

    peering(handler, ask)


def test_a_peer_that_expects_it_is_told_to_continue() -> None:
    async def handler(request: Request) -> None:
        await request.respond(200, await request.read())

    def ask(peer: Peer) -> None:
        number = peer.request("/", "POST", ("expect", "100-continue"), end=False)
        peer.until(lambda: bool(peer.streams[number].informed))
        peer.data(number, b"body", end=True)
        assert peer.wait(number).body == b"body"

    peering(handler, ask)


async def raises(request: Request) -> None:
    raise ValueError("on purpose")


async def returns(request: Request) -> None:
    pass


def not_async(request: Request) -> Any:
    return None


@pytest.mark.parametrize("handler", [raises, returns, not_async])
def test_a_handler_without_a_response_responds_500(handler: Handler, caplog: pytest.LogCaptureFixture) -> None:
    async def ask(server: Server) -> None:
        async with client(server.port) as http:
            for _ in range(3):
                assert (await http.get("/")).status_code == 500
        assert len(caplog.records) == 3

    serving(handler, ask)


@pytest.mark.parametrize("fails", [True, False])
def test_behind_a_head_it_resets(fails: bool) -> None:
    async def handler(request: Request) -> None:
        await request.write_head(200)
        await request.write(b"some")
        if fails:
            raise ValueError("on purpose")

    def ask(peer: Peer) -> None:
        stream = peer.wait(peer.request("/"))
        assert (stream.is_whole, stream.reset) == (False, 2)

    peering(handler, ask)


def test_what_does_not_fit_is_refused() -> None:
    async def handler(request: Request) -> None:
        for call in (lambda: request.write(b"x"), lambda: request.end(), lambda: request.respond(99)):
            with pytest.raises(Error):
                await call()
        with pytest.raises(TypeError):
            await request.respond(200, "text")  # type: ignore[arg-type]
        await request.respond(200)
        with pytest.raises(Error) as caught:
            await request.respond(200)
        assert caught.value.code == "GOAWAY_ERR_STATE"

    async def ask(server: Server) -> None:
        async with client(server.port) as http:
            assert (await http.get("/")).status_code == 200

    serving(handler, ask)


def test_a_cancelled_request_cancels_its_task() -> None:
    seen: List[Optional[str]] = []

    async def handler(request: Request) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            seen.append(request.cause)
            with pytest.raises(goaway.Disconnected):
                await request.respond(200)

    def ask(peer: Peer) -> None:
        number = peer.request("/")
        peer.settle(0.1)
        peer.reset(number)
        deadline = time.monotonic() + 5
        while not seen and time.monotonic() < deadline:
            time.sleep(0.01)
        assert seen == ["peer_reset"]

    peering(handler, ask)


def test_a_close_drains_and_reports() -> None:
    seen: List[Any] = []

    async def handler(request: Request) -> None:
        left_ms = await request.draining
        seen.append((request.draining.is_set(), left_ms, request.draining.left_ms))
        await request.respond(200, b"bye")

    async def main() -> None:
        server = Server()
        server.register("GET /", handler)
        await server.listen("127.0.0.1:0").start()
        assert server.is_ready
        with Peer(server.port) as peer:
            number = peer.request("/")
            await in_thread(peer.settle, 0.2)
            closing = server.close(drain=5)
            assert (await in_thread(peer.wait, number)).body == b"bye"
            await in_thread(peer.settle, 1)
            report = await closing
        assert seen[0][0] and 4000 < seen[0][1] <= 5000
        assert (report.sessions_graceful, report.streams_completed, report.sessions_forced) == (1, 1, 0)
        assert await server.close(0) == report == await server.wait_closed()
        assert server.sessions() == [] and not server.is_ready

    run(main())


def test_a_shutdown_delay_comes_before_the_drain() -> None:
    async def handler(request: Request) -> None:
        await request.respond(200, b"served")

    async def main() -> None:
        server = Server()
        server.register("GET /", handler)
        await server.listen("127.0.0.1:0").start()
        closing = server.close(drain=60, shutdown_delay=60)
        assert not server.is_ready
        with Peer(server.port) as peer:
            assert (await in_thread(peer.wait, peer.request("/"))).body == b"served"
            again = server.close(drain=60)
            await in_thread(peer.settle, 1)
        report = await closing
        assert report == await again and report.sessions_graceful == 1

    run(main())


def test_the_end_of_async_with_has_a_shutdown_delay() -> None:
    async def main() -> goaway.Report:
        async with Server(shutdown_delay=0.3).listen("127.0.0.1:0") as server:
            pass
        return await server.wait_closed()

    assert run(main()).elapsed_ms >= 300


def test_a_close_forces_at_its_deadline() -> None:
    seen: List[Any] = []

    async def handler(request: Request) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            seen.append(request.cause)

    async def main() -> None:
        server = Server()
        server.register("GET /", handler)
        progress: List[goaway.Progress] = []
        server.on_progress = progress.append
        await server.listen("127.0.0.1:0").start()
        peer = Peer(server.port)
        number = peer.request("/")
        await in_thread(peer.settle, 0.2)
        began = time.monotonic()
        closing = server.close(drain=60)
        report = await server.close(drain=0.5)
        assert time.monotonic() - began < 2
        assert await closing == report and report.sessions_forced == 1 and report.streams_reset == 1
        assert seen == ["deadline"]
        assert progress and progress[0].streams == 1
        stream = await in_thread(peer.wait, number)
        assert stream.reset == 8
        peer.close()

    run(main())


def test_a_close_from_a_handler_and_from_a_thread() -> None:
    async def handler(request: Request) -> None:
        request.server.close(2)
        request.server.close_soon(1)
        await request.respond(200)

    async def main() -> None:
        server = Server()
        server.register("GET /", handler)
        await server.listen("127.0.0.1:0").start()
        with Peer(server.port) as peer:
            stream = await in_thread(peer.wait, peer.request("/"))
            assert stream.headers[":status"] == "200"
            await in_thread(peer.settle, 1)
            assert (await server.wait_closed()).sessions_graceful == 1

    run(main())


def test_sessions_and_events() -> None:
    async def handler(request: Request) -> None:
        await asyncio.sleep(60)

    async def ask(server: Server) -> None:
        events: List[goaway.SessionEvent] = []

        async def listen() -> None:
            async for event in server.events():
                events.append(event)

        listening = asyncio.ensure_future(listen())
        called: List[str] = []
        server.on_session = lambda event: called.append(event.kind)
        await asyncio.sleep(0)
        peer = Peer(server.port)
        peer.request("/")
        await in_thread(peer.settle, 0.2)
        (session,) = server.sessions()
        assert (session.open_streams, session.protocol, session.state) == (1, "h2", "open")
        assert session.local == f"127.0.0.1:{server.ports[0]}"
        session.abort(11, b"calm")
        await in_thread(peer.settle, 0.3)
        assert (peer.goaways[-1].error_code, peer.goaways[-1].additional_data) == (11, b"calm")
        peer.close()
        await asyncio.sleep(0.2)
        with pytest.raises(Error) as caught:
            session.close()
        assert caught.value.code == "GOAWAY_ERR_GONE"
        assert [events[0].kind, events[-1].kind] == ["opened", "closed"] == [called[0], called[-1]]
        assert (events[-1].outcome, events[-1].cause, events[-1].peer) == ("forced", "aborted", session.peer)
        await server.close(0)
        await listening

    serving(handler, ask)


def test_frames_of_a_session() -> None:
    async def handler(request: Request) -> None:
        await request.respond(200, b"ok")

    def configure(server: Server) -> None:
        server.set_settings({0xF000: 7})
        server.set_padding("aligned")
        server.route("GET /")(handler)

    async def main() -> None:
        server = Server()
        configure(server)
        await server.listen("127.0.0.1:0").start()
        events: List[goaway.SessionEvent] = []
        server.on_session = events.append
        with Peer(server.port) as peer:
            assert (await in_thread(peer.wait, peer.request("/"))).body == b"ok"
            assert peer.h2.remote_settings[0xF000] == 7
            (session,) = server.sessions()
            session.ping(b"12345678")
            session.send_settings({3: 50})
            session.set_window(session_bytes=1 << 20, stream_bytes=1 << 17)
            await in_thread(peer.until, lambda: peer.h2.remote_settings.max_concurrent_streams == 50)
            await in_thread(peer.until, lambda: peer.h2.remote_settings.initial_window_size == 1 << 17)
            session.send_goaway(11, b"later", last_stream=1)
            await in_thread(peer.until, lambda: bool(peer.goaways))
            goaway_frame = peer.goaways[-1]
            assert (goaway_frame.last_stream_id, goaway_frame.error_code) == (1, 11)
            assert goaway_frame.additional_data == b"later"
            await in_thread(peer.settle, 0.2)
            assert [event.text for event in events if event.kind == "pong"] == [b"12345678"]
            # The first frame of the session, the settings, and the window of streams.
            acknowledged = [event.text for event in events if event.kind == "settings_ack"]
            assert acknowledged[-2:] == [b"\0\3\0\0\0\x32", b"\0\4\0\2\0\0"]
            for wrong, code in (
                (lambda: session.ping(b"short"), "GOAWAY_ERR_INVALID"),
                (lambda: session.send_settings({2: 1}), "GOAWAY_ERR_INVALID"),
                (lambda: session.send_settings({1 << 16: 1}), "GOAWAY_ERR_INVALID"),
                (lambda: session.send_settings({3: -1}), "GOAWAY_ERR_INVALID"),
                (lambda: session.send_settings({3: 1 << 32}), "GOAWAY_ERR_INVALID"),
                (lambda: session.send_settings(dict.fromkeys(range(16, 49), 0)), "GOAWAY_ERR_TOO_LARGE"),
                (lambda: session.set_window(stream_bytes=1 << 31), "GOAWAY_ERR_INVALID"),
                (lambda: session.set_window(session_bytes=-1), "GOAWAY_ERR_INVALID"),
                (lambda: session.send_goaway(last_stream=1 << 31), "GOAWAY_ERR_INVALID"),
                (lambda: session.send_goaway(-1), "GOAWAY_ERR_INVALID"),
                (lambda: session.send_goaway(0, b"x" * 1025), "GOAWAY_ERR_TOO_LARGE"),
                (lambda: session.abort(1 << 32), "GOAWAY_ERR_INVALID"),
                (lambda: server.set_settings({0xF000: 8}), "GOAWAY_ERR_STATE"),
                (lambda: server.set_padding("max"), "GOAWAY_ERR_STATE"),
            ):
                with pytest.raises(Error) as caught:
                    wrong()
                assert caught.value.code == code
            session.abort(11, b"over", last_stream=0)
            await in_thread(peer.settle, 0.3)
            assert (peer.goaways[-1].last_stream_id, peer.goaways[-1].additional_data) == (0, b"over")
        await server.close(0)
        for gone in (session.ping, session.send_goaway, session.set_window):
            with pytest.raises(Error) as caught:
                gone()
            assert caught.value.code == "GOAWAY_ERR_GONE"

    run(main())


def test_settings_and_padding_are_checked_before_the_start() -> None:
    server = Server()
    for settings, code in (
        ({3: 5}, "GOAWAY_ERR_INVALID"),
        ({1 << 16: 5}, "GOAWAY_ERR_INVALID"),
        ({0xF000: -1}, "GOAWAY_ERR_INVALID"),
        (dict.fromkeys(range(0xF000, 0xF011), 1), "GOAWAY_ERR_TOO_LARGE"),
    ):
        with pytest.raises(Error) as caught:
            server.set_settings(settings)
        assert caught.value.code == code
    with pytest.raises(Error, match="none, aligned, max") as caught:
        server.set_padding("some")
    assert caught.value.code == "GOAWAY_ERR_INVALID"


def test_other_services_and_origins_are_said() -> None:
    async def handler(request: Request) -> None:
        goaway.send_altsvc(request.session, 'h2=":1"', stream=request.stream)
        goaway.send_origin(request.session, "https://a", "https://b")
        await request.respond(200, b"said")

    async def ask(server: Server) -> None:
        with Peer(server.port) as peer:
            number = peer.request("/")
            assert (await in_thread(peer.wait, number)).body == b"said"
            # Of a stream the peer's library gives the origin of the request.
            assert peer.services == [(b"test", b'h2=":1"')]
            assert peer.origins == [b"\0\x09https://a\0\x09https://b"]
            (session,) = server.sessions()
            session.send_altsvc("clear", origin="https://c")
            session.send_origin()
            await in_thread(peer.until, lambda: len(peer.origins) == 2)
            assert (peer.services[-1], peer.origins[-1]) == ((b"https://c", b"clear"), b"")
            for wrong in (
                lambda: session.send_altsvc("clear"),
                lambda: session.send_altsvc("clear", origin="https://c", stream=1),
                lambda: session.send_altsvc("a\0", stream=1),
                lambda: session.send_altsvc("clear", stream=-1),
                lambda: session.send_origin("c"),
            ):
                with pytest.raises(Error) as caught:
                    wrong()
                assert caught.value.code == "GOAWAY_ERR_INVALID"
        await server.close(0)
        with pytest.raises(Error) as caught:
            session.send_origin()
        assert caught.value.code == "GOAWAY_ERR_GONE"

    serving(handler, ask)


def test_a_session_leaves_alone() -> None:
    async def handler(request: Request) -> None:
        request.close_session(2)
        await request.respond(200)

    async def ask(server: Server) -> None:
        for _ in range(2):
            with Peer(server.port) as peer:
                stream = await in_thread(peer.wait, peer.request("/"))
                assert stream.headers[":status"] == "200"
                await in_thread(peer.settle, 1)
                assert peer.goaways and peer.is_closed
        assert server.is_ready

    serving(handler, ask)


def test_errors_name_what_is_wrong() -> None:
    async def main() -> None:
        server = Server()
        for call, code, text in (
            (lambda: server.listen("nowhere"), "GOAWAY_ERR_ADDRESS", "nowhere"),
            (lambda: server.set_limit("nothing", 1), "GOAWAY_ERR_INVALID", "idle_ms"),
            (lambda: server.set_limit("workers", 0), "GOAWAY_ERR_INVALID", "workers"),
            (lambda: server.set_limit("http1", 0), "GOAWAY_ERR_INVALID", "there is no limit"),
            (lambda: server.set_feature("nothing", True), "GOAWAY_ERR_INVALID", "connect_protocol"),
            (lambda: server.set_feature("http1", 0), "GOAWAY_ERR_INVALID", "must be True or False"),
            (lambda: server.register("GET", returns), "GOAWAY_ERR_INVALID", "GET"),
            (lambda: server.close(), "GOAWAY_ERR_STATE", "not started"),
        ):
            with pytest.raises(Error, match=text) as caught:
                call()
            assert caught.value.code == code
        with pytest.raises(Error) as caught:
            await server.start()
        assert caught.value.code == "GOAWAY_ERR_STATE"

    run(main())


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, 0), (-1, 0), (0.0014, 1), (5.0, 5000), (float("inf"), 0xFFFFFFFE), (1e9, 0xFFFFFFFE)]
)
def test_times_are_milliseconds(seconds: float, expected: int) -> None:
    assert goaway._native.milliseconds(seconds) == expected
    with pytest.raises(ValueError):
        goaway._native.milliseconds(float("nan"))
