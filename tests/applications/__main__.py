"""The suite of whole applications: `make test-applications`, see CONTRIBUTING.md."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time
from pathlib import Path

import trial
from application import Application
from install import InstallError
from process import StartError

NAMES = sorted(file.stem for file in (Path(__file__).parent / "suite").glob("*.py"))


def load(name: str) -> Application:
    """The application that suite/`name`.py describes."""
    application: Application = importlib.import_module(f"suite.{name}").APPLICATION
    return application


def report(name: str, twice: bool) -> tuple[int, int]:
    """Tries one application and prints each check; gives how many passed and failed."""
    began = time.monotonic()
    try:
        results = trial.run(load(name), twice=twice)
    except (InstallError, StartError) as error:
        results = [trial.Result("start", str(error).splitlines())]
    for result in results:
        print(f"{name:<14} {'differs' if result.found else 'ok':<8} {result.check}")
        for line in result.found:
            print(f"    {line}")
    failed = sum(bool(result.found) for result in results)
    print(f"{name:<14} {len(results) - failed} of {len(results)} checks, {time.monotonic() - began:.0f} s", flush=True)
    return len(results) - failed, failed


def main() -> int:
    """Tries the applications that are named, or all; gives the exit status."""
    parser = argparse.ArgumentParser(prog="make test-applications APPLICATION='...'", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {' '.join(NAMES)}")
    parser.add_argument(
        "--twice", action="store_true", help="compares each reference with itself: what differs needs a rule"
    )
    said = parser.parse_args()
    names = said.names or NAMES
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        parser.error(f"no such application: {' '.join(unknown)}; there are: {' '.join(NAMES)}")
    # An exception, so that no server is left behind.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    counts = [report(name, said.twice) for name in names]
    passed, failed = (sum(column) for column in zip(*counts))
    print(f"applications: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
