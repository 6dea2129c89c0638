"""What the command prints for programs, with ``--report``."""

from __future__ import annotations

import os
import sys
from typing import Sequence

from ..report import Report
from .log import LOG
from .options import Options


def announce(options: Options, address: str) -> None:
    """Logs, and with ``--report`` prints, an address that the server listens on."""
    LOG.info("listening on %s", address)
    if options.report:
        _print(f"listening on {address}")


def print_report(options: Options, report: Report, missing: Sequence[int] = ()) -> None:
    """With ``--report`` prints the report as JSON. `missing`: the process ids of workers
    whose sessions are not in it."""
    if options.report:
        _print(report.to_json(workers_missing=list(missing)))


def _print(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError as error:
        # The reader of the pipe has gone. The close goes on.
        LOG.warning("cannot write to stdout: %s", error)
        # Flushing the buffer at exit would fail again, and set the exit status to 120.
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())
