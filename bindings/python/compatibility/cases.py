"""What is asked of each server, and what the outcome is called in the table."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any, Callable, List, Tuple
from urllib.parse import quote

import h2.exceptions
from peers import Peer

PATIENCE = 5.0
Ask = Callable[[int], str]


@dataclass(frozen=True)
class Case:
    """A row of the table."""

    group: str
    title: str
    ask: Ask


CASES: List[Case] = []


def add(group: str, title: str, ask: Ask) -> None:
    CASES.append(Case(group, title, ask))


# One request, and the end of it.


def exchange(port: int, request: bytes, method: str = "GET") -> Tuple[str, bytes, "http.client.HTTPMessage | None"]:
    """What came: status and body in words, the body, the fields."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
        peer.sendall(request)
        response = http.client.HTTPResponse(peer, method=method)
        try:
            response.begin()
        except (http.client.HTTPException, OSError):
            return "no response", b"", None
        try:
            data = response.read()
        except http.client.IncompleteRead as cut:
            return f"{response.status}, cut after {len(cut.partial)} bytes", cut.partial, response.headers
        except OSError:
            return f"{response.status}, cut", b"", response.headers
        if response.status >= 500 and response.status < 600:
            return str(response.status), data, response.headers
        return f"{response.status}, {len(data)} bytes", data, response.headers


def request(path: str, *fields: bytes, method: str = "GET", body: bytes = b"", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}".encode(), *fields]
    if version == "1.1":
        lines.insert(1, b"Host: test")
        lines.append(b"Connection: close")
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def plain(path: str, *fields: bytes, method: str = "GET", body: bytes = b"") -> Ask:
    return lambda port: exchange(port, request(path, *fields, method=method, body=body), method)[0]


def seen(port: int, name: str, count: int = 1, patience: float = 4.0) -> List[str]:
    """The notes of a case, once there are so many."""
    deadline = time.monotonic() + patience
    while True:
        notes: List[str] = json.loads(exchange(port, request(f"/seen/{name}"))[1] or b"[]")
        if len(notes) >= count or time.monotonic() > deadline:
            return notes
        time.sleep(0.02)


# Scopes.


def scope(show: Callable[[Any], object], *fields: bytes, target: str = "/scope_of", **more: Any) -> Ask:
    def ask(port: int) -> str:
        outcome, data, _ = exchange(port, request(target, *fields, **more))
        try:
            return str(show(json.loads(data)))
        except ValueError:
            return outcome

    return ask


def named(name: str) -> Callable[[Any], object]:
    """The values of the request's fields with that name."""
    return lambda found: [value for field, value in found["headers"] if field == name] or "not there"


group = "Scope"
add(group, "keys beyond the specification's", scope(lambda s: sorted(set(s) - {
    "type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path", "headers",
    "client", "server", "state", "extensions"}) or "none"))  # fmt: skip
add(group, "`http_version`", scope(lambda s: s["http_version"]))
add(group, "`http_version` of HTTP/1.0", scope(lambda s: s["http_version"], version="1.0"))
add(group, "`method` of `get`", scope(lambda s: s["method"], method="get"))
add(group, "`path` of `/scope_of/a%20b%2Fc`", scope(lambda s: s["path"], target="/scope_of/a%20b%2Fc"))
add(group, "`raw_path` of it with a query", scope(lambda s: s["raw_path"], target="/scope_of/a%20b%2Fc?d=e"))
add(group, "`path` of `/scope_of/%FF`", scope(lambda s: ascii(s["path"]), target="/scope_of/%FF"))
add(group, "`query_string` of `?a=%20+b&&`", scope(lambda s: s["query_string"], target="/scope_of?a=%20+b&&"))
add(group, "`query_string` of `?`", scope(lambda s: repr(s["query_string"]), target="/scope_of?"))
add(group, "target in absolute form", scope(lambda s: (s["path"], named("host")(s)), target="http://test/scope_of"))
add(group, "`X-Upper: A` is named", scope(lambda s: [n for n, _ in s["headers"] if n.lower() == "x-upper"],
                                           b"X-Upper: A"))  # fmt: skip
add(group, "`x_a: 1`", scope(named("x_a"), b"x_a: 1"))
add(group, "two fields `x-a`", scope(named("x-a"), b"x-a: 1", b"x-b: 2", b"x-a: 3"))
add(group, "two fields `cookie`", scope(named("cookie"), b"cookie: a=1", b"cookie: b=2"))
add(group, "`x-a:   spaced  `", scope(named("x-a"), b"x-a:   spaced  "))
add(group, "`x-a:` with byte 0xE4", scope(lambda s: ascii(named("x-a")(s)), b"x-a: \xe4"))
add(group, "`connection` of the request", scope(named("connection")))
add(group, "`host` of HTTP/1.0 without one", scope(named("host"), version="1.0"))
add(group, "`client`, `server`", scope(lambda s: (s["client"][0], s["server"][0])))
add(group, "body in chunks", lambda port: exchange(
    port, request("/echo", b"Transfer-Encoding: chunked", method="POST") + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")[0])  # fmt: skip
add(group, "`Expect: 100-continue`, body sent with it", plain("/echo", b"Expect: 100-continue", method="POST",
                                                              body=b"abc"))  # fmt: skip

# Responses.

group = "Status"
for number in ("204", "205", "304"):
    add(group, f"{number} with a body", plain(f"/status?{number}"))
for number in ("299", "600", "999", "1000", "99"):
    add(group, f"status {number}", plain(f"/status?{number}"))
add(group, "status as text", plain("/status?ok"))
add(group, "HEAD with a body", plain("/status?200", method="HEAD"))


def given(fields: object, name: str = "") -> Ask:
    """What becomes of these fields: the outcome and, as `name`, their value."""

    def ask(port: int) -> str:
        with contextlib.suppress(OSError):
            outcome, _, came = exchange(port, request(f"/fields?{quote(repr(fields))}"))
            values = came.get_all(name) if came is not None and name and outcome.startswith("200") else None
            return f"{outcome}, {values}" if name and outcome.startswith("200") else outcome
        return "no response"

    return ask


group = "Fields of a response"
for title, value in (("` a`", b" a"), ("`a `", b"a "), ("tabs around", b"\ta\t"), ("empty", b""),
                     ("a line feed inside", b"a\nb: c"), ("CR LF inside", b"a\r\nb: c"), ("a line feed at the end", b"a\n"),
                     ("a NUL inside", b"a\0b"), ("byte 0xE4", b"\xe4")):  # fmt: skip
    add(group, f"value with {title}" if title[0] != "e" else f"value that is {title}", given([(b"x-a", value)], "x-a"))
add(group, "value as text", given([(b"x-a", "a")], "x-a"))
add(group, "name as text", given([("x-a", b"a")], "x-a"))
add(group, "name in upper case", given([(b"X-A", b"a")], "x-a"))
add(group, "name with a space", given([(b"x a", b"a")]))
add(group, "empty name", given([(b"", b"a")]))
add(group, "pairs as lists", given([[b"x-a", b"a"]], "x-a"))
add(group, "two fields of one name", given([(b"x-a", b"1"), (b"x-a", b"2")], "x-a"))
add(group, "`transfer-encoding: chunked`", given([(b"transfer-encoding", b"chunked")], "transfer-encoding"))
add(group, "two lengths that differ", given([(b"content-length", b"2"), (b"content-length", b"3")]))
add(group, "a length that is no number", given([(b"content-length", b"two")]))
add(group, "its own `date`", given([(b"date", b"now")], "date"))
add(group, "its own `server`", given([(b"server", b"mine")], "server"))

# Misuse of send and receive.


def and_notes(name: str, count: int = 1) -> Ask:
    """The outcome and what the application saw."""

    def ask(port: int) -> str:
        before = len(seen(port, name, 0))
        outcome = exchange(port, request(f"/{name}"))[0]
        return f"{outcome}; {', '.join(seen(port, name, before + count)[before:]) or 'nothing'}"

    return ask


group = "Misuse of send"
for name, title in (
    ("body_first", "body before the start"), ("start_twice", "start twice"), ("unknown_type", "a type there is not"),
    ("no_type", "a message without a type"), ("no_status", "start without a status"),
    ("no_headers", "start without headers"), ("no_body_key", "body without `body`"), ("text_body", "body as text"),
    ("bytearray_body", "body as bytearray"), ("returns", "returns at once"),
    ("returns_after_start", "returns after the start"), ("returns_in_body", "returns within the body"),
    ("raises", "raises at once"), ("raises_after_start", "raises after the start"),
    ("raises_in_body", "raises within the body"), ("raises_after_end", "raises after the end"),
):  # fmt: skip
    add(group, title, plain(f"/{name}"))
add(group, "body after the end; `send`", and_notes("body_after_end"))
add(group, "body shorter than its length; `send`", and_notes("short"))
add(group, "body longer than its length; `send`", and_notes("long"))
add(group, "`receive` after the end", and_notes("receives_after_end", 2))


# Clients that leave.


def leaves(name: str, wait_for: bytes, count: int, patience: float) -> Ask:
    def ask(port: int) -> str:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
            peer.sendall(f"GET /{name} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
            came = b""
            while wait_for and wait_for not in came:
                came += peer.recv(4096)
            time.sleep(0.1)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return ", ".join(seen(port, name, count, patience)) or "nothing"

    return ask


group = "A client that leaves"
add(group, "before the response: `receive`, then `send`", leaves("waits_for_the_end", b"", 3, 1))
add(group, "within the response: `send`, then `receive`", leaves("streams_to_nobody", b"xxx", 2, 4))


# WebSockets.

UPGRADE = (b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13",
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Protocol: one, two")  # fmt: skip


def open_socket(port: int, name: str, frame: bytes = b"") -> str:
    """The status of the response, and the code of the Close frame or how the connection ended."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as peer:
        peer.settimeout(2)
        lines = b"\r\n".join([f"GET /{name} HTTP/1.1".encode(), b"Host: test", *UPGRADE, b"", b""])
        peer.sendall(lines)
        came = b""
        with contextlib.suppress(OSError):
            while b"\r\n\r\n" not in came:
                data = peer.recv(4096)
                if not data:
                    break
                came += data
        if not came:
            return "no response"
        head, _, rest = came.partition(b"\r\n\r\n")
        status = head.split()[1].decode()
        if status != "101":
            return status
        if frame:
            peer.sendall(frame)
        while len(rest) < 4:
            try:
                data = peer.recv(4096)
            except OSError:
                return "101, stays open"
            if not data:
                return "101, ends without a Close frame"
            rest += data
        return f"101, closed with {int.from_bytes(rest[2:4], 'big')}" if rest[0] == 0x88 else "101, a message"


def web_socket(name: str) -> Ask:
    return lambda port: open_socket(port, name)


def noted(name: str, count: int, index: int) -> Ask:
    def ask(port: int) -> str:
        open_socket(port, name)
        notes = seen(port, name, count)
        return notes[index] if len(notes) > index else "nothing"

    return ask


group = "WebSocket"
for index, title in enumerate(("keys of the scope", "fields of the request", "`subprotocols`", "denial is offered",
                               "`scheme`, `http_version`")):  # fmt: skip
    add(group, title, noted("socket_scope", 5, index))
for name, title in (
    ("socket_accepts", "accepts, closes with 4000"), ("socket_closes", "closes instead of accepting"),
    ("socket_denies", "denial response 401"), ("socket_sends_first", "sends before it accepts"),
    ("socket_returns", "returns before it accepts"), ("socket_raises", "raises before it accepts"),
    ("socket_returns_open", "returns after it has accepted"), ("socket_raises_open", "raises after it has accepted"),
    ("socket_accepts_twice", "accepts twice"), ("socket_unknown_type", "sends a type there is not"),
):  # fmt: skip
    add(group, title, web_socket(name))


def hears(port: int) -> str:
    # A masked Close frame with 4001.
    code = bytes(byte ^ mask for byte, mask in zip((4001).to_bytes(2, "big"), b"\1\2"))
    open_socket(port, "socket_hears_of_the_end", b"\x88\x82\1\2\3\4" + code)
    return ", ".join(seen(port, "socket_hears_of_the_end", 2)) or "nothing"


add(group, "the client closes with 4001: `receive`, then `send`", hears)


# HTTP/2, with prior knowledge. uvicorn speaks it only with an extra package.


def over_http2(path: str, *fields: Tuple[str, str], method: str = "GET", show: Any = None) -> Ask:
    def ask(port: int) -> str:
        try:
            with Peer(port) as peer:
                stream = peer.wait(peer.request(path, method, *fields))
        except (OSError, AssertionError, h2.exceptions.ProtocolError):
            return "the connection ends"
        if stream.reset is not None:
            return f"{stream.headers.get(':status', 'no status')}, reset with {stream.reset}"
        if show is not None:
            return str(show(json.loads(stream.body)))
        return f"{stream.headers[':status']}, {len(stream.body)} bytes"

    return ask


group = "HTTP/2"
add(group, "`http_version`, `scheme`", over_http2("/scope_of", show=lambda s: (s["http_version"], s["scheme"])))
add(group, "`extensions`", over_http2("/scope_of", show=lambda s: sorted(s.get("extensions") or [])))
add(group, "first field", over_http2("/scope_of", show=lambda s: s["headers"][0]))
add(group, "two fields `cookie`", over_http2("/scope_of", ("cookie", "a=1"), ("cookie", "b=2"), show=named("cookie")))
add(group, "204 with a body", over_http2("/status?204"))
add(group, "HEAD with a body", over_http2("/status?200", method="HEAD"))
add(group, "`connection: close` in the response", over_http2(f"/fields?{quote(repr([(b'connection', b'close')]))}"))
add(group, "name in upper case", over_http2(f"/fields?{quote(repr([(b'X-A', b'a')]))}"))
add(group, "returns at once", over_http2("/returns"))
add(group, "returns within the body", over_http2("/returns_in_body"))
add(group, "raises within the body", over_http2("/raises_in_body"))
