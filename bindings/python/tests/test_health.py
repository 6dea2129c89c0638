"""The health checks that the library responds to."""

from __future__ import annotations

import signal
import threading
import time

import httpx
import pytest
from peers import in_thread, run
from serving import Command, eventually

import goaway
from goaway import asgi, wsgi


def get(port: int, path: str) -> "tuple[int, str]":
    response = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=20)
    return response.status_code, response.text


async def app(scope: "dict[str, object]", receive: object, send: object) -> None:
    raise AssertionError("the application sees no health check")


def wsgi_app(environ: object, start_response: object) -> "list[bytes]":
    raise AssertionError("the application sees no health check")


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_the_application_sees_no_health_check(kind: str) -> None:
    config = goaway.Config(
        bind=["127.0.0.1:0", "127.0.0.1:0?health=1"], ready_path="/ready", live_path="/live", lifespan="off"
    )

    async def main() -> None:
        server = asgi.Application(app, config) if kind == "asgi" else wsgi.Application(wsgi_app, config)
        await server.start()
        for port in server.ports:
            assert await in_thread(get, port, "/ready") == (200, "ready\n")
            assert await in_thread(get, port, "/live") == (200, "live\n")
        assert (await in_thread(get, server.ports[1], "/"))[0] == 404
        server.begin_close(60, 60)
        for port in server.ports:
            assert await in_thread(get, port, "/ready") == (503, "not ready\n")
            assert await in_thread(get, port, "/live") == (200, "live\n")
        server.begin_close(1)
        await server.wait_closed()

    run(main())


def test_a_blocked_loop_is_told() -> None:
    async def block(request: goaway.Request) -> None:
        time.sleep(1.5)
        await request.respond(200)

    async def main() -> "list[int]":
        server = goaway.Server()
        server.set_health_paths(live="/live", stall=0.2)
        server.register("GET /", block)
        await server.listen("127.0.0.1:0").start()
        told: "list[int]" = []

        def ask() -> None:
            for _ in range(2):
                threading.Thread(target=get, args=(server.port, "/"), daemon=True).start()
                time.sleep(0.1)
            eventually(lambda: told.append(get(server.port, "/live")[0]) or 503 in told, "a stall")
            eventually(lambda: told.append(get(server.port, "/live")[0]) or told[-1] == 200, "its end")

        await in_thread(ask)
        await server.close(5)
        return told

    assert 503 in run(main())


def test_a_bad_path_is_refused() -> None:
    server = goaway.Server()
    for bad in ("ready", "/{a}", "/a b", "/a\0"):
        with pytest.raises(goaway.Error, match="GOAWAY_ERR_INVALID"):
            server.set_health_paths(ready=bad)
    with pytest.raises(goaway.Error, match="stall_ms"):
        server.set_health_paths(live="/live", stall=0)
    server.set_health_paths(ready="/ready")
    with pytest.raises(goaway.Error, match="has a handler already"):
        server.set_health_paths(ready="/ready")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_command_is_not_ready_from_the_signal_on(workers: str) -> None:
    options = ("--workers", workers, "--shutdown-delay", "60", "--signal-repeat", "0", "--ready-path", "/ready")
    with Command("plain:app", *options) as command:
        assert get(command.port, "/ready") == (200, "ready\n")
        command.signal(signal.SIGTERM)
        eventually(lambda: get(command.port, "/ready") == (503, "not ready\n"), "not ready")
        for _ in range(6):
            assert get(command.port, "/ready") == (503, "not ready\n"), "of every worker"
            assert get(command.port, "/")[0] == 200
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
