"""The small applications that every server is given: one ASGI application, each path a case.

What a case sees (what `receive` gives, what `send` raises) it notes; `/seen/NAME` gives the notes.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Awaitable, Callable, Dict, List

Receive = Callable[[], Awaitable[Dict[str, Any]]]
Send = Callable[[Dict[str, Any]], Awaitable[None]]
Note = Callable[[object], None]
Handler = Callable[[Dict[str, Any], Receive, Send, Note], Awaitable[None]]

HANDLERS: Dict[str, Handler] = {}
SEEN: Dict[str, List[str]] = {}
OK = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


def handler(function: Handler) -> Handler:
    HANDLERS[function.__name__] = function
    return function


def body(data: Any = b"ok", more: bool = False) -> Dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def app(scope: Dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError("no lifespan")
    name = scope["path"].strip("/").partition("/")[0]
    if name == "seen":
        seen = SEEN.get(scope["path"].rpartition("/")[2], [])
        await respond(send, json.dumps(seen))
        return
    notes = SEEN.setdefault(name, [])
    await HANDLERS[name](scope, receive, send, lambda what: notes.append(str(what)))


async def respond(send: Send, text: str) -> None:
    await send(OK)
    await send(body(text.encode()))


async def attempt(send: Send, note: Note, *messages: Any) -> None:
    """Sends them and notes what is raised."""
    for message in messages:
        try:
            await send(message)
        except Exception as error:
            note("OSError" if isinstance(error, OSError) else "raises")
            return
    note("nothing")


# What is asked.


@handler
async def scope_of(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.decode("latin-1")
        if isinstance(value, (list, tuple)):
            return [plain(one) for one in value]
        return value if isinstance(value, (str, int, float, type(None))) else sorted(map(str, value))

    await respond(send, json.dumps({name: plain(value) for name, value in scope.items()}))


@handler
async def status(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    given = scope["query_string"].decode()
    await send({**OK, "status": int(given) if given.isdigit() else given})
    await send(body(b"body"))


@handler
async def fields(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    """With the fields that the query names, as a literal of Python."""
    import ast
    from urllib.parse import unquote

    given = ast.literal_eval(unquote(scope["query_string"].decode()))
    await attempt(send, note, {**OK, "headers": given}, body())


# What is sent.


@handler
async def body_first(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send(body())


@handler
async def start_twice(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send(OK)
    await send(OK)
    await send(body())


@handler
async def unknown_type(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send({"type": "http.response.nonsense"})
    await respond(send, "ok")


@handler
async def no_type(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send({"status": 200})


@handler
async def no_status(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send({"type": "http.response.start", "headers": []})
    await send(body())


@handler
async def no_headers(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send({"type": "http.response.start", "status": 200})
    await send(body())


@handler
async def no_body_key(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send(OK)
    await send({"type": "http.response.body"})


@handler
async def text_body(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send(OK)
    await send(body("text"))


@handler
async def bytearray_body(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send(OK)
    await send(body(bytearray(b"ok")))


@handler
async def body_after_end(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send(OK)
    await send(body())
    await attempt(send, note, body(b"more"))


@handler
async def returns(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    pass


@handler
async def returns_after_start(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send(OK)


@handler
async def returns_in_body(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send(OK)
    await send(body(b"part", more=True))


@handler
async def raises(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    raise RuntimeError("on purpose")


@handler
async def raises_after_start(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send(OK)
    raise RuntimeError("on purpose")


@handler
async def raises_in_body(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await send(OK)
    await send(body(b"part", more=True))
    raise RuntimeError("on purpose")


@handler
async def raises_after_end(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await respond(send, "ok")
    raise RuntimeError("on purpose")


@handler
async def exits(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    raise SystemExit(3)


@handler
async def short(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await attempt(send, note, {**OK, "headers": [(b"content-length", b"10")]}, body(b"four"))


@handler
async def long(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await attempt(send, note, {**OK, "headers": [(b"content-length", b"2")]}, body(b"four"))


# What is received.


@handler
async def echo(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    data = b""
    while True:
        message = await receive()
        data += message.get("body", b"")
        if not message.get("more_body"):
            break
    await respond(send, data.decode())


@handler
async def receives_after_end(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    note((await receive())["type"])
    await respond(send, "ok")
    try:
        note((await asyncio.wait_for(receive(), 1))["type"])
    except asyncio.TimeoutError:
        note("nothing")


@handler
async def waits_for_the_end(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    """For a client that leaves while the response is prepared."""
    while True:
        message = await receive()
        note(message["type"])
        if message["type"] == "http.disconnect":
            break
    await attempt(send, note, OK, body())


@handler
async def streams_to_nobody(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    """For a client that leaves in the middle of the response."""
    try:
        await send(OK)
        for _ in range(300):
            await send(body(b"x" * 1000, more=True))
            await asyncio.sleep(0.005)
        note("all sent")
    except asyncio.CancelledError:
        note("cancelled")
        raise
    except Exception as error:
        note("OSError" if isinstance(error, OSError) else "raises")
    note((await receive())["type"])


# WebSockets.


@handler
async def socket_scope(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await receive()
    note(sorted(set(scope) - {"state"}))
    note(sorted(name.decode() for name, _ in scope["headers"]))
    note(scope["subprotocols"])
    note("websocket.http.response" in (scope.get("extensions") or {}))
    note((scope["scheme"], scope["http_version"]))
    await send({"type": "websocket.close"})


@handler
async def socket_accepts(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    note((await receive())["type"])
    await send({"type": "websocket.accept", "subprotocol": "two", "headers": [(b"x-a", b"b")]})
    await send({"type": "websocket.close", "code": 4000})


@handler
async def socket_closes(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await receive()
    await send({"type": "websocket.close"})


@handler
async def socket_denies(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await receive()
    await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b"no"})


@handler
async def socket_sends_first(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await receive()
    await send({"type": "websocket.send", "text": "too early"})


@handler
async def socket_returns(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await receive()


@handler
async def socket_raises(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await receive()
    raise RuntimeError("on purpose")


@handler
async def socket_returns_open(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await receive()
    await send({"type": "websocket.accept"})


@handler
async def socket_raises_open(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    raise RuntimeError("on purpose")


@handler
async def socket_accepts_twice(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.accept"})


@handler
async def socket_unknown_type(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.nonsense"})


@handler
async def socket_hears_of_the_end(scope: Any, receive: Receive, send: Send, note: Note) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    message = await receive()
    note((message["type"], message.get("code")))
    await attempt(send, note, {"type": "websocket.send", "text": "late"})


# Lifespans. Each is an application of its own: `compatibility.application:startup_raises`.


def lifespan(function: Callable[[Receive, Send], Awaitable[None]]) -> Any:
    async def application(scope: Dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await function(receive, send)
        else:
            await respond(send, "ok")

    return application


@lifespan
async def startup_raises(receive: Receive, send: Send) -> None:
    await receive()
    raise RuntimeError("on purpose")


@lifespan
async def startup_refuses(receive: Receive, send: Send) -> None:
    raise NotImplementedError("lifespan")


@lifespan
async def startup_exits(receive: Receive, send: Send) -> None:
    raise SystemExit(3)


@lifespan
async def startup_fails(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "on purpose"})


@lifespan
async def startup_returns(receive: Receive, send: Send) -> None:
    await receive()


@lifespan
async def startup_unknown(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.nonsense"})


@lifespan
async def startup_shuts_down(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@lifespan
async def startup_twice(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.startup.complete"})


@lifespan
async def startup_and_gone(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})


@lifespan
async def startup_and_dead(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await asyncio.sleep(0.05)
    raise RuntimeError("on purpose")


LIFESPANS = [name for name in globals() if name.startswith("startup_")]
