"""`goaway.asgi`: the lifespan of an application."""

from __future__ import annotations

import asyncio
import functools
from typing import Any, Awaitable, Callable, List

import applications
import pytest
from applications import OK, body
from peers import client, run

import goaway
from goaway.asgi import Application, StartupError, lifespan

serving = functools.partial(applications.serving, Application)


def lifespan_app(log: List[Any], startup: str = "complete", shutdown: str = "complete") -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            log.append(scope["state"])
            scope["state"]["mine"] = 1
            await send(OK)
            await send(body(b"ok"))
            return
        assert scope["extensions"]["goaway.server"].ports
        for phase, outcome in (("startup", startup), ("shutdown", shutdown)):
            assert (await receive())["type"] == f"lifespan.{phase}"
            log.append(phase)
            scope["state"]["shared"] = "yes"
            if outcome == "raise":
                raise ValueError(f"{phase} on purpose")
            if outcome == "hang":
                await asyncio.sleep(60)
            await send({"type": f"lifespan.{phase}.{outcome}", "message": f"{phase} failed"})

    return app


def test_lifespan_and_its_state() -> None:
    log: List[Any] = []

    async def ask(application: Application) -> None:
        assert log == ["startup"]
        async with client(application.ports[0]) as http:
            await http.get("/")
            await http.get("/")

    serving(lifespan_app(log), ask, lifespan="on")
    assert log == ["startup", {"shared": "yes", "mine": 1}, {"shared": "yes", "mine": 1}, "shutdown"]


@pytest.mark.parametrize("startup", ["failed", "raise"])
def test_a_failed_startup_stops_the_start(startup: str) -> None:
    async def ask(application: Application) -> None:
        raise AssertionError("it has started")

    with pytest.raises(StartupError) as caught:
        serving(lifespan_app([], startup), ask, lifespan="on")
    if startup == "raise":
        assert "on purpose" in str(caught.value.__cause__)
    else:
        assert str(caught.value) == "startup failed"


@pytest.mark.parametrize("mode", ["auto", "on", "off"])
def test_an_application_without_a_lifespan(mode: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http", "no lifespan"
        await send(OK)
        await send(body(b"ok"))

    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            assert (await http.get("/")).text == "ok"

    if mode == "on":
        with pytest.raises(StartupError):
            serving(app, ask, lifespan=mode)
    else:
        serving(app, ask, lifespan=mode)


@pytest.mark.parametrize("shutdown", ["failed", "raise", "hang"])
def test_a_failed_shutdown_is_told_after_the_end(shutdown: str) -> None:
    async def ask(application: Application) -> None:
        pass

    with pytest.raises(goaway.ShutdownError):
        serving(lifespan_app([], shutdown=shutdown), ask, lifespan="on")


def test_a_forced_close_does_not_wait_for_the_startup() -> None:
    async def main() -> None:
        application = Application(lifespan_app([], "hang"), goaway.Config(bind=["127.0.0.1:0"]))
        starting = asyncio.ensure_future(application.start())
        await asyncio.sleep(0.1)
        application.begin_close(0)
        with pytest.raises(StartupError):
            await starting

    run(main())


async def nothing(application: Application) -> None:
    pass


def lifespan_only(lifespan: Callable[[Any, Any, Any], Awaitable[None]]) -> Any:
    """An application with that lifespan, which responses "ok"."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await lifespan(scope, receive, send)
        await send(OK)
        await send(body(b"ok"))

    return app


async def fails_in_its_startup(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    raise ValueError("the database is not there")


async def refuses_the_scope(scope: Any, receive: Any, send: Any) -> None:
    raise NotImplementedError(scope["type"])


async def returns_at_once(scope: Any, receive: Any, send: Any) -> None:
    pass


async def sends_what_there_is_not(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "lifespan.startup.done"})


async def shuts_down_first(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "lifespan.shutdown.complete"})


@pytest.mark.parametrize(
    ("lifespan", "told"),
    [
        (fails_in_its_startup, "the database is not there"),
        (refuses_the_scope, None),
        (returns_at_once, None),
        (sends_what_there_is_not, 'an ASGI application cannot send "lifespan.startup.done" on its lifespan'),
        (shuts_down_first, "lifespan.shutdown.complete was sent before lifespan.shutdown was received"),
    ],
)
def test_a_startup_that_fails_is_told_unless_the_application_knows_no_lifespan(
    lifespan: Any, told: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            assert (await http.get("/")).text == "ok"

    serving(lifespan_only(lifespan), ask, lifespan="auto")
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    if told is None:
        assert errors == []
    else:
        (error,) = errors
        assert error.getMessage() == "the application failed in its startup; serving without a lifespan"
        assert error.exc_info is not None and str(error.exc_info[1]) == told
    with pytest.raises(StartupError, match="before its startup was complete"):
        serving(lifespan_only(lifespan), nothing, lifespan="on")


@pytest.mark.parametrize("mode", ["auto", "on"])
@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_an_application_that_exits_in_its_startup_stops_the_start(mode: str, error: BaseException) -> None:
    async def exits(scope: Any, receive: Any, send: Any) -> None:
        raise error

    with pytest.raises(StartupError, match="exits in its startup") as caught:
        serving(lifespan_only(exits), nothing, lifespan=mode)
    assert caught.value.__cause__ is error


async def up(receive: Any, send: Any) -> None:
    assert await receive() == {"type": "lifespan.startup"}
    await send({"type": "lifespan.startup.complete"})


async def raises_while_serving(scope: Any, receive: Any, send: Any) -> None:
    await up(receive, send)
    await asyncio.sleep(0.05)
    raise ValueError("on purpose")


async def exits_while_serving(scope: Any, receive: Any, send: Any) -> None:
    await up(receive, send)
    await asyncio.sleep(0.05)
    raise SystemExit(3)


async def completes_twice(scope: Any, receive: Any, send: Any) -> None:
    await up(receive, send)
    await send({"type": "lifespan.startup.complete"})


async def fails_after_it_has_completed(scope: Any, receive: Any, send: Any) -> None:
    await up(receive, send)
    await send({"type": "lifespan.startup.failed"})


async def stops_before_it_is_told(scope: Any, receive: Any, send: Any) -> None:
    await up(receive, send)
    await send({"type": "lifespan.shutdown.complete"})


async def returns_while_serving(scope: Any, receive: Any, send: Any) -> None:
    await up(receive, send)


@pytest.mark.parametrize(
    ("lifespan", "told"),
    [
        (raises_while_serving, "on purpose"),
        (exits_while_serving, "3"),
        (completes_twice, "lifespan.startup.complete was sent, but the outcome of this phase was sent before"),
        (
            fails_after_it_has_completed,
            "lifespan.startup.failed was sent, but the outcome of this phase was sent before",
        ),
        (stops_before_it_is_told, "lifespan.shutdown.complete was sent before lifespan.shutdown was received"),
        (returns_while_serving, None),
    ],
)
def test_a_lifespan_that_ends_while_it_serves_is_told_at_once(
    lifespan: Any, told: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask(application: Application) -> None:
        await asyncio.sleep(0.1)
        (record,) = [one for one in caplog.records if "while requests are served" in one.getMessage()]
        if told is None:
            assert record.levelname == "WARNING"
        else:
            assert record.levelname == "ERROR"
            assert record.exc_info is not None and str(record.exc_info[1]) == told
        async with client(application.ports[0]) as http:
            assert (await http.get("/")).text == "ok"

    if told is None:
        serving(lifespan_only(lifespan), ask, lifespan="auto")
    else:
        with pytest.raises(goaway.ShutdownError):
            serving(lifespan_only(lifespan), ask, lifespan="auto")


@pytest.mark.parametrize("kind", ["complete", "failed"])
def test_what_is_sent_behind_the_end_is_refused(kind: str) -> None:
    """And a third message never comes."""
    told: List[str] = []

    async def leaves(scope: Any, receive: Any, send: Any) -> None:
        await up(receive, send)
        assert await receive() == {"type": "lifespan.shutdown"}
        await send({"type": f"lifespan.shutdown.{kind}", "message": "on purpose"})
        for wrong in ("lifespan.shutdown.complete", "lifespan.startup.complete"):
            with pytest.raises(RuntimeError) as caught:
                await send({"type": wrong})
            told.append(str(caught.value))
        await receive()

    if kind == "complete":
        serving(lifespan_only(leaves), nothing, lifespan="on")
    else:
        with pytest.raises(goaway.ShutdownError, match="on purpose"):
            serving(lifespan_only(leaves), nothing, lifespan="on")
    assert len(told) == 2


def test_a_startup_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(lifespan, "_SLOW_SECONDS", 0.05)

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.sleep(0.2)
        await send({"type": "lifespan.startup.complete"})
        await receive()

    serving(lifespan_only(slow), nothing, lifespan="on")
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "the application's startup is not complete yet; waiting for lifespan.startup.complete"
    ]
