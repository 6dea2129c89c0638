"""What `_native` declares is what `include/goaway.h` says."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any, Dict, List

import pytest

from goaway import _native
from goaway.core import command_buffer, dispatcher
from goaway.feature import FEATURES
from goaway.limit import LIMITS

HEADER = Path(__file__).resolve().parents[3] / "include" / "goaway.h"
TEXT = re.sub(r"//[^\n]*", "", HEADER.read_text())

INTEGERS = {
    "uint8_t": 1,
    "uint16_t": 2,
    "uint32_t": 4,
    "uint64_t": 8,
    "int32_t": 4,
    "int": 4,
    "bool": 1,
    "size_t": ctypes.sizeof(ctypes.c_size_t),
    "goaway_status": 4,
    "goaway_stage": 4,
    "goaway_session": 8,
    "goaway_request": 8,
}


def size_of(kind: str) -> int:
    """Bytes of a C type."""
    if "*" in kind or kind.endswith("_cb"):
        return ctypes.sizeof(ctypes.c_void_p)
    return INTEGERS[kind.replace("const", "").strip()]


def numbers(enum: str) -> Dict[str, int]:
    found = re.search(r"typedef enum \{([^}]*)\} " + enum + ";", TEXT)
    assert found is not None, enum
    return {name: int(number) for name, number in re.findall(r"(\w+) = (\d+)", found.group(1))}


def members(struct: str) -> List[str]:
    found = re.search(r"typedef struct \{([^}]*)\} " + struct + ";", TEXT)
    assert found is not None, struct
    return [line.strip() for line in found.group(1).split(";") if line.strip()]


@pytest.mark.parametrize("name", [*_native.QUICK, *_native.SLOW])
def test_each_function_is_declared_as_in_the_header(name: str) -> None:
    result, arguments = {**_native.QUICK, **_native.SLOW}[name]
    found = re.search(r"([\w ]+[ *])" + name + r"\(([^)]*)\);", TEXT)
    assert found is not None, "the header does not know it"
    declared = [part.strip() for part in found.group(2).split(",") if part.strip() != "void"]
    kinds = [
        part if part.endswith("*") else part.rsplit(" ", 1)[0] + "*" * part.rsplit(" ", 1)[1].count("*")
        for part in declared
    ]
    assert [ctypes.sizeof(argument) for argument in arguments] == [size_of(kind) for kind in kinds]
    kind = found.group(1).strip()
    assert (0 if result is None else ctypes.sizeof(result)) == (0 if kind == "void" else size_of(kind))


@pytest.mark.parametrize(
    ("prefix", "enum", "theirs"),
    [
        ("RECORD_", "goaway_record_kind", "GOAWAY_RECORD_KIND_"),
        ("COMMAND_", "goaway_command_kind", "GOAWAY_COMMAND_KIND_"),
        ("ERR_", "goaway_status", "GOAWAY_ERR_"),
    ],
)
def test_each_number_is_that_of_the_header(prefix: str, enum: str, theirs: str) -> None:
    known = numbers(enum)
    ours = {
        name[len(prefix) :]: number
        for name, number in vars(_native).items()
        if name.startswith(prefix) and not name.startswith(prefix + "FLAG_")
    }
    assert ours and all(known[theirs + name] == number for name, number in ours.items())
    if enum != "goaway_status":
        assert len(ours) == len(known)


def test_each_flag_is_that_of_the_header() -> None:
    flags = dict(re.findall(r"#define (GOAWAY_\w+) (\d+)", TEXT))
    assert int(flags["GOAWAY_COMMAND_FLAG_NOTIFY"]) == _native.COMMAND_FLAG_NOTIFY
    assert int(flags["GOAWAY_RECORD_FLAG_END"]) == _native.FLAG_END
    assert int(flags["GOAWAY_RECORD_FLAG_HEAD"]) == _native.FLAG_HEAD
    assert int(flags["GOAWAY_RECORD_FLAG_DRAINING"]) == _native.FLAG_DRAINING
    assert int(flags["GOAWAY_RECORD_FLAG_HTTP_1_1"]) == _native.FLAG_HTTP_1_1
    assert int(flags["GOAWAY_RECORD_FLAG_HTTP_1_0"]) == _native.FLAG_HTTP_1_0
    assert int(flags["GOAWAY_RECORD_FLAG_COOKIES"]) == _native.FLAG_COOKIES
    assert int(flags["GOAWAY_WATCH_SESSIONS"]) == _native.WATCH_SESSIONS
    assert int(flags["GOAWAY_WATCH_PROGRESS"]) == _native.WATCH_PROGRESS


@pytest.mark.parametrize(("enum", "ours"), [("goaway_limit", LIMITS), ("goaway_feature", FEATURES)])
def test_each_limit_and_feature_has_its_number(enum: str, ours: List[str]) -> None:
    known = {name[len(enum) + 1 :].lower(): number for name, number in numbers(enum).items()}
    assert known == {name: number for number, name in enumerate(ours)}


@pytest.mark.parametrize(
    ("struct", "ours"),
    [
        ("goaway_report", _native._Report),
        ("goaway_session_snapshot", _native._SessionInfo),
        ("goaway_batch", _native._Batch),
    ],
)
def test_each_structure_has_its_members(struct: str, ours: Any) -> None:
    fields: List[Any] = ours._fields_
    lines = members(struct)
    assert [re.sub(r"\[\d+\]", "", re.split(r"[ *]", line)[-1]) for line in lines] == [field[0] for field in fields]
    for line, field in zip(lines, fields):
        count = re.search(r"\[(\d+)\]", line)
        expected = int(count.group(1)) if count else size_of(line.rsplit(" ", 1)[0] + "*" * line.count("*"))
        assert ctypes.sizeof(field[1]) == expected, line


@pytest.mark.parametrize(
    ("struct", "ours"), [("goaway_record", dispatcher.RECORD), ("goaway_command", command_buffer.COMMAND)]
)
def test_each_packed_structure_has_its_members(struct: str, ours: Any) -> None:
    codes = {"uint16_t": "H", "uint32_t": "I", "uint64_t": "Q", "goaway_request": "Q", "goaway_session": "Q"}
    assert ours.format == "=" + "".join(codes[line.split(" ")[0]] for line in members(struct))
