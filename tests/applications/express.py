"""Express, of two versions and over two versions of HTTP: what is the same in all."""

from __future__ import annotations

from application import Application, node
from compare import Rule
from visitor import Visitor

REQUIREMENTS = (
    "compression@1.8.2", "cookie-parser@1.4.7", "express-session@1.19.0", "helmet@8.3.0", "morgan@1.12.1",
    "multer@2.5.0", "response-time@2.3.4",
)  # fmt: skip


def visit(user: Visitor) -> None:
    user.get("/")
    user.head("/")
    user.revalidate("/")
    user.get("/users/7?a=1&b[]=2&b[]=%C3%BC")
    user.get("/users/%zz", "400")
    user.get("/long", "compressed")
    user.get("/long", "not compressed", headers={"accept-encoding": "identity"})
    user.head("/long")
    user.post("/json", json={"name": "größer", "list": [1, None]})
    user.post("/json", "400", content="{", headers={"content-type": "application/json"})
    user.post("/json", "413", json=["x" * 20_000])
    user.post("/form", data={"a[b]": "c d", "e": "é"})
    user.post("/upload", data={"title": "t"}, files={"file": ("ä.bin", b"\0\1" * 50_000, "application/x-thing")})
    user.post("/upload", "an unknown field", files={"other": ("b", b"c")})
    user.post("/echo", content=bytes(range(256)) * 2000)
    user.post("/echo", "without a length", content=iter([b"one ", b"two"]))
    user.post("/unread", content=b"x" * 30_000)
    user.get("/me", "nobody")
    user.post("/login", json={"user": "alice"})
    user.get("/me", "logged in")
    user.post("/logout")
    user.get("/me", "logged out")
    user.get("/cookies")
    user.get("/cookies", "again")
    for path in ("/public/page.html", "/file"):
        user.get(path)
        user.head(path)
        user.revalidate(path)
        user.part(path)
        user.part(path, "bytes=99999-")
    user.get("/public", "redirect")
    user.get("/public/../package.json", "outside")
    user.get("/download")
    user.get("/away")
    user.get("/nothing")
    user.get("/vary", headers={"accept": "text/html"})
    user.get("/vary", "406", headers={"accept": "image/png"})
    user.events("/events", 6)
    user.get("/pieces")
    user.get("/socket")
    user.get("/early")
    user.get("/fail")
    user.get("/fail-late")
    user.send("OPTIONS", "/users/7")
    user.send("DELETE", "/users/7", "404")
    user.send("QUERY", "/users/7", "a method that Express does not know")
    user.get("/", "after all of it")


def express(name: str, version: str, *, http2: bool) -> Application:
    """Express of that version, over HTTP/1.1 with TLS, or HTTP/2 without."""
    return Application(
        name=name,
        language="node",
        requirements=(f"express@{version}", *REQUIREMENTS),
        files=("common.js", "express.js", "public/page.html"),
        environment={"OVER": "http2" if http2 else "http1"},
        tls=not http2,
        versions=("h2",) if http2 else ("h1",),
        visit=visit,
        rules=(
            Rule("how long it took", field="x-response-time"),
            Rule("a session's key has the time", pattern=r"connect.sid=(s%3Asession-[^;]+)"),
            Rule("the stack names lines of Node.js", pattern=r"(<br> &nbsp; &nbsp;at .*)"),
        ),
        servers=node("express.js"),
    )
