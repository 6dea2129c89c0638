"""The command under test, in a process of its own, and clients for it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, Callable, Iterator, TypeVar

import hpack
import httpx
import hyperframe.frame

PACKAGE = Path(__file__).resolve().parents[1]
APPS = Path(__file__).resolve().parent / "apps"
#: Seconds after which what should have happened has not.
PATIENCE = 20.0
#: Seconds for the rest of the output of a process that has ended.
OUTPUT_PATIENCE = 5.0

T = TypeVar("T")


def environment(**more: str) -> dict[str, str]:
    """For a child: the package is found, and nothing is buffered."""
    path = os.pathsep.join([str(PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}


def eventually(what: Callable[[], T | None], why: str, patience: float = PATIENCE) -> T:
    """What is not None or False, once it is so."""
    deadline = time.monotonic() + patience
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, f"not in {patience} s: {why}"
        time.sleep(0.02)


class Output:
    """Lines that a process writes, gathered by a thread."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._gather, daemon=True)
        self._thread.start()

    def _gather(self) -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in self._stream:
                self._lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    @property
    def lines(self) -> list[str]:
        return list(self._lines)

    @property
    def text(self) -> str:
        return "\n".join(self._lines)

    def drain(self, patience: float) -> None:
        """Waits until every line of a process that has ended is read; no longer than `patience`,
        since a child process may keep the stream open."""
        self._thread.join(patience)

    def end(self) -> None:
        self._thread.join(PATIENCE)
        self._stream.close()

    def find(self, pattern: str, patience: float = PATIENCE) -> re.Match[str]:
        """The first line with the pattern in it, once there is one."""
        try:
            return eventually(
                lambda: next(filter(None, (re.search(pattern, line) for line in self.lines)), None), pattern, patience
            )
        except AssertionError as error:
            raise AssertionError(f"{error}; there is:\n{self.text}") from None

    def count(self, pattern: str) -> int:
        return sum(re.search(pattern, line) is not None for line in self.lines)


class Command:
    """``python -m goaway ARGUMENTS``, on a free port; a context manager that leaves no process behind."""

    def __init__(self, *arguments: str, folder: Path = APPS, bind: str = "127.0.0.1:0", **more: str) -> None:
        command = [sys.executable, "-m", "goaway", "--bind", bind, *arguments, "--report", "--app-dir", str(folder)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**more),
            cwd=folder,
            # So that a test that fails can end its workers too.
            start_new_session=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out, self.log = Output(self.process.stdout), Output(self.process.stderr)

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.out.end()
        self.log.end()

    @property
    def port(self) -> int:
        """Where it listens, once it does."""

        def listening() -> re.Match[str] | None:
            assert self.process.poll() is None, f"it has ended:\n{self.log.text}"
            return next(filter(None, (re.match(r"listening on .*:(\d+)$", line) for line in self.out.lines)), None)

        return int(eventually(listening, "listening")[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """Its exit status. All that it wrote is in `out` and `log` then."""
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has not ended in {patience} s:\n{self.log.text}") from None
        self.out.drain(OUTPUT_PATIENCE)
        self.log.drain(OUTPUT_PATIENCE)
        return status

    def report(self) -> dict[str, Any]:
        """What it has left on stdout."""
        self.out.find(r"^\{")
        found: dict[str, Any] = json.loads(next(line for line in self.out.lines if line.startswith("{")))
        return found

    def close(self, patience: float = PATIENCE) -> dict[str, Any]:
        """SIGTERM; it must end well."""
        self.signal(signal.SIGTERM)
        assert self.wait(patience) == 0, self.log.text
        return self.report()

    def get(self, path: str = "/") -> str:
        """The response's body, by a connection of its own."""
        with Connection(self.port) as connection:
            return connection.get(path).decode()


def client(**options: Any) -> httpx.Client:
    """An HTTP/2 client, with prior knowledge."""
    return httpx.Client(http1=False, http2=True, timeout=PATIENCE, trust_env=False, **options)


def curl(*arguments: str) -> str:
    """What curl prints."""
    command = ["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--max-time", "20", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE * 2).stdout


def nghttp(*arguments: str) -> str:
    """What nghttp prints."""
    command = ["nghttp", "--timeout=20", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE * 2).stdout


class Connection:
    """One HTTP/2 connection, frame by frame. The `h2` package would not do: to it a
    connection that has had a GOAWAY is dead, with all that is under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._encoder, self._decoder = hpack.Encoder(), hpack.Decoder()
        self._stream = -1
        settings = {hyperframe.frame.SettingsFrame.INITIAL_WINDOW_SIZE: 2**31 - 1}
        self._send(hyperframe.frame.SettingsFrame(0, settings=settings), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self._send(hyperframe.frame.WindowUpdateFrame(0, window_increment=2**31 - 1 - 65535))

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _send(self, frame: hyperframe.frame.Frame, before: bytes = b"") -> None:
        self.socket.sendall(before + frame.serialize())

    def ask(self, path: str = "/") -> int:
        """Sends a GET; gives its stream."""
        self._stream += 2
        fields = [(":method", "GET"), (":scheme", "http"), (":authority", "test"), (":path", path)]
        frame = hyperframe.frame.HeadersFrame(self._stream, self._encoder.encode(fields))
        frame.flags |= {"END_HEADERS", "END_STREAM"}
        self._send(frame)
        return self._stream

    def frames(self) -> Iterator[hyperframe.frame.Frame]:
        """What arrives, until the server has ended the connection. SETTINGS and PING are acknowledged."""
        received = b""
        while True:
            while len(received) >= 9:
                frame, length = hyperframe.frame.Frame.parse_frame_header(memoryview(received[:9]))
                if len(received) < 9 + length:
                    break
                frame.parse_body(memoryview(received[9 : 9 + length]))
                received = received[9 + length :]
                self._answer(frame)
                yield frame
            data = self.socket.recv(65536)
            if not data:
                return
            received += data

    def _answer(self, frame: hyperframe.frame.Frame) -> None:
        response: hyperframe.frame.Frame
        if isinstance(frame, hyperframe.frame.SettingsFrame) and "ACK" not in frame.flags:
            response = hyperframe.frame.SettingsFrame(0, flags=["ACK"])
        elif isinstance(frame, hyperframe.frame.PingFrame) and "ACK" not in frame.flags:
            response = hyperframe.frame.PingFrame(0, opaque_data=frame.opaque_data, flags=["ACK"])
        else:
            return
        with contextlib.suppress(OSError):
            self._send(response)

    def body(self, stream: int) -> bytes:
        """The response's body. Raises ConnectionError if the response is not whole, or no 200."""
        body = b""
        for frame in self.frames():
            if isinstance(frame, hyperframe.frame.GoAwayFrame) and frame.last_stream_id < stream:
                raise ConnectionError("not processed")
            if frame.stream_id != stream:
                continue
            if isinstance(frame, hyperframe.frame.RstStreamFrame):
                raise ConnectionError(f"reset with {frame.error_code}")
            if isinstance(frame, hyperframe.frame.HeadersFrame):
                fields = self._decoder.decode(frame.data)
                if (":status", "200") not in fields and not body:
                    raise ConnectionError(str(fields))
            elif isinstance(frame, hyperframe.frame.DataFrame):
                body += frame.data
            if "END_STREAM" in frame.flags:
                return body
        raise ConnectionError("the connection ended before the response")

    def get(self, path: str = "/") -> bytes:
        """Asks, and gives the response's body."""
        return self.body(self.ask(path))
