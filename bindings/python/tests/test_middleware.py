"""Middleware that supports only the two basic response messages, with responses from files."""

from __future__ import annotations

import functools
import gzip
from pathlib import Path
from typing import Any, List

import applications
import pytest
from peers import client
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from goaway.asgi import Application

serving = functools.partial(applications.serving, Application)
TEXT = "".join(f"line {number}\n" for number in range(20_000))


class KeepsTheStart:
    """As brotli-asgi and zstd-asgi do it: the start waits for the first piece of the body, and every message that is
    not a start is taken for a piece."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        kept: List[Any] = []

        async def compressing(message: Any) -> None:
            if message["type"] == "http.response.start":
                kept.append(message)
                return
            kept.append(message["body"])
            if not message.get("more_body"):
                start, *pieces = kept
                compressed = gzip.compress(b"".join(pieces))
                fields = [field for field in start["headers"] if field[0] != b"content-length"]
                await send({**start, "headers": [*fields, (b"content-encoding", b"gzip")]})
                await send({"type": "http.response.body", "body": compressed})

        await self.app(scope, receive, compressing)


class DropsOthers:
    """Passes on what it knows."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def knowing(message: Any) -> None:
            if message["type"] in ("http.response.start", "http.response.body"):
                await send(message)

        await self.app(scope, receive, send if scope["type"] != "http" else knowing)


class Joins(BaseHTTPMiddleware):
    """Reads the whole body of the response and sends another one."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        response = await call_next(request)
        whole = b"".join([piece async for piece in response.body_iterator])
        return Response(whole.upper(), response.status_code, media_type="text/plain")


async def stream(request: Request) -> Response:
    return StreamingResponse(iter([TEXT[:1000], TEXT[1000:]]), media_type="text/plain")


@pytest.mark.parametrize("middleware", [None, KeepsTheStart, DropsOthers, Joins, GZipMiddleware])
def test_files_pass_middleware_that_knows_two_messages(middleware: Any, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text(TEXT)

    async def one(request: Request) -> Response:
        return FileResponse(file)

    routes = [Route("/one", one), Route("/stream", stream), Mount("/static", StaticFiles(directory=tmp_path))]
    app = Starlette(routes=routes, middleware=[Middleware(middleware)] if middleware else [])

    async def ask(application: Application) -> None:
        async with client(application.ports[0]) as http:
            for path in ("/one", "/static/file.txt", "/stream"):
                response = await http.get(path)
                assert response.status_code == 200
                assert response.text == (TEXT.upper() if middleware is Joins else TEXT)
                compresses = middleware in (KeepsTheStart, GZipMiddleware)
                assert response.headers.get("content-encoding") == ("gzip" if compresses else None)

    serving(app, ask)
