"""Files of environment variables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from goaway import env


def write(folder: Path, text: str) -> str:
    file = folder / "env"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_value_may_be_bare_or_in_quotes(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
# a comment
A=1
export B = two words   # a comment
C=a#b
D='single $A \\n'  # a comment
E="line\\nnext \\"quoted\\" \\\\"
F=
G=""
H=x=y
I=ü
""",
    )
    assert env.read(file) == {
        "A": "1", "B": "two words", "C": "a#b", "D": "single $A \\n", "E": 'line\nnext "quoted" \\', "F": "", "G": "",
        "H": "x=y", "I": "ü",
    }  # fmt: skip


def test_what_is_set_already_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOAWAY_TEST_OLD", "old")
    monkeypatch.setenv("GOAWAY_TEST_NEW", "to be restored")
    monkeypatch.delenv("GOAWAY_TEST_NEW")
    env.load(write(tmp_path, "GOAWAY_TEST_OLD=new\nGOAWAY_TEST_NEW=new\n"))
    assert os.environ["GOAWAY_TEST_OLD"] == "old"
    assert os.environ["GOAWAY_TEST_NEW"] == "new"


@pytest.mark.parametrize("line", ["A", "1A=x", "=x", "A B=x", "A='x", 'A="x', "A='x' y"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    file = write(tmp_path, f"GOOD=1\n{line}\n")
    with pytest.raises(env.EnvError) as error:
        env.read(file)
    assert str(error.value).startswith(f"{file}, line 2: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(env.EnvError, match="No such file"):
        env.read(str(tmp_path / "none"))
