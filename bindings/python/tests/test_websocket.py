"""WebSockets: ASGI's websocket scope, over HTTP/1.1 and over HTTP/2."""

from __future__ import annotations

import asyncio
import functools
import socket
import time
from typing import Any, Dict, List

import applications
import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
import socketio
import websockets.asyncio.client
import websockets.exceptions
from peers import PATIENCE, in_thread
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, TextMessage

from goaway.asgi import Application
from goaway.asgi import scope as asgi_scope

serving = functools.partial(applications.serving, Application)


def connect(application: Application, path: str = "/", **options: Any) -> websockets.asyncio.client.connect:
    url = f"ws://127.0.0.1:{application.ports[0]}{path}"
    return websockets.asyncio.client.connect(url, open_timeout=PATIENCE, close_timeout=PATIENCE, proxy=None, **options)


class Echo:
    """Accepts, gives every message back, and keeps what it was told."""

    def __init__(self, **accept: Any) -> None:
        self.accept = accept
        self.scopes: List[Dict[str, Any]] = []
        self.ends: List[Dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        assert await receive() == {"type": "websocket.connect"}
        await send({"type": "websocket.accept", **self.accept})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                self.ends.append(message)
                assert await receive() == message
                return
            await send({**message, "type": "websocket.send"})


def test_messages_go_both_ways() -> None:
    app = Echo(subprotocol="two", headers=[(b"x-a", b"b")])

    async def ask(application: Application) -> None:
        async with connect(application, "/chat%20room?a=b", subprotocols=["one", "two"], max_size=None) as client:
            assert client.subprotocol == "two"
            assert client.response is not None and client.response.headers["x-a"] == "b"
            for message in ("text \u20ac", b"\0bytes", "", "x" * 300_000, b"y" * 3_000_000):
                await client.send(message)
                assert await client.recv() == message
            await client.send(["in ", "several ", "pieces"])
            assert await client.recv() == "in several pieces"
            await asyncio.wait_for(await client.ping(), PATIENCE)
            await client.close(4000, "enough")

    report = serving(app, ask)
    assert report.sessions_forced == 0
    assert app.ends == [{"type": "websocket.disconnect", "code": 4000, "reason": "enough"}]
    (scope,) = app.scopes
    assert (scope["type"], scope["http_version"], scope["scheme"]) == ("websocket", "1.1", "ws")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/chat room", b"/chat%20room", b"a=b")
    assert scope["subprotocols"] == ["one", "two"] and scope["headers"][0][0] == b"host"
    assert "method" not in scope and all(not name.startswith(b":") for name, _ in scope["headers"])
    fields = dict(scope["headers"])
    assert (fields[b"connection"].lower(), fields[b"upgrade"]) == (b"upgrade", b"websocket")
    assert len(fields[b"sec-websocket-key"]) == 24 and fields[b"sec-websocket-version"] == b"13"
    assert isinstance(scope["client"][1], int) and scope["server"][0] == "127.0.0.1"


def test_the_application_ends_it() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        if scope["path"] == "/raises":
            raise RuntimeError("on purpose")
        if scope["path"] == "/closes":
            await send({"type": "websocket.send", "text": "goodbye"})
            await send({"type": "websocket.close", "code": 4001, "reason": "so"})
            with pytest.raises(OSError):
                await send({"type": "websocket.send", "text": "too late"})

    async def ask(application: Application) -> None:
        for path, code in (("/raises", 1011), ("/closes", 4001), ("/returns", 1000)):
            async with connect(application, path) as client:
                with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
                    assert await client.recv() == "goodbye"
                    await client.recv()
                assert closed.value.rcvd is not None and closed.value.rcvd.code == code

    serving(app, ask)


def test_the_application_refuses() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if scope["path"] == "/close":
            await send({"type": "websocket.close"})
        elif scope["path"] == "/deny":
            headers = [(b"content-type", b"text/plain")]
            await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": b"who ", "more_body": True})
            await send({"type": "websocket.http.response.body", "body": b"are you?"})
        else:
            raise RuntimeError("on purpose")

    async def ask(application: Application) -> None:
        for path, status, body in (("/close", 403, b""), ("/deny", 401, b"who are you?"), ("/raise", 500, None)):
            with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                async with connect(application, path):
                    pass
            answer = refused.value.response
            assert answer.status_code == status
            assert body is None or answer.body == body

    serving(app, ask)


def test_a_message_that_is_too_long() -> None:
    app = Echo()

    async def ask(application: Application) -> None:
        async with connect(application) as client:
            await client.send("x" * 1000)
            assert await client.recv() == "x" * 1000
            await client.send("x" * 1001)
            with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009

    serving(app, ask, ws_max_size=1000)
    assert app.ends[0]["code"] == 1009


def test_a_peer_that_breaks_off() -> None:
    app = Echo()

    def leave(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
            peer.sendall(
                b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
                b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            assert b"101 Switching Protocols" in peer.recv(1000)

    async def ask(application: Application) -> None:
        await in_thread(leave, application.ports[0])
        while not app.ends:
            await asyncio.sleep(0.01)

    serving(app, ask)
    assert app.ends == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


def test_frames_that_are_none() -> None:
    app = Echo()

    def garble(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
            peer.sendall(
                b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
                b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                # Not masked, as a client's must be.
                b"\x81\x02hi"
            )
            return peer.makefile("rb").read()

    async def ask(application: Application) -> None:
        answer = await in_thread(garble, application.ports[0])
        assert answer.partition(b"\r\n\r\n")[2][:4] == b"\x88" + answer.partition(b"\r\n\r\n")[2][1:2] + b"\x03\xea"

    serving(app, ask)
    assert app.ends[0]["code"] == 1002


def test_a_close_tells_the_peers() -> None:
    app = Echo()

    async def ask(application: Application) -> None:
        async with connect(application) as client:
            await client.send("a")
            assert await client.recv() == "a"
            application.begin_close(20)
            with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001

    began = time.monotonic()
    report = serving(app, ask, drain=20)
    assert time.monotonic() - began < 10
    assert (report.sessions_graceful, report.sessions_forced) == (1, 0)
    assert app.ends[0]["code"] == 1001


def test_what_is_no_websocket_of_ours() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["type"].encode()})

    def status(port: int, head: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
            peer.sendall(head + b"\r\n")
            return peer.recv(1000).split(b" ")[1]

    upgrade = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    key = b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    async def ask(application: Application) -> None:
        port = application.ports[0]
        assert await in_thread(status, port, upgrade + key + b"sec-websocket-version: 8\r\n") == b"426"
        assert await in_thread(status, port, upgrade + b"sec-websocket-version: 13\r\n") == b"400"
        assert await in_thread(status, port, b"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n") == b"501"
        assert await in_thread(status, port, upgrade.replace(b"websocket", b"h2c")) == b"200"

    serving(app, ask)


def over_http2(port: int) -> None:
    """A WebSocket on a stream (RFC 8441), frame by frame."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
        peer.settimeout(PATIENCE)
        session = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        frames = Connection(ConnectionType.CLIENT)
        session.initiate_connection()
        peer.sendall(session.data_to_send())
        came: List[Any] = []

        def until(kind: Any) -> Any:
            while True:
                for event in came:
                    if isinstance(event, kind):
                        came.remove(event)
                        return event
                came.extend(session.receive_data(peer.recv(65536)))
                for event in came:
                    if isinstance(event, h2.events.DataReceived):
                        session.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                peer.sendall(session.data_to_send())

        def message(kind: Any) -> Any:
            while True:
                for event in frames.events():
                    assert isinstance(event, kind), event
                    return event
                frames.receive_data(until(h2.events.DataReceived).data)

        def say(event: Any) -> None:
            session.send_data(1, frames.send(event))
            peer.sendall(session.data_to_send())

        settings = until(h2.events.RemoteSettingsChanged).changed_settings
        assert settings[h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL].new_value == 1
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat")]
        session.send_headers(
            1,
            [
                *fields,
                (":authority", "a"),
                ("sec-websocket-version", "13"),
                ("cookie", "a=1"),
                ("sec-websocket-protocol", "one"),
                ("cookie", "b=2"),
            ],
        )
        peer.sendall(session.data_to_send())
        answer = dict(until(h2.events.ResponseReceived).headers)
        assert answer[":status"] == "200" and answer["sec-websocket-protocol"] == "one"
        say(TextMessage(data="hello"))
        assert message(TextMessage).data == "hello"
        say(BytesMessage(data=b"y" * 10_000))
        assert message(BytesMessage).data == b"y" * 10_000
        say(CloseConnection(code=4002, reason="done"))
        assert message(CloseConnection).code == 4002
        until(h2.events.StreamEnded)


def test_messages_on_a_stream_of_http2() -> None:
    app = Echo(subprotocol="one")

    async def ask(application: Application) -> None:
        await in_thread(over_http2, application.ports[0])

    serving(app, ask)
    (scope,) = app.scopes
    assert (scope["http_version"], scope["path"], scope["scheme"]) == ("2", "/chat", "ws")
    assert scope["subprotocols"] == ["one"]
    # The last two stand for what HTTP/2 has in its pseudo-header fields.
    assert scope["headers"] == [
        (b"host", b"a"), (b"sec-websocket-version", b"13"), (b"cookie", b"a=1; b=2"), (b"sec-websocket-protocol", b"one"),
        (b"connection", b"upgrade"), (b"upgrade", b"websocket"),
    ]  # fmt: skip
    assert app.ends == [{"type": "websocket.disconnect", "code": 4002, "reason": "done"}]


def test_socketio_speaks_over_a_websocket() -> None:
    """engine.io looks for "upgrade" in the scope's connection field."""
    server = socketio.AsyncServer(async_mode="asgi")

    @server.event
    async def shout(sid: str, data: str) -> None:
        await server.emit("heard", data.upper(), to=sid)

    async def ask(application: Application) -> None:
        async with connect(application, "/socket.io/?EIO=4&transport=websocket") as client:
            opened = await client.recv()
            assert isinstance(opened, str) and opened.startswith('0{"sid":')
            await client.send("40")
            assert (await client.recv())[:2] == "40"
            await client.send('42["shout","hello"]')
            assert await client.recv() == '42["heard","HELLO"]'

    serving(socketio.ASGIApp(server), ask)


def test_without_wsproto_a_refusal_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(asgi_scope, "WEBSOCKETS", False)

    async def ask(application: Application) -> None:
        for _ in range(2):
            with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
                await connect(application)
            assert refused.value.response.status_code == 501

    serving(Echo(), ask)
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "a WebSocket was refused with 501: wsproto is missing; pip install wsproto"
    ]
