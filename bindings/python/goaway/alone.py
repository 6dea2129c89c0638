"""The command with one process: it serves the application itself."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Sequence

from . import notify
from .log import LOG, Draining
from .options import Options
from .report import Progress, Report
from .worker import Worker, longest


class Alone:
    """Tells people, and with ``--report`` programs, how the one worker fares."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._draining: Draining | None = None

    def ready(self, addresses: list[str]) -> None:
        for address in addresses:
            announce(self._options, address)
        notify.ready()

    def closing(self, drain: float) -> None:
        notify.stopping(longest(drain, self._options))
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
        print(f"listening on {address}", flush=True)


def print_report(options: Options, report: Report, missing: Sequence[int] = ()) -> None:
    """Prints the report for programs, if they asked for it. `missing`: the
    processes whose sessions are not in it."""
    if options.report:
        print(report.to_json(workers_missing=list(missing)), flush=True)


def run(options: Options) -> int:
    """Serves until a signal ends it; gives the exit status."""
    worker = Worker(options, Alone(options))

    def on_signal(number: int, frame: FrameType | None) -> None:
        worker.close()

    def on_hangup(number: int, frame: FrameType | None) -> None:
        worker.reload()

    signals = [signal.SIGTERM, signal.SIGINT]
    if options.certfile is not None:
        signal.signal(signal.SIGHUP, on_hangup)
    # The terminal has gone, unless nohup says that this does not matter.
    elif signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signals.append(signal.SIGHUP)
    for number in signals:
        signal.signal(number, on_signal)
    status = worker.run()
    sys.stdout.flush()
    return status
