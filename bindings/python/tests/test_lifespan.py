"""`goaway.asgi`: the lifespan of an application."""

from __future__ import annotations

import asyncio
import functools
from typing import Any, List

import applications
import pytest
from applications import OK, body
from peers import client, run

import goaway
from goaway.asgi import Application, StartupError

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
