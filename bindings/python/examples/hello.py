import goaway


async def hello(request: goaway.Request) -> None:
    await request.respond(200, b"hello\n", {"content-type": "text/plain"})


goaway.run({"GET /": hello}, bind="127.0.0.1:8080")  # Ctrl-C closes it gracefully
