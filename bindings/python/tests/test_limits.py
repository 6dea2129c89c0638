"""Each limit of the library acts here, or is refused: none is accepted and does nothing."""

from __future__ import annotations

import re
from typing import Any, List

import applications
import pytest
from peers import client, run, sync_client
from serving import PACKAGE

import goaway
from goaway import Error, Request, Server, ThreadedRequest, ThreadedServer, asgi, wsgi
from goaway._native import LIMITS
from goaway.cli.main import main

HEADER = (PACKAGE.parents[1] / "include" / "goaway.h").read_text()
UNBOUNDED = {"requests"}
"""Any number is a good one."""
OF_C = {"session_body_bytes"}
"""About what only programs in C have the library do."""
OF_HANDLERS = {"body_bytes"}
"""About what handlers have `read` do, and applications do by themselves."""


def largest(name: str) -> int:
    """From the comment of the limit in the header: "1 to 1024.", "0, no limit, to 30 days."."""
    comment = HEADER.split(f"    GOAWAY_LIMIT_{name.upper()} = ")[0].rsplit("GOAWAY_LIMIT_", 1)[-1]
    text = re.sub(r"\n *// ?", " ", comment)
    found = re.findall(r"to (\d+|30 days)\.", text)
    assert found, (name, text)
    return 30 * 24 * 60 * 60 * 1000 if found[-1] == "30 days" else int(found[-1])


@pytest.mark.parametrize("kind", [Server, ThreadedServer])
@pytest.mark.parametrize("name", LIMITS)
def test_each_reaches_the_library_or_is_refused(name: str, kind: Any) -> None:
    server = kind()
    if name in OF_C:
        with pytest.raises(Error, match=name) as refused:
            server.set_limit(name, 1)
        assert refused.value.code == "GOAWAY_ERR_INVALID"
    elif name in UNBOUNDED:
        server.set_limit(name, 2**64 - 1)
    else:
        # The library knows the ranges, and nothing here repeats them.
        server.set_limit(name, largest(name))
        with pytest.raises(Error, match=name) as refused:
            server.set_limit(name, largest(name) + 1)
        assert refused.value.code == "GOAWAY_ERR_INVALID"


@pytest.mark.parametrize("kind", [asgi.Application, wsgi.Application])
@pytest.mark.parametrize("name", sorted(OF_C | OF_HANDLERS))
def test_applications_refuse_what_is_for_handlers(name: str, kind: Any) -> None:
    async def ask(_: Any) -> None:
        raise AssertionError("it serves")

    with pytest.raises(Error, match=name):
        applications.serving(kind, None, ask, limits={name: 10})


@pytest.mark.parametrize("name", sorted(OF_C | OF_HANDLERS))
def test_the_command_refuses_them_too(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--limit", f"{name}=10", "plain:app"]) == 2
    assert name in capsys.readouterr().err


LENGTHS = [(10, 200), (11, 413), (100, 413)]


def test_a_body_is_bounded_by_its_limit() -> None:
    seen: List[Any] = []

    async def handler(request: Request) -> None:
        await request.respond(200, await request.read())

    async def careful(request: Request) -> None:
        try:
            await request.read()
        except Error as error:
            seen.append(error.code)
        await request.respond(200, await request.read(1000))

    async def main() -> None:
        server = Server(drain=1, limits={"body_bytes": 10})
        server.register("POST /", handler)
        server.register("POST /careful", careful)
        async with server.listen("127.0.0.1:0"), client(server.port) as http:
            for length, status in LENGTHS:
                assert (await http.post("/", content=b"x" * length)).status_code == status
            assert (await http.post("/careful", content=b"x" * 11)).status_code == 200

    run(main())
    assert seen == ["GOAWAY_ERR_TOO_LARGE"]


def test_a_body_is_bounded_by_its_limit_in_threads() -> None:
    def handler(request: ThreadedRequest) -> None:
        request.respond(200, request.read())

    server = ThreadedServer(drain=1, limits={"body_bytes": 10})
    server.register("POST /", handler)
    with server.listen("127.0.0.1:0"), sync_client(server.port) as http:
        for length, status in LENGTHS:
            assert http.post("/", content=b"x" * length).status_code == status


def test_the_default_is_that_of_the_library() -> None:
    found = re.search(r"// Bytes of a request body[^=]*?Default (\d+)", HEADER)
    assert found is not None and int(found[1]) == goaway.limit.BODY_BYTES
