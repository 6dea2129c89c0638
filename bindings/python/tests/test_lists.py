"""Lists that exist in several places agree: header, package, README, command."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Callable, List

import pytest
from serving import PACKAGE

import goaway
from goaway import _native
from goaway.cli import parser
from goaway.core.session import Session
from goaway.report import Progress, Report

ROOT = PACKAGE.parents[1]
HEADER = re.sub(r"//[^\n]*", "", (ROOT / "include" / "goaway.h").read_text())
README = (PACKAGE / "README.md").read_text()


def enum(start: str) -> List[str]:
    """The names of an enum, by number, without their common start and in lower case."""
    found = sorted((int(number), name.lower()) for name, number in re.findall(rf"\b{start}(\w+) = (\d+)", HEADER))
    assert [number for number, _ in found] == list(range(len(found))) and found, start
    return [name for _, name in found]


def members(struct: str) -> List[str]:
    body = re.search(rf"typedef struct \{{([^}}]*)\}} {struct};", HEADER)
    assert body is not None
    return re.findall(r"(\w+)(?:\[\d+\])?;", body[1])


@pytest.mark.parametrize(
    ("start", "name"),
    [
        ("GOAWAY_EVENT_", _native.event_name),
        ("GOAWAY_CAUSE_", _native.cause_name),
        ("GOAWAY_STAGE_", _native.stage_name),
        ("GOAWAY_OUTCOME_", _native.outcome_name),
    ],
)
def test_each_word_is_that_of_the_header(start: str, name: Callable[[int], str]) -> None:
    words = [name(number) for number in range(len(enum(start)))]
    # A session that ended in its handshake.
    assert words == [{"GOAWAY_OUTCOME_handshake": "in_handshake"}.get(start + word, word) for word in enum(start)]


def described(field: str) -> List[str]:
    """The words that stand in quotes in the description of a field of `SessionEvent`."""
    source = (PACKAGE / "goaway" / "core" / "session.py").read_text()
    _, _, body = source.partition("class SessionEvent")
    text = re.search(rf'^    {field}: .*\n    """((?:.|\n)*?)"""$', body, re.MULTILINE)
    assert text is not None, field
    return re.findall(r'"(\w+)"', text[1] + '"' * (text[1].count('"') % 2))


def test_the_words_of_events_are_described() -> None:
    assert set(described("kind")) == set(enum("GOAWAY_EVENT_"))
    assert described("outcome") == [_native.outcome_name(number) for number in range(len(enum("GOAWAY_OUTCOME_")))]
    assert set(described("cause")) < set(enum("GOAWAY_CAUSE_"))


def test_tuples_have_the_members_of_their_structures() -> None:
    assert list(Report._fields) == members("goaway_report")
    assert list(Progress._fields) == members("goaway_progress")
    own = {"session": "id", "stage": "state"}
    figures = sorted(own.get(name, name) for name in members("goaway_session_snapshot"))
    assert sorted(Session._fields) == figures


def test_what_is_exported_is_there_and_sorted() -> None:
    assert sorted(goaway.__all__) == goaway.__all__
    assert all(hasattr(goaway, name) for name in goaway.__all__)

    def is_module(name: str) -> bool:
        return isinstance(getattr(goaway, name), ModuleType)

    # The package's modules are attributes, too, once something has imported them.
    public = {name for name in vars(goaway) if not name.startswith("_") and not is_module(name)}
    assert public == {name for name in goaway.__all__ if not is_module(name)}


def test_each_option_that_the_readme_names_exists(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser.parse(["--help"], version=lambda: "goaway 0")
    option = r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9](?![\w-])"
    known = set(re.findall(option, capsys.readouterr().out))
    own = README + (ROOT / "README.md").read_text() + (ROOT / "docs" / "sockets.md").read_text()
    # What belongs to the command: on a line that starts it, or between backticks.
    lines = [line for line in own.splitlines() if line.startswith("goaway ")]
    quoted = re.findall(r"`(--[^`]+|goaway [^`]+)`", own)
    named = set(re.findall(option, " ".join([*lines, *quoted])))
    assert named and named <= known, named - known
