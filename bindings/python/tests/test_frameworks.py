"""Popular frameworks, served by the command to popular clients."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Iterator

import httpx
import pytest
from serving import APPS, PATIENCE, Command, Connection, client, curl, nghttp

MEGABYTE = b"0123456789abcdef" * 65536


def at_once(urls: list[str]) -> list[str]:
    """The responses to requests that are made beside each other, on one connection.
    Not with threads: httpx's HTTP/2 does not bear them."""

    async def ask() -> list[str]:
        async with httpx.AsyncClient(http1=False, http2=True, timeout=PATIENCE, trust_env=False) as http:
            return [response.text for response in await asyncio.gather(*map(http.get, urls))]

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def starlette() -> Iterator[Command]:
    with Command("starlette_app:app") as command:
        yield command
        command.close()


def test_starlette_with_httpx(starlette: Command) -> None:
    with client(base_url=starlette.url) as http:
        response = http.get("/hello/you")
        assert (response.status_code, response.http_version, response.text) == (200, "HTTP/2", "Hello, you!")
        assert http.get("/state").text == "from the lifespan"
        assert http.get("/stream").text == "".join(f"{number}\n" for number in range(10))
        assert http.get("/file").content == (APPS / "plain.py").read_bytes()
        assert http.get("/static/plain.py", headers={"range": "bytes=0-3"}).content == b'"""A'
        assert http.get("/nowhere").status_code == 404
        assert http.head("/file").headers["content-length"] == str((APPS / "plain.py").stat().st_size)
        seen = http.get("/fields", params={"a": "ü b"}, headers={"x-test": "1"}).json()
        assert seen["query"] == {"a": "ü b"}
        assert seen["headers"]["x-test"] == "1"
        assert seen["client"] == "127.0.0.1"
        sent = http.post("/form", data={"name": "value"}, files={"upload": ("a.txt", b"content")}).json()
        assert sent == {"name": "value", "upload": "content"}


def test_starlette_echoes_what_it_streams(starlette: Command) -> None:
    with client(base_url=starlette.url) as http:
        assert http.post("/echo", content=MEGABYTE).content == MEGABYTE
        assert http.put("/echo", content=iter([b"one", b"", b"two"])).content == b"onetwo"


def test_starlette_works_on_after_the_response(starlette: Command) -> None:
    with client(base_url=starlette.url) as http:
        begun = time.monotonic()
        assert http.post("/background").status_code == 405
        assert http.get("/background").text == "accepted"
        assert time.monotonic() - begun < 1
        time.sleep(0.3)
        assert http.get("/ledger").json() == ["work"]


def test_starlette_fails_before_and_after_the_head(starlette: Command) -> None:
    with client(base_url=starlette.url) as http:
        assert http.get("/fails").status_code == 500
        with pytest.raises(httpx.RemoteProtocolError), http.stream("GET", "/fails-late") as response:
            response.read()
        assert http.get("/").text == "Hello, World!"


def test_starlette_with_curl_and_nghttp(starlette: Command) -> None:
    url = starlette.url
    assert curl(f"{url}/hello/curl") == "Hello, curl!"
    assert curl("--data-binary", f"@{APPS / 'plain.py'}", f"{url}/echo") == (APPS / "plain.py").read_text()
    assert nghttp(f"{url}/stream") == "".join(f"{number}\n" for number in range(10))
    assert nghttp("-d", str(APPS / "plain.py"), f"{url}/echo") == (APPS / "plain.py").read_text()


def test_many_requests_at_once(starlette: Command) -> None:
    responses = at_once([f"{starlette.url}/hello/{number}" for number in range(300)])
    assert responses == [f"Hello, {number}!" for number in range(300)]


def test_starlettes_events_end_well_when_the_server_leaves() -> None:
    with Command("starlette_app:app", "--drain", "3") as command, Connection(command.port) as connection:
        stream = connection.ask("/events")
        command.get("/")
        time.sleep(0.3)
        command.signal(signal.SIGTERM)
        begun = time.monotonic()
        body = connection.body(stream)
        assert time.monotonic() - begun < 2, "it must not wait for the deadline"
        assert body.startswith(b"data: 0\n\ndata: 1\n\n")
        assert body.endswith(b"\n\n")
        connection.socket.close()
        assert command.wait() == 0
        assert command.report()["streams_reset"] == 0
        assert [line for line in command.out.lines if line in ("startup", "shutdown")] == ["startup", "shutdown"]


def test_fastapi() -> None:
    with Command("fastapi_app:app") as command, client(base_url=command.url) as http:
        assert http.get("/items/7?skip=2").json() == {"item_id": 7, "skip": 2, "limit": 10}
        assert http.get("/items/404").json() == {"detail": "no such item"}
        assert http.get("/items/x").status_code == 422
        item = {"name": "a", "price": 1.5, "tags": ["b"]}
        assert http.post("/items", json=item).json() == item
        assert http.post("/items", content=b"{").status_code == 422
        assert http.get("/threaded").json() == {"hello": "thread"}
        assert http.get("/numbers").text == "".join(f"{number}," for number in range(1000))
        assert "/items/{item_id}" in http.get("/openapi.json").json()["paths"]
        assert curl(f"{command.url}/items/1") == '{"item_id":1,"skip":0,"limit":10}'
        assert '"limit":10' in nghttp(f"{command.url}/items/1")
        command.close()


def test_django_by_asgi() -> None:
    with Command("django_app:app") as command, client(base_url=command.url) as http:
        _check_django(http)
        _check_session(http)
        assert http.get("/async").text == "http GET /async"
        assert http.get("/stream").text == "0\n1\n2\n3\n4\n"
        assert curl(f"{command.url}/stream") == "0\n1\n2\n3\n4\n"
        assert nghttp(f"{command.url}/") == "Hello, World!"
        command.close()


def test_django_by_wsgi() -> None:
    with Command("django_app:wsgi") as command, client(base_url=command.url) as http:
        _check_django(http)
        _check_session(http)
        command.close()


def _check_session(http: httpx.Client) -> None:
    session = http.get("/visits").cookies["sessionid"]
    http.cookies.clear()
    # In fields of their own, as browsers send them over HTTP/2.
    split = [("cookie", "theme=dark"), ("cookie", f"sessionid={session}"), ("cookie", "last=1")]
    assert http.get("/visits", headers=split).text == "2 dark"


def _check_django(http: httpx.Client) -> None:
    assert http.get("/").text == "Hello, World!"
    response = http.post("/echo?a=%C3%BC", content=b"body", headers={"content-type": "text/x-test"})
    assert response.json() == {"body": "body", "query": {"a": "ü"}, "type": "text/x-test"}
    assert http.get("/file").content == (APPS / "django_app.py").read_bytes()
    assert http.get("/nowhere").status_code == 404


def test_flask_by_wsgi() -> None:
    with Command("flask_app:app", "--root-path", "/shop") as command, client(base_url=command.url) as http:
        assert http.get("/").text == "Hello, World!"
        assert http.post("/echo?a=1", content=b"x" * 100_000).json()["length"] == 100_000
        assert http.post("/echo?a=1", content=iter([b"one", b"two"])).json()["body"] == "onetwo"
        assert http.post("/upload", files={"file": MEGABYTE}).text == str(len(MEGABYTE))
        assert http.get("/stream").text == "0\n1\n2\n3\n4\n"
        assert http.get("/file").content == (APPS / "flask_app.py").read_bytes()
        assert http.get("/fails").status_code == 500
        environ = http.get("/environ?q=%20", headers={"x-test": "1"}).json()
        assert environ == {
            "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/shop", "PATH_INFO": "/environ", "QUERY_STRING": "q=%20",
            "SERVER_PROTOCOL": "HTTP/2.0", "wsgi.url_scheme": "http", "HTTP_X_TEST": "1",
        }  # fmt: skip
        begun = time.monotonic()
        assert at_once([f"{command.url}/slow"] * 8) == ["slow"] * 8
        assert time.monotonic() - begun < 5, "they wait beside each other"
        assert curl(f"{command.url}/stream") == "0\n1\n2\n3\n4\n"
        assert nghttp(f"{command.url}/") == "Hello, World!"
        command.close()


def test_flask_ends_what_is_under_way() -> None:
    with Command("flask_app:app") as command, Connection(command.port) as connection:
        stream = connection.ask("/slow")
        time.sleep(0.2)
        command.signal(signal.SIGTERM)
        assert connection.body(stream) == b"slow"
        connection.socket.close()
        assert command.wait() == 0
        assert command.report()["streams_completed"] == 1
