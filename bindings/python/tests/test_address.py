"""Addresses, and the sockets of a supervisor."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from goaway import Error, _native
from goaway.core.address import Address, AddressError, asgi_server, split, unix_address
from goaway.supervisor.listeners import Listeners


def test_an_address_is_what_it_was_written_as() -> None:
    for text in (
        "127.0.0.1:80", "[::1]:0", "localhost:65535", "fd:7", "unix:/run/a.sock", "unix:@a", "systemd:", "systemd:web",
        "127.0.0.1:80?backlog=7&proxy=10.0.0.0/8,::1", "unix:/a%3Fb?mode=600",
    ):  # fmt: skip
        assert str(Address.parse(text)) == text
    assert str(Address.parse("fd://7")) == "fd:7"


def test_what_is_none_says_why() -> None:
    for text, why in (
        ("unix:a.sock", 'must begin with "/"'),
        ("127.0.0.1:80?backlog", "NAME=VALUE"),
        ("fd://x", "number"),
    ):
        with pytest.raises(AddressError, match=why):
            Address.parse(text)


def test_a_path_of_this_folder_is_absolute() -> None:
    assert unix_address("/run/a?b%.sock") == "unix:/run/a%3Fb%25.sock"
    assert unix_address("a.sock") == f"unix:{os.getcwd()}/a.sock"
    assert unix_address("@a") == "unix:@a"


def test_peers_and_servers_are_shown() -> None:
    assert split("127.0.0.1:80") == ("127.0.0.1", 80)
    assert split("[::1]:80") == ("::1", 80)
    assert split("unix:pid=1,uid=2") is None
    assert asgi_server(["127.0.0.1:80"], Address.parse("localhost:0")) == ("localhost", 80)
    assert asgi_server(["127.0.0.1:80"], Address.parse("fd:3")) == ("127.0.0.1", 80)
    assert asgi_server(["unix:/run/a.sock"], Address.parse("systemd:")) == ("/run/a.sock", None)


def listeners(*texts: str, slots: int) -> Listeners:
    return Listeners([Address.parse(text) for text in texts], slots)


def test_the_slots_share_a_free_port() -> None:
    made = listeners("127.0.0.1:0", "127.0.0.1:0?proxy=*", slots=3)
    try:
        addresses = made.addresses()
        assert len(set(addresses)) == 2
        for slot in range(3):
            ports = [socket.socket(fileno=os.dup(fd)) for fd in made.fds(slot)]
            assert [f"127.0.0.1:{one.getsockname()[1]}" for one in ports] == addresses
            one, other = made.fds(slot)
            assert made.binds(slot) == [f"fd:{one}", f"fd:{other}?proxy=*"]
            for one_of_them in ports:
                one_of_them.close()
    finally:
        made.close()


def test_the_slots_share_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    made = listeners(f"unix:{path}?mode=600&proxy=unix", slots=2)
    assert made.addresses() == [f"unix:{path}"]
    assert made.fds(0) == made.fds(1)
    assert made.binds(1) == [f"fd:{made.fds(1)[0]}?proxy=unix"]
    assert path.stat().st_mode & 0o777 == 0o600
    made.close()
    assert not path.exists()
    made = listeners(f"unix:{path}", slots=2)
    path.unlink()
    path.write_text("somebody else's")
    made.close()
    assert path.exists()


def test_an_address_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Error, match=f"{text}.*in use"):
            listeners("127.0.0.1:0", text, slots=2)


def test_an_inherited_socket_must_listen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours, socket.socket() as idle:
        made = listeners(f"fd:{ours.fileno()}", slots=2)
        assert made.addresses() == [f"127.0.0.1:{ours.getsockname()[1]}"]
        made.close()
        with pytest.raises(Error, match="does not listen"):
            listeners(f"fd:{idle.fileno()}", slots=1)


def test_a_listener_that_there_is_not_is_told_as_in_c() -> None:
    core = _native.Core()
    core.listen("127.0.0.1:0")
    with pytest.raises(Error) as refused:
        core.hand_over(99)
    assert refused.value.code == "GOAWAY_ERR_NOT_FOUND"
    core.free()
