"""The wheel: built here, installed into an empty environment, served from there."""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from serving import APPS, PACKAGE, PATIENCE, curl

from goaway import _native


def run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package in a repository, so that building leaves nothing in ours."""
    root = tmp_path_factory.mktemp("repository")
    shutil.copytree(
        PACKAGE, root / "bindings" / "python", ignore=shutil.ignore_patterns("build", "*.egg-info", "tests")
    )
    shutil.copy(PACKAGE.parents[1] / "Cargo.toml", root)
    (root / "build" / "lib").mkdir(parents=True)
    library = os.environ.get("GOAWAY_LIBRARY") or PACKAGE.parents[1] / "build" / "lib" / "libgoaway.so"
    shutil.copy(library, root / "build" / "lib" / "libgoaway.so")
    return root / "bindings" / "python"


def without_library() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("GOAWAY_LIBRARY", "PYTHONPATH")}


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation"]
    made = run(*pip, "--wheel-dir", str(folder), str(source), env=without_library())
    assert made.returncode == 0, made.stderr
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment that has the wheel and nothing else."""
    root = tmp_path_factory.mktemp("empty")
    venv.create(root, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(root / "bin" / "python")]
    done = run(*pip, "install", "--no-index", "--no-deps", str(wheel), env=without_library())
    assert done.returncode == 0, done.stderr
    return root / "bin"


def test_the_wheel_is_for_any_python_3_on_this_platform(wheel: Path) -> None:
    assert re.fullmatch(r"goaway-\d+\.\d+\.\d+-py3-none-(manylinux_2_\d+_\w+|macosx_\w+)\.whl", wheel.name), wheel.name


def test_the_wheel_has_the_library_and_no_more_than_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        library = archive.getinfo("goaway/libgoaway.so")
        metadata = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    assert "goaway/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"goaway"}
    assert library.file_size < 10_000_000, "without what only debuggers want"
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert all("; extra == " in line for line in required), required


def test_its_tag_says_the_glibc_that_its_library_needs(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        library = archive.extract("goaway/libgoaway.so", tmp_path)
    symbols = run("nm", "-D", "--undefined-only", library).stdout
    needed = max(tuple(map(int, found)) for found in re.findall(r"@GLIBC_(\d+)\.(\d+)", symbols))
    tag = re.search(r"-manylinux_(\d+)_(\d+)_(\w+)\.whl$", wheel.name)
    assert tag is not None and (int(tag[1]), int(tag[2])) == needed, (wheel.name, needed)
    # A library that was built on a newer system than this may need a newer glibc.
    supported = re.search(r"with glibc (\d+)\.(\d+) or later", _native.SUPPORTED)
    assert supported is not None
    newest = tuple(map(int, platform.libc_ver()[1].split(".")))
    assert needed == (int(supported[1]), int(supported[2])) or newest > (2, 36), needed


def test_it_has_the_licences_and_says_where_the_project_is(wheel: Path) -> None:
    root = PACKAGE.parents[1]
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for name in ("LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY-NOTICES"):
            (packed,) = [each for each in names if each.endswith(f".dist-info/licenses/{name}")]
            assert archive.read(packed) == (root / name).read_bytes(), name
        metadata = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    project = re.search(r'^repository = "(.*)"$', (root / "Cargo.toml").read_text(), re.MULTILINE)
    assert project is not None
    urls = dict(re.findall(r"^Project-URL: (\w+), (\S+)$", metadata, re.MULTILINE))
    assert urls["Repository"] == project[1] and all(url.startswith(project[1]) for url in urls.values()), urls
    assert "License-Expression: MIT OR Apache-2.0" in metadata.splitlines()


def test_without_a_library_the_error_says_what_is_supported(tmp_path: Path) -> None:
    wrong = tmp_path / "libgoaway.so"
    wrong.write_bytes(b"no library")
    environment = {**without_library(), "PYTHONPATH": str(PACKAGE), "GOAWAY_LIBRARY": str(wrong)}
    done = run(sys.executable, "-c", "import goaway", env=environment)
    assert done.returncode == 1
    for part in (f"cannot be loaded on {platform.system()} {platform.machine()}", str(wrong), _native.SUPPORTED):
        assert part in done.stderr, done.stderr
    assert "make build" in _native.SUPPORTED and "GOAWAY_LIBRARY" in _native.SUPPORTED


def test_it_serves_from_an_empty_environment(installed: Path) -> None:
    command = [str(installed / "goaway"), "plain:app", "--bind", "127.0.0.1:0", "--report", "--workers", "2"]
    process = subprocess.Popen(command, cwd=APPS, env=without_library(), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().removeprefix("listening on ").strip()
        assert curl(f"http://{address}/") == "Hello, World!"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert process.stdout.readline().startswith("{")
    finally:
        process.kill()
        process.communicate()


def test_the_package_in_it_is_the_one_that_is_used(installed: Path) -> None:
    python = str(installed / "python")
    found = run(python, "-c", "import goaway, sys; print(goaway.__file__)", env=without_library(), cwd="/")
    assert str(installed.parent) in found.stdout, found.stderr
    version = run(python, "-m", "goaway", "--version", env=without_library(), cwd="/")
    assert version.stdout.startswith("goaway 0."), version.stderr


def test_a_source_distribution_is_refused_with_the_reason(source: Path) -> None:
    build = "import setuptools.build_meta as b; b.build_sdist('dist')"
    done = run(sys.executable, "-c", build, cwd=source, env=without_library())
    assert done.returncode != 0
    assert "there is no source distribution of goaway: a wheel is built in the repository" in done.stderr
