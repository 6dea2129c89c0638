"""The library's log in `logging`, and the counts of refused connections."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, List

import pytest
from serving import PATIENCE, Command
from test_tls import OPTIONS, Authority, openssl

import goaway
from goaway.core import library_log


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of X.509 version 1, of which there is a warning."""
    folder = tmp_path_factory.mktemp("log")
    openssl("req", *OPTIONS, "-subj", "/CN=old", "-keyout", folder / "old.key", "-out", folder / "old.csr")
    openssl("x509", "-req", "-in", folder / "old.csr", "-signkey", folder / "old.key", "-out", folder / "old.pem")
    authority = Authority(folder / "authority")
    authority.sign("localhost")
    return folder


@pytest.fixture
def good(folder: Path) -> goaway.Tls:
    return goaway.Tls(folder / "authority" / "localhost.pem", folder / "authority" / "localhost.key")


def say(port: int, words: bytes) -> bytes:
    """What a connection gets that says this."""
    come = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(words)
        try:
            while piece := connection.recv(65536):
                come += piece
        except ConnectionResetError:
            pass
    return come


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.01)


def lines(caplog: pytest.LogCaptureFixture, words: str) -> List[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "goaway" and words in record.getMessage()]


def make_server(tls: "goaway.Tls | None", address: str = "127.0.0.1:0") -> goaway.ThreadedServer:
    server = goaway.ThreadedServer(tls=tls)
    server.register("GET /", lambda request: request.respond(200, b"hello"))
    return server.listen(address)


def test_a_warning_of_a_certificate_is_there_at_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    tls = goaway.Tls(folder / "old.pem", folder / "old.key")
    (record,) = lines(caplog, "version 1")
    assert record.levelno == logging.WARNING and "old.pem" in record.getMessage()
    make_server(tls)
    assert len(lines(caplog, "version 1")) == 1, "the first listener reads it again, and need not say it again"
    tls.reload()
    assert len(lines(caplog, "version 1")) == 2
    caplog.set_level(logging.ERROR, "goaway")
    tls.reload()
    assert len(lines(caplog, "version 1")) == 2


def test_failed_handshakes_are_counted_and_said(good: goaway.Tls, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "goaway")
    server = make_server(good)
    assert server.counts() == goaway.Counts(0, 0, 0)
    server.start()
    for _ in range(25):
        say(server.port, b"nonsense")
    wait_for(lambda: len(lines(caplog, "the TLS handshake failed: ")) == 10)
    assert server.counts() == goaway.Counts(handshakes_failed=25)
    assert all(record.levelno == logging.INFO for record in lines(caplog, "the TLS handshake failed: "))
    server.close(0)
    assert lines(caplog, "15 more TLS handshakes that failed were left out of the log")
    assert server.counts() == goaway.Counts(handshakes_failed=25)


def test_a_refused_proxy_header_is_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with make_server(None, "127.0.0.1:0?proxy=10.0.0.0/8") as server:
        say(server.port, b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n")
        wait_for(lambda: bool(lines(caplog, "is no proxy that is trusted")))
        assert lines(caplog, "refused: ")[0].levelno == logging.WARNING
        assert server.counts() == goaway.Counts(proxies_refused=1)


def test_peers_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Of what the crates below the library say of a peer, such as that nobody had
    sent the PING that it acknowledges."""
    caplog.set_level(logging.INFO, "goaway")
    greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
    ping, broken_goaway = b"\0\0\x08\x06\1\0\0\0\0" + bytes(8), b"\0\0\0\7\0\0\0\0\0"
    with make_server(None) as server:
        come = say(server.port, greeting + 100 * ping + broken_goaway)
        assert come, "SETTINGS, at least"
    assert [record.getMessage() for record in caplog.records] == []


def test_plain_http_on_a_port_of_tls_is_told_so(good: goaway.Tls) -> None:
    async def main() -> None:
        async with goaway.Server(tls=good).listen("127.0.0.1:0") as server:
            come = await asyncio.to_thread(say, server.port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert come.startswith(b"HTTP/1.1 400 Bad Request\r\n") and b"This port speaks TLS" in come
            assert server.counts().handshakes_failed == 1

    asyncio.run(main())


@pytest.mark.parametrize("workers", [[], ["--workers", "2"]])
def test_the_command_says_what_it_refuses(folder: Path, workers: List[str]) -> None:
    pair = ["--certfile", str(folder / "old.pem"), "--keyfile", str(folder / "old.key")]
    with Command("plain:app", *pair, *workers) as command:
        say(command.port, b"GET / HTTP/1.1\r\n\r\n")
        command.log.find(
            r" INFO the TLS handshake failed: plain HTTP came to a port that speaks TLS peer=127\.0\.0\.1:"
        )
        command.log.find(r" WARNING .*old\.pem.* version 1")
        command.close()


def test_its_thread_lives_as_long_as_servers_do(good: goaway.Tls) -> None:
    def threads() -> List[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "goaway-log"]

    for _ in range(3):
        first, second = make_server(good), make_server(good)
        first.start(), second.start()
        assert len(threads()) == 1
        first.close(0)
        assert len(threads()) == 1
        second.close(0)
        wait_for(lambda: not threads())


PROGRAM = """
import logging, os, socket, sys, threading
import goaway
logging.basicConfig(level=logging.DEBUG, format="%(levelname)s %(message)s")
old = sys.argv[1]
def serve():
    server = goaway.ThreadedServer(tls=goaway.Tls(old + ".pem", old + ".key"))
    server.register("GET /", lambda request: request.respond(200, b""))
    server.listen("127.0.0.1:0")
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"nonsense")
        while connection.recv(100): pass
    return server
server = serve()
"""


def run(folder: Path, program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", PROGRAM + program, str(folder / "old")],
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip


def test_the_interpreter_ends_in_the_midst_of_lines(folder: Path) -> None:
    """Also while peers cause more of them, and a handler of `logging` is slow."""
    done = run(
        folder,
        """
import time
class Slow(logging.Handler):
    def emit(self, record): time.sleep(0.001)
logging.getLogger("goaway").addHandler(Slow())
def flood():
    while True:
        try:
            with socket.create_connection(("127.0.0.1", server.port)) as connection: connection.sendall(b"x" * 9)
        except OSError: return
for _ in range(4): threading.Thread(target=flood, daemon=True).start()
time.sleep(0.2)
""",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "INFO the TLS handshake failed" in done.stderr


def test_the_child_of_a_fork_has_a_log_of_its_own(folder: Path) -> None:
    done = run(
        folder,
        """
for _ in range(5):
    child = os.fork()
    if child == 0:
        goaway.Tls(old + ".pem", old + ".key")
        again = serve()
        again.close(0)
        print("served")
        sys.stdout.flush()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
server.close(0)
""",
    )
    assert done.returncode == 0 and done.stdout == "served\n" * 5, done.stderr[-2000:]
    # Twice in each child, and once in the parent.
    assert done.stderr.count("WARNING") == 11, done.stderr[-2000:]
    assert done.stderr.count("INFO the TLS handshake failed") == 6


def test_what_was_left_out_is_said(caplog: pytest.LogCaptureFixture) -> None:
    library_log._log(library_log._native.LogLine(2, "goaway::x", "later", 7))
    assert [record.getMessage() for record in caplog.records] == [
        "7 lines of the library's log were lost: they came faster than they were read",
        "later",
    ]
