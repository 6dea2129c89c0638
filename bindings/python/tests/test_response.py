"""An invalid response raises in the call that is invalid, with the error of the C library:
one table has the expected result of both. ASGI and WSGI applications are served
unchanged, by other rules."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

import pytest
from hosts import ASYNC, send_together, served
from peers import Peer

import goaway
from goaway import Error, Request, _native
from goaway.core.command_buffer import COMMAND

Fields = Tuple[Tuple[Any, Any], ...]
OK = "GOAWAY_OK"
INVALID = "GOAWAY_ERR_INVALID"
LENGTH = "GOAWAY_ERR_LENGTH"
STATE = "GOAWAY_ERR_STATE"


class Case(NamedTuple):
    """One response, and the first status that is not GOAWAY_OK."""

    expected: str
    status: int = 200
    fields: Fields = ()
    body: bytes = b""
    trailers: Optional[Fields] = None
    #: Written piece by piece.
    is_streamed: bool = False
    #: What it is asked with.
    method: str = "GET"


def _field(expected: str, name: str, value: str) -> Case:
    return Case(expected, fields=((name, value),))


CASES = [
    Case(OK),
    Case(OK, body=b"x"),
    # Names.
    *(_field(OK, name, "v") for name in ("x-a", "X-Upper", "a", "!#$%&'*+-.^_`|~", "set-cookie", "date")),
    *(
        _field(INVALID, name, "v")
        for name in ("", " ", "a b", "a:", ":status", "a\n", "a\r\nb", "ä", "(a)", "a\x7f", '"')
    ),
    *(_field(INVALID, name, "v") for name in ("upgrade", "keep-alive", "proxy-connection", "transfer-encoding", "te")),
    *(_field(INVALID, name, "v") for name in ("Upgrade", "Transfer-Encoding", "TE", "connection", "Connection")),
    _field(INVALID, "te", "trailers"),
    _field(INVALID, "connection", "close"),
    _field(OK, "\x01x-secret", "v"),
    _field(INVALID, "\x01\x01x-secret", "v"),
    _field(INVALID, "\x01te", "v"),
    # Values.
    *(_field(OK, "x-a", value) for value in ("", "v", "a b", "a\tb", "\xe4\xff", "\x80")),
    *(_field(INVALID, "x-a", value) for value in (" ", " v", "v ", "\tv", "v\t", "\t")),
    *(_field(INVALID, "x-a", value) for value in ("a\nb", "a\rb", "a\r\nx-evil: b", "\x01", "a\x1fb", "\x7f", "\x0b")),
    Case(INVALID, fields=(("x-a", "fine"), ("x-b", "not\n"), ("x-c", "fine"))),
    # Statuses.
    *(Case(OK, status=status) for status in (200, 204, 205, 299, 304, 404, 599, 600, 999)),
    *(Case(INVALID, status=status) for status in (0, 1, 99, 100, 101, 103, 199, 1000, 65535)),
    *(Case(INVALID, status=status, is_streamed=True) for status in (0, 99, 103, 1000)),
    # Bodies where there is none.
    *(Case(INVALID, status=status, body=b"x") for status in (204, 205, 304)),
    *(Case(STATE, status=status, body=b"x", is_streamed=True) for status in (204, 205, 304)),
    *(Case(OK, status=status, is_streamed=True) for status in (204, 205, 304)),
    Case(OK, status=304, fields=(("content-length", "5"),)),
    Case(OK, body=b"x", method="HEAD"),
    Case(OK, body=b"x", method="HEAD", is_streamed=True),
    # Lengths.
    Case(OK, fields=(("content-length", "3"),), body=b"abc"),
    Case(OK, fields=(("Content-Length", "3"),), body=b"abc", is_streamed=True),
    *(
        Case(LENGTH, fields=(("content-length", length),), body=b"abc", is_streamed=is_streamed)
        for length in ("2", "4", "0")
        for is_streamed in (False, True)
    ),
    Case(LENGTH, fields=(("Content-Length", "1"),)),
    Case(OK, fields=(("content-length", "10"),), method="HEAD"),
    Case(OK, fields=(("content-length", "10"),), method="HEAD", is_streamed=True),
    *(
        Case(INVALID, fields=(("content-length", length),), is_streamed=is_streamed)
        for length in ("", "x", "-1", "+0", "0x0", "1,1", "0 0", "99999999999999999999")
        for is_streamed in (False, True)
    ),
    Case(INVALID, fields=(("content-length", "3"), ("content-length", "3")), body=b"abc"),
    Case(INVALID, fields=(("content-length", "3"), ("Content-Length", "4")), body=b"abc"),
    Case(OK, fields=(("content-length", "03"),), body=b"abc"),
    # Trailers.
    Case(OK, body=b"x", trailers=(("x-sum", "1"),)),
    Case(OK, body=b"x", trailers=(("X-Sum", "1"),), is_streamed=True),
    Case(OK, body=b"x", trailers=()),
    *(
        Case(INVALID, body=b"x", trailers=((name, "v"),), is_streamed=is_streamed)
        for name in ("content-length", "Content-Type", "content-encoding", "content-range", "host", "trailer", "te")
        for is_streamed in (False, True)
    ),
    *(Case(INVALID, trailers=((name, "v"),), is_streamed=True) for name in ("connection", "upgrade", "", "a b", ":x")),
    *(
        Case(INVALID, trailers=(("x-a", value),), is_streamed=True)
        for value in (" v", "v ", "a\r\nb", "\x00"[:0] + "\x01")
    ),
    Case(OK, fields=(("content-length", "1"),), body=b"x", trailers=(("x-a", "v"),)),
    Case(LENGTH, fields=(("content-length", "2"),), body=b"x", trailers=(("x-a", "v"),)),
]


def _packed(fields: "Iterable[Tuple[str, str]]") -> bytes:
    return b"".join(name.encode("latin-1") + b"\0" + value.encode("latin-1") + b"\0" for name, value in fields)


def _verdict_of_c(request: Any, case: Case) -> str:
    """What the library says to commands that nobody has checked."""
    steps: "List[Tuple[int, int, bytes, bytes]]"
    fields, trailers = _packed(case.fields), _packed(case.trailers or ())
    if case.is_streamed:
        steps = [
            (_native.COMMAND_KIND_HEAD, case.status, fields, b""),
            *([(_native.COMMAND_KIND_WRITE, 0, b"", case.body)] if case.body else []),
            (_native.COMMAND_KIND_END, 0, trailers, b""),
        ]
    elif case.trailers is not None:
        steps = [
            (_native.COMMAND_KIND_HEAD, case.status, fields, b""),
            (_native.COMMAND_KIND_END, 0, trailers, case.body),
        ]
    else:
        steps = [(_native.COMMAND_KIND_RESPOND, case.status, fields, case.body)]
    for kind, status, fields, body in steps:
        command = COMMAND.pack(kind, status, 0, request.id, 0, len(fields), len(fields), len(body), 0)
        failed = request.server._core.submit(command, 1, fields + body)
        if failed:
            return _native.status_name(failed[0][1])
    return OK


async def _verdict_of_python(request: Any, case: Case) -> str:
    try:
        if case.is_streamed:
            await request.write_head(case.status, list(case.fields))
            await request.write(case.body)
            await request.end(trailers=None if case.trailers is None else list(case.trailers))
        else:
            await request.respond(case.status, case.body, list(case.fields), case.trailers)
    except Error as error:
        return error.code
    return OK


def _verdict_of_threads(request: Any, case: Case) -> str:
    try:
        if case.is_streamed:
            request.write_head(case.status, list(case.fields))
            request.write(case.body)
            request.end(trailers=None if case.trailers is None else list(case.trailers))
        else:
            request.respond(case.status, case.body, list(case.fields), case.trailers)
    except Error as error:
        return error.code
    return OK


def _judged(kind: str, caplog: pytest.LogCaptureFixture) -> "Dict[int, Tuple[str, str]]":
    """By each case: what C says and what Python says."""
    found: Dict[int, List[str]] = {}

    def case_of(request: Any) -> "Tuple[str, int, Case]":
        _, who, number = request.path.split("/")
        return who, int(number), CASES[int(number)]

    async def handler(request: Request) -> None:
        who, number, case = case_of(request)
        if who == "c":
            found.setdefault(number, []).append(_verdict_of_c(request, case))
        else:
            verdict = await _verdict_of_python(request, case)
            found.setdefault(number, []).append(verdict)
            if verdict != OK and not request.has_head:
                # A call that has raised has changed nothing.
                await request.respond(200, b"corrected")
        request.reset()
        request.is_over = True

    def threaded(request: goaway.ThreadedRequest) -> None:
        _, number, case = case_of(request)
        verdict = _verdict_of_threads(request, case)
        found.setdefault(number, ["", verdict])
        if verdict != OK and not request.has_head:
            request.respond(200, b"corrected")
        request.reset()

    with served(kind, handler if kind == "server" else threaded) as port, Peer(port) as peer:
        peer.h2.config.header_encoding = "latin-1"
        for number, case in enumerate(CASES):
            for who in ("c", "py") if kind == "server" else ("py",):
                stream = peer.wait(peer.request(f"/{who}/{number}", case.method))
                # A response without content is whole with its head.
                is_whole = case.is_streamed and case.status in (204, 304)
                has_failed = who == "py" and case.expected != OK and stream.reset is None
                if has_failed and case.method == "GET" and not is_whole:
                    assert stream.body == b"corrected", case
    assert "refused a part" not in caplog.text, caplog.text
    return {number: (verdicts[0], verdicts[1]) for number, verdicts in found.items()}


def test_python_says_what_c_says(caplog: pytest.LogCaptureFixture) -> None:
    judged = _judged("server", caplog)
    wrong = [(case, judged[number]) for number, case in enumerate(CASES) if judged[number] != (case.expected,) * 2]
    assert not wrong


def test_threads_say_what_c_says(caplog: pytest.LogCaptureFixture) -> None:
    judged = _judged("threaded", caplog)
    wrong = [(case, judged[number]) for number, case in enumerate(CASES) if judged[number][1] != case.expected]
    assert not wrong


@pytest.mark.parametrize(
    "fields, code",
    [
        ({"a": "b\0c"}, INVALID),
        ({"a\0b": "c"}, INVALID),
        ([(b"a", b"b\0c\0d")], INVALID),
        # The same bytes as two good fields, once these are known.
        ([("x-one", "1\0x-two\x002")], INVALID),
        ({"a": "\u20ac"}, INVALID),
        ([(f"x-{number}", "v") for number in range(10_001)], "GOAWAY_ERR_TOO_LARGE"),
        ({"x" * 65_536: "v"}, INVALID),
    ],
    ids=["value", "name", "bytes", "smuggled", "not latin-1", "many", "long name"],
)
def test_what_c_cannot_be_given_is_refused(fields: Any, code: str) -> None:
    outcomes: List[Any] = []

    async def handler(request: Request) -> None:
        for headers in ([("x-one", "1"), ("x-two", "2")], fields):
            try:
                await request.inform(103, headers)
                outcomes.append(None)
            except Error as error:
                outcomes.append(error.code)
        with pytest.raises(Error) as caught:
            await request.respond(200, b"", fields)
        outcomes.append(caught.value.code)
        await request.respond(200)

    with served("server", handler) as port, Peer(port) as peer:
        assert send_together(peer, "/") == [("200", b"")]
    assert outcomes == [None, code, code]


@pytest.mark.parametrize("code", [-1, 1 << 32, 1.5, True, None])
def test_a_code_that_is_none_is_refused(code: Any) -> None:
    async def handler(request: Request) -> None:
        with pytest.raises(Error, match="an error code must be a number"):
            request.reset(code)
        await request.respond(200)

    with served("server", handler) as port, Peer(port) as peer:
        assert send_together(peer, "/") == [("200", b"")]


# Applications.


def _respond(kind: str, status: int, fields: Fields, pieces: "List[bytes]") -> Any:
    """An application that responds so, in one piece or in several."""

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for piece in pieces[:-1]:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": pieces[-1]})

    def wsgi_app(environ: Any, start_response: Any) -> Any:
        start_response(f"{status} Status", list(fields))
        return pieces if len(pieces) > 1 else [b"".join(pieces)]

    return asgi_app if kind == "asgi" else wsgi_app


GATEWAYS = ("asgi", "wsgi")


@pytest.mark.parametrize("pieces", [[b"body"], [b"bo", b"dy"], [b""]], ids=["whole", "streamed", "empty"])
@pytest.mark.parametrize("status", [204, 205, 304])
@pytest.mark.parametrize("kind", GATEWAYS)
def test_a_body_where_none_may_be_is_dropped(
    kind: str, status: int, pieces: "List[bytes]", caplog: pytest.LogCaptureFixture
) -> None:
    fields = (("content-length", str(sum(map(len, pieces)))),)
    with served(kind, _respond(kind, status, fields, pieces)) as port, Peer(port) as peer:
        assert send_together(peer, "/", "/", "/") == [(str(status), b"")] * 3
        assert all(stream.is_whole for stream in peer.streams.values()) and not peer.goaways
    warned = [record for record in caplog.records if "is dropped" in record.getMessage()]
    assert len(warned) == (1 if any(pieces) else 0) and len(caplog.records) == len(warned)


@pytest.mark.parametrize("status", [204, 205, 304])
@pytest.mark.parametrize("kind", GATEWAYS)
def test_the_same_in_http_1_1_keeps_the_connection(kind: str, status: int) -> None:
    import socket

    program = _respond(kind, status, (("content-length", "4"),), [b"body"])
    with served(kind, program) as port, socket.create_connection(("127.0.0.1", port), 10) as peer:
        for _ in range(2):
            peer.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            head = b""
            while b"\r\n\r\n" not in head:
                received = peer.recv(65536)
                assert received, head
                head += received
            assert head.startswith(b"HTTP/1.1 %d " % status) and head.endswith(b"\r\n\r\n"), head


@pytest.mark.parametrize("kind", GATEWAYS)
def test_white_space_around_a_value_is_removed(kind: str) -> None:
    fields = (("set-cookie", " a=1"), ("x-b", "\t b \t"), ("x-c", "  "), ("x-d", "d e"))
    with served(kind, _respond(kind, 200, fields, [b"ok"])) as port, Peer(port) as peer:
        for _ in range(2):
            number = peer.request("/")
            headers = peer.wait(number).headers
            assert [headers[name] for name, _ in fields] == ["a=1", "b", "", "d e"]


@pytest.mark.parametrize("status", [600, 777, 999])
@pytest.mark.parametrize("kind", GATEWAYS)
def test_statuses_that_http_has_not_are_sent(kind: str, status: int) -> None:
    with served(kind, _respond(kind, status, (), [b"odd"])) as port, Peer(port) as peer:
        assert send_together(peer, "/") == [(str(status), b"odd")]


@pytest.mark.parametrize("name", ["connection", "Upgrade", "keep-alive", "transfer-encoding", "TE"])
@pytest.mark.parametrize("kind", GATEWAYS)
def test_fields_of_the_connection_are_left_out(kind: str, name: str) -> None:
    with served(kind, _respond(kind, 200, ((name, "chunked"), ("x-a", "b")), [b"ok"])) as port, Peer(port) as peer:
        stream = peer.wait(peer.request("/"))
        assert (stream.body, stream.headers["x-a"]) == (b"ok", "b") and name.lower() not in stream.headers


BAD: "List[Tuple[int, Fields, List[bytes]]]" = [
    (200, (("x-a", "b\r\nx-evil: c"),), [b"ok"]),
    (200, (("x-a", "b\0c"),), [b"ok"]),
    (200, (("", "b"),), [b"ok"]),
    (200, (("x a", "b"),), [b"ok"]),
    (200, (("content-length", "1"), ("content-length", "2")), [b"ok"]),
    (200, (("content-length", "x"),), [b"ok"]),
    (200, (("content-length", "3"),), [b"ok"]),
    (200, (("content-length", "1"),), [b"ok"]),
    (199, (), [b"ok"]),
]


@pytest.mark.parametrize("status, fields, pieces", BAD)
@pytest.mark.parametrize("kind", GATEWAYS)
def test_what_would_change_the_message_gets_500(kind: str, status: int, fields: Fields, pieces: "List[bytes]") -> None:
    with served(kind, _respond(kind, status, fields, pieces)) as port, Peer(port) as peer:
        assert send_together(peer, "/", "/") == [("500", b"Internal Server Error")] * 2


def test_asgi_raises_in_the_send_that_has_it() -> None:
    seen: List[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]}
        for wrong in ({"status": 1000}, {"status": None}, {"headers": [(b"a", b"b\n")]}, {"headers": [(b"a b", b"c")]}):
            with pytest.raises(Error) as caught:
                await send({**start, **wrong})
            seen.append(caught.value.code)
        await send(start)
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        with pytest.raises(Error) as caught:
            await send({"type": "http.response.body", "body": b"cd", "more_body": True})
        seen.append(caught.value.code)

    with served("asgi", app) as port, Peer(port) as peer:
        assert send_together(peer, "/")[0][0] == "reset 2"
    assert seen == [INVALID] * 4 + [LENGTH]


@pytest.mark.parametrize("kind", ASYNC)
def test_a_refusal_of_the_library_is_told_once(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """What Python's checks let through: the peer gets 500, never a response without its head."""

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        exchange = send.__self__
        exchange.pump.commands.add(_native.COMMAND_KIND_HEAD, exchange.id, 99)
        exchange.pump.commands.write(exchange.id, b"denied")
        exchange.pump.commands.add(_native.COMMAND_KIND_END, exchange.id)
        exchange.is_over = True

    async def handler(request: Request) -> None:
        request.pump.commands.add(_native.COMMAND_KIND_INFORM, request.id, 200)
        request.pump.commands.respond(request.id, 99, b"", b"denied")
        request.is_over = True

    with served(kind, asgi_app if kind == "asgi" else handler) as port, Peer(port) as peer:
        assert send_together(peer, "/") == [("500", b"Internal Server Error")]
    assert caplog.text.count("refused a part of a response") == 1
