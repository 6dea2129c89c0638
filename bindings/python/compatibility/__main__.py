"""Asks every server the same and writes the table: `make compatibility`.

The outcomes stand in observed.json, so that the tests need only goaway; the page
docs/python-servers.md is made of it.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, Iterator, List

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parent / "tests"))
sys.path.insert(0, str(HERE))

import page  # noqa: E402
from application import LIFESPANS  # noqa: E402
from cases import CASES  # noqa: E402

SERVERS: Dict[str, List[str]] = {
    "goaway": ["goaway", "{app}", "--bind", "127.0.0.1:{port}", "--app-dir", str(HERE)],
    "uvicorn": ["uvicorn", "{app}", "--port", "{port}", "--app-dir", str(HERE)],
    "Hypercorn": ["hypercorn", "{app}", "--bind", "127.0.0.1:{port}", "--graceful-timeout", "1"],
    "Granian": ["granian", "--interface", "asgi", "{app}", "--port", "{port}", "--working-dir", str(HERE)],
}


@contextlib.contextmanager
def serving(name: str, app: str) -> Iterator[int]:
    """The port of that server, or 0 if it does not serve that application."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [part.format(app=f"application:{app}", port=port) for part in SERVERS[name]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])}
    process = subprocess.Popen(
        [sys.executable, "-m", *command], env=environment, cwd=HERE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield port if is_there(port, process) else 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_there(port: int, process: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        if serves(port):
            return True
        time.sleep(0.05)
    return False


def serves(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 2) as peer:
        peer.settimeout(2)
        peer.sendall(b"GET /seen/none HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        return peer.recv(12) == b"HTTP/1.1 200"
    return False


def observe(name: str) -> Dict[str, str]:
    outcomes: Dict[str, str] = {}
    left = list(CASES)
    while left:
        with serving(name, "app") as port:
            assert port, f"{name} does not serve"
            while left:
                case = left.pop(0)
                try:
                    outcome = case.ask(port)
                except OSError:
                    outcome = "no response"
                has_ended = outcome.startswith("no response") and not serves(port)
                outcomes[page.key(case.group, case.title)] = "the server ends" if has_ended else outcome
                if has_ended:
                    break  # The others find a new one.
    for app in LIFESPANS:
        with serving(name, app) as port:
            outcomes[page.key(page.LIFESPAN, page.LIFESPANS[app])] = "serves" if port else "does not start"
    return outcomes


def main() -> None:
    observed = {
        "versions": {name: importlib.metadata.version(name.lower()) for name in SERVERS if name != "goaway"},
        "outcomes": {name: observe(name) for name in SERVERS},
    }
    page.OBSERVED.write_text(json.dumps(observed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page.PAGE.write_text(page.render(observed), encoding="utf-8")


if __name__ == "__main__":
    main()
