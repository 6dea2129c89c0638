"""Adds the library to the wheel. All settings that need no code are in pyproject.toml."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.errors import SetupError

ROOT = Path(__file__).resolve().parents[2]
#: The build folder. It is emptied each time, so that no old file gets into a wheel.
SCRATCH = ROOT / "build" / "python"
LIBRARY = "libgoaway.dylib" if sys.platform == "darwin" else "libgoaway.so"


def library() -> Path:
    """The library: GOAWAY_LIBRARY, or that of `make library`, which is run if necessary."""
    chosen = os.environ.get("GOAWAY_LIBRARY")
    if chosen:
        if not Path(chosen).is_file():
            raise SetupError(f"GOAWAY_LIBRARY is {chosen}: there is no such file")
        return Path(chosen)
    built = ROOT / "build" / "lib" / LIBRARY
    if not built.exists():
        if not (ROOT / "Cargo.toml").exists():
            raise SetupError(
                f"neither {built} nor the sources of the library exist; set GOAWAY_LIBRARY to a built library"
            )
        if shutil.which("cargo") is None or shutil.which("make") is None:
            raise SetupError(
                f"{built} does not exist. Building it needs Rust 1.88 or later (cargo), make and a C compiler; "
                "or set GOAWAY_LIBRARY to a built library. There are wheels for Linux on x86-64 with glibc 2.28 "
                "or later"
            )
        subprocess.run(["make", "library"], cwd=ROOT, check=True)
    return built


def version() -> str:
    """The version, from the manifest of the library."""
    manifest = ROOT / "Cargo.toml"
    if not manifest.exists():
        raise SetupError(f"{manifest} does not exist: goaway can only be built in its repository")
    found = re.search(r'^version = "(.*)"$', manifest.read_text(), re.MULTILINE)
    assert found is not None, f"no version in {manifest}"
    return found[1]


class BuildWithLibrary(build_py):
    """Copies the library into the package, without debug information."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "goaway" / LIBRARY
        shutil.copyfile(library().resolve(), target)
        strip = shutil.which("strip")
        if strip is not None and sys.platform != "darwin":
            subprocess.run([strip, "--strip-unneeded", str(target)], check=True)


class Binary(Distribution):
    """A distribution for one platform, although it has no extension module."""

    def has_ext_modules(self) -> bool:
        return True


class PlatformWheel(bdist_wheel):
    """A wheel for every Python 3 on this platform."""

    def get_tag(self) -> "tuple[str, str, str]":
        return "py3", "none", platform()


def platform() -> str:
    """The platform tag. On Linux it contains the oldest glibc that the library runs with."""
    name = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if not name.startswith("linux_"):
        return name
    needed = re.findall(rb"GLIBC_(\d+)\.(\d+)", library().read_bytes())
    if not needed:
        return name
    major, minor = max((int(major), int(minor)) for major, minor in needed)
    return f"manylinux_{major}_{minor}_{name[len('linux_') :]}"


class NoSourceDistribution(sdist):
    """Refuses a source distribution: the core is written in Rust and is outside this folder."""

    def run(self) -> None:
        raise SetupError(
            "there is no source distribution of goaway: a wheel is built in the repository, "
            "by `make wheel` or `pip wheel ./bindings/python`"
        )


shutil.rmtree(SCRATCH, ignore_errors=True)
SCRATCH.mkdir(parents=True)
setup(
    options={"build": {"build_base": str(SCRATCH)}, "egg_info": {"egg_base": str(SCRATCH)}},
    version=version(),
    distclass=Binary,
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel, "sdist": NoSourceDistribution},
)
