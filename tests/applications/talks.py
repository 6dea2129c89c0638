"""What is said over WebSockets."""

from __future__ import annotations

from websockets.sync.client import ClientConnection

PATIENCE = 30.0


def echo(socket: ClientConnection) -> list[str | bytes]:
    """Sends messages to a server that sends each back; gives what comes."""
    said = []
    for message in ("hello", "größer", b"\0\1\2", "x" * 100_000, ""):
        socket.send(message)
        said.append(socket.recv(PATIENCE))
    return said
