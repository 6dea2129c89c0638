"""Koa over HTTP/2 and, by `allowHTTP1`, HTTP/1.1: sessions, uploads, static files, compression, WebSockets."""

from application import Application, node
from compare import Rule
from talks import echo
from visitor import Visitor


def visit(user: Visitor) -> None:
    user.get("/")
    user.head("/")
    user.get("/users/7?a=1&a=2&b=%C3%BC")
    user.post("/json", json={"name": "größer"})
    user.post("/json", "400", content="{", headers={"content-type": "application/json"})
    user.post("/json", "413", json=["x" * 20_000])
    user.post("/upload", data={"title": "t"}, files={"file": ("ä.bin", b"\0\1" * 50_000, "application/x-thing")})
    user.get("/me", "nobody")
    user.post("/login", data={"user": "alice"})
    user.get("/me", "logged in")
    user.post("/logout")
    user.get("/me", "logged out")
    user.revalidate("/fresh")
    user.get("/long", "compressed")
    user.get("/long", "not compressed", headers={"accept-encoding": "identity"})
    user.head("/long")
    user.get("/page.html")
    user.head("/page.html")
    user.revalidate("/page.html")
    user.part("/page.html")
    user.get("/pieces")
    user.get("/fail")
    user.get("/teapot")
    user.get("/nothing", "404")
    user.send("PUT", "/users/7", "405")
    user.send("OPTIONS", "/users/7")
    user.send("REPORT", "/users/7", "501")
    user.events("/events", 6)
    user.websocket("/talk", echo)
    user.get("/", "after all of it")


APPLICATION = Application(
    name="koa",
    language="node",
    requirements=(
        "koa@3.2.1",
        "@koa/router@15.7.0",
        "koa-body@8.0.1",
        "koa-compress@5.2.2",
        "koa-session@7.0.2",
        "koa-static@5.0.0",
        "ws@8.23.0",
    ),
    files=("common.js", "koa.js", "public/page.html"),
    tls=True,
    visit=visit,
    rules=(Rule("a session has the time", pattern=r"shop(?:\.sig)?=([^;]{8,})"),),
    servers=node("koa.js"),
)
