"""The code blocks of the README are in this file, and they work."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from peers import Peer, client, in_thread, run, sync_client

import goaway

PACKAGE = Path(__file__).resolve().parent.parent


def test_server() -> None:
    run(serve())


async def serve() -> None:
    # [server]
    server = goaway.Server(limits={"idle_ms": 30_000})

    @server.route("POST /upper/{name}")
    async def upper(request: goaway.Request) -> None:
        await request.write_head(200, {"x-name": request.params["name"]})
        async for piece in request.body:  # flow control: the peer sends as much as is taken
            await request.write(piece.upper())  # waits while too much is unsent
        await request.end(trailers={"x-checksum": "1"})

    @server.route("GET /events")
    async def events(request: goaway.Request) -> None:
        await request.write_head(200, {"content-type": "text/event-stream"})
        while not request.draining.is_set():  # the server closes: an endless response ends properly
            await request.write(b"data: tick\n\n")
            await asyncio.sleep(0.1)
        await request.end()

    await server.listen("127.0.0.1:0").start()
    # [pause]
    async with client(server.port) as http:
        response = await http.post("/upper/a", content=b"x" * 100_000)
        assert (response.content, response.headers["x-name"]) == (b"X" * 100_000, "a")
    peer = Peer(server.port)
    number = peer.request("/events")
    await in_thread(peer.settle, 0.2)
    reading = asyncio.ensure_future(in_thread(peer.settle, 1))
    # [server]
    report = await server.close(drain=5.0)
    # [end]
    await reading
    assert report.streams_completed == 1 and peer.streams[number].is_whole
    peer.close()


def test_threaded() -> None:
    # [threaded]
    server = goaway.ThreadedServer(threads=8)

    @server.route("POST /")
    def echo(request: goaway.ThreadedRequest) -> None:
        request.respond(200, request.read(limit=1_000_000))

    with server.listen("127.0.0.1:0"):  # noqa: SIM117
        # [end]
        with sync_client(server.port) as http:
            assert http.post("/", content=b"hello").content == b"hello"


# [asgi]
async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    drain = scope["extensions"]["goaway.drain"]
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while not drain.is_set():
        await send({"type": "http.response.body", "body": b"data: tick\n\n", "more_body": True})
        await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"data: bye\n\n"})


def main() -> None:
    report = goaway.asgi.serve(app, bind=["127.0.0.1:8000"], drain=5.0)
    print(report.to_json())


# [end]


def test_asgi() -> None:
    async def serve() -> None:
        application = goaway.asgi.Application(app, goaway.Config(bind=["127.0.0.1:0"]))
        await application.start()
        with Peer(application.ports[0]) as peer:
            number = peer.request("/")
            await in_thread(peer.settle, 0.3)
            application.begin_close()
            assert (await in_thread(peer.wait, number)).body.endswith(b"data: bye\n\n")
            await in_thread(peer.settle, 1)
        assert (await application.wait_closed()).streams_completed == 1

    run(serve())


def block(name: str) -> str:
    """What stands here under that name."""
    found = []
    for part in re.split(r"^ *# \[", Path(__file__).read_text(), flags=re.MULTILINE)[1:]:
        title, _, text = part.partition("]\n")
        if title == name:
            found.append(text)
    return "    ...\n".join(found).rstrip()


def test_the_blocks_are_those_of_the_readme() -> None:
    readme = (PACKAGE / "README.md").read_text()
    found = re.findall(r"<!-- (\S+)(?: (\w+))? -->\n```python\n(.*?)```", readme, re.DOTALL)
    assert [name or path for path, name, _ in found] == ["examples/hello.py", "server", "threaded", "asgi"]
    for path, name, text in found:
        expected = block(name) if name else (PACKAGE / path).read_text()
        if name == "threaded":
            expected = expected.replace("  # noqa: SIM117", "") + "\n        ..."
        assert plain(text) == plain(expected), name or path


def plain(text: str) -> str:
    return re.sub("\n{3,}", "\n\n", textwrap.dedent(text).strip())


def test_hello_runs_and_leaves() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    hello = (PACKAGE / "examples" / "hello.py").read_text()
    assert len(hello.splitlines()) < 15
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    command = [sys.executable, "-c", hello.replace("8080", str(port))]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    try:
        url = f"http://127.0.0.1:{port}/"
        assert child.stdout is not None
        assert child.stdout.readline() == f"listening on 127.0.0.1:{port}\n".encode()
        asked = subprocess.run(["curl", "-s", "--http2-prior-knowledge", url], capture_output=True, timeout=10)
        assert asked.stdout == b"hello\n"
        shown = subprocess.run(["nghttp", url], capture_output=True, timeout=10)
        assert shown.stdout == b"hello\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(10) == 0
    finally:
        child.kill()
        child.communicate()


def test_the_package_alone_is_enough_to_import() -> None:
    program = "import goaway; goaway.asgi.serve, goaway.wsgi.serve; from goaway import asgi"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=20)
    with pytest.raises(AttributeError, match="has no attribute 'asgy'"):
        goaway.asgy  # type: ignore[attr-defined]  # noqa: B018


def test_the_whole_package_can_be_imported() -> None:
    assert all(hasattr(goaway, name) for name in goaway.__all__)
    assert callable(goaway.wsgi.serve) and callable(goaway.asgi.serve)
