"""What the demo answers to httpx: httpx_client.py URL."""

import asyncio
import os
import sys

import httpx


async def main(url):
    one_connection = httpx.Limits(max_connections=1)
    # Nothing from the environment: no proxy stands between.
    async with httpx.AsyncClient(
        base_url=url, http1=False, http2=True, limits=one_connection, timeout=30, trust_env=False
    ) as client:
        await hello(client)
        await echo(client)
        await together(client)
        sessions = (await client.get("/sessions")).json()
        assert len(sessions) == 1, sessions


async def hello(client):
    response = await client.get("/")
    assert response.http_version == "HTTP/2", response.http_version
    assert (response.status_code, response.text) == (200, "Hello, World!"), response
    assert response.headers["content-length"] == "13", response.headers


async def echo(client):
    for length in (0, 1, 1024, 1_000_000):
        body = os.urandom(length)
        response = await client.post("/echo", content=body)
        assert response.status_code == 200, response
        assert response.content == body, f"{len(response.content)} bytes for {length}"


async def together(client):
    paths = [f"/users/{number}" for number in range(19)] + ["/slow"]
    responses = await asyncio.gather(*(client.get(path) for path in paths))
    texts = [response.text for response in responses]
    assert texts == [str(number) for number in range(19)] + ["slow"], texts


asyncio.run(main(sys.argv[1]))
print("all is well")
