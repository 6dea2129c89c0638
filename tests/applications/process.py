"""A server's process: its start, its log, and its end by SIGTERM."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

#: Seconds until an application serves; the large ones import for half a minute.
START = 180.0
#: Seconds until it has ended.
END = 60.0


class StartError(Exception):
    """A server does not serve; the message has the end of its log."""


@dataclass(frozen=True)
class Ending:
    """How a process ended after SIGTERM."""

    #: As the shell knows it: 0, or 143 for an end by SIGTERM; 137 if it had to be killed.
    status: int
    seconds: float


class Process:
    """A server that listens on `port` of 127.0.0.1."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str], port: int, log: Path) -> None:
        self.log = log
        self._process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
            stdout=log.open("wb"), stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            self._wait(port)
        except BaseException:
            self.kill()
            raise

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise StartError(f"ended with {self._process.returncode}:\n{self._tail()}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise StartError(f"does not listen after {START:.0f} s:\n{self._tail()}")

    def end(self) -> Ending:
        """Sends SIGTERM and waits."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(END)
        except subprocess.TimeoutExpired:
            self.kill()
            status = self._process.wait()
        return Ending(status if status >= 0 else 128 - status, time.monotonic() - began)

    def kill(self) -> None:
        """Ends it and all that it has started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
