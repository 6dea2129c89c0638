"""Requests are isolated: none sees what another one has stored in context variables, on
its Task, or in the thread that served it."""

from __future__ import annotations

import asyncio
import sys
from contextvars import ContextVar
from typing import Any, Callable, Dict, List

import pytest
from hosts import ALL, ASYNC, THREADS, ask_together, awaiting, responding, served

PATHS = [f"/{number}" for number in range(24)]

plain: ContextVar[str] = ContextVar("plain")
mutable: "ContextVar[Any]" = ContextVar("mutable")


def _leave_text(path: str) -> bytes:
    found = plain.get("nothing")
    plain.set(path)
    return found.encode()


def _leave_in_dict(path: str) -> bytes:
    try:
        kept: Dict[str, str] = mutable.get()
    except LookupError:
        kept = {}
        mutable.set(kept)
    found = ",".join(kept) or "nothing"
    kept[path] = path
    return found.encode()


def _leave_in_list(path: str) -> bytes:
    try:
        kept: List[str] = mutable.get()
    except LookupError:
        kept = []
        mutable.set(kept)
    found = ",".join(kept) or "nothing"
    kept.append(path)
    return found.encode()


def _leave_text_and_reset(path: str) -> bytes:
    """As middleware does, and then not."""
    found = plain.get("nothing")
    token = plain.set(path)
    plain.reset(token)
    plain.set(path)
    return found.encode()


@pytest.mark.parametrize("work", [_leave_text, _leave_in_dict, _leave_in_list, _leave_text_and_reset])
@pytest.mark.parametrize("kind", ALL)
def test_context_variables_end_with_their_request(kind: str, work: Callable[[str], bytes]) -> None:
    # Two threads at most serve many requests, so that each serves one after another.
    options = {"threads": 2} if kind in THREADS else {}
    with served(kind, responding(kind, work), **options) as port:
        for paths in (PATHS[:4], PATHS[4:8]) if options else (PATHS, PATHS[:3]):
            assert ask_together(port, *paths) == [("200", b"nothing")] * len(paths)


def _spoil(value: Any) -> None:
    """Writes into every dict and list that can be reached."""
    if isinstance(value, dict):
        for inner in list(value.values()):
            _spoil(inner)
        value["spoiled"] = True
    elif isinstance(value, list):
        for inner in value:
            _spoil(inner)
        value.append("spoiled")


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_what_a_request_writes_into_its_scope_ends_with_it(kind: str) -> None:
    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        found = b"spoiled" if "spoiled" in str(scope) else b"clean"
        _spoil(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": found})

    def wsgi_app(environ: Any, start_response: Any) -> Any:
        found = b"spoiled" if "spoiled" in str(environ) else b"clean"
        _spoil(environ)
        start_response("200 OK", [])
        return [found]

    program: Callable[..., Any] = asgi_app if kind == "asgi" else wsgi_app
    options = {"pathsend": True} if kind == "asgi" else {}
    with served(kind, program, **options) as port:
        for _ in range(3):
            assert ask_together(port, *PATHS[:4]) == [("200", b"clean")] * 4


class _Hostile:
    """Cannot be compared, and has no truth value."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    def __bool__(self) -> bool:
        raise RuntimeError("asked for its truth")

    __hash__ = None  # type: ignore[assignment]


class _Equal:
    """Equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("value", [dict, list, _Hostile, _Equal, str])
@pytest.mark.parametrize("kind", ASYNC)
def test_values_are_not_compared(kind: str, value: Callable[[], object]) -> None:
    """What the program has set before the start is what each request finds, whatever
    another one has put in its place, however equal."""
    base = value()
    others: List[object] = []

    def work(path: str) -> bytes:
        found = mutable.get()
        # Kept, so that its address is not used again.
        others.append(object() if value is str else value())
        mutable.set(others[-1])
        return b"own" if found is base else b"another's"

    with served(kind, responding(kind, work), before=lambda: mutable.set(base)) as port:
        assert ask_together(port, *PATHS) == [("200", b"own")] * len(PATHS)
        assert ask_together(port, *PATHS) == [("200", b"own")] * len(PATHS)


def _current() -> "asyncio.Task[Any]":
    task = asyncio.current_task()
    assert task is not None
    return task


async def _rename(path: str) -> bytes:
    found = _current().get_name()
    _current().set_name("another's")
    return b"renamed" if found == "another's" else b"own"


_kept: "list[asyncio.Task[Any]]" = []


async def _be_kept(path: str) -> bytes:
    """A Task that serves one request serves no other."""
    found = any(task is _current() for task in _kept)
    _kept.append(_current())
    return b"another's" if found else b"own"


_done: "list[str]" = []


async def _leave_callback(path: str) -> bytes:
    _current().add_done_callback(lambda task: _done.append(path))
    return b"own"


async def _leave_attribute(path: str) -> bytes:
    if sys.implementation.name == "cpython" and not hasattr(_current(), "__dict__"):
        return b"own"
    found = getattr(_current(), "owner", None)
    _current().owner = path  # type: ignore[attr-defined]
    return b"own" if found is None else b"another's"


async def _cancel_itself_late(path: str) -> bytes:
    """The cancellation would arrive at the next `await` of whatever runs in the Task."""
    if int(path[1:]) % 2:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return b"own"
    asyncio.get_running_loop().call_soon(_current().cancel)
    return b"own"


async def _be_among_all(path: str) -> bytes:
    return b"own" if _current() in asyncio.all_tasks() else b"not listed"


async def _be_one_of_many(path: str) -> bytes:
    """All requests of one turn are there at the same time, each in a Task of its own."""
    _kept.append(_current())
    while len(_kept) < len(PATHS):
        await asyncio.sleep(0.001)
    return b"own" if len(set(_kept)) == len(PATHS) else b"shared"


async def _time_out(path: str) -> bytes:
    """A timeout ends what it was meant for, and nothing after it."""
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.001)
    except asyncio.TimeoutError:
        await asyncio.sleep(0)
        return b"own"
    return b"not ended"


async def _group(path: str) -> bytes:
    if sys.version_info < (3, 11):
        return b"own"

    async def fail() -> None:
        raise ValueError(path)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            group.create_task(asyncio.sleep(10))
    except BaseException as errors:
        assert [str(error) for error in errors.exceptions] == [path]  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    return b"own"


TASKS = [
    _rename,
    _be_kept,
    _leave_callback,
    _leave_attribute,
    _cancel_itself_late,
    _be_among_all,
    _be_one_of_many,
    _time_out,
    _group,
]


@pytest.mark.parametrize("work", TASKS)
@pytest.mark.parametrize("kind", ASYNC)
def test_a_task_serves_one_request(kind: str, work: Callable[[str], Any]) -> None:
    for kept in (_kept, _done):
        kept.clear()
    with served(kind, awaiting(kind, work)) as port:
        assert ask_together(port, *PATHS) == [("200", b"own")] * len(PATHS)
    if work is _leave_callback:
        assert sorted(_done) == sorted(PATHS)
    for task in _kept:
        assert task.done() and not task.cancelled() and task.exception() is None


@pytest.mark.parametrize("kind", ["asgi", "server", "threaded"])
def test_callbacks_leave_nothing_for_requests(kind: str) -> None:
    """Session events are told in the thread, and in the loop's turn, that starts requests."""
    told: List[str] = []

    def on_session(event: Any) -> None:
        told.append(plain.get("nothing"))
        plain.set(event.kind)

    with served(kind, responding(kind, _leave_text), on_session=on_session) as port:
        for _ in range(3):
            assert ask_together(port, "/1", "/2") == [("200", b"nothing")] * 2
    assert len(told) > 3 and set(told) == {"nothing"}


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_the_access_log_leaves_nothing_for_requests(kind: str) -> None:
    told: List[str] = []

    def access_log(record: Any) -> None:
        told.append(mutable.get("nothing"))
        mutable.set(record.path)

    with served(kind, responding(kind, _leave_text), access_log=access_log) as port:
        for _ in range(2):
            assert ask_together(port, "/1", "/2") == [("200", b"nothing")] * 2
    assert told == ["nothing"] * 4
