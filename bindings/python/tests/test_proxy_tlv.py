"""TLVs of the PROXY protocol, version 2."""

from __future__ import annotations

import socket
from typing import List, Optional

import pytest
from peers import PATIENCE, in_thread, run

import goaway

TLVS = b"\x02\0\x04shop" + b"\x20\0\x0f\x07\0\0\0\0" + b"\x21\0\x07TLSv1.3"
ADDRESSES = bytes([192, 0, 2, 1, 192, 0, 2, 2, 0, 9, 0, 80])
HEADER = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0" + bytes([len(ADDRESSES + TLVS)]) + ADDRESSES + TLVS


def test_tlvs_are_read() -> None:
    found: List[Optional[bytes]] = []

    async def handler(request: goaway.Request) -> None:
        (session,) = server.sessions()
        found.extend(session.proxy_tlv(kind) for kind in (2, 0x21, 5))
        for bad in (-1, 256):
            with pytest.raises(goaway.Error, match="0 to 255"):
                session.proxy_tlv(bad)
        await request.respond(200)

    def ask(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            client.sendall(HEADER + b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            return client.recv(100)

    async def main() -> None:
        server.register("GET /", handler)
        await server.listen("127.0.0.1:0?proxy=127.0.0.1").start()
        assert (await in_thread(ask, server.port)).startswith(b"HTTP/1.1 200")
        await server.close(0)

    server = goaway.Server()
    run(main())
    assert found == [b"shop", b"TLSv1.3", None]
