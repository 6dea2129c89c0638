"""goaway's demo: every kind of response, and a graceful close.

    demo.py [PORT]     listens on 127.0.0.1; default port 8080; 0: any free port

TLS_CERT        with TLS_KEY: the files of a certificate and its key; turns TLS on
DRAIN_MS        milliseconds that open streams have to end after SIGTERM or SIGINT (5000)
GOAWAY_WORKERS  threads of the library that serve (one for each processor)

The first signal drains; a second one forces, unless it follows within 100 ms: GNU
timeout sends two. The demo ends when the last session has ended, and prints the report.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import Awaitable, Callable, Deque, Dict, List, Tuple
from urllib.parse import parse_qsl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import goaway
from goaway.signals import signals

TEXT = {"content-type": "text/plain"}
CHUNK = b"x" * 1024
BLOCK = b"x" * 16384
BIG = 8 * 1024 * 1024
ALL = 0xFFFFFFFF

Handler = Callable[["Demo", goaway.Request], Awaitable[object]]
routes: List[Tuple[str, Handler]] = []


def route(pattern: str) -> Callable[[Handler], Handler]:
    def keep(handler: Handler) -> Handler:
        routes.append((pattern, handler))
        return handler

    return keep


class Demo:
    """The server, and the state that its handlers share."""

    def __init__(self, drain: float) -> None:
        self.drain = drain
        self.events: Deque[str] = deque(maxlen=1000)
        certificate, key = os.environ.get("TLS_CERT"), os.environ.get("TLS_KEY")
        self.server = goaway.Server(tls=goaway.Tls(certificate, key) if certificate and key else None)
        self.server.on_session = self.keep_event
        for pattern, handler in routes:
            self.server.register(pattern, self.bind(handler))

    def bind(self, handler: Handler) -> Callable[[goaway.Request], Awaitable[object]]:
        return lambda request: handler(self, request)

    def keep_event(self, event: goaway.SessionEvent) -> None:
        outcome = f" {event.outcome}" if event.outcome is not None else ""
        self.events.append(f"{event.kind} {event.session}{outcome}")


# Responses that are sent at once.


@route("GET /")
async def hello(demo: Demo, request: goaway.Request) -> None:
    await request.respond(200, b"Hello, World!", TEXT)


@route("GET /trailers")
async def trailers(demo: Demo, request: goaway.Request) -> None:
    await request.respond(200, b"ok", TEXT, trailers={"x-checksum": "1"})


@route("GET /headers")
async def headers(demo: Demo, request: goaway.Request) -> None:
    lines = [name + b": " + value + b"\n" for name, value in request.raw_headers]
    await request.respond(200, b"".join(lines), TEXT)


@route("GET /early")
async def early(demo: Demo, request: goaway.Request) -> None:
    await request.inform(103, {"link": "</style.css>; rel=preload; as=style"})
    await request.respond(200, b"early", TEXT)


@route("GET /users/{id}")
async def user(demo: Demo, request: goaway.Request) -> None:
    await request.respond(200, request.params["id"].encode(), TEXT)


@route("GET /panic")
async def panic(demo: Demo, request: goaway.Request) -> None:
    raise RuntimeError("a handler that fails")


# Responses that are sent later, or never.


@route("GET /slow")
async def slow(demo: Demo, request: goaway.Request) -> None:
    await asyncio.sleep(1)
    await request.respond(200, b"slow", TEXT)


@route("GET /hang")
async def hang(demo: Demo, request: goaway.Request) -> None:
    await asyncio.get_running_loop().create_future()


@route("GET /stream")
async def stream(demo: Demo, request: goaway.Request) -> None:
    await send_chunks(request, 20, 0.1)


@route("GET /count/{n}")
async def count(demo: Demo, request: goaway.Request) -> None:
    chunks = number(request.params["n"])
    if chunks is None:
        await request.respond(400, b"not a number\n", TEXT)
    else:
        await send_chunks(request, chunks, 0.05)


async def send_chunks(request: goaway.Request, chunks: int, pause: float) -> None:
    await request.write_head(200, TEXT)
    for left in range(chunks, 0, -1):
        await request.write(CHUNK)
        if left > 1:
            await asyncio.sleep(pause)
    await request.end()


@route("GET /drain")
async def drain(demo: Demo, request: goaway.Request) -> None:
    left_ms = await request.draining.wait()
    await request.respond(200, str(left_ms).encode(), TEXT)


@route("GET /stuck")
async def stuck(demo: Demo, request: goaway.Request) -> None:
    """Blocks a thread, and so cannot react when the request is cancelled."""
    ms = number(query(request).get("ms", "1000"), 60_000)
    if ms is None:
        await request.respond(400, b"ms is no number up to 60000\n", TEXT)
    else:
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, ms / 1000)
        await request.respond(200, b"stuck", TEXT)


@route("POST /exit")
async def leave(demo: Demo, request: goaway.Request) -> None:
    """Ends the process without a close. SystemExit is raised in a callback of the loop: in a
    handler it would end only the request."""
    asyncio.get_running_loop().call_soon(sys.exit)
    await asyncio.Event().wait()


# Responses that are streamed, as fast as the peer reads.


@route("* /echo")
async def echo(demo: Demo, request: goaway.Request) -> None:
    # The body first: a peer that waits for 100 (Continue) gets it before the head.
    async for piece in request.body:
        if not request.has_head:
            await request.write_head(200, TEXT)
        await request.write(piece)
    if not request.has_head:
        await request.write_head(200, TEXT)
    await request.end()


@route("GET /big")
async def big(demo: Demo, request: goaway.Request) -> None:
    await request.write_head(200, TEXT)
    for _ in range(BIG // len(BLOCK)):
        await request.write(BLOCK)
    await request.end()


# Information and actions for tests.


@route("GET /sessions")
async def sessions(demo: Demo, request: goaway.Request) -> None:
    await respond_json(request, [session._asdict() for session in demo.server.sessions()])


@route("GET /events")
async def events(demo: Demo, request: goaway.Request) -> None:
    await respond_json(request, list(demo.events))


@route("POST /sessions/{id}/close")
async def close_session(demo: Demo, request: goaway.Request) -> None:
    session = number(request.params["id"], (1 << 64) - 1)
    drain_ms = number(query(request).get("drain_ms", str(int(demo.drain * 1000))))
    if session is None or drain_ms is None:
        await request.respond(400, b"POST /sessions/{id}/close?drain_ms=N\n", TEXT)
    else:
        await respond_done(request, lambda: goaway.close_session(session, drain_ms / 1000))


@route("POST /sessions/{id}/abort")
async def abort_session(demo: Demo, request: goaway.Request) -> None:
    session = number(request.params["id"], (1 << 64) - 1)
    asked = query(request)
    code = number(asked.get("code", "0"))
    debug = asked.get("debug", "").encode()
    if session is None or code is None or len(debug) > 1024:
        await request.respond(400, b"POST /sessions/{id}/abort?code=N&debug=text\n", TEXT)
    else:
        await respond_done(request, lambda: goaway.abort_session(session, code, debug))


@route("POST /close")
async def close(demo: Demo, request: goaway.Request) -> None:
    drain_ms = number(query(request).get("drain_ms", str(int(demo.drain * 1000))))
    if drain_ms is None:
        await request.respond(400, b"POST /close?drain_ms=N\n", TEXT)
    else:
        demo.server.close(drain_ms / 1000)
        await request.respond(202, b"closing\n", TEXT)


async def respond_json(request: goaway.Request, value: object) -> None:
    body = json.dumps(value, separators=(",", ":")).encode()
    await request.respond(200, body, {"content-type": "application/json"})


async def respond_done(request: goaway.Request, work: Callable[[], None]) -> None:
    """Responds with the result of a call on a session."""
    try:
        work()
    except goaway.Error as error:
        if error.code != "GOAWAY_ERR_GONE":
            raise
        await request.respond(404, b"no such session\n", TEXT)
    else:
        await request.respond(204)


def query(request: goaway.Request) -> Dict[str, str]:
    return dict(parse_qsl(request.query, keep_blank_values=True))


def number(text: str, most: int = ALL) -> "int | None":
    found = int(text) if text.isascii() and text.isdigit() else None
    return found if found is not None and found <= most else None


def show_progress(progress: goaway.Progress) -> None:
    left = f"{progress.left_ms / 1000:.1f}"
    print(
        f"\rleaving: sessions {progress.sessions}, streams {progress.streams}, {left} s left \033[K",
        end="",
        file=sys.stderr,
    )


async def serve(port: int, drain_ms: int, workers: int) -> None:
    demo = Demo(drain_ms / 1000)
    server = demo.server
    if workers > 0:
        server.set_limit("workers", workers)
    if sys.stderr.isatty():
        server.on_progress = show_progress
    await server.listen(os.environ.get("GOAWAY_ADDRESS", f"127.0.0.1:{port}")).start()
    with signals(server.close_soon, demo.drain, same_seconds=0.1):
        print(f"listening on {server.addresses[0]}", flush=True)
        report = await server.wait_closed()
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        print(report.to_json(), flush=True)


def read_option(name: str, text: str, most: int) -> int:
    found = number(text, most)
    if found is None:
        sys.exit(f'demo: {name} is "{text}", not a number from 0 to {most}')
    return found


def main() -> None:
    if len(sys.argv) > 2:
        sys.exit("usage: demo.py [PORT]")
    port = read_option("the port", sys.argv[1] if len(sys.argv) > 1 else "8080", 65535)
    drain_ms = read_option("DRAIN_MS", os.environ.get("DRAIN_MS", "5000"), ALL - 1)
    workers = read_option("GOAWAY_WORKERS", os.environ.get("GOAWAY_WORKERS", "0"), 1024)
    # Outside of `signals`, before the start and after the report, a signal ends the program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        asyncio.run(serve(port, drain_ms, workers))
    except goaway.Error as error:
        sys.exit(f"demo: {error}")


if __name__ == "__main__":
    main()
