"""Finds the package beside the tests, and ends a test that hangs."""

import faulthandler
import sys
from pathlib import Path
from typing import Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

LIMIT = 120
"""Seconds for one test; then every thread's stack is shown and all ends."""


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
