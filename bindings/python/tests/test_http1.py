"""HTTP/1.1: the same handlers and applications, for clients that do not support HTTP/2."""

from __future__ import annotations

import http.client
import socket
from typing import Any, Callable, List

import applications
import pytest
from peers import PATIENCE, in_thread, run

import goaway
from goaway import Error, Request, Server
from goaway.asgi import Application as AsgiApplication
from goaway.wsgi import Application as WsgiApplication

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


def end(data: bytes) -> "dict[str, Any]":
    return {"type": "http.response.body", "body": data}


def serving(kind: Any, app: Any, ask: Callable[[int], None]) -> goaway.Report:
    """Serves while `ask`, on a thread of its own, goes on; then closes."""
    return applications.serving(kind, app, lambda application: in_thread(ask, application.ports[0]))


def asgi(app: Any, ask: Callable[[int], None]) -> goaway.Report:
    return serving(AsgiApplication, app, ask)


def connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)


def test_an_asgi_application_learns_the_version() -> None:
    seen: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        received = b""
        while True:
            message = await receive()
            received += message["body"]
            if not message["more_body"]:
                break
        await send(START)
        await send(end(received.upper()))

    def ask(port: int) -> None:
        connection = connect(port)
        for body in (b"once", b"twice" * 100_000):
            connection.request("POST", "/a%20b?c=d", body=body, headers={"x-a": "b"})
            response = connection.getresponse()
            assert (response.version, response.status, response.read()) == (11, 200, body.upper())
        connection.request("POST", "/", body=iter([b"in ", b"chunks"]), encode_chunked=True)
        assert connection.getresponse().read() == b"IN CHUNKS"
        connection.close()
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as old:
            old.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert old.makefile("rb").read().startswith(b"HTTP/1.0 200 OK\r\n")

    asgi(app, ask)
    assert [scope["http_version"] for scope in seen] == ["1.1", "1.1", "1.1", "1.0"]
    assert (seen[0]["path"], seen[0]["query_string"], seen[0]["method"]) == ("/a b", b"c=d", "POST")
    assert seen[0]["headers"][0] == (b"host", b"127.0.0.1:%d" % seen[0]["server"][1])
    assert (b"x-a", b"b") in seen[0]["headers"]
    assert (b"host", b"") not in seen[3]["headers"]


def test_an_asgi_application_asks_for_the_body() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/refuse":
            await send({**START, "status": 403})
            await send(end(b"no"))
            return
        message = await receive()
        await send(START)
        await send(end(message["body"]))

    def ask(port: int) -> None:
        head = b"POST %s HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
            lines = peer.makefile("rb")
            peer.sendall(head % b"/")
            assert (lines.readline(), lines.readline()) == (b"HTTP/1.1 100 Continue\r\n", b"\r\n")
            peer.sendall(b"body")
            assert lines.readline() == b"HTTP/1.1 200 OK\r\n"
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
            peer.sendall(head % b"/refuse")
            response = peer.makefile("rb").read()
            assert response.startswith(b"HTTP/1.1 403 Forbidden\r\n") and b"connection: close\r\n" in response

    asgi(app, ask)


def test_an_asgi_application_streams_and_hears_of_a_peer_that_leaves() -> None:
    left: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(START)
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        if scope["path"] == "/whole":
            await send(end(b", last"))
        else:
            left.append(await receive())

    def ask(port: int) -> None:
        connection = connect(port)
        connection.request("GET", "/whole")
        response = connection.getresponse()
        assert (response.getheader("transfer-encoding"), response.read()) == ("chunked", b"first, last")
        connection.request("GET", "/waits")
        assert connection.getresponse().read(5) == b"first"
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()

    asgi(app, ask)
    assert left == [{"type": "http.disconnect"}]


def test_a_wsgi_application_learns_the_version() -> None:
    seen: List[str] = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.append(environ["SERVER_PROTOCOL"])
        start_response("200 OK", [("content-type", "text/plain"), ("connection", "close")][:1])
        return [environ["wsgi.input"].read()]

    def ask(port: int) -> None:
        connection = connect(port)
        for _ in range(2):
            connection.request("POST", "/", body=b"body")
            assert connection.getresponse().read() == b"body"
        connection.close()

    serving(WsgiApplication, app, ask)
    assert seen == ["HTTP/1.1"] * 2


def test_a_server_of_ones_own() -> None:
    async def handler(request: Request) -> None:
        await request.respond(200, request.http_version.encode(), {"x-trailing": "no"})

    kept = []

    def ask(port: int) -> None:
        connection = connect(port)
        kept.append(connection)
        connection.request("GET", "/")
        response = connection.getresponse()
        assert (response.read(), response.getheader("content-length")) == (b"1.1", "3")

    async def main() -> None:
        server = Server()
        server.register("GET /", handler)
        server.listen("127.0.0.1:0")
        await server.start()
        await in_thread(ask, server.port)
        (session,) = server.sessions()
        assert session.protocol == "http/1.1"
        report = await server.close(1)
        assert report.sessions_graceful == 1
        kept.pop().close()

    run(main())


def test_a_response_may_end_the_connection() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"Connection", b"close"), (b"x-a", b"b")]})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await send(end(b", last"))

    def ask(port: int) -> None:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
                peer.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                head, _, body = peer.makefile("rb").read().partition(b"\r\n\r\n")
                assert b"\r\nconnection: close" in head and b"\r\nx-a: b" in head
                assert body.endswith(b"0\r\n\r\n")

    asgi(app, ask)


def test_a_handler_may_end_the_connection() -> None:
    async def handler(request: Request) -> None:
        with pytest.raises(Error, match="close"):
            await request.respond(200, b"bye", {"connection": "keep-alive, close"})
        await request.respond(200, b"bye", {"connection": "close"})

    def ask(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            response = peer.makefile("rb").read()
            assert b"\r\nconnection: close\r\n" in response and response.endswith(b"\r\n\r\nbye")

    async def main() -> None:
        server = Server()
        server.register("GET /", handler)
        server.listen("127.0.0.1:0")
        await server.start()
        await in_thread(ask, server.port)
        await server.close(1)

    run(main())


def test_it_can_be_turned_off() -> None:
    async def handler(request: Request) -> None:
        await request.respond(200)

    def ask(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert b"HTTP/1.1" not in peer.makefile("rb").read()

    async def main() -> None:
        server = Server(features={"http1": False})
        server.register("GET /", handler)
        server.listen("127.0.0.1:0")
        await server.start()
        await in_thread(ask, server.port)
        await server.close(1)

    run(main())


#: In a path and a query of HTTP/1.1 anything may stand but controls and spaces.
ANY_PATH, ANY_QUERY = b'/\xff%41\xc3\xa4"|<', b'q=\xff"'


def ask_any(port: int) -> None:
    """Asks for that path and query, for another that is UTF-8, and for one with an escape behind a byte."""
    for target in (ANY_PATH + b"?" + ANY_QUERY, "/\u00e4%20".encode(), b"/\xc3%a4"):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
            peer.sendall(b"GET " + target + b" HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            assert peer.makefile("rb").read().startswith(b"HTTP/1.1 200 ")


def test_an_asgi_path_is_text_where_it_is_utf_8() -> None:
    seen: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["path"], scope["raw_path"], scope["query_string"]))
        await send(START)
        await send(end(b""))

    asgi(app, ask_any)
    assert seen == [
        ('/\ufffdA\u00e4"|<', ANY_PATH, ANY_QUERY),
        ("/\u00e4 ", "/\u00e4%20".encode(), b""),
        ("/\u00e4", b"/\xc3%a4", b""),
    ]


def test_a_wsgi_path_has_a_character_for_each_byte() -> None:
    seen: List[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.append((environ["PATH_INFO"], environ["QUERY_STRING"]))
        start_response("200 OK", [])
        return []

    serving(WsgiApplication, app, ask_any)
    any_path = ('/\xffA\xc3\xa4"|<', 'q=\xff"')
    assert seen == [any_path, ("/\xc3\xa4 ", ""), ("/\xc3\xa4", "")]


def test_fields_come_and_go_in_their_order() -> None:
    sent = b"a: 1\r\nb: 2\r\na: 3\r\nc: 4\r\n"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        await send({**START, "headers": headers})
        await send(end(b""))

    def ask(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n" + sent + b"connection: close\r\n\r\n")
            assert sent in peer.makefile("rb").read()

    asgi(app, ask)
