"""The command on Unix sockets, on a service manager's sockets, behind a proxy."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest
from serving import APPS, PATIENCE, Command, environment, eventually

APPLICATIONS = """
import json

async def asgi(scope, receive, send):
    if scope["type"] == "http":
        body = json.dumps([scope["client"], scope["server"]]).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
    elif scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

def wsgi(environ, start_response):
    start_response("200 OK", [])
    names = ("REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT")
    return [json.dumps([environ[name] for name in names]).encode()]
"""

#: What a service manager does between fork and exec.
MANAGER = """
import os, sys
for place, fd in enumerate(sys.argv[1:3], 60):
    os.dup2(int(fd), place)
for place in (3, 4):
    os.dup2(place + 57, place)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="web:local")
os.execv(sys.executable, [sys.executable, *sys.argv[3:]])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ends.py").write_text(APPLICATIONS)
    return tmp_path


def ask(*arguments: str) -> object:
    command = ["curl", "--http2-prior-knowledge", "-sS", "--max-time", "20", *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def listens(command: Command, text: str) -> None:
    def said() -> bool:
        assert command.process.poll() is None, command.log.text
        return f"listening on {text}" in command.out.lines

    eventually(said, f"listening on {text}")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_unix_socket(folder: Path, workers: str) -> None:
    path = folder / "a.sock"
    more = ("--uds", str(path), "--uds-mode", "600", "--workers", workers, "--access-log", "-")
    with Command("ends:asgi", *more, bind="127.0.0.1:0", folder=folder) as command:
        listens(command, f"unix:{path}")
        client, _ = ask("--unix-socket", str(path), "http://localhost/")  # type: ignore[misc]
        assert client is None
        assert path.stat().st_mode & 0o777 == 0o600
        command.close()
        assert any(' unix: "GET /" 200' in line for line in command.out.lines), command.out.text
        assert not path.exists()
    with Command("ends:asgi", "--workers", workers, bind=f"unix:{path}", folder=folder) as command:
        listens(command, f"unix:{path}")
        assert ask("--unix-socket", str(path), "http://localhost/") == [None, [str(path), None]]
        status = subprocess.run(
            [sys.executable, "-m", "goaway", "ends:asgi", "--uds", str(path), "--workers", workers, "--app-dir", folder],
            cwd=APPS, env=environment(), stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert status.returncode == 1
        assert "the address is in use" in status.stderr
        command.signal(signal.SIGKILL)
        command.wait()
    # What was left behind is taken over.
    with Command("ends:wsgi", bind=f"unix:{path}", folder=folder) as command:
        listens(command, f"unix:{path}")
        assert ask("--unix-socket", str(path), "http://localhost/") == ["", "", "localhost", "80"]
        command.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_service_managers_sockets(folder: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as web, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(folder / "a.sock"))
        local.listen()
        fds = [web.fileno(), local.fileno()]
        command = ["-m", "goaway", "ends:asgi", "--bind", "systemd:local", "--bind", "systemd:web", "--report"]
        process = subprocess.Popen(
            [sys.executable, "-c", MANAGER, *map(str, fds), *command, "--workers", workers],
            cwd=folder, env=environment(), pass_fds=fds, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"listening on unix:{folder}/a.sock\n"
            port = web.getsockname()[1]
            assert process.stdout.readline() == f"listening on 127.0.0.1:{port}\n"
            assert ask("--unix-socket", str(folder / "a.sock"), "http://localhost/") == [
                None,
                [f"{folder}/a.sock", None],
            ]
            client, _ = ask(f"http://127.0.0.1:{port}/")  # type: ignore[misc]
            assert client[0] == "127.0.0.1"
            process.terminate()
            assert process.wait(PATIENCE) == 0
            # They are the manager's: whoever comes waits for the next instance.
            assert (folder / "a.sock").exists()
            socket.create_connection(("127.0.0.1", port)).close()
        finally:
            process.kill()
            process.communicate()


def test_nothing_was_passed(folder: Path) -> None:
    command = [sys.executable, "-m", "goaway", "ends:asgi", "--bind", "systemd:"]
    ended = subprocess.run(
        command, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False
    )
    assert ended.returncode == 1
    assert "LISTEN_FDS is not set" in ended.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_client_behind_a_proxy(folder: Path, workers: str) -> None:
    more = ("--proxy-protocol", "127.0.0.0/8", "--workers", workers)
    with Command("ends:asgi", *more, folder=folder) as command:
        client, server = ask("--haproxy-protocol", f"http://127.0.0.1:{command.port}/")  # type: ignore[misc]
        assert client[0] == "127.0.0.1"
        assert server == ["127.0.0.1", command.port]
        with socket.create_connection(("127.0.0.1", command.port)) as proxy:
            proxy.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            proxy.settimeout(PATIENCE)
            # What it has sent and nobody has read resets it.
            with contextlib.suppress(ConnectionResetError):
                assert proxy.recv(1) == b""
        command.close()


class Manager:
    """Who listens at NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        self._socket.settimeout(PATIENCE)

    def hear(self) -> dict[str, str]:
        return dict(line.partition("=")[::2] for line in self._socket.recv(4096).decode().splitlines())

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "name"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Manager, str]]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@goaway-notify-{os.getpid()}"
    made = Manager(address)
    yield made, address
    made.close()


def test_the_service_manager_is_told(manager: tuple[Manager, str], folder: Path) -> None:
    hears, address = manager
    with Command("ends:asgi", "--drain", "2", folder=folder, NOTIFY_SOCKET=address) as command:
        assert hears.hear() == {"READY": "1"}
        command.close()
        told = hears.hear()
        assert told["STOPPING"] == "1"
        assert int(told["EXTEND_TIMEOUT_USEC"]) > 3_000_000
    with Command("ends:asgi", "--workers", "2", folder=folder, NOTIFY_SOCKET=address) as command:
        assert hears.hear() == {"READY": "1"}
        command.signal(signal.SIGHUP)
        told = hears.hear()
        assert told["RELOADING"] == "1"
        assert int(told["MONOTONIC_USEC"]) > 0
        assert hears.hear() == {"READY": "1"}
        command.close()
        assert hears.hear()["STOPPING"] == "1"
