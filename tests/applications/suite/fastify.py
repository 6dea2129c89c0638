"""Fastify with most of its own plugins, over HTTP/2 and, by `allowHTTP1`, HTTP/1.1."""

from application import Application, node
from compare import Rule
from visitor import Visitor


def visit(user: Visitor) -> None:
    user.get("/")
    user.head("/")
    user.revalidate("/")
    user.get("/users/7?a=1&b=%C3%BC")
    user.get("/users/seven", "400")
    user.post("/json", json={"name": "größer"})
    user.post("/json", "no name", json={})
    user.post("/json", "not JSON", content="{", headers={"content-type": "application/json"})
    user.post("/json", "413", json={"name": "x" * 20_000})
    user.post("/json", "415", content="<a/>", headers={"content-type": "text/xml"})
    user.post("/form", data={"a": "b c", "e": "é"})
    user.post("/upload", files={"file": ("ä.bin", b"\0\1" * 50_000, "application/x-thing")})
    user.post("/upload", "406", data={"a": "b"})
    user.get("/me", "nobody")
    user.post("/login", json={"user": "alice"})
    user.get("/me", "logged in")
    user.post("/logout")
    user.get("/me", "logged out")
    user.get("/cookies")
    user.get("/cookies", "again")
    user.get("/long", "compressed")
    user.get("/long", "not compressed", headers={"accept-encoding": "identity"})
    user.head("/long")
    user.get("/public/page.html")
    user.head("/public/page.html")
    user.revalidate("/public/page.html")
    user.part("/public/page.html")
    user.part("/public/page.html", "bytes=99999-")
    user.get("/public/none", "404")
    user.get("/pieces")
    user.get("/web")
    user.get("/trailers", headers={"te": "trailers"})
    user.get("/hijack")
    user.get("/fail")
    user.get("/teapot")
    user.get("/nothing", "404")
    user.send("PUT", "/users/7", "404")
    preflight = {"origin": "https://example.org", "access-control-request-method": "POST"}
    user.send("OPTIONS", "/json", "preflight", headers=preflight)
    user.events("/events", 6)
    user.get("/", "after all of it")


APPLICATION = Application(
    name="fastify",
    language="node",
    requirements=(
        "fastify@5.12.8",
        "@fastify/compress@9.2.0",
        "@fastify/cookie@11.1.5",
        "@fastify/cors@11.4.3",
        "@fastify/etag@6.2.0",
        "@fastify/formbody@9.0.1",
        "@fastify/helmet@13.2.0",
        "@fastify/multipart@10.1.9",
        "@fastify/session@11.1.3",
        "@fastify/static@10.1.11",
    ),
    files=("common.js", "fastify.js", "public/page.html"),
    tls=True,
    visit=visit,
    rules=(Rule("a session's key is random", pattern=r"sessionId=([^;]+)"),),
    servers=node("fastify.js"),
)
