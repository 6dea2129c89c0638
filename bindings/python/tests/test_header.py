"""The declarations of `_native` agree with `include/goaway.json`, which `make header` checks against the header."""

from __future__ import annotations

import ctypes
import json
import runpy
from pathlib import Path
from typing import Any, Dict, List

import pytest

from goaway import _native
from goaway._native import declarations, functions
from goaway.core import command_buffer, dispatcher
from goaway.limit import BODY_BYTES
from goaway.report import Counts, MemoryUsage, Report

HERE = Path(__file__).resolve()
INTERFACE = json.loads((HERE.parents[3] / "include" / "goaway.json").read_text())


def struct(name: str) -> List[Dict[str, Any]]:
    found = next(item for item in INTERFACE["structs"] if item["name"] == name)
    return list(found["members"])


def test_the_declarations_are_fresh() -> None:
    generated = runpy.run_path(str(HERE.parents[1] / "declare.py"))["generate"]()
    assert Path(declarations.__file__).read_text() == generated, "stale: run `make header`"


def test_no_call_that_waits_keeps_the_lock_of_the_interpreter() -> None:
    assert set(declarations.FUNCTIONS) >= functions.QUICK
    assert not functions.QUICK & declarations.BLOCKING
    assert "goaway_queue_wait" in declarations.BLOCKING


def test_the_default_that_python_applies_itself_is_that_of_the_library() -> None:
    defaults = {limit["name"]: limit["default"] for limit in INTERFACE["limits"]}
    assert defaults["GOAWAY_LIMIT_BODY_BYTES"] == BODY_BYTES


@pytest.mark.parametrize(
    ("name", "ours"), [("goaway_report", Report), ("goaway_counts", Counts), ("goaway_memory", MemoryUsage)]
)
def test_each_tuple_has_the_members_of_its_structure(name: str, ours: Any) -> None:
    assert list(ours._fields) == [member["name"] for member in struct(name)]


@pytest.mark.parametrize("name", ["goaway_session_snapshot", "goaway_log_line"])
def test_each_row_has_the_members_of_its_structure(name: str) -> None:
    ours = {"goaway_session_snapshot": _native.SessionRow, "goaway_log_line": _native.LogLine}[name]
    assert list(ours._fields) == [member["name"] for member in struct(name)]
    assert issubclass(getattr(declarations, name), ctypes.Structure)


@pytest.mark.parametrize(
    ("name", "ours"), [("goaway_record", dispatcher.RECORD), ("goaway_command", command_buffer.COMMAND)]
)
def test_each_packed_structure_has_its_members(name: str, ours: Any) -> None:
    codes = {"uint16_t": "H", "uint32_t": "I", "uint64_t": "Q"}
    assert ours.format == "=" + "".join(codes[member["type"]] for member in struct(name))
