"""The demo's routes as an ASGI application: `goaway demo_asgi:app`.

demo_asgi.py [PORT]     serves it without the command, for as long as DRAIN_MS says
"""

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any, Awaitable, Callable, Deque, Dict, List, Optional, Tuple
from urllib.parse import parse_qsl, unquote_to_bytes

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import goaway
from goaway.asgi import Application
from goaway.signals import signals

DRAIN_MS = int(os.environ.get("DRAIN_MS", "5000"))
TEXT = [(b"content-type", b"text/plain")]
CHUNK = b"x" * 1024
BLOCK = b"x" * 16384
BIG = 8 * 1024 * 1024
ALL = 0xFFFFFFFF

Handler = Callable[["Exchange"], Awaitable[None]]
routes: List[Tuple[str, "re.Pattern[str]", Handler]] = []
events: Deque[str] = deque(maxlen=1000)


class Exchange:
    """One request, with the three arguments of an ASGI application."""

    def __init__(self, scope: Dict[str, Any], receive: Any, send: Any) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.params: Dict[str, str] = {}
        self.drain: goaway.Drain = scope["extensions"]["goaway.drain"]
        self.server: Application = scope["extensions"]["goaway.server"]
        self.query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))

    async def start(self, status: int, headers: Any = TEXT, trailers: bool = False) -> None:
        await self.send({"type": "http.response.start", "status": status, "headers": headers, "trailers": trailers})

    async def body(self, data: bytes, more: bool = False) -> None:
        await self.send({"type": "http.response.body", "body": data, "more_body": more})

    async def respond(self, status: int, data: bytes = b"", headers: Any = TEXT) -> None:
        await self.start(status, headers)
        await self.body(data)

    async def respond_json(self, value: object) -> None:
        data = json.dumps(value, separators=(",", ":")).encode()
        await self.respond(200, data, [(b"content-type", b"application/json")])

    def number(self, name: str, default: Optional[int] = None, most: int = ALL) -> Optional[int]:
        text = self.params.get(name) or self.query.get(name, "" if default is None else str(default))
        found = int(text) if text.isascii() and text.isdigit() else None
        return found if found is not None and found <= most else None


def route(pattern: str) -> Callable[[Handler], Handler]:
    method, path = pattern.split(" ")

    def keep(handler: Handler) -> Handler:
        routes.append((method, re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)), handler))
        return handler

    return keep


async def app(scope: Dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
        return
    exchange = Exchange(scope, receive, send)
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    allowed = []
    for wanted, pattern, handler in routes:
        match = pattern.fullmatch(scope["raw_path"].decode("latin-1"))
        if match is not None and wanted in (method, "*"):
            try:
                exchange.params = {name: decode(value) for name, value in match.groupdict().items()}
            except ValueError:
                await exchange.respond(400)
            else:
                await handler(exchange)
            return
        if match is not None:
            allowed.append(wanted.encode())
    if allowed:
        await exchange.respond(405, b"", [(b"allow", b", ".join(allowed))])
    else:
        await exchange.respond(404)


def decode(segment: str) -> str:
    """A path segment, percent-decoded. Raises ValueError if it is not UTF-8."""
    if re.search("%(?![0-9a-fA-F]{2})", segment):
        raise ValueError("not percent-encoded")
    return unquote_to_bytes(segment).decode("utf-8")


async def lifespan(scope: Dict[str, Any], receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            scope["extensions"]["goaway.server"].on_session = keep_event
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


def keep_event(event: goaway.SessionEvent) -> None:
    outcome = f" {event.outcome}" if event.outcome is not None else ""
    events.append(f"{event.kind} {event.session}{outcome}")


# Responses that are sent at once.


@route("GET /")
async def hello(exchange: Exchange) -> None:
    await exchange.respond(200, b"Hello, World!")


@route("GET /trailers")
async def trailers(exchange: Exchange) -> None:
    await exchange.start(200, trailers=True)
    await exchange.body(b"ok")
    await exchange.send({"type": "http.response.trailers", "headers": [(b"x-checksum", b"1")]})


@route("GET /headers")
async def headers(exchange: Exchange) -> None:
    # The first field is the host that ASGI requires, from `:authority`.
    lines = [name + b": " + value + b"\n" for name, value in exchange.scope["headers"][1:]]
    await exchange.respond(200, b"".join(lines))


@route("GET /early")
async def early(exchange: Exchange) -> None:
    links = [b"</style.css>; rel=preload; as=style"]
    await exchange.send({"type": "http.response.early_hint", "links": links})
    await exchange.respond(200, b"early")


@route("GET /users/{id}")
async def user(exchange: Exchange) -> None:
    await exchange.respond(200, exchange.params["id"].encode())


@route("GET /panic")
async def panic(exchange: Exchange) -> None:
    raise RuntimeError("a handler that fails")


# Responses that are sent later, or never.


@route("GET /slow")
async def slow(exchange: Exchange) -> None:
    await asyncio.sleep(1)
    await exchange.respond(200, b"slow")


@route("GET /hang")
async def hang(exchange: Exchange) -> None:
    message = await exchange.receive()
    if message.get("more_body"):
        # The rest of the body is not read, so that flow control stops the peer.
        await asyncio.get_running_loop().create_future()
    await exchange.receive()


@route("GET /stream")
async def stream(exchange: Exchange) -> None:
    await send_chunks(exchange, 20, 0.1)


@route("GET /count/{n}")
async def count(exchange: Exchange) -> None:
    chunks = exchange.number("n")
    if chunks is None:
        await exchange.respond(400, b"not a number\n")
    else:
        await send_chunks(exchange, chunks, 0.05)


async def send_chunks(exchange: Exchange, chunks: int, pause: float) -> None:
    await exchange.start(200)
    for left in range(chunks, 0, -1):
        await exchange.body(CHUNK, more=left > 1)
        if left > 1:
            await asyncio.sleep(pause)
    if chunks == 0:
        await exchange.body(b"")


@route("GET /drain")
async def drain(exchange: Exchange) -> None:
    left_ms = await exchange.drain.wait()
    await exchange.respond(200, str(left_ms).encode())


@route("GET /stuck")
async def stuck(exchange: Exchange) -> None:
    """Blocks a thread, and so cannot react when the request is cancelled."""
    ms = exchange.number("ms", 1000, 60_000)
    if ms is None:
        await exchange.respond(400, b"ms is no number up to 60000\n")
    else:
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, ms / 1000)
        await exchange.respond(200, b"stuck")


@route("POST /exit")
async def leave(exchange: Exchange) -> None:
    """Ends the process without a close. Nothing that an application raises ends the
    command `goaway`, SystemExit in a handler or a callback of the loop included."""
    os._exit(0)


# Responses that are streamed, as fast as the peer reads.


@route("* /echo")
async def echo(exchange: Exchange) -> None:
    # The body first: a peer that waits for 100 (Continue) gets it before the head.
    message = await exchange.receive()
    await exchange.start(200)
    while message["type"] == "http.request":
        await exchange.body(message["body"], message["more_body"])
        if not message["more_body"]:
            return
        message = await exchange.receive()


@route("GET /big")
async def big(exchange: Exchange) -> None:
    await exchange.start(200)
    for left in range(BIG // len(BLOCK), 0, -1):
        await exchange.body(BLOCK, more=left > 1)


# Information and actions for tests.


@route("GET /sessions")
async def sessions(exchange: Exchange) -> None:
    await exchange.respond_json([session._asdict() for session in exchange.server.sessions()])


@route("GET /events")
async def list_events(exchange: Exchange) -> None:
    await exchange.respond_json(list(events))


@route("POST /sessions/{id}/close")
async def close_session(exchange: Exchange) -> None:
    session, drain_ms = exchange.number("id", most=(1 << 64) - 1), exchange.number("drain_ms", DRAIN_MS)
    if session is None or drain_ms is None:
        await exchange.respond(400, b"POST /sessions/{id}/close?drain_ms=N\n")
    else:
        await respond_done(exchange, lambda: goaway.close_session(session, drain_ms / 1000))


@route("POST /sessions/{id}/abort")
async def abort_session(exchange: Exchange) -> None:
    session, code = exchange.number("id", most=(1 << 64) - 1), exchange.number("code", 0)
    debug = exchange.query.get("debug", "").encode()
    if session is None or code is None or len(debug) > 1024:
        await exchange.respond(400, b"POST /sessions/{id}/abort?code=N&debug=text\n")
    else:
        await respond_done(exchange, lambda: goaway.abort_session(session, code, debug))


@route("POST /close")
async def close(exchange: Exchange) -> None:
    drain_ms = exchange.number("drain_ms", DRAIN_MS)
    if drain_ms is None:
        await exchange.respond(400, b"POST /close?drain_ms=N\n")
    else:
        exchange.server.begin_close(drain_ms / 1000)
        await exchange.respond(202, b"closing\n")


async def respond_done(exchange: Exchange, work: Callable[[], None]) -> None:
    """Responds with the result of a call on a session."""
    try:
        work()
    except goaway.Error as error:
        if error.code != "GOAWAY_ERR_GONE":
            raise
        await exchange.respond(404, b"no such session\n")
    else:
        await exchange.respond(204, b"", [])


async def serve(port: int) -> None:
    application = Application(app, goaway.Config(bind=[f"127.0.0.1:{port}"], drain=DRAIN_MS / 1000))
    # A second signal of a user forces; only GNU timeout's duplicate, which follows at once, does not.
    with signals(application.close_soon, DRAIN_MS / 1000, same_seconds=0.1):
        await application.start()
        print(f"listening on 127.0.0.1:{application.ports[0]}", flush=True)
        report = await application.wait_closed()
        print(report.to_json(), flush=True)


if __name__ == "__main__":
    # Outside of `signals`, before the start and after the report, a signal ends the program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8080))
