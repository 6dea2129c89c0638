"""The servers that are measured: how each is started, on one core, and what its processor spends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "bindings" / "python"
BIN = Path(sys.executable).parent
NAMES = ("goaway", "granian", "hypercorn")
PATIENCE = 20


class Failed(Exception):
    """A measurement that cannot be used; the message says why."""


def command(name: str, app: str, port: int) -> list[str]:
    """Serves ``apps:APP`` on a port, with one worker, on uvloop, without an access log."""
    factory = ["--factory"] if app == "fastapi" else []
    target = f"apps:{app}"
    if name == "goaway":
        bind = ["--bind", f"127.0.0.1:{port}", "--log-level", "warning", "--limit", "concurrent_streams=256"]
        return [sys.executable, "-m", "goaway", target, *factory, *bind, "--interface", "asgi", "--lifespan", "off"]
    if name == "granian":
        where = ["--host", "127.0.0.1", "--port", str(port), "--http", "2", "--interface", "asginl"]
        how = ["--loop", "uvloop", "--workers", "1", "--runtime-threads", "1", "--no-ws", "--log-level", "warning"]
        return [str(BIN / "granian"), *where, *how, *factory, target]
    how = ["--worker-class", "uvloop", "--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    return [str(BIN / "hypercorn"), *how, f"{target}()" if factory else target]


class Server:
    """A server in processes of its own; a context manager that leaves none behind."""

    def __init__(self, arguments: list[str], port: int, core: int | None) -> None:
        self.port = port
        #: What it complains of, which is shown if it fails.
        self._errors = tempfile.TemporaryFile()
        path = os.pathsep.join([str(PACKAGE), str(HERE)])
        self._process = subprocess.Popen(
            arguments,
            cwd=HERE,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
        )

    def __enter__(self) -> Server:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise Failed(f"it does not start: {self.errors()}") from None
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()

    def errors(self) -> str:
        """The last of what it has complained of, in one line."""
        self._errors.seek(0)
        return " ".join(self._errors.read()[-500:].decode("utf-8", "replace").split())

    def cpu(self) -> float:
        """Seconds of user and system time of all its processes, to the nanosecond."""
        return sum(_cpu_of(pid) for pid in _family(self._process.pid))


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _family(int(child))
    return found


def _cpu_of(pid: int) -> float:
    # The clock of a process, as clock_getcpuclockid makes it: see clock_gettime(2).
    return time.clock_gettime((~pid << 3) | 2)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
