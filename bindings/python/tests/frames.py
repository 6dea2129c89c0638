"""A client that writes and reads single frames (RFC 9113), for asyncio. It sends
nothing by itself, and may break every rule."""

from __future__ import annotations

import asyncio
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import hpack

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM = ACK = 1
END_HEADERS = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code of an RST_STREAM or a GOAWAY."""
        return int.from_bytes(self.payload[:4] if self.kind == RST_STREAM else self.payload[4:8], "big")

    @property
    def settings(self) -> Dict[int, int]:
        pairs = [self.payload[at : at + 6] for at in range(0, len(self.payload), 6)]
        return {int.from_bytes(pair[:2], "big"): int.from_bytes(pair[2:], "big") for pair in pairs}


class Frames:
    """A connection. `patience`: seconds after which what should come has not."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float) -> None:
        self.reader, self.writer, self.patience = reader, writer, patience
        self.next_stream = 1
        self.decoder = hpack.Decoder()

    @classmethod
    async def connect(cls, port: int, patience: float) -> "Frames":
        """Connected, with nothing said."""
        return cls(*await asyncio.open_connection("127.0.0.1", port), patience)

    def greet(self, window: Optional[int] = None) -> None:
        """The preface, with the window of streams if one is given."""
        settings = b"" if window is None else b"\0\4" + window.to_bytes(4, "big")
        self.writer.write(PREFACE)
        self.send(SETTINGS, payload=settings)

    def send(self, kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> None:
        head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
        self.writer.write(head + payload)

    def ask(
        self, path: str = "/", method: str = "GET", fields: "Sequence[Tuple[str, str]]" = (), whole: bool = True
    ) -> int:
        """A request of literals; its body follows unless it is `whole`. Gives the stream."""
        head = [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", path), *fields]
        texts = [text.encode() for pair in head for text in pair]
        block = b"".join((b"" if at % 2 else b"\0") + literal(text) for at, text in enumerate(texts))
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        self.send(HEADERS, END_HEADERS | (END_STREAM if whole else 0), stream, block)
        return stream

    async def read(self) -> Optional[Frame]:
        """The next frame; None when the connection has ended."""
        try:
            return await asyncio.wait_for(self._read(), self.patience)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _read(self) -> Frame:
        head = await self.reader.readexactly(9)
        payload = await self.reader.readexactly(int.from_bytes(head[:3], "big"))
        return Frame(head[3], head[4], int.from_bytes(head[5:], "big"), payload)

    async def until(self, kind: int, flags: int = 0) -> Frame:
        """The next frame of that kind that has the flags and, if there are none, not ACK."""
        while True:
            frame = await self.read()
            assert frame is not None, "the connection has ended"
            if frame.kind == kind and (kind not in (SETTINGS, PING) or frame.flags == flags):
                return frame

    async def rest(self) -> List[Frame]:
        """What comes until the connection ends."""
        frames: List[Frame] = []
        while True:
            frame = await self.read()
            if frame is None:
                return frames
            frames.append(frame)

    async def status(self) -> str:
        """Of the next response."""
        frame = await self.until(HEADERS)
        return str(dict(self.decoder.decode(frame.payload))[":status"])

    async def settle(self) -> None:
        """Both have acknowledged the other's SETTINGS."""
        await self.until(SETTINGS)
        self.send(SETTINGS, ACK)
        await self.until(SETTINGS, ACK)

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass


def literal(text: bytes) -> bytes:
    """A string of HPACK (RFC 7541, section 5.2)."""
    prefix = bytes([len(text)]) if len(text) < 127 else b"\x7f" + integer(len(text) - 127)
    return prefix + text


def integer(number: int) -> bytes:
    """The rest of an integer of HPACK behind its prefix (RFC 7541, section 5.1)."""
    out = b""
    while number >= 128:
        out, number = out + bytes([number % 128 + 128]), number // 128
    return out + bytes([number])
