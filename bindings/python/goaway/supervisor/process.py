"""A worker's process under a supervisor, seen from both sides.

They speak over a socket, in lines of JSON. The supervisor sends a job first,
``{"options": {...}, "fds": [...], "own": [...]}`` with the sockets that it inherits and which of them the supervisor
made, and ``{"close": seconds, "last": bool}`` once or more, `last` if no other worker follows.
The worker sends ``{"ready": true}``, while it closes
``{"progress": [sessions, streams, seconds]}``, and at its end ``{"report":
{...}}``. A socket that has ended is a supervisor that has died: the worker
closes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import FrameType
from typing import Any

from ..report import Progress, Report
from ..worker import log
from ..worker.log import LOG
from ..worker.options import Options
from ..worker.worker import Worker, longest

#: Seconds that a worker has beyond those after which it ends itself.
PATIENCE = 1.0
#: Seconds in which the supervisor's word comes, if it was told what the worker was told.
WORD = 0.2

#: A fresh interpreter, with the modules where this one has them.
_START = "import sys; sys.path[:] = sys.argv.pop().split(chr(0x1f)); from goaway.supervisor.process import main; sys.exit(main())"


class Child:
    """A worker, as its supervisor sees it."""

    def __init__(self, options: Options, fds: list[int], binds: list[str], own: list[int]) -> None:
        """Starts it: a fresh interpreter, which inherits the listening sockets
        and listens on them as `binds` say. `own`: the numbers of those that are
        nobody's but the workers'."""
        self._options = options
        self.control, theirs = socket.socketpair()
        with theirs:
            arguments = [*_interpreter(), "-c", _START, str(theirs.fileno()), options.app, "\x1f".join(sys.path)]
            # A debugger needs the terminal; several workers would fight for it.
            stdin = None if options.reload else subprocess.DEVNULL
            self._process = subprocess.Popen(arguments, stdin=stdin, pass_fds=[theirs.fileno(), *fds])
        #: When it was started, by the monotonic clock.
        self.started = time.monotonic()
        #: It serves, or has served.
        self.ready = False
        #: It was told to close.
        self.leaving = False
        #: How its close goes on, once it has said so.
        self.progress: Progress | None = None
        #: What it left behind, once it has said so.
        self.report: dict[str, Any] | None = None
        self._received = b""
        self._deadline: float | None = None
        job = replace(options, bind=binds)
        self._send({"options": json.loads(job.to_json()), "fds": fds, "own": own})

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def close(self, drain: float, last: bool = False) -> None:
        """Tells it to close within so many seconds; 0 forces. `last`: nobody
        follows it, so that what waits in its sockets is its own."""
        self.leaving = True
        end = time.monotonic() + longest(drain, self._options) + PATIENCE
        self._deadline = end if self._deadline is None else min(end, self._deadline)
        self._send({"close": drain, "last": last})

    def _send(self, message: dict[str, Any]) -> None:
        # An error means that it has died, which `status` tells.
        with contextlib.suppress(OSError):
            self.control.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> bool:
        """Takes what it says. False: it says nothing more."""
        try:
            data = self.control.recv(65536)
        except OSError:
            data = b""
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._take(json.loads(line))
        return bool(data)

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.ready = True
        elif "progress" in message:
            self.progress = Progress(*message["progress"])
        elif "report" in message:
            self.report = message["report"]

    def status(self) -> int | None:
        """How it ended, as subprocess says it; None while it lives. One that
        has outlived its time is killed here."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            self._deadline = None
            LOG.error("worker %d does not leave, and is killed", self.pid)
            self._process.kill()
        return self._process.poll()

    def ended(self) -> None:
        """Takes its last words; its process has ended."""
        self.control.setblocking(False)
        while self.receive():
            pass
        self.control.close()

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()
        self._process.wait()
        self.control.close()


def _interpreter() -> list[str]:
    # What this process was started with, -X dev and the like.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [sys.executable, *flags]


class _Supervisor:
    """The supervisor, as its worker sees it."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._sending = threading.Lock()
        self._lines = control.makefile("rb")
        self._fds: list[int] = []
        self._own: list[int] = []

    def job(self) -> Options | None:
        """What is to be done; None if the supervisor has died."""
        line = self._lines.readline()
        if not line:
            return None
        job = json.loads(line)
        self._fds, self._own = job["fds"], job["own"]
        for fd in self._fds:
            os.set_inheritable(fd, False)
        return Options(**job["options"])

    def obey(self, worker: Worker) -> None:
        """Closes the worker when the supervisor says so, or has died; in a thread."""
        while True:
            line = self._lines.readline()
            if not line:
                LOG.warning("the supervisor has died; closing")
                return worker.close(own=self._own)
            message = json.loads(line)
            worker.close(message["close"], self._own if message["last"] else ())

    def _send(self, message: dict[str, Any]) -> None:
        # An error means that it has died, which `obey` finds out.
        with self._sending, contextlib.suppress(OSError):
            self._control.sendall(json.dumps(message).encode() + b"\n")

    def ready(self, addresses: list[str]) -> None:
        # The library has duplicates. These would go on to listen while it closes,
        # and whoever comes then would be neither served nor refused.
        while self._fds:
            os.close(self._fds.pop())
        self._send({"ready": True})

    def closing(self, drain: float) -> None:
        pass

    def progress(self, progress: Progress) -> None:
        self._send({"progress": list(progress)})

    def closed(self, report: Report) -> None:
        self._send({"report": report._asdict()})


def main() -> int:
    """The worker's process."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    supervisor = _Supervisor(control)
    options = supervisor.job()
    if options is None:
        return 1
    log.configure(options.log_level, options.access_log, options.log_config)
    worker = Worker(options, supervisor)
    _listen_to_signals(worker, options.drain)
    threading.Thread(target=supervisor.obey, args=(worker,), name="goaway-supervisor", daemon=True).start()
    return worker.run()


def _listen_to_signals(worker: Worker, drain: float) -> None:
    def on_term(number: int, frame: FrameType | None) -> None:
        # Whoever tells all processes of a group or a service tells the supervisor
        # too: that is one wish, and the second one, which forces, is its to see.
        # So is whether somebody follows: its word is waited for.
        timer = threading.Timer(WORD, worker.close, (drain,))
        timer.daemon = True
        timer.start()

    def on_terminal(number: int, frame: FrameType | None) -> None:
        """The terminal tells the supervisor too, and that tells us."""

    signal.signal(signal.SIGTERM, on_term)
    signal.signal(signal.SIGQUIT, on_term)
    signal.signal(signal.SIGINT, on_terminal)
    signal.signal(signal.SIGHUP, on_terminal)
