"""Requests and the Tasks that they run in."""

from __future__ import annotations

import asyncio
from typing import Any, List, Optional

import pytest
from peers import client, run

from goaway import Request, Server, runner


@pytest.mark.parametrize("can_share", [True, False])
def test_every_request_is_in_a_task(monkeypatch: pytest.MonkeyPatch, can_share: bool) -> None:
    """Whether the interpreter lets Tasks be shared or not."""
    if can_share and not runner.CAN_SHARE:
        pytest.skip("this interpreter does not let Tasks be shared")
    monkeypatch.setattr(runner, "CAN_SHARE", can_share)
    tasks: List[Optional["asyncio.Task[Any]"]] = []

    async def handler(request: Request) -> None:
        tasks.append(asyncio.current_task())
        if request.query == "wait":
            await asyncio.sleep(0.01)
        assert asyncio.current_task() is tasks[-1]
        await request.respond(200, request.query.encode())

    async def main() -> None:
        server = Server(drain=1)
        server.register("GET /", handler)
        async with server.listen("127.0.0.1:0"), client(server.port) as http:
            for query in ("a", "wait", "b", "c"):
                assert (await http.get(f"/?{query}")).text == query

    run(main())
    assert len(tasks) == 4 and None not in tasks
    assert len(set(tasks)) == 4 or can_share
