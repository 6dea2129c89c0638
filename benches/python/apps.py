"""The applications that are measured, the same for each server."""

HELLO = [(b"content-type", b"text/plain"), (b"content-length", b"13")]
OCTETS = [(b"content-type", b"application/octet-stream")]
PIECE = b"x" * 65536
PIECES = 128


async def app(scope, receive, send):
    """ASGI as such: 13 bytes, an echo, 8 MiB in pieces."""
    path = scope["path"]
    if path == "/":
        await send({"type": "http.response.start", "status": 200, "headers": HELLO})
        await send({"type": "http.response.body", "body": b"Hello, World!"})
    elif path == "/echo":
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": OCTETS})
        await send({"type": "http.response.body", "body": body})
    elif path == "/big":
        await send({"type": "http.response.start", "status": 200, "headers": OCTETS})
        for _ in range(PIECES):
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    else:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def fastapi():
    """A factory: FastAPI takes a while to import, and only one load needs it."""
    from fastapi import FastAPI

    made = FastAPI()

    @made.get("/items/{item_id}")
    async def item(item_id: int, q: str = "none") -> dict[str, object]:
        return {"item_id": item_id, "q": q, "tags": ["a", "b"]}

    return made
