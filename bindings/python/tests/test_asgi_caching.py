"""Values that are cached for later requests, or shared by the requests of a batch, are
compared by value: no request gets a value of another request, or an outdated one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from hosts import send_together, served
from peers import Peer, Stream

import goaway
from goaway import asgi
from goaway.asyncio.tasks import CAN_START_EAGERLY
from goaway.core.fields import application_head

WHAT = "the headers"


def _requests(peer: Peer, *heads: List[Tuple[str, str]]) -> List[Stream]:
    """Sends requests in one packet; gives the responses in the same order."""
    numbers = []
    for head in heads:
        number = int(peer.h2.get_next_available_stream_id())
        peer.h2.send_headers(number, head, end_stream=True)
        peer.streams[number] = Stream()
        numbers.append(number)
    peer.flush()
    return [peer.wait(number) for number in numbers]


def _head(path: str, authority: str = "test", *fields: Tuple[str, str]) -> List[Tuple[str, str]]:
    return [(":method", "GET"), (":scheme", "http"), (":authority", authority), (":path", path), *fields]


def _changes(headers: "List[Any]") -> "Iterator[Callable[[], object]]":
    """What an application may do to its list of header fields."""
    yield lambda: None
    yield lambda: headers.append((b"x-more", b"1"))
    yield lambda: headers.__setitem__(0, (b"x-name", b"other"))
    yield lambda: headers.__setitem__(0, [b"x-name", b"a list"])
    yield lambda: headers[0].__setitem__(1, b"the same list")
    yield lambda: headers.__setitem__(0, ("x-name", "text"))
    yield lambda: headers.__setitem__(0, (b"x-name", bytearray(b"bytes")))
    yield lambda: headers[0][1].extend(b" that change")
    yield lambda: headers.pop()
    yield headers.clear


def test_a_list_of_header_fields_that_changes_is_sent_as_it_is_now() -> None:
    headers: List[Any] = [(b"x-name", b"first")]
    changes = _changes(headers)
    expected: List[Dict[str, str]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["query_string"] == b"change":
            next(changes)()
        texts = [tuple(x if isinstance(x, str) else bytes(x).decode() for x in pair) for pair in headers]
        expected.append(dict(texts))  # type: ignore[arg-type]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    with served("asgi", app) as port, Peer(port) as peer:
        for _ in range(len(list(_changes([])))):
            streams = _requests(peer, _head("/?change"), _head("/"), _head("/"))
            for stream in streams:
                fields = dict(stream.headers)
                for name in (":status", "date", "content-length"):
                    del fields[name]
                assert fields == expected.pop(0)


def test_responses_of_one_turn_have_their_own_fields() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        name = scope["path"][1:].encode()
        headers = [(b"x-name", name)] if name != b"none" else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": name})

    names = ["a", "a", "b", "a", "none", "b", "b", "none", "a"] * 5
    with served("asgi", app) as port, Peer(port) as peer:
        streams = _requests(peer, *(_head(f"/{name}") for name in names))
    assert [stream.body.decode() for stream in streams] == names
    assert [stream.headers.get("x-name", "none") for stream in streams] == names


@pytest.mark.parametrize("field", [(), (("x-name", "value"),), (("host", "another"),)])
def test_each_request_has_its_own_host(field: "Tuple[Tuple[str, str], ...]") -> None:
    seen: List[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["path"], [value for name, value in scope["headers"] if name == b"host"]))
        scope["headers"].clear()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    hosts = ["a.test", "a.test", "b.test", "a.test", "c.test"]
    with served("asgi", app) as port, Peer(port) as peer:
        # An authority that another host field contradicts is refused by the library.
        peer.h2.config.validate_outbound_headers = False
        fields = [[("host", host)] if field and field[0][0] == "host" else list(field) for host in hosts]
        _requests(peer, *(_head(f"/{host}", host, *own) for host, own in zip(hosts, fields)))
    assert seen == [(f"/{host}", [host.encode()]) for host in hosts]


def test_fields_that_cannot_be_compared_are_packed() -> None:
    """Under `python -bb` to compare bytes with text is an error."""
    program = (
        "from goaway.core.fields import application_head as head\n"
        "for fields in 3 * [[(b'a', b'1')], [('b', '1')], [(b'c', '1')], [(b'a', b'1')]]:\n"
        "    print(ascii(head(list(fields), 'x', False)[0].decode()))"
    )
    done = subprocess.run([sys.executable, "-bb", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == 3 * [rf"'{name}\x001\x00'" for name in "abca"]


class _Hostile:
    """Cannot be compared."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    __hash__ = None  # type: ignore[assignment]


def test_what_is_no_field_is_refused_though_it_cannot_be_compared() -> None:
    for _ in range(3):
        assert application_head([(b"a", b"1")], WHAT, False)[0] == b"a\x001\x00"
    with pytest.raises(TypeError, match="the headers must be pairs"):
        application_head([_Hostile()], WHAT, False)  # type: ignore[list-item]
    # In HTTP/1.1 the same fields may mean more.
    closing = [(b"connection", b"close")]
    for _ in range(3):
        assert application_head(closing, WHAT, False)[0] == b""
        assert application_head(closing, WHAT, True)[0] == b"connection\0close\0"


def _uvloop() -> Any:
    return pytest.importorskip("uvloop").new_event_loop()


@pytest.mark.skipif(CAN_START_EAGERLY, reason="Tasks are made in another way")
@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, _uvloop])
def test_a_program_may_change_how_tasks_are_made(make_loop: "Callable[[], Any]") -> None:
    """At any time, in each of the ways that there are."""
    made: List[str] = []

    def factory(loop: Any, coro: Any, **options: Any) -> Any:
        made.append("factory")
        return asyncio.Task(coro, loop=loop, **options)

    def change(path: str) -> None:
        loop: Any = asyncio.get_running_loop()
        if path == "/factory":
            loop.set_task_factory(factory)
        elif path == "/method":
            create_task = type(loop).create_task

            def counted(coro: Any, **options: Any) -> Any:
                made.append("method")
                return create_task(loop, coro, **options)

            loop.create_task = counted
        elif path == "/plain":
            loop.set_task_factory(None)
            vars(loop).pop("create_task", None)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        change(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"whole"})

    async def main() -> None:
        application = asgi.Application(app, goaway.Config(bind=["127.0.0.1:0"], lifespan="off"))
        await application.start()
        await asyncio.get_running_loop().run_in_executor(None, ask, application.ports[0])
        application.begin_close(1)
        await application.wait_closed()

    def ask(port: int) -> None:
        whole = ("200", b"whole")
        with Peer(port) as peer:
            for path, expected in (("/", []), ("/factory", ["factory"]), ("/plain", []), ("/method", ["method"])):
                assert send_together(peer, path) == [whole]
                made.clear()
                assert send_together(peer, "/", "/") == 2 * [whole]
                assert made == 2 * expected

    loop = make_loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
