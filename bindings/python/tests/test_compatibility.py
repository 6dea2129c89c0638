"""goaway beside other ASGI servers: docs/python-servers.md is true, and each difference from all others has a reason."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any, Dict

import applications
import pytest
from peers import in_thread

from goaway.asgi import Application, StartupError

sys.path.append(str(Path(__file__).resolve().parents[1] / "compatibility"))

import application
import cases
import page

OBSERVED: Dict[str, Any] = json.loads(page.OBSERVED.read_text(encoding="utf-8"))
OUTCOMES: Dict[str, Dict[str, str]] = OBSERVED["outcomes"]


def test_goaway_does_what_the_table_says() -> None:
    application.SEEN.clear()

    def ask_all(port: int) -> Dict[str, str]:
        return {page.key(case.group, case.title): case.ask(port) for case in cases.CASES}

    async def ask(served: Application) -> None:
        outcomes.update(await in_thread(ask_all, served.ports[0]))

    outcomes: Dict[str, str] = {}
    applications.serving(Application, application.app, ask)
    assert outcomes == {row: OUTCOMES["goaway"][row] for row in outcomes}


@pytest.mark.parametrize("name", application.LIFESPANS)
def test_goaway_starts_where_the_table_says_so(name: str) -> None:
    async def ask(served: Application) -> None:
        started.append(True)

    started = []
    try:
        applications.serving(Application, getattr(application, name), ask, lifespan="auto")
    except StartupError:
        assert not started
    except Exception:
        assert started, "only the shutdown may fail"
    expected = OUTCOMES["goaway"][page.key(page.LIFESPAN, page.LIFESPANS[name])]
    assert expected == ("serves" if started else "does not start")


def test_where_goaway_stands_alone_there_is_a_reason() -> None:
    alone = {row for row in OUTCOMES["goaway"] if page.stands_alone(OUTCOMES, row)}
    assert alone == set(page.REASONS)


def test_the_page_is_made_of_what_was_observed() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.render(OBSERVED), "run make compatibility"
    rows = {page.key(*row) for row in page.rows()}
    assert all(set(outcomes) == rows for outcomes in OUTCOMES.values()), "run make compatibility"


def test_the_versions_are_those_of_the_requirements() -> None:
    assert OBSERVED["versions"] == {name: importlib.metadata.version(name.lower()) for name in OBSERVED["versions"]}
