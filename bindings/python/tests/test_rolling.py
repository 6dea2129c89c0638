"""A rolling restart of two servers behind HAProxy with an ordinary configuration: health
checks, and neither retries nor redispatch. No request fails."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Iterator, List

import pytest
from serving import Command, eventually

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
H2LOAD = shutil.which("h2load")

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


def configuration(port: int, servers: List[int]) -> str:
    """`deploy/haproxy.cfg` with these ports, and checks that take less time."""
    text = (DEPLOY / "haproxy.cfg").read_text()
    changes = [("127.0.0.1:8080", f"127.0.0.1:{port}"), ("inter 2s fall 3", "inter 300ms fall 3")]
    changes += [(f"127.0.0.1:{8001 + index}", f"127.0.0.1:{server}") for index, server in enumerate(servers)]
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


DELAY = 2.0
CLIENTS = 20
PER_SECOND = 100
"""Requests of each client."""
SECONDS = 12


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def haproxy(folder: Path, servers: List[int]) -> Iterator[int]:
    port = free_port()
    (folder / "haproxy.cfg").write_text(configuration(port, servers))
    assert HAPROXY is not None
    with subprocess.Popen([HAPROXY, "-db", "-q", "-f", str(folder / "haproxy.cfg")]) as proxy:
        try:
            eventually(lambda: is_listening(port), "HAProxy listens")
            yield port
        finally:
            proxy.kill()


def start(port: int, delay: float) -> Command:
    options = ["--ready-path", "/ready", "--shutdown-delay", str(delay), "--drain", "10"]
    return Command("plain:app", *options, bind=f"127.0.0.1:{port}")


def restart_both(folder: Path, delay: float) -> "tuple[int, int, int]":
    """Replaces two servers in turn under load. Returns how many requests succeeded, had
    another status, and failed."""
    ports = [free_port(), free_port()]
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(start(port, delay)) for port in ports]
        for server in servers:
            assert server.port
        port = stack.enter_context(haproxy(folder, ports))
        assert H2LOAD is not None
        load = subprocess.Popen(
            [H2LOAD, "--h1", "-t1", f"-c{CLIENTS}", f"--rps={PER_SECOND}", f"-D{SECONDS}", f"http://127.0.0.1:{port}/"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for index, server in enumerate(servers):
            server.close()
            replacement = stack.enter_context(start(ports[index], delay))
            assert replacement.port
            # HAProxy finds it within two intervals.
            with contextlib.suppress(subprocess.TimeoutExpired):
                load.wait(1)
        said = load.communicate()[0]
    statuses = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", said)
    requests = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", said)
    assert statuses and requests, said
    good, *others = map(int, statuses.groups())
    return good, sum(others), sum(map(int, requests.groups())) - sum(others)


needs = pytest.mark.skipif(HAPROXY is None or H2LOAD is None, reason="haproxy or h2load is not installed")


@needs
def test_with_a_shutdown_delay_no_request_fails(tmp_path: Path) -> None:
    good, others, failed = restart_both(tmp_path, DELAY)
    assert (others, failed) == (0, 0) and good > CLIENTS * PER_SECOND * SECONDS * 0.8


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_the_configuration_of_nginx_is_valid(tmp_path: Path) -> None:
    assert NGINX is not None
    command = [NGINX, "-t", "-q", "-p", str(tmp_path), "-e", "stderr", "-g", f"pid {tmp_path}/pid;"]
    checked = subprocess.run([*command, "-c", str(DEPLOY / "nginx.conf")], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
