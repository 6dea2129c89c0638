"""Installs an application into a folder of its own below build/applications, once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "build" / "applications"
PYTHON_PACKAGE = REPOSITORY / "bindings" / "python"
NODE_PACKAGE = REPOSITORY / "bindings" / "node"


class InstallError(Exception):
    """An application cannot be installed; the message has the installer's last lines."""


def python(name: str, requirements: tuple[str, ...]) -> Path:
    """Makes a virtual environment with `requirements`, unless it is there
    already, and gives its interpreter. goaway is the one of this repository."""
    folder = BUILD / name / "venv"
    interpreter = folder / "bin" / "python"
    if not _is_fresh(folder, requirements):
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        _run(str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--prefer-binary", *requirements)  # fmt: skip
        library = next((folder / "lib").glob("python3.*/site-packages"))
        # Searched after everything installed, so that it hides no package.
        (library / "goaway.pth").write_text(f"{PYTHON_PACKAGE}\n")
        _mark_fresh(folder, requirements)
    return interpreter


def node(name: str, requirements: tuple[str, ...]) -> Path:
    """Makes a folder whose node_modules has `requirements` ("express@5.1.0") and
    a link to goaway of this repository, unless it is there already, and gives it."""
    folder = BUILD / name / "npm"
    if not _is_fresh(folder, requirements):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps({"name": f"application-{name}", "private": True}))
        _run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder),
             *requirements, f"goaway@file:{NODE_PACKAGE}")  # fmt: skip
        _mark_fresh(folder, requirements)
    return folder


def _is_fresh(folder: Path, requirements: tuple[str, ...]) -> bool:
    stamp = folder / "installed"
    return stamp.exists() and stamp.read_text() == _said(requirements)


def _mark_fresh(folder: Path, requirements: tuple[str, ...]) -> None:
    (folder / "installed").write_text(_said(requirements))


def _said(requirements: tuple[str, ...]) -> str:
    return "".join(f"{requirement}\n" for requirement in requirements)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise InstallError("\n".join([" ".join(command), *said[-8:]]))
