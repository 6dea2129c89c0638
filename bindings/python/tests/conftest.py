"""Finds the package beside the tests, ends a test that hangs, and resets ignored signals."""

import faulthandler
import signal
import sys
from pathlib import Path
from typing import Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# A process in the background or under nohup ignores these signals, and the programs that
# the tests start would inherit that.
for number, usual in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, usual)

LIMIT = 120
"""Seconds for one test. Then the stacks of all threads are printed and the process exits."""


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
