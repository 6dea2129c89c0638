"""A client of an application, which writes down every response."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any, Callable

import httpx
from websockets.sync.client import ClientConnection, connect

#: Seconds that anything may take.
PATIENCE = 60.0


@dataclass(frozen=True)
class Exchange:
    """One request and what came back."""

    check: str
    #: 0 if there was no response.
    status: int
    fields: list[tuple[str, str]]
    #: Decoded, if it was compressed; the error's text if there was no response.
    body: bytes
    #: Bytes of the body as they came, compressed or not.
    received: int = 0


class Visitor:
    """Sends requests to one server, over one version of HTTP, and keeps the cookies."""

    def __init__(self, port: int, *, http2: bool, tls: bool, second: bool) -> None:
        self.port = port
        self.http2 = http2
        self.tls = tls
        #: Whether it finds what an earlier visit has left.
        self.second = second
        self.exchanges: list[Exchange] = []
        self.client = self._connect(httpx.Cookies())

    def _connect(self, cookies: httpx.Cookies) -> httpx.Client:
        return httpx.Client(
            base_url=f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}",
            cookies=cookies, http1=not self.http2, http2=self.http2, verify=_trust(), timeout=PATIENCE,
        )  # fmt: skip

    def renew(self) -> None:
        """Goes on with new connections."""
        self.client.close()
        self.client = self._connect(self.client.cookies)

    def send(self, method: str, path: str, what: str = "", **options: Any) -> httpx.Response:
        """Sends one request; `options` are those of `httpx.Client.request`. Its
        check is named by method, path and `what`, so those must not be random."""
        check = _named(method, path, what)
        try:
            response = self.client.request(method, path, **options)
        except httpx.HTTPError as error:
            self._failed(check, error)
            raise
        self._note(check, response, response.content)
        return response

    def get(self, path: str, what: str = "", **options: Any) -> httpx.Response:
        """Sends a GET request."""
        return self.send("GET", path, what, **options)

    def head(self, path: str, what: str = "", **options: Any) -> httpx.Response:
        """Sends a HEAD request."""
        return self.send("HEAD", path, what, **options)

    def post(self, path: str, what: str = "", **options: Any) -> httpx.Response:
        """Sends a POST request."""
        return self.send("POST", path, what, **options)

    def revalidate(self, path: str, what: str = "conditional") -> None:
        """Asks for `path` again with the validators that came with it."""
        before = self.client.get(path)
        names = {"etag": "if-none-match", "last-modified": "if-modified-since"}
        validators = {names[name]: before.headers[name] for name in names if name in before.headers}
        self.get(path, f"{what}: {', '.join(validators) or 'no validator'}", headers=validators)

    def part(self, path: str, ranges: str = "bytes=2-5") -> None:
        """Asks for a part of `path`."""
        self.get(path, ranges, headers={"range": ranges, "accept-encoding": "identity"})

    def events(self, path: str, lines: int, what: str = "events", method: str = "GET", **options: Any) -> None:
        """Reads so many lines of a response, which may have no end, and leaves."""
        check = _named(method, path, what)
        try:
            with self.client.stream(method, path, **options) as response:
                read = [line for line, _ in zip(response.iter_lines(), range(lines))]
        except httpx.HTTPError as error:
            self._failed(check, error)
            raise
        self._note(check, response, "\n".join(read).encode())

    def websocket(
        self, path: str, talk: Callable[[ClientConnection], list[Any]], what: str = "WebSocket", **options: Any
    ) -> None:
        """Opens a WebSocket and notes what `talk` gives: over HTTP/1.1, whatever
        the visit speaks, since the client knows no other."""
        check = _named("GET", path, what)
        cookies = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        headers = {**options.pop("headers", {}), **({"cookie": cookies} if cookies else {})}
        scheme, trust = ("wss", _trust()) if self.tls else ("ws", None)
        try:
            with connect(
                f"{scheme}://127.0.0.1:{self.port}{path}", ssl=trust, additional_headers=headers,
                open_timeout=PATIENCE, max_size=None, **options,
            ) as socket:  # fmt: skip
                said = talk(socket)
                fields = [(name.lower(), value) for name, value in socket.response.headers.raw_items()]
        except Exception as error:
            self._failed(check, error)
            return
        body = b"\n".join(piece if isinstance(piece, bytes) else str(piece).encode() for piece in said)
        self.exchanges.append(Exchange(check, 101, fields, body))

    def run(self, visit: Callable[[Visitor], None]) -> list[Exchange]:
        """Carries out a visit. One that fails in between ends there: what is
        missing is a difference from a visit that does not."""
        try:
            visit(self)
        except Exception as error:
            self._failed("the whole visit", error)
        return self.exchanges

    def _note(self, check: str, response: httpx.Response, body: bytes) -> None:
        fields = [(name.decode().lower(), value.decode("latin-1")) for name, value in response.headers.raw]
        self.exchanges.append(Exchange(check, response.status_code, fields, body, response.num_bytes_downloaded))

    def _failed(self, check: str, error: Exception) -> None:
        self.exchanges.append(Exchange(check, 0, [], f"{type(error).__name__}: {error}".encode()))


def _trust() -> ssl.SSLContext:
    """Accepts the certificate that was made for the test."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _named(method: str, path: str, what: str) -> str:
    return f"{method} {path}" + (f" ({what})" if what else "")
