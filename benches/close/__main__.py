"""How servers close: `make bench-close`. Each server gets SIGTERM and three seconds to drain,
in each of seven situations; a client that reads single frames says what it saw.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional

import hpack
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent
DRAIN = 3
#: How long after the end of the drain a server may take: then it is killed.
PATIENCE = 5.0

Command = Callable[[int], List[str]]


def servers() -> Dict[str, Command]:
    app = ["--app-dir", str(HERE)]
    return {
        "goaway": lambda port: [
            *(sys.executable, "-m", "goaway", "app:app", *app, "--bind", f"127.0.0.1:{port}"),
            *("--drain", str(DRAIN), "--log-level", "critical"),
        ],
        "Node.js": lambda port: ["node", str(HERE / "server.mjs"), str(port), str(DRAIN)],
        "uvicorn": lambda port: [
            *(str(BIN / "uvicorn"), "app:app", *app, "--port", str(port), "--http", "zttp", "--http2"),
            *("--timeout-graceful-shutdown", str(DRAIN), "--log-level", "critical"),
        ],
        "Hypercorn": lambda port: [
            *(str(BIN / "hypercorn"), "app:app", "--bind", f"127.0.0.1:{port}"),
            *("--graceful-timeout", str(DRAIN), "--log-level", "critical"),
        ],
        "Granian": lambda port: [
            *(str(BIN / "granian"), "app:app", "--interface", "asginl", "--http", "2", "--port", str(port)),
            *("--workers-kill-timeout", str(DRAIN), "--no-log", "--working-dir", str(HERE)),
        ],
    }


class Seen(NamedTuple):
    what: str
    seconds: Optional[float]
    """From SIGTERM to the end of the process; None if it had to be killed."""


class Client:
    """One connection that reads and writes frames."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.encoder = hpack.Encoder()
        self.next_stream = 1
        self.unparsed = b""
        self.frames: List[Frame] = []
        #: "FIN", or the name of the error by which the connection ended.
        self.ended: Optional[str] = None

    def begin(self) -> "Client":
        self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize())
        self.read_until(lambda: self.has(SettingsFrame), 5)
        return self

    def request(self, path: str) -> int:
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        fields = [(":method", "GET"), (":path", path), (":scheme", "http"), (":authority", "localhost")]
        block = self.encoder.encode(fields)
        self.send(HeadersFrame(stream, block, flags=["END_HEADERS", "END_STREAM"]).serialize())
        return stream

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError as error:
            self.ended = self.ended or type(error).__name__

    def read_until(self, done: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not done() and self.ended is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return
            except OSError as error:
                self.ended = type(error).__name__
                return
            if not data:
                self.ended = "FIN"
                return
            self.unparsed += data
            while len(self.unparsed) >= 9:
                frame, length = Frame.parse_frame_header(memoryview(self.unparsed[:9]))
                if len(self.unparsed) < 9 + length:
                    break
                frame.parse_body(memoryview(self.unparsed[9 : 9 + length]))
                self.unparsed = self.unparsed[9 + length :]
                self.frames.append(frame)
                self.answer(frame)

    def answer(self, frame: Frame) -> None:
        if isinstance(frame, PingFrame) and "ACK" not in frame.flags:
            self.send(PingFrame(0, frame.opaque_data, flags=["ACK"]).serialize())
        elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            self.send(SettingsFrame(0, flags=["ACK"]).serialize())

    def has(self, kind: type, stream: int = 0, flag: str = "") -> bool:
        of_it = (frame for frame in self.frames if isinstance(frame, kind) and frame.stream_id == stream)
        return any(not flag or flag in frame.flags for frame in of_it)

    def has_response(self, stream: int) -> bool:
        return self.has(DataFrame, stream, "END_STREAM") or self.has(HeadersFrame, stream, "END_STREAM")

    def fate(self, stream: int) -> str:
        """What became of a request."""
        if self.has_response(stream):
            return "response"
        for frame in self.frames:
            if isinstance(frame, RstStreamFrame) and frame.stream_id == stream:
                return "told: REFUSED_STREAM" if frame.error_code == 7 else f"RST_STREAM({frame.error_code})"
        if any(isinstance(frame, GoAwayFrame) and frame.last_stream_id < stream for frame in self.frames):
            return "told: not processed"
        return f"lost, {self.ended}" if self.ended else "nothing"


class Run:
    """A server's process, until its end after SIGTERM."""

    def __init__(self, command: Command) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {
            "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": f"{ROOT / 'bindings/python'}:{HERE}",
        }
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command(self.port), cwd=HERE, env=environment, stdout=quiet, stderr=quiet)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        time.sleep(0.3)

    def leave(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.since = time.monotonic()

    def end(self) -> Optional[float]:
        try:
            self.process.wait(max(0.0, self.since + DRAIN + PATIENCE - time.monotonic()))
            return time.monotonic() - self.since
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.process.kill()
            self.process.wait()


def idle(run: Run, keeps_open: bool = False) -> Seen:
    client = Client(run.port).begin()
    stream = client.request("/")
    client.read_until(lambda: client.has_response(stream), 5)
    run.leave()
    client.read_until(lambda: False, DRAIN + PATIENCE)
    if not keeps_open:
        client.socket.close()
    told = "GOAWAY, " if client.has(GoAwayFrame) else "no GOAWAY, "
    return Seen(told + (client.ended or "open"), run.end())


def half_open(run: Run) -> Seen:
    return idle(run, keeps_open=True)


def slow(run: Run) -> Seen:
    client = Client(run.port).begin()
    stream = client.request("/slow")
    client.read_until(lambda: False, 0.2)
    run.leave()
    client.read_until(lambda: client.has_response(stream), DRAIN + PATIENCE)
    fate = client.fate(stream)
    client.socket.close()
    return Seen(fate, run.end())


def crossing(run: Run) -> Seen:
    client = Client(run.port).begin()
    first = client.request("/slow")
    client.read_until(lambda: False, 0.2)
    run.leave()
    # What has come by then is not read: the client cannot know.
    time.sleep(0.05)
    stream = client.request("/")
    client.read_until(lambda: client.has_response(first) and client.fate(stream) != "nothing", DRAIN + 1)
    fate = client.fate(stream)
    client.socket.close()
    return Seen(fate, run.end())


def hang(run: Run) -> Seen:
    client = Client(run.port).begin()
    stream = client.request("/hang")
    client.read_until(lambda: False, 0.2)
    run.leave()
    client.read_until(lambda: False, DRAIN + PATIENCE)
    client.socket.close()
    return Seen(client.fate(stream), run.end())


def silent(run: Run) -> Seen:
    client = Client(run.port)
    run.leave()
    client.read_until(lambda: False, DRAIN + PATIENCE)
    client.socket.close()
    return Seen(client.ended or "open", run.end())


def unread(run: Run) -> Seen:
    client = Client(run.port).begin()
    client.request("/big")
    time.sleep(0.3)
    run.leave()
    return Seen("", run.end())


SITUATIONS: Dict[str, Callable[[Run], Seen]] = {
    "is idle": idle,
    "is idle, and keeps its side open": half_open,
    "waits for a response that takes 1 s": slow,
    "sends a request before it has seen the GOAWAY": crossing,
    "waits for a response that does not come": hang,
    "has connected and sent nothing": silent,
    "does not read": unread,
}


def cell(seen: Seen) -> str:
    end = "does not end" if seen.seconds is None else f"ends after {seen.seconds:.1f} s"
    return f"{seen.what}; {end}" if seen.what else end


def main() -> None:
    wanted = sys.argv[1:]
    chosen = {name: command for name, command in servers().items() if not wanted or name in wanted}
    print("| a client that | " + " | ".join(chosen) + " |")
    print("|---" * (len(chosen) + 1) + "|")
    for title, situation in SITUATIONS.items():
        cells = []
        for command in chosen.values():
            run = Run(command)
            try:
                cells.append(cell(situation(run)))
            finally:
                run.process.kill()
        print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
