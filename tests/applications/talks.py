"""What is said over WebSockets."""

from __future__ import annotations

import json
import time
from typing import Callable

from websockets.sync.client import ClientConnection

PATIENCE = 30.0


def echo(socket: ClientConnection) -> list[str | bytes]:
    """Sends messages to a server that sends each back; gives what comes."""
    said = []
    for message in ("hello", "größer", b"\0\1\2", "x" * 100_000, ""):
        socket.send(message)
        said.append(socket.recv(PATIENCE))
    return said


def engine_io(
    auth: dict[str, str], event: tuple[str, dict[str, str]], until: str
) -> Callable[[ClientConnection], list[str]]:
    """Socket.IO over a WebSocket: opens a session with `auth`, sends `event` and
    gives the names of the events that come, up to `until`."""

    def talk(socket: ClientConnection) -> list[str]:
        opened = str(socket.recv(PATIENCE))
        socket.send(f"40{json.dumps(auth)}")
        names = [opened[:1], str(socket.recv(PATIENCE))[:2]]
        if names[-1] != "40":
            return names  # refused
        socket.send(f"42{json.dumps(['connection_successful'])}")
        socket.send(f"42{json.dumps(event)}")
        deadline = time.monotonic() + PATIENCE
        while until not in names:
            packet = str(socket.recv(deadline - time.monotonic()))
            if packet == "2":
                socket.send("3")  # a ping
            elif packet.startswith("42"):
                names.append(json.loads(packet[2:])[0])
        return names

    return talk
