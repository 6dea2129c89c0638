"""NestJS on Express over HTTP/1.1 by `allowHTTP1`: pipes, uploads, streams, server-sent events."""

from application import Application, node
from visitor import Visitor


def visit(user: Visitor) -> None:
    user.get("/")
    user.head("/")
    user.revalidate("/")
    user.get("/things")
    user.post("/things", json={"name": "größer", "count": 1})
    user.post("/things", "of the wrong type", json={"name": 1, "count": "x"})
    user.post("/things", "not JSON", content="{", headers={"content-type": "application/json"})
    user.get("/things/0")
    user.get("/things?name=gr%C3%B6%C3%9Fer")
    user.get("/things/9", "404")
    user.get("/things/nine", "400")
    user.send("DELETE", "/things/0")
    user.send("DELETE", "/things", "404")
    user.post("/upload", files={"file": ("a.bin", b"\0\1" * 50_000, "application/x-thing")})
    user.post("/refused", content=b"x" * 30_000)
    user.get("/file")
    user.head("/file")
    user.get("/no-file")
    user.get("/away")
    user.get("/fail")
    user.get("/teapot")
    user.get("/own")
    user.get("/public/page.html")
    user.head("/public/page.html")
    user.revalidate("/public/page.html")
    user.part("/public/page.html")
    preflight = {"origin": "https://example.org", "access-control-request-method": "POST"}
    user.send("OPTIONS", "/things", "preflight", headers=preflight)
    user.events("/events", 9)
    user.get("/", "after all of it")


APPLICATION = Application(
    name="nest",
    language="node",
    requirements=(
        "@nestjs/common@11.2.10", "@nestjs/core@11.2.10", "@nestjs/platform-express@11.2.10",
        "@types/express@5", "@types/node@20", "class-transformer@0.5", "class-validator@0.14",
        "reflect-metadata@0.2.2", "rxjs@7.8.2", "typescript@5",
    ),
    files=("common.js", "nest.ts", "public/page.html"),
    prepare=(
        ("{tool}", "node_modules/typescript/bin/tsc", "--experimentalDecorators", "--emitDecoratorMetadata",
         "--target", "es2022", "--module", "commonjs", "--skipLibCheck", "--strict", "nest.ts"),
    ),
    tls=True,
    versions=("h1",),
    visit=visit,
    servers=node("nest.js"),
)  # fmt: skip
