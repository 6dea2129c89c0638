"""The command with one process, which serves the application itself."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

from ..report import Progress, Report
from ..signals import ClosingSignals
from . import log, service_manager
from .log import LOG, ClosingLog
from .options import Options
from .output import announce, print_report
from .worker import Worker, longest


class SingleProcess:
    """Reports the state of the one worker: in the log, to the service manager, and with
    ``--report`` on stdout."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._closing: ClosingLog | None = None

    def ready(self, addresses: list[str]) -> None:
        for address in addresses:
            announce(self._options, address)
        service_manager.ready()

    def closing(self, drain: float, shutdown_delay: float) -> None:
        service_manager.stopping(shutdown_delay + longest(drain, self._options))
        self._closing = self._closing or ClosingLog()
        self._closing.begin(drain, shutdown_delay)

    def progress(self, progress: Progress) -> None:
        if self._closing is not None:
            self._closing.show(progress.sessions, progress.streams, progress.left_ms / 1000)

    def closed(self, report: Report) -> None:
        (self._closing or ClosingLog()).end(report._asdict())
        print_report(self._options, report)


def run(options: Options) -> int:
    """Serves until a signal closes the server. Returns the exit status."""
    worker = Worker(options, SingleProcess(options))
    closing = ClosingSignals(options.drain, options.shutdown_delay, options.signal_repeat)
    had_terminal = sys.stderr.isatty()

    def on_signal(number: int, frame: FrameType | None) -> None:
        times = closing.next()
        if times is not None:
            worker.close(times[0], shutdown_delay=times[1])

    def on_hangup(number: int, frame: FrameType | None) -> None:
        if options.certfile is not None:
            worker.reload()
        elif had_terminal and not sys.stderr.isatty():
            # The terminal was closed.
            on_signal(number, frame)
        else:
            # In a thread: the signal may have interrupted a write to the log.
            threading.Thread(target=LOG.warning, args=(_NOTHING_TO_RELOAD,), daemon=True).start()

    def on_reopen(number: int, frame: FrameType | None) -> None:
        # In a thread: the signal may have interrupted a write to the log.
        threading.Thread(target=log.reopen, name="goaway-reopen", daemon=True).start()

    signal.signal(signal.SIGUSR1, on_reopen)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, on_signal)
    # nohup has the program ignore SIGHUP, and this is left so.
    if options.certfile is not None or signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, on_hangup)
    status = worker.run()
    sys.stdout.flush()
    return status


_NOTHING_TO_RELOAD = (
    "SIGHUP has no effect: it reloads certificates (--certfile) or replaces workers (--workers, --reload), "
    "and this process has neither"
)
