"""Fields that the peer marks as never indexed (RFC 7541, section 7.1.3), which a
proxy must mark too when it forwards them."""

from __future__ import annotations

import asyncio
from typing import Any, List, Sequence, Tuple

import pytest
from frames import DATA, END_HEADERS, END_STREAM, HEADERS, Frames, literal
from peers import run

from goaway import Request, Server, ThreadedRequest, ThreadedServer

Fields = Sequence[Tuple[str, str]]

PSEUDO = [(":method", "POST"), ("\x01:path", "/"), (":scheme", "http"), (":authority", "a")]
SENT = [("x-a", "1"), ("cookie", "a=1"), ("\x01authorization", "secret"), ("\x01cookie", "b=2"), ("\x01x-a", "2")]
SENSITIVE = [":path", "cookie", "authorization", "x-a"]
TRAILERS = [("x-open", "1"), ("\x01x-secret", "2")]


def block(fields: Fields) -> bytes:
    """A header block of literals: a field whose name begins with \\x01 is never indexed."""
    names = [(b"\x10", name[1:]) if name.startswith("\x01") else (b"\0", name) for name, _ in fields]
    values = [value for _, value in fields]
    return b"".join(
        first + literal(name.encode()) + literal(value.encode()) for (first, name), value in zip(names, values)
    )


async def ask(port: int, head: Fields, trailers: Fields) -> int:
    """Sends a request, and gives the length of the response's header block."""
    frames = await Frames.connect(port, 10)
    frames.greet()
    frames.send(HEADERS, END_HEADERS, 1, block(head))
    frames.send(DATA, 0, 1, b"body")
    frames.send(HEADERS, END_HEADERS | END_STREAM, 1, block(trailers))
    response = await frames.until(HEADERS)
    frames.writer.close()
    return len(response.payload)


def view(request: Any) -> "List[Any]":
    return [
        request.sensitive_headers,
        request.header("authorization"),
        [name for name, _ in request.headers],
        [value for name, value in request.raw_headers if name == b"cookie"],
        list(request.trailers),
        list(request.sensitive_trailers),
    ]


EXPECTED = [
    SENSITIVE,
    "secret",
    ["x-a", "cookie", "authorization", "x-a"],
    [b"a=1", b"b=2"],
    [(b"x-open", b"1"), (b"x-secret", b"2")],
    [b"x-secret"],
]
OPEN = [[], None, ["x-a"], [], [(b"x-open", b"1")], []]


@pytest.mark.parametrize("head, trailers, expected", [
    (PSEUDO + SENT, TRAILERS, EXPECTED),
    ([(name.strip("\x01"), value) for name, value in PSEUDO] + [("x-a", "1")], TRAILERS[:1], OPEN),
])  # fmt: skip
def test_a_request_says_which_fields_are_sensitive(head: Fields, trailers: Fields, expected: "List[Any]") -> None:
    seen: List[Any] = []

    async def handler(request: Request) -> None:
        await request.read()
        seen.append(view(request))
        await request.respond(200)

    async def main() -> None:
        server = Server(drain=1)
        server.register("* /", handler)
        async with server.listen("127.0.0.1:0"):
            await ask(server.port, head, trailers)

    run(main())
    assert seen == [expected]


def test_a_threaded_request_too() -> None:
    seen: List[Any] = []

    def handler(request: ThreadedRequest) -> None:
        request.read()
        seen.append(view(request))
        request.respond(200)

    server = ThreadedServer(drain=1)
    server.register("* /", handler)
    with server.listen("127.0.0.1:0"):
        asyncio.run(ask(server.port, PSEUDO + SENT, TRAILERS))
    assert seen == [EXPECTED]


def test_a_proxy_passes_the_marks_on() -> None:
    async def handler(request: Request) -> None:
        marked = request.sensitive_headers
        fields = [("\x01" + name if name in marked else name, value) for name, value in request.headers]
        await request.respond(200, headers=fields)

    async def main() -> None:
        server = Server(drain=1)
        server.register("GET /", handler)
        head = [(name.strip("\x01"), "GET" if value == "POST" else value) for name, value in PSEUDO]
        async with server.listen("127.0.0.1:0"):
            frames = await Frames.connect(server.port, 10)
            frames.greet()
            frames.send(HEADERS, END_HEADERS | END_STREAM, 1, block([*head, ("x-open", "a"), ("\x01x-secret", "b")]))
            response = frames.decoder.decode((await frames.until(HEADERS)).payload)
            frames.writer.close()
        never_indexed = {field[0] for field in response if not field.indexable}
        assert {field[0] for field in response} >= {"x-open", "x-secret"} and never_indexed == {"x-secret"}

    run(main())
