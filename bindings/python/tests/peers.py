"""Clients: httpx, and a client that records every frame."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import Any, Callable, Coroutine, Dict, List, Optional, Tuple, TypeVar

import h2.config
import h2.connection
import h2.events
import httpx

T = TypeVar("T")
PATIENCE = 20.0


def run(main: Coroutine[Any, Any, T]) -> T:
    """In a loop of its own, for `PATIENCE` at most. GOAWAY_TEST_LOOP=uvloop: in
    one of uvloop's."""

    async def bounded() -> T:
        return await asyncio.wait_for(main, PATIENCE)

    if os.environ.get("GOAWAY_TEST_LOOP") == "uvloop":
        import uvloop

        found: T = uvloop.run(bounded())
        return found
    return asyncio.run(bounded())


def client(port: int) -> httpx.AsyncClient:
    """Speaks HTTP/2 with prior knowledge, on one connection."""
    return httpx.AsyncClient(http1=False, http2=True, base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE)


def sync_client(port: int) -> httpx.Client:
    return httpx.Client(http1=False, http2=True, base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE)


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


class Stream:
    """What came on one stream."""

    def __init__(self) -> None:
        self.informed: List[List[Tuple[str, str]]] = []
        self.headers: Dict[str, str] = {}
        self.body = b""
        self.trailers: Optional[Dict[str, str]] = None
        self.reset: Optional[int] = None
        self.is_whole = False

    @property
    def is_over(self) -> bool:
        return self.is_whole or self.reset is not None


class Peer:
    """A connection whose every frame is in the test's hands. Opens no window by
    itself if it `holds`."""

    def __init__(self, port: int, holds: bool = False) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.opens_window = not holds
        self.h2.initiate_connection()
        self.streams: Dict[int, Stream] = {}
        self.goaways: List[Any] = []
        self.services: List[Tuple[bytes, bytes]] = []
        self.origins: List[bytes] = []
        self.is_closed = False
        self.received = b""
        self.flush()

    def flush(self) -> None:
        try:
            self.socket.sendall(self.h2.data_to_send())
        except OSError:
            self.is_closed = True

    def request(self, path: str, method: str = "GET", *fields: Tuple[str, str], end: bool = True) -> int:
        number = int(self.h2.get_next_available_stream_id())
        head = [(":method", method), (":scheme", "http"), (":authority", "test"), (":path", path), *fields]
        self.h2.send_headers(number, head, end_stream=end)
        self.streams[number] = Stream()
        self.flush()
        return number

    def data(self, number: int, data: bytes, end: bool = False) -> None:
        self.h2.send_data(number, data, end_stream=end)
        self.flush()

    def trailers(self, number: int, *fields: Tuple[str, str]) -> None:
        self.h2.send_headers(number, list(fields), end_stream=True)
        self.flush()

    def reset(self, number: int, code: int = 8) -> None:
        self.h2.reset_stream(number, code)
        self.flush()

    def open_window(self, number: int, size: int) -> None:
        self.h2.increment_flow_control_window(size, number)
        self.h2.increment_flow_control_window(size)
        self.flush()

    def wait(self, number: int) -> Stream:
        """Until the stream is over."""
        self.until(lambda: self.streams[number].is_over)
        return self.streams[number]

    def wait_body(self, number: int, size: int) -> None:
        """Until so many bytes of the response are here."""
        self.until(lambda: len(self.streams[number].body) == size)

    def until(self, done: Callable[[], bool], patience: float = PATIENCE) -> None:
        deadline = time.monotonic() + patience
        while not done():
            left = deadline - time.monotonic()
            assert left > 0 and not self.is_closed, f"it did not come; closed: {self.is_closed}"
            self.read(left)

    def settle(self, seconds: float = 0.3) -> None:
        """Reads what comes in a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.is_closed:
            self.read(max(0.01, deadline - time.monotonic()))

    def read(self, timeout: float) -> None:
        self.socket.settimeout(timeout)
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            return
        except OSError:
            data = b""
        if not data:
            self.is_closed = True
            return
        self.received += data
        # One frame at a time: a GOAWAY is the end to the library, and here it is not.
        while len(self.received) >= 9:
            size = 9 + int.from_bytes(self.received[:3], "big")
            if len(self.received) < size:
                return
            frame, self.received = self.received[:size], self.received[size:]
            for event in self.h2.receive_data(frame):
                self.see(event)
            self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
            self.flush()

    def see(self, event: Any) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaways.append(event)
            return
        if isinstance(event, h2.events.AlternativeServiceAvailable):
            self.services.append((event.origin or b"", event.field_value or b""))
        if isinstance(event, h2.events.UnknownFrameReceived) and event.frame is not None and event.frame.type == 0xC:
            self.origins.append(event.frame.body)
        stream = self.streams.get(getattr(event, "stream_id", 0) or 0)
        if stream is None:
            return
        if isinstance(event, h2.events.InformationalResponseReceived):
            stream.informed.append(list(event.headers or ()))
        elif isinstance(event, h2.events.ResponseReceived):
            stream.headers = dict(event.headers or ())
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data or b""
            if self.opens_window and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = dict(event.headers or ())
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = int(event.error_code or 0)
        elif isinstance(event, h2.events.StreamEnded):
            stream.is_whole = True

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
