"""The process of a worker, as its supervisor sees it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

from ..report import Progress
from ..worker.log import LOG
from ..worker.options import Options
from ..worker.worker import longest
from . import channel

#: Seconds that a worker has to exit beyond the time after which it ends itself.
KILL_SECONDS = 1.0

#: The program of a worker: a new interpreter with the module path of this one.
_START = "import sys; sys.path[:] = sys.argv.pop().split(chr(0x1f)); from goaway.supervisor.child import main; sys.exit(main())"


class WorkerProcess:
    """A worker process. It is started when this object is made."""

    def __init__(self, options: Options, fds: list[int], binds: list[str], own: list[int]) -> None:
        """`fds`: the listening sockets that the worker inherits. `binds`: how it listens on
        them. `own`: the indexes of the sockets that only the workers have."""
        self._options = options
        self.control, theirs = socket.socketpair()
        with theirs:
            arguments = [*_interpreter(), "-c", _START, str(theirs.fileno()), options.app, "\x1f".join(sys.path)]
            # With --reload there is one worker, and a debugger in it needs the terminal.
            stdin = None if options.reload else subprocess.DEVNULL
            self._process = subprocess.Popen(arguments, stdin=stdin, pass_fds=[theirs.fileno(), *fds])
        #: The time of the start, by the monotonic clock.
        self.started = time.monotonic()
        #: Whether it serves, or has served.
        self.ready = False
        #: Whether it was told to close.
        self.is_closing = False
        #: The progress of its close.
        self.progress: Progress | None = None
        #: The report of its close, as a dictionary.
        self.report: dict[str, Any] | None = None
        self._received = b""
        self._deadline: float | None = None
        job = replace(options, bind=binds)
        channel.send(self.control, {"options": json.loads(job.to_json()), "fds": fds, "own": own})

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def close(self, drain: float, shutdown_delay: float = 0.0, last: bool = False) -> None:
        """Tells the worker to close: its requests have `drain` seconds to end, 0 forces.
        `shutdown_delay`: seconds in which it is not ready and serves as before. `last`: no other worker follows, so that it accepts the connections that wait in its
        sockets."""
        self.is_closing = True
        end = time.monotonic() + shutdown_delay + longest(drain, self._options) + KILL_SECONDS
        self._deadline = end if self._deadline is None else min(end, self._deadline)
        channel.send(self.control, {"close": drain, "delay": shutdown_delay, "last": last})

    def reopen_logs(self) -> None:
        """Tells the worker to open the files of its logs again."""
        channel.send(self.control, {"reopen": True})

    def receive(self) -> bool:
        """Reads its messages. Returns False if there will be no more."""
        try:
            data = self.control.recv(65536)
        except OSError:
            data = b""
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._handle(json.loads(line))
        return bool(data)

    def _handle(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.ready = True
        elif "progress" in message:
            self.progress = Progress(*message["progress"])
        elif "report" in message:
            self.report = message["report"]

    def status(self) -> int | None:
        """The exit status, in the form of `subprocess`; None while the process runs. Kills a
        process that has not ended in time."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            self._deadline = None
            LOG.error("worker %d has not exited in time and is killed", self.pid)
            self._process.kill()
        return self._process.poll()

    def ended(self) -> None:
        """The process has ended: reads its last messages, and closes the socket."""
        self.control.setblocking(False)
        while self.receive():
            pass
        self.control.close()

    def kill(self) -> None:
        """Kills the process and waits for its end."""
        self._process.kill()
        self._process.wait()
        self.control.close()


def _interpreter() -> list[str]:
    # With the options of this interpreter, such as -X dev.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [sys.executable, *flags]
