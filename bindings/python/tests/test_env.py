"""Files of environment variables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from goaway.worker import env_file


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
    assert env_file.read(file) == {
        "A": "1", "B": "two words", "C": "a#b", "D": "single $A \\n", "E": 'line\nnext "quoted" \\', "F": "", "G": "",
        "H": "x=y", "I": "ü",
    }  # fmt: skip


def test_what_is_set_already_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOAWAY_TEST_OLD", "old")
    monkeypatch.setenv("GOAWAY_TEST_NEW", "to be restored")
    monkeypatch.delenv("GOAWAY_TEST_NEW")
    env_file.load(write(tmp_path, "GOAWAY_TEST_OLD=new\nGOAWAY_TEST_NEW=new\n"))
    assert os.environ["GOAWAY_TEST_OLD"] == "old"
    assert os.environ["GOAWAY_TEST_NEW"] == "new"


@pytest.mark.parametrize("line", ["A", "1A=x", "=x", "A B=x", "A='x", 'A="x', "A='x' y"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    file = write(tmp_path, f"GOOD=1\n{line}\n")
    with pytest.raises(env_file.EnvError) as error:
        env_file.read(file)
    assert str(error.value).startswith(f"{file}, line 2: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(env_file.EnvError, match="No such file"):
        env_file.read(str(tmp_path / "none"))


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"\xef\xbb\xbfA=1\r\nB=2\r\n")
    assert env_file.read(str(file)) == {"A": "1", "B": "2"}


def test_a_quoted_value_goes_over_lines(tmp_path: Path) -> None:
    text = """KEY="-----BEGIN KEY-----
ab=c  # no comment
A=none

-----END KEY-----"  # a comment
QUERY='select
  1'
NONE=   # a comment
LAST=it's
"""
    assert env_file.read(write(tmp_path, text)) == {
        "KEY": "-----BEGIN KEY-----\nab=c  # no comment\nA=none\n\n-----END KEY-----", "QUERY": "select\n  1",
        "NONE": "", "LAST": "it's",
    }  # fmt: skip


def test_an_open_quote_is_told_where_it_begins(tmp_path: Path) -> None:
    with pytest.raises(env_file.EnvError, match="line 3: the quote is not closed"):
        env_file.read(write(tmp_path, 'A="x\ny"\nB="\nC=1\n\nD=2\n'))


def test_a_nul_is_refused(tmp_path: Path) -> None:
    with pytest.raises(env_file.EnvError, match="line 2: a NUL"):
        env_file.read(write(tmp_path, "A=1\nB=x\0y\n"))
