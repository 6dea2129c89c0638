"""The command with one process: it serves the application itself."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Sequence

from ..report import Progress, Report
from ..signals import SignalDebouncer
from . import service_manager
from .log import LOG, Draining
from .options import Options
from .worker import Worker, longest


class Alone:
    """Tells people, and with ``--report`` programs, how the one worker fares."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._draining: Draining | None = None

    def ready(self, addresses: list[str]) -> None:
        for address in addresses:
            announce(self._options, address)
        service_manager.ready()

    def closing(self, drain: float) -> None:
        service_manager.stopping(longest(drain, self._options))
        if self._draining is None:
            self._draining = Draining()
            self._draining.begin(drain)
        elif drain == 0:
            LOG.info("forced")

    def progress(self, progress: Progress) -> None:
        if self._draining is not None:
            self._draining.show(progress.sessions, progress.streams, progress.left_ms / 1000)

    def closed(self, report: Report) -> None:
        (self._draining or Draining()).end(report._asdict())
        print_report(self._options, report)


def announce(options: Options, address: str) -> None:
    """Says where the server listens."""
    LOG.info("listening on %s", address)
    if options.report:
        _print(f"listening on {address}")


def print_report(options: Options, report: Report, missing: Sequence[int] = ()) -> None:
    """Prints the report for programs, if they asked for it. `missing`: the
    processes whose sessions are not in it."""
    if options.report:
        _print(report.to_json(workers_missing=list(missing)))


def _print(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError as error:
        # Who has asked for it has left; the close goes on all the same.
        LOG.warning("stdout takes nothing: %s", error)
        # What is left in the buffer would fail again at the interpreter's end, with status 120.
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())


def run(options: Options) -> int:
    """Serves until a signal ends it; gives the exit status."""
    worker = Worker(options, Alone(options))
    debouncer = SignalDebouncer(options.signal_repeat)
    had_terminal = sys.stderr.isatty()

    def on_signal(number: int, frame: FrameType | None) -> None:
        forces = debouncer.forces()
        if forces is not None:
            worker.close(0.0 if forces else options.drain)

    def on_hangup(number: int, frame: FrameType | None) -> None:
        if options.certfile is not None:
            worker.reload()
        elif had_terminal and not sys.stderr.isatty():
            # The terminal has gone.
            on_signal(number, frame)
        else:
            # Not from within: the log may be in the midst of a line.
            threading.Thread(target=LOG.warning, args=(_NOTHING_TO_RELOAD,), daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, on_signal)
    # Ignored means that nohup has started this.
    if options.certfile is not None or signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, on_hangup)
    status = worker.run()
    sys.stdout.flush()
    return status


_NOTHING_TO_RELOAD = "SIGHUP changes nothing: it reads certificates again (--certfile) or replaces workers (--workers)"
