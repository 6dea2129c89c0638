"""The code blocks of the READMEs are the files that they name."""

from __future__ import annotations

import re
from pathlib import Path

from serving import PACKAGE

ROOT = PACKAGE.parents[1]


def shown(readme: Path) -> list[tuple[Path, str]]:
    """The blocks of Python that say which file they are."""
    found = re.findall(r"<!-- (\S+\.py) -->\n```python\n(.*?)```", readme.read_text(), re.DOTALL)
    return [(readme.parent / name, block) for name, block in found]


def test_each_block_is_its_file() -> None:
    blocks = shown(ROOT / "README.md")
    assert [file.name for file, _ in blocks] == ["hello.py"]
    for file, block in [*blocks, *shown(PACKAGE / "README.md")]:
        assert block == file.read_text(), file


def test_the_hello_is_short() -> None:
    ((_, block),) = shown(ROOT / "README.md")
    assert block.count("\n") < 15


def test_what_is_installed_for_tests_is_pinned() -> None:
    for line in (PACKAGE / "requirements-test.txt").read_text().splitlines():
        assert not line or line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.]+", line), line
