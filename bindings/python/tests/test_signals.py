"""The signals of `goaway.run` and `serve`, and calls in threads that get no signals."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest
from serving import curl

import goaway
from goaway import asgi, wsgi
from goaway.signals import ClosingSignals, signals

PACKAGE = Path(__file__).resolve().parents[1]
PATIENCE = 20.0


def test_a_repeat_within_half_a_second_is_the_same_wish() -> None:
    closing = ClosingSignals(5)
    drain, force = (5, 0), (0, 0)
    asked = [closing.next(at) for at in (7.0, 7.01, 7.1, 7.49, 7.5, 9.0)]
    assert asked == [drain, None, None, None, force, force]


def test_a_signal_during_the_shutdown_delay_ends_it_and_the_next_one_forces() -> None:
    closing = ClosingSignals(5, 10)
    assert [closing.next(at) for at in (7.0, 7.1, 8.0, 8.1, 9.0)] == [(5, 10), None, (5, 0), None, (0, 0)]
    closing = ClosingSignals(5, 10)
    assert [closing.next(at) for at in (7.0, 17.1)] == [(5, 10), (0, 0)], "the delay has passed by itself"


def test_what_the_program_had_set_is_set_again() -> None:
    def mine(number: int, frame: Any) -> None:
        raise AssertionError("not now")

    before = signal.signal(signal.SIGTERM, mine)
    told: List[Tuple[float, float]] = []
    try:
        with signals(lambda *times: told.append(times), 5, 1):
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
    assert told == [(5, 1)]


PROGRAM = f"""
import asyncio, sys, time
sys.path.insert(0, {str(PACKAGE)!r})
import goaway

async def app(scope, receive, send):
    print("asked", flush=True)
    await asyncio.sleep(1)
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"slow"}})

def wsgi_app(environ, start_response):
    print("asked", flush=True)
    time.sleep(1)
    start_response("200 OK", [])
    return [b"slow"]

async def slow(request):
    print("asked", flush=True)
    await asyncio.sleep(1)
    await request.respond(200, b"slow")

address = "fd:" + sys.argv[2]
if sys.argv[1] == "run":
    report = goaway.run({{"GET /": slow}}, bind=address)
elif sys.argv[1] == "asgi":
    report = goaway.asgi.serve(app, bind=[address], lifespan="off")
else:
    report = goaway.wsgi.serve(wsgi_app, bind=[address])
print(report.to_json())
"""


@pytest.mark.parametrize("what", ["run", "asgi", "wsgi"])
def test_two_signals_at_once_drain(what: str, door: socket.socket) -> None:
    command = [sys.executable, "-c", PROGRAM, what, str(door.fileno())]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[door.fileno()])
    try:
        told: List[str] = []
        asking = threading.Thread(target=lambda: told.append(ask(door)))
        asking.start()
        # Its handlers are in place, and the request has come.
        assert process.stdout is not None and b"asked\n" in iter(process.stdout.readline, b"")
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
            time.sleep(0.05)
        asking.join(PATIENCE)
        out, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert told == ["slow"]
    assert b'"sessions_forced":0' in out and b'"streams_completed":1' in out


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """Listens already: who connects waits for the server that inherits it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def ask(door: socket.socket) -> str:
    return curl(f"http://127.0.0.1:{door.getsockname()[1]}/")


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"bye"})
    scope["extensions"]["goaway.server"].close_soon()


def wsgi_hello(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    environ["goaway.server"].close_soon()
    return [b"bye"]


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_serve_works_in_another_thread(kind: str, door: socket.socket) -> None:
    reports: List[goaway.Report] = []

    def serve() -> None:
        bind = [f"fd:{door.fileno()}"]
        if kind == "asgi":
            reports.append(asgi.serve(hello, bind=bind, lifespan="off"))
        else:
            reports.append(wsgi.serve(wsgi_hello, bind=bind))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=serve)
    thread.start()
    assert ask(door) == "bye"
    thread.join(PATIENCE)
    assert [report.streams_completed for report in reports] == [1]
    assert signal.getsignal(signal.SIGTERM) is before


def test_run_works_in_another_thread(door: socket.socket) -> None:
    async def hello(request: goaway.Request) -> None:
        await request.respond(200, b"bye")
        served_in.append(threading.current_thread())

    served_in: List[threading.Thread] = []
    thread = threading.Thread(
        target=goaway.run, args=({"GET /": hello},), kwargs={"bind": f"fd:{door.fileno()}"}, daemon=True
    )
    thread.start()
    assert ask(door) == "bye"
    assert served_in == [thread]


def test_serve_in_a_running_loop_says_what_to_do_instead() -> None:
    async def main() -> None:
        for serve in (lambda: asgi.serve(hello), lambda: wsgi.serve(wsgi_hello), lambda: goaway.run({})):
            with pytest.raises(goaway.Error, match="an event loop runs in this thread") as caught:
                serve()
            assert caught.value.code == "GOAWAY_ERR_STATE"

    asyncio.run(main())
