"""The files in `deploy/`: their commands are valid, and nothing kills the command too early."""

from __future__ import annotations

import json
import re
import shlex
from typing import List

from serving import PACKAGE

from goaway.cli import parser
from goaway.worker.options import Options
from goaway.worker.worker import longest

DEPLOY = PACKAGE.parents[1] / "deploy"
#: Seconds that a supervisor or a thread of the application may add.
REST = 1.0


def options(words: List[str]) -> Options:
    return parser.parse(words, version=lambda: "goaway 0")


def seconds_to_end(chosen: Options) -> float:
    return chosen.shutdown_delay + longest(chosen.drain, chosen) + REST


def image() -> List[str]:
    """The words of ENTRYPOINT without the program, and those of CMD."""
    text = (DEPLOY / "Dockerfile").read_text()
    entry, command = (
        json.loads(re.findall(rf"^{name} (.*)$", text, re.MULTILINE)[0]) for name in ("ENTRYPOINT", "CMD")
    )
    return [*entry[1:], *command]


def test_the_dockerfile_names_a_sufficient_stop_timeout() -> None:
    (named,) = re.findall(r"^# 5 s: (\d+) for the options below", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert float(named) >= seconds_to_end(options(image()))


def test_kubernetes_waits_until_the_command_has_ended() -> None:
    text = (DEPLOY / "kubernetes.yaml").read_text()
    (arguments,) = re.findall(r"args: (\[.*\])", text)
    (grace,) = re.findall(r"terminationGracePeriodSeconds: (\d+)", text)
    assert float(grace) >= seconds_to_end(options(json.loads(arguments)))


def test_the_unit_starts_a_valid_command() -> None:
    (command,) = re.findall(r"^ExecStart=(.*)$", (DEPLOY / "goaway.service").read_text(), re.MULTILINE)
    assert options(shlex.split(command)[1:]).bind == ["systemd:"]


def test_the_unit_asks_for_no_watchdog() -> None:
    """The command sends no WATCHDOG=1, so systemd would end a unit with WatchdogSec."""
    assert not re.search(r"^WatchdogSec=", (DEPLOY / "goaway.service").read_text(), re.MULTILINE)
    package = PACKAGE / "goaway"
    assert not [file for file in package.rglob("*.py") if "WATCHDOG" in file.read_text()], "then WatchdogSec may be set"
