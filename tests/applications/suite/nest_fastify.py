"""NestJS on Fastify, over HTTP/2 and, by `allowHTTP1`, HTTP/1.1: streams, server-sent events."""

from application import Application, node
from visitor import Visitor


def visit(user: Visitor) -> None:
    user.get("/")
    user.head("/")
    user.get("/things/7")
    user.get("/things/seven", "400")
    user.post("/things", json={"name": "größer"})
    user.post("/things", "not JSON", content="{", headers={"content-type": "application/json"})
    user.get("/file")
    user.get("/away")
    user.get("/fail")
    user.get("/nothing", "404")
    user.send("DELETE", "/things/7", "404")
    user.events("/events", 9)
    user.get("/", "after all of it")


APPLICATION = Application(
    name="nest_fastify",
    language="node",
    requirements=(
        "@nestjs/common@11.2.10",
        "@nestjs/core@11.2.10",
        "@nestjs/platform-fastify@11.2.8",
        "@types/node@20",
        "reflect-metadata@0.2.2",
        "rxjs@7.8.2",
        "typescript@5",
    ),
    files=("common.js", "nest_fastify.ts", "public/page.html"),
    prepare=(
        (
            "{tool}",
            "node_modules/typescript/bin/tsc",
            "--experimentalDecorators",
            "--emitDecoratorMetadata",
            "--target",
            "es2022",
            "--module",
            "commonjs",
            "--skipLibCheck",
            "--strict",
            "nest_fastify.ts",
        ),
    ),
    tls=True,
    visit=visit,
    servers=node("nest_fastify.js"),
)
