"""THIRD-PARTY-NOTICES names every crate that is linked into the library."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from serving import PACKAGE

ROOT = PACKAGE.parents[1]
SCRIPT = ROOT / "packaging" / "notices.py"

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo knows the crates, and is not here")


@pytest.fixture(scope="module")
def notices() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notices", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["notices"] = module
    spec.loader.exec_module(module)
    return module


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_no_crate_is_missing_and_every_licence_is_known() -> None:
    done = check()
    assert done.returncode == 0, done.stderr


def test_a_missing_crate_is_named(tmp_path: Path) -> None:
    text = (ROOT / "THIRD-PARTY-NOTICES").read_text()
    line = next(line for line in text.splitlines() if line.startswith("- tokio "))
    (tmp_path / "notices").write_text(text.replace(line + "\n", ""))
    done = check(str(tmp_path / "notices"))
    assert done.returncode == 1 and line in done.stderr and "make notices" in done.stderr


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "", "MIT AND GPL-2.0-only", "(MIT OR ISC) AND Nonsense-1.0"])
def test_an_unknown_licence_is_refused(notices: ModuleType, licence: str) -> None:
    with pytest.raises(SystemExit, match="made-up 1"):
        notices.chosen(notices.Crate("made-up", "1", licence, ROOT))


@pytest.mark.parametrize(
    ("licence", "chosen"),
    [
        ("MIT OR Apache-2.0", ["MIT"]),
        ("Apache-2.0/MIT", ["MIT"]),
        ("MIT AND BSD-3-Clause", ["MIT", "BSD-3-Clause"]),
        ("ISC AND (Apache-2.0 OR ISC) AND Apache-2.0", ["ISC", "Apache-2.0"]),
        ("GPL-3.0-only OR Apache-2.0", ["Apache-2.0"]),
    ],
)
def test_one_of_several_licences_is_chosen(notices: ModuleType, licence: str, chosen: list[str]) -> None:
    assert notices.chosen(notices.Crate("made-up", "1", licence, ROOT)) == chosen
