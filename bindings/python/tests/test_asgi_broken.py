"""`goaway.asgi`: applications that violate the specification."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import applications
import pytest
from applications import OK, body
from peers import Peer, client

from goaway.asgi import Application

serving = functools.partial(applications.serving, Application)
peering = functools.partial(applications.peering, Application)


async def before_head(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("on purpose")


async def between(scope: Any, receive: Any, send: Any) -> None:
    await send(OK)
    raise ValueError("on purpose")


async def without_response(scope: Any, receive: Any, send: Any) -> None:
    await receive()


async def without_body(scope: Any, receive: Any, send: Any) -> None:
    await send(OK)


async def later(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0.01)
    raise ValueError("on purpose")


async def bad_type(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.nothing"})


async def bad_order(scope: Any, receive: Any, send: Any) -> None:
    await send(body(b"x"))


async def bad_status(scope: Any, receive: Any, send: Any) -> None:
    await send({**OK, "status": "200"})


async def bad_headers(scope: Any, receive: Any, send: Any) -> None:
    await send({**OK, "headers": [(b"a", 1)]})


async def bad_value(scope: Any, receive: Any, send: Any) -> None:
    await send({**OK, "headers": [(b"a", b"b\nc")]})
    await send(body(b"x"))


async def bad_body(scope: Any, receive: Any, send: Any) -> None:
    await send(OK)
    await send(body("text"))  # type: ignore[arg-type]


async def bad_length(scope: Any, receive: Any, send: Any) -> None:
    await send({**OK, "headers": [(b"content-length", b"10")]})
    await send(body(b"x"))


WITHOUT_HEAD = [
    before_head,
    between,
    without_response,
    without_body,
    later,
    bad_type,
    bad_order,
    bad_status,
    bad_headers,
    bad_value,
    bad_body,
    bad_length,
]


@pytest.mark.parametrize("app", WITHOUT_HEAD)
def test_what_fails_before_the_head_gets_500(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            for _ in range(3):
                assert (await http.get("/")).status_code == 500

    serving(app, ask)
    assert len(caplog.records) >= 3 and caplog.records[0].name == "goaway"


async def after_head(scope: Any, receive: Any, send: Any) -> None:
    await send(OK)
    await send(body(b"x", True))
    raise ValueError("on purpose")


async def without_end(scope: Any, receive: Any, send: Any) -> None:
    await send(OK)
    await send(body(b"x", True))


async def without_trailers(scope: Any, receive: Any, send: Any) -> None:
    await send({**OK, "trailers": True})
    await send(body(b"x"))


async def too_short(scope: Any, receive: Any, send: Any) -> None:
    await send({**OK, "headers": [(b"content-length", b"10")]})
    await send(body(b"x", True))
    await send(body())


async def wrong_end(scope: Any, receive: Any, send: Any) -> None:
    await send(OK)
    await send(body(b"x", True))
    await send(OK)


@pytest.mark.parametrize("app", [after_head, without_end, without_trailers, too_short, wrong_end])
def test_what_fails_behind_the_head_is_reset(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    def ask(peer: Peer) -> None:
        stream = peer.wait(peer.request("/"))
        assert (stream.is_whole, stream.reset) == (False, 2)

    peering(app, ask)
    assert caplog.records


def test_what_is_sent_after_the_end_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"ok"))
        with pytest.raises(RuntimeError, match="complete"):
            await send(body(b"more"))

    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            assert (await http.get("/")).text == "ok"

    serving(app, ask)
    assert not caplog.records


# Tasks.
