"""The program of a worker process, which a supervisor has started."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from types import FrameType

from ..report import Progress, Report
from ..worker import log
from ..worker.log import LOG
from ..worker.options import Options
from ..worker.worker import Worker
from . import channel

#: Seconds that a worker waits for the supervisor's message after a signal.
SUPERVISOR_SECONDS = 0.2


class Supervisor:
    """The supervisor, as its worker sees it. It observes the worker."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._sending = threading.Lock()
        self._lines = control.makefile("rb")
        self._fds: list[int] = []
        self._own: list[int] = []

    def job(self) -> Options | None:
        """Reads the job; None if the supervisor has died."""
        line = self._lines.readline()
        if not line:
            return None
        job = json.loads(line)
        self._fds, self._own = job["fds"], job["own"]
        for fd in self._fds:
            os.set_inheritable(fd, False)
        return Options(**job["options"])

    def follow(self, worker: Worker) -> None:
        """Closes the worker when the supervisor says so, or has died. Runs in a thread."""
        while True:
            line = self._lines.readline()
            if not line:
                LOG.warning("the supervisor has died; closing")
                return worker.close(own=self._own)
            message = json.loads(line)
            if "reopen" in message:
                log.reopen()
                continue
            worker.close(message["close"], self._own if message["last"] else (), message["delay"])

    def _send(self, message: "dict[str, object]") -> None:
        with self._sending:
            channel.send(self._control, message)

    def ready(self, addresses: list[str]) -> None:
        # The library has duplicates of the descriptors. If these stayed open, they would
        # still listen during the close, and connections would wait in vain.
        while self._fds:
            os.close(self._fds.pop())
        self._send({"ready": True})

    def closing(self, drain: float, shutdown_delay: float) -> None:
        pass

    def progress(self, progress: Progress) -> None:
        self._send({"progress": list(progress)})

    def closed(self, report: Report) -> None:
        self._send({"report": report._asdict()})


def main() -> int:
    """Runs the worker. The first argument of the process is the descriptor of its end of the
    socket pair."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    supervisor = Supervisor(control)
    options = supervisor.job()
    if options is None:
        return 1
    log.configure(options.log_level, options.access_log, options.log_config)
    worker = Worker(options, supervisor)
    _handle_signals(worker, options.drain)
    threading.Thread(target=supervisor.follow, args=(worker,), name="goaway-supervisor", daemon=True).start()
    return worker.run()


def _handle_signals(worker: Worker, drain: float) -> None:
    def on_term(number: int, frame: FrameType | None) -> None:
        # A signal to a process group or a service reaches the supervisor, too, which sends a
        # message. Only the supervisor knows whether the signal forces and whether another
        # worker follows; so its message has some time to arrive first.
        timer = threading.Timer(SUPERVISOR_SECONDS, worker.close, (drain,))
        timer.daemon = True
        timer.start()

    def ignore(number: int, frame: FrameType | None) -> None:
        """The supervisor gets the signal, too, and sends a message."""

    signal.signal(signal.SIGTERM, on_term)
    signal.signal(signal.SIGQUIT, on_term)
    signal.signal(signal.SIGINT, ignore)
    signal.signal(signal.SIGHUP, ignore)
    signal.signal(signal.SIGUSR1, ignore)
