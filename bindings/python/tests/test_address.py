"""Addresses, and the sockets of a supervisor."""

from __future__ import annotations

import os
import socket

import pytest

from goaway.address import Address, Listeners


def test_an_address_is_what_it_was_written_as() -> None:
    for text in ("127.0.0.1:80", "[::1]:0", "localhost:65535", "fd:7"):
        assert str(Address.parse(text)) == text


def listeners(*texts: str, slots: int) -> Listeners:
    return Listeners([Address.parse(text) for text in texts], slots)


def test_the_slots_share_a_free_port() -> None:
    made = listeners("127.0.0.1:0", "127.0.0.1:0", slots=3)
    try:
        addresses = made.addresses()
        assert len(set(addresses)) == 2
        for slot in range(3):
            ports = [socket.socket(fileno=os.dup(fd)) for fd in made.fds(slot)]
            assert [f"127.0.0.1:{one.getsockname()[1]}" for one in ports] == addresses
            for one in ports:
                one.close()
    finally:
        made.close()


def test_an_address_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match="in use") as error:
            listeners("127.0.0.1:0", text, slots=2)
        assert error.value.filename == text


def test_an_inherited_socket_must_listen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours, socket.socket() as idle:
        made = listeners(f"fd:{ours.fileno()}", slots=2)
        assert made.addresses() == [f"127.0.0.1:{ours.getsockname()[1]}"]
        made.close()
        with pytest.raises(OSError, match="does not listen"):
            listeners(f"fd:{idle.fileno()}", slots=1)
