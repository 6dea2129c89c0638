"""A small ASGI application, which tells about its process."""

import asyncio
import ctypes
import os
import sys
import threading
import time


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        if os.environ.get("LEAVE_THREAD"):
            threading.Thread(target=time.sleep, args=(3600,), name="collector").start()
        if os.environ.get("EXIT_IN_STARTUP"):
            sys.exit(5)
        if os.environ.get("EXIT_IN_TASK"):
            asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(leave()))
        if os.environ.get("FAIL_STARTUP"):
            raise RuntimeError("the database is not there")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if os.environ.get("HANG_SHUTDOWN"):
            await asyncio.sleep(3600)
        await send({"type": "lifespan.shutdown.complete"})
        return
    path = scope["path"][len(scope.get("root_path", "")) :]
    if path == "/hang":
        await asyncio.sleep(3600)
    elif path == "/block":
        time.sleep(3600)
    elif path == "/thread":
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, 3600)
    elif path == "/slow":
        await asyncio.sleep(1)
    elif path == "/die":
        os._exit(7)
    body = {
        "/pid": str(os.getpid()),
        "/greeting": os.environ.get("GREETING", "none"),
        "/root": scope.get("root_path", ""),
    }.get(path, "Hello, World!")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body.encode()})


async def leave():
    sys.exit(5)


def make():
    return app


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode()]


def scheme(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return [environ["wsgi.url_scheme"].encode()]


def multiprocess(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return [str(environ["wsgi.multiprocess"]).encode()]


async def reluctant(scope, receive, send):
    """With a path that blocks all threads of Python: a C function that keeps the interpreter's lock."""
    if scope["path"] == "/hold":
        ctypes.PyDLL(None).sleep(3600)
    await app(scope, receive, send)
