"""Cookies in several fields, as browsers send them over HTTP/2, are one value
for lookups by name (RFC 9113, section 8.2.3)."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List

import applications
import pytest
from peers import client, run, sync_client

import goaway.asgi
import goaway.wsgi
from goaway import Request, Server, ThreadedRequest, ThreadedServer

SENT = [("cookie", "a=1; b=2"), ("x", "1"), ("cookie", "c=3"), ("x", "2"), ("cookie", "d")]
JOINED = "a=1; b=2; c=3; d"
RECEIVED = [b"a=1; b=2", b"c=3", b"d"]


def views(request: Any) -> "Dict[str, Any]":
    """What is the same in both kinds of request."""
    names = [name for name, _ in request.headers]
    return {
        "header": request.header("Cookie"),
        "other": request.header("x"),
        "headers": dict(request.headers)["cookie"],
        "count": names.count("cookie"),
        "place": "x" not in names[: names.index("cookie")],
        "raw": [value for name, value in request.raw_headers if name == b"cookie"],
        "rest": [field for field in request.raw_headers if field[0] != b"cookie"]
        == [(name.encode(), value.encode()) for name, value in request.headers if name != "cookie"],
    }


EXPECTED = {
    "header": JOINED,
    "other": "1",
    "headers": JOINED,
    "count": 1,
    "place": True,
    "raw": RECEIVED,
    "rest": True,
}


@pytest.mark.parametrize("body", [b"", b"some"])
def test_a_request_has_one_value_and_the_list(body: bytes) -> None:
    seen: List[Any] = []

    async def handler(request: Request) -> None:
        seen.append(views(request))
        await request.respond(200)

    async def main() -> None:
        server = Server(drain=1)
        server.register("* /", handler)
        async with server.listen("127.0.0.1:0"), client(server.port) as http:
            await http.request("POST", "/", headers=SENT, content=body)
            await http.get("/", headers=[("cookie", "a=1")])

    run(main())
    assert seen[0] == EXPECTED
    assert (seen[1]["header"], seen[1]["raw"]) == ("a=1", [b"a=1"])


def test_a_threaded_request_too() -> None:
    seen: List[Any] = []

    def handler(request: ThreadedRequest) -> None:
        seen.append(views(request))
        request.respond(200)

    server = ThreadedServer(drain=1)
    server.register("* /", handler)
    with server.listen("127.0.0.1:0"), sync_client(server.port) as http:
        http.get("/", headers=SENT)
    assert seen == [EXPECTED]


def test_over_http_1_too() -> None:
    seen: List[Any] = []

    async def handler(request: Request) -> None:
        seen.append((request.http_version, request.header("cookie"), request.raw_headers[-2:]))
        await request.respond(200)

    async def main() -> None:
        server = Server(drain=1)
        server.register("* /", handler)
        async with server.listen("127.0.0.1:0"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            writer.close()

    run(main())
    assert seen == [("1.1", "a=1; b=2", [(b"cookie", b"a=1"), (b"cookie", b"b=2")])]


def test_an_asgi_scope_has_one_cookie_field() -> None:
    scopes: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send(applications.OK)
        await send(applications.body())

    async def ask(application: Any) -> None:
        async with client(application.ports[0]) as http:
            await http.get("/", headers=SENT)

    applications.serving(goaway.asgi.Application, app, ask)
    (scope,) = scopes
    names = [name for name, _ in scope["headers"]]
    assert [value for name, value in scope["headers"] if name == b"cookie"] == [JOINED.encode()]
    assert names.index(b"cookie") < names.index(b"x") and scope["http_version"] == "2"


def test_a_wsgi_environ_has_them_joined() -> None:
    environs: List[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        environs.append(dict(environ))
        start_response("200 OK", [])
        return []

    async def ask(application: Any) -> None:
        async with client(application.ports[0]) as http:
            await http.get("/", headers=SENT)

    applications.serving(goaway.wsgi.Application, app, ask)
    assert (environs[0]["HTTP_COOKIE"], environs[0]["HTTP_X"]) == (JOINED, "1,2")
