"""Each limit, set here to a small value, is seen by the peer or by the handler; so is each feature, on and off."""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
from pathlib import Path
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, List

import pytest
from frames import ACK, DATA, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, Frame, Frames
from peers import run
from serving import PACKAGE
from test_limits import OF_C
from test_tls import Authority

from goaway import Request, Server, Tls
from goaway._native import FEATURES, LIMITS

ROOT = PACKAGE.parents[1]
PATIENCE = 8.0
"""Less than the defaults: what comes by then comes for the limit that was set."""
SHORT = 30
"""Milliseconds."""
Effect = Callable[[], Awaitable[None]]
EFFECTS: Dict[str, Effect] = {}


def effect(function: Effect) -> Effect:
    """Of the limit or feature of that name."""
    EFFECTS[function.__name__] = function
    return function


async def hello(request: Request) -> None:
    await request.respond(200, b"hello")


async def hang(request: Request) -> None:
    await asyncio.sleep(3600)


async def read(request: Request) -> None:
    await request.respond(200, await request.read())


@contextlib.asynccontextmanager
async def serve(handler: Any = hello, pattern: str = "*", **options: int) -> AsyncIterator[Server]:
    """A server with these limits and features."""
    features = {name: bool(options.pop(name)) for name in FEATURES if name in options}
    server = Server(drain=0, limits=options, features=features)
    server.register(pattern, handler)
    async with server.listen("127.0.0.1:0"):
        yield server


@contextlib.asynccontextmanager
async def connected(server: Server, greets: bool = True) -> AsyncIterator[Frames]:
    frames = await Frames.connect(server.port, PATIENCE)
    try:
        if greets:
            frames.greet()
        yield frames
    finally:
        await frames.close()


def goaways(frames: List[Frame]) -> List[int]:
    """The codes of the GOAWAY frames among them."""
    return [frame.code for frame in frames if frame.kind == GOAWAY]


async def announced(handler: Any = hello, pattern: str = "*", **limits: int) -> Dict[int, int]:
    """The SETTINGS of a server with the limits."""
    async with serve(handler, pattern, **limits) as server, connected(server) as frames:
        return (await frames.until(SETTINGS)).settings


async def is_drained(frames: Frames) -> None:
    """It is told to go, and ends without an error."""
    assert (await frames.until(GOAWAY)).code == 0
    frames.send(PING, ACK, payload=(await frames.until(PING)).payload)
    assert (await frames.until(GOAWAY)).code == 0
    frames.writer.write_eof()
    assert goaways(await frames.rest()) == []


async def is_reset(frames: Frames, code: int = 8) -> None:
    assert (await frames.until(RST_STREAM)).code == code


@effect
async def workers() -> None:
    async with serve(workers=3):
        names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
        assert len([name for name in names if re.match(r"goaway-\d", name)]) == 3


@effect
async def sessions() -> None:
    arrived = asyncio.Event()

    async def hold(request: Request) -> None:
        arrived.set()
        await asyncio.sleep(3600)

    async with serve(hold, sessions=1) as server, connected(server) as first:
        await first.until(SETTINGS)
        first.ask()
        await asyncio.wait_for(arrived.wait(), PATIENCE)
        async with connected(server) as second:
            assert await second.rest() == []


@effect
async def sessions_per_address() -> None:
    async with serve(sessions_per_address=1) as server, connected(server) as first, connected(server) as second:
        await first.until(SETTINGS)
        assert await second.rest() == []


@effect
async def tls_handshakes() -> None:
    """One that does not go on makes room for the second."""
    with tempfile.TemporaryDirectory() as folder:
        tls = Tls(*Authority(Path(folder) / "authority").sign("localhost"))
        server = Server(drain=0, limits={"tls_handshakes": 1, "workers": 1}).listen("127.0.0.1:0", tls=tls)
    async with server, connected(server, greets=False) as first, connected(server, greets=False) as second:
        first.writer.write(b"\x16\x03\x01\x02")
        await first.writer.drain()
        second.writer.write(b"this is no hello of TLS")
        assert await asyncio.wait_for(second.reader.read(1), PATIENCE) == b"\x15"
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(first.reader.read(1), PATIENCE) == b""


@effect
async def concurrent_streams() -> None:
    assert (await announced(concurrent_streams=2))[3] == 2
    async with serve(hang, concurrent_streams=2) as server, connected(server) as frames:
        for _ in range(3):
            last = frames.ask()
        refused = await frames.until(RST_STREAM)
        assert (refused.stream, refused.code) == (last, 7)


@effect
async def requests() -> None:
    async with serve(requests=1) as server, connected(server) as frames:
        frames.ask()
        await is_drained(frames)


@effect
async def header_list_bytes() -> None:
    assert (await announced(header_list_bytes=500))[6] == 500
    async with serve(header_list_bytes=500) as server, connected(server) as frames:
        frames.ask()
        assert await frames.status() == "200"
        frames.ask(fields=[("a", "b" * 400)])
        assert await frames.status() == "431"


@effect
async def header_fields() -> None:
    async with serve(header_fields=5) as server, connected(server) as frames:
        for count, status in [(5, "200"), (6, "431")]:
            frames.ask(fields=[("a", "b")] * count)
            assert await frames.status() == status


@effect
async def header_table_bytes() -> None:
    assert (await announced(header_table_bytes=100))[1] == 100
    async with serve(header_table_bytes=100) as server, connected(server) as frames:
        await frames.settle()
        frames.send(HEADERS, 5, 1, b"\x3f\x46\x82")  # a table of 101 bytes (RFC 7541, section 6.3)
        # COMPRESSION_ERROR (RFC 9113, section 4.3), for which h2 says PROTOCOL_ERROR.
        assert goaways(await frames.rest()) in ([9], [1])


@effect
async def frame_bytes() -> None:
    assert (await announced(frame_bytes=20000))[5] == 20000
    async with serve(read, frame_bytes=20000) as server, connected(server) as frames:
        await frames.settle()
        stream = frames.ask(method="POST", whole=False)
        frames.send(DATA, 0, stream, bytes(20001))
        assert goaways(await frames.rest())[-1] == 6


@effect
async def connect_protocol() -> None:
    for enabled, expected in [(False, None), (True, 1)]:
        assert (await announced(pattern="CONNECT *", connect_protocol=enabled)).get(8) == expected


@effect
async def stream_window_bytes() -> None:
    assert (await announced(stream_window_bytes=100))[4] == 100
    async with serve(hang, stream_window_bytes=100) as server, connected(server) as frames:
        await frames.settle()
        frames.send(DATA, 0, frames.ask(method="POST", whole=False), bytes(101))
        await is_reset(frames, 3)


@effect
async def session_window_bytes() -> None:
    async with serve(session_window_bytes=100000) as server, connected(server) as frames:
        window = await frames.until(WINDOW_UPDATE)
        assert (window.stream, int.from_bytes(window.payload, "big")) == (0, 100000 - 65535)


async def whole_with(**limits: int) -> None:
    """What is prepared for a peer shows nowhere outside: with the least of it a
    long response is whole all the same, whatever its peer takes at a time."""

    async def long(request: Request) -> None:
        await request.respond(200, bytes(100000))

    async with serve(long, **limits) as server, connected(server, greets=False) as frames:
        frames.greet(window=0)
        stream, length, is_whole = frames.ask(), 0, False
        while not is_whole:
            step = (20000).to_bytes(4, "big")
            frames.send(WINDOW_UPDATE, 0, 0, step)
            frames.send(WINDOW_UPDATE, 0, stream, step)
            data = await frames.until(DATA)
            length, is_whole = length + len(data.payload), bool(data.flags & END_STREAM)
        assert length == 100000


@effect
async def send_buffer_bytes() -> None:
    await whole_with(send_buffer_bytes=16384)


@effect
async def session_send_bytes() -> None:
    await whole_with(session_send_bytes=16384)


@effect
async def memory_bytes() -> None:
    """The largest session is closed, and a small one is served."""
    release = asyncio.Event()

    async def hold(request: Request) -> None:
        if request.method == "POST":
            await release.wait()
        await request.respond(200, b"fine")

    limits = {"memory_bytes": 1 << 20, "session_window_bytes": 1 << 21}
    async with serve(hold, **limits) as server, connected(server) as large, connected(server) as small:
        for _ in range(5):
            stream = large.ask(method="POST", whole=False)
            for _ in range(16):
                large.send(DATA, 0, stream, bytes(16_000))
        assert (await large.until(GOAWAY)).code == 11
        small.ask()
        assert (await small.until(DATA)).payload == b"fine"
        release.set()


@effect
async def session_response_bytes() -> None:
    """The second request waits until the peer takes something of the first response."""
    asked: List[str] = []

    async def respond(request: Request) -> None:
        asked.append(request.path)
        await request.respond(200, b"ok")

    async with serve(respond, session_response_bytes=1) as server:
        frames = await Frames.connect(server.port, PATIENCE)
        frames.greet(window=0)
        first, second = frames.ask("/first"), frames.ask("/second")
        await frames.until(HEADERS)
        frames.send(PING, payload=bytes(8))
        await frames.until(PING, ACK)
        assert asked == ["/first"]
        frames.send(WINDOW_UPDATE, 0, first, (100).to_bytes(4, "big"))
        assert (await frames.until(DATA)).stream == first
        assert (await frames.until(HEADERS)).stream == second
        assert asked == ["/first", "/second"]
        await frames.close()


@effect
async def high_water_bytes() -> None:
    seen: "asyncio.Queue[bool]" = asyncio.Queue()

    async def stream(request: Request) -> None:
        await request.write_head(200)
        written = asyncio.ensure_future(request.write(b"0123456789"))
        done, _ = await asyncio.wait({written}, timeout=0.04)
        seen.put_nowait(not done)
        await written
        await request.end()

    for mark, waits in [(10, True), (1000, False)]:
        async with serve(stream, high_water_bytes=mark) as server, connected(server, greets=False) as frames:
            frames.greet(window=0)
            asked = frames.ask()
            assert await asyncio.wait_for(seen.get(), PATIENCE) is waits
            frames.send(WINDOW_UPDATE, 0, asked, (1000).to_bytes(4, "big"))
            await frames.until(DATA)


@effect
async def body_bytes() -> None:
    async with serve(read, body_bytes=10) as server, connected(server) as frames:
        for length, status in [(10, "200"), (11, "413")]:
            frames.send(DATA, END_STREAM, frames.ask(method="POST", whole=False), bytes(length))
            assert await frames.status() == status


async def is_flooded(**limits: int) -> bool:
    """Whether 200 PINGs are too many: then the next one is not acknowledged, and the session ends."""
    async with serve(**limits) as server, connected(server) as frames:
        await frames.settle()
        for count in range(200):
            frames.send(PING, payload=count.to_bytes(8, "big"))
        while (frame := await frames.read()) is not None and frame.kind != GOAWAY:
            number = int.from_bytes(frame.payload, "big")
            if number == 199:
                frames.send(PING, payload=(200).to_bytes(8, "big"))
            elif number == 200:
                return False
        assert frame is not None and frame.code == 11
        return True


@effect
async def control_burst() -> None:
    assert await is_flooded(control_burst=10, control_per_second=1)
    assert not await is_flooded(control_burst=1000, control_per_second=1)


@effect
async def control_per_second() -> None:
    """With 1 a second they would be too many, as above."""
    assert not await is_flooded(control_burst=10, control_per_second=1000000)


@effect
async def http1() -> None:
    for enabled in (False, True):
        async with serve(http1=enabled) as server, connected(server, greets=False) as frames:
            frames.writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            if enabled:
                assert await asyncio.wait_for(frames.reader.readexactly(12), PATIENCE) == b"HTTP/1.1 200"
            else:
                assert goaways(await frames.rest()) == [1]


@effect
async def upgrade() -> None:
    """A WebSocket comes as the GET that it is."""
    asked = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: "
    for enabled, method in [(False, "CONNECT"), (True, "GET")]:
        seen: "asyncio.Queue[str]" = asyncio.Queue()

        async def see(request: Request, seen: "asyncio.Queue[str]" = seen) -> None:
            seen.put_nowait(request.method)
            await request.respond(400)

        server = Server(drain=0, features={"upgrade": enabled})
        server.register("GET /", see)
        server.register("CONNECT *", see)
        async with server.listen("127.0.0.1:0"), connected(server, greets=False) as frames:
            frames.writer.write(asked + b"dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n")
            assert await asyncio.wait_for(seen.get(), PATIENCE) == method


@effect
async def handshake_ms() -> None:
    async with serve(handshake_ms=SHORT) as server, connected(server, greets=False) as frames:
        assert await frames.rest() == []


@effect
async def header_block_ms() -> None:
    async with serve(header_block_ms=SHORT) as server, connected(server) as frames:
        frames.send(HEADERS, END_STREAM, 1, b"\x82")  # and no END_HEADERS
        assert goaways(await frames.rest()) == [11]


@effect
async def idle_ms() -> None:
    async with serve(idle_ms=SHORT) as server, connected(server) as frames:
        await frames.settle()
        await is_drained(frames)


@effect
async def keepalive_ms() -> None:
    async with serve(keepalive_ms=SHORT) as server, connected(server) as frames:
        await frames.settle()
        await frames.until(PING)


@effect
async def keepalive_timeout_ms() -> None:
    async with serve(keepalive_ms=SHORT, keepalive_timeout_ms=SHORT) as server, connected(server) as frames:
        await frames.settle()
        await frames.until(PING)
        assert goaways(await frames.rest()) == []


async def large(request: Request) -> None:
    await request.respond(200, bytes(4 << 20))


@effect
async def progress_ms() -> None:
    async with serve(progress_ms=SHORT) as server, connected(server, greets=False) as frames:
        frames.greet(window=0)
        frames.ask()
        await is_reset(frames)


@effect
async def progress_bytes() -> None:
    """A peer that takes more than the default asks for, and less than this."""
    async with serve(large, progress_ms=100, progress_bytes=1 << 30) as server, connected(server) as frames:
        stream = frames.ask()
        while (frame := await frames.read()) is not None and frame.kind != RST_STREAM:
            if frame.kind == DATA and frame.payload:
                await asyncio.sleep(0.005)
                for place in (0, stream):
                    frames.send(WINDOW_UPDATE, 0, place, len(frame.payload).to_bytes(4, "big"))
        assert frame is not None and frame.code == 8


@effect
async def stream_idle_ms() -> None:
    async with serve(hang, stream_idle_ms=SHORT) as server, connected(server) as frames:
        frames.ask()
        await is_reset(frames)


@effect
async def age_ms() -> None:
    async with serve(age_ms=SHORT) as server, connected(server) as frames:
        await is_drained(frames)


@effect
async def age_jitter_ms() -> None:
    """Without it the session would end at once; with up to 30 days more it does not."""
    async with serve(age_ms=1, age_jitter_ms=30 * 24 * 3600 * 1000) as server, connected(server) as frames:
        await frames.settle()
        await asyncio.sleep(0.03)
        frames.ask()
        kinds: List[int] = []
        while HEADERS not in kinds:
            frame = await frames.read()
            assert frame is not None
            kinds.append(frame.kind)
        assert GOAWAY not in kinds


@effect
async def grace_ms() -> None:
    async with serve(hang, grace_ms=SHORT, requests=1) as server, connected(server) as frames:
        frames.ask()
        await is_reset(frames)


def in_the_header(start: str) -> List[str]:
    return re.findall(rf"\b{start}(\w+) = \d+", (ROOT / "include" / "goaway.h").read_text())


def in_the_tables(text: str) -> List[str]:
    return re.findall(r"^\| `([A-Z0-9_]*[A-Z0-9])` \|", text, re.MULTILINE)


def test_each_limit_and_feature_has_its_effect_here_or_is_refused() -> None:
    limits, features = (ROOT / "docs" / "limits.md").read_text().split("\n## Features\n")
    assert [name.lower() for name in in_the_header("GOAWAY_LIMIT_")] == LIMITS
    assert [name.lower() for name in in_the_header("GOAWAY_FEATURE_")] == FEATURES
    # The table names this one inside the row of PROGRESS_MS.
    assert sorted([*in_the_tables(limits), "PROGRESS_BYTES"]) == sorted(in_the_header("GOAWAY_LIMIT_"))
    assert in_the_tables(features) == in_the_header("GOAWAY_FEATURE_")
    assert sorted([*EFFECTS, *OF_C]) == sorted([*LIMITS, *FEATURES])


@pytest.mark.parametrize("name", EFFECTS)
def test_it_has_its_effect(name: str) -> None:
    run(EFFECTS[name]())  # type: ignore[arg-type]
