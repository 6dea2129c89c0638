"""A response of which a part cannot be sent: the peer gets an error, never a response
that looks complete."""

from __future__ import annotations

import logging
from typing import Any, Awaitable, Callable, Dict

import pytest
from peers import Peer, in_thread, run

from goaway import Request, Server

BAD = {"x": "a\nb"}


async def inform_then_respond(request: Request) -> None:
    await request.inform(103, BAD)
    await request.respond(200, b"fine")


async def head_then_rest(request: Request) -> None:
    await request.write_head(200, BAD)
    await request.write(b"fine")
    await request.end(b"fine")


async def respond_with_trailers(request: Request) -> None:
    await request.respond(200, b"fine", BAD, {"x-sum": "1"})


async def inform_then_stream(request: Request) -> None:
    await request.inform(103, BAD)
    await request.write_head(200)
    await request.end(b"fine")


@pytest.mark.parametrize(
    "handler",
    [inform_then_respond, head_then_rest, respond_with_trailers, inform_then_stream],
    ids=lambda f: f.__name__,
)
def test_the_response_does_not_look_complete(
    handler: Callable[[Request], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    def ask(port: int) -> "Dict[str, Any]":
        with Peer(port) as peer:
            stream = peer.wait(peer.request("/"))
            return {"status": stream.headers.get(":status"), "reset": stream.reset, "body": stream.body}

    async def main() -> "Dict[str, Any]":
        server = Server(drain=1)
        server.register("* /", handler)
        async with server.listen("127.0.0.1:0"):
            return await in_thread(ask, server.port)

    with caplog.at_level(logging.ERROR, "goaway"):
        seen = run(main())
    assert seen["status"] == "500" and b"fine" not in seen["body"]
    (told,) = [record.exc_info for record in caplog.records]
    assert told is not None and getattr(told[1], "code", None) == "GOAWAY_ERR_INVALID"
