"""What the suite knows of an application: how it is installed, prepared, served and used."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from compare import Rule
from visitor import Visitor

#: Code that runs in the applications' own interpreters.
SITES = Path(__file__).resolve().parent / "sites"
#: What an application in Python needs beside itself, for the reference.
UVICORN = ("uvicorn==0.54.0", "zttp==0.0.35")
GUNICORN = ("gunicorn[http2]==27.0.1",)
#: What WebSockets take, by uvicorn and by goaway.
WEBSOCKET = ("websockets", "wsproto==1.3.2")


@dataclass(frozen=True)
class Server:
    """One way of serving an application. `{tool}` in its command is the
    interpreter of the virtual environment, or Node.js; `{port}` is the port."""

    name: str
    command: tuple[str, ...]
    #: Whether it speaks HTTP/2. If not, it gets the same requests over HTTP/1.1.
    http2: bool = True


@dataclass(frozen=True)
class Servers:
    """What serves an application: goaway, and what it is compared with."""

    ours: Server
    reference: Server


@dataclass(frozen=True)
class Application:
    """An application, unchanged, and what a client does with it."""

    name: str
    #: Of pip ("datasette==0.65.5") or of npm ("express@5.3.0").
    requirements: tuple[str, ...]
    servers: Servers
    #: Sends the requests that are compared.
    visit: Callable[[Visitor], None]
    #: What may differ, and why, beside `compare.EVERYWHERE`.
    rules: tuple[Rule, ...] = ()
    #: Files of SITES that lie in the folder in which the application runs.
    files: tuple[str, ...] = ()
    #: Makes the application's data in that folder: commands, run there once.
    prepare: tuple[tuple[str, ...], ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    #: "python" or "node": what `requirements` are installed with.
    language: str = "python"
    #: Over TLS, with a certificate of its own, cert.pem and key.pem.
    tls: bool = False
    #: The versions of HTTP over which it is visited, one after the other.
    versions: tuple[str, ...] = ("h1", "h2")


def asgi(target: str, *options: str, http2: bool = True) -> Servers:
    """An ASGI application, by goaway and by uvicorn; `options` are of both."""
    more = ("--http", "zttp", "--http2") if http2 else ()
    return Servers(
        _goaway(target, *options),
        Server(
            "uvicorn",
            ("{tool}", "-m", "uvicorn", target, "--host", "127.0.0.1", "--port", "{port}", *more, *options),
            http2,
        ),
    )


def wsgi(target: str) -> Servers:
    """A WSGI application, by goaway and by gunicorn."""
    return Servers(
        _goaway(target),
        Server(
            "gunicorn",
            ("{tool}", "-m", "gunicorn", target, "--bind", "127.0.0.1:{port}", "--threads", "8",
             "--http-protocols", "h2,h1", "--http2-cleartext", "both"),
        ),
    )  # fmt: skip


def node(program: str) -> Servers:
    """A program for Node.js, with `goaway/register` and without."""
    return Servers(
        Server("goaway", ("{tool}", "-r", "goaway/register", program, "{port}")),
        Server("node", ("{tool}", program, "{port}")),
    )


def _goaway(target: str, *options: str) -> Server:
    return Server("goaway", ("{tool}", "-m", "goaway", target, "--bind", "127.0.0.1:{port}", *options))
