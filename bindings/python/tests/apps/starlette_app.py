"""Starlette: streaming, background tasks, files, server-sent events, uploads."""

import asyncio
import contextlib
from pathlib import Path

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).resolve().parent
done = []


@contextlib.asynccontextmanager
async def lifespan(app):
    print("startup", flush=True)
    yield {"greeting": "from the lifespan"}
    print("shutdown", flush=True)


async def hello(request):
    return PlainTextResponse(f"Hello, {request.path_params.get('name', 'World')}!")


async def state(request):
    return PlainTextResponse(request.state.greeting)


async def stream(request):
    async def chunks():
        for number in range(10):
            yield f"{number}\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(chunks(), media_type="text/plain")


async def events(request):
    """Without an end of its own, so it ends with the server: each event is whole."""
    drain = request.scope["extensions"]["goaway.drain"]

    async def forever():
        number = 0
        while not drain.is_set():
            yield f"data: {number}\n\n"
            number += 1
            await asyncio.sleep(0.05)

    return StreamingResponse(forever(), media_type="text/event-stream")


async def background(request):
    async def work():
        await asyncio.sleep(0.1)
        done.append("work")

    return PlainTextResponse("accepted", background=BackgroundTask(work))


async def ledger(request):
    return JSONResponse(done)


async def file(request):
    return FileResponse(HERE / "plain.py")


async def echo(request):
    return StreamingResponse(request.stream(), media_type="application/octet-stream")


async def fields(request):
    return JSONResponse(
        {"query": dict(request.query_params), "headers": dict(request.headers), "client": request.client.host}
    )


async def form(request):
    sent = await request.form()
    return JSONResponse(
        {name: value if isinstance(value, str) else (await value.read()).decode() for name, value in sent.items()}
    )


async def fails(request):
    raise RuntimeError("on purpose")


async def fails_late(request):
    async def chunks():
        yield b"one"
        await asyncio.sleep(0.05)
        raise RuntimeError("on purpose")

    return StreamingResponse(chunks())


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/", hello),
        Route("/hello/{name}", hello),
        Route("/state", state),
        Route("/stream", stream),
        Route("/events", events),
        Route("/background", background),
        Route("/ledger", ledger),
        Route("/file", file),
        Route("/echo", echo, methods=["POST", "PUT"]),
        Route("/fields", fields),
        Route("/form", form, methods=["POST"]),
        Route("/fails", fails),
        Route("/fails-late", fails_late),
        Mount("/static", StaticFiles(directory=HERE)),
    ],
)
