"""Finds and loads the library."""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import c_void_p
from pathlib import Path
from typing import Any, List

from .declarations import FUNCTIONS
from .functions import QUICK

NAME = "libgoaway.dylib" if sys.platform == "darwin" else "libgoaway.so"

#: The end of the error message if the library cannot be loaded.
SUPPORTED = (
    "goaway's wheels are for Linux on x86-64 with glibc 2.28 or later. Elsewhere, in a clone of "
    "https://github.com/goaway/goaway, run `make build` (it takes Rust 1.88 or later, a C compiler and make), "
    "and set GOAWAY_LIBRARY to the path of build/lib/libgoaway.so."
)


def places() -> List[Path]:
    """The paths at which the library is looked for, in order."""
    chosen = os.environ.get("GOAWAY_LIBRARY")
    if chosen:
        return [Path(chosen)]
    package = Path(__file__).resolve().parents[1]
    return [package / NAME, package.parents[2] / "build" / "lib" / NAME]


class _Library:
    """The functions, each as an attribute named without `goaway_`."""

    def __init__(self, path: str) -> None:
        # PyPy has no PyDLL, which keeps the interpreter's lock during a call.
        quick, slow = getattr(ctypes, "PyDLL", ctypes.CDLL)(path), ctypes.CDLL(path)
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(quick if name in QUICK else slow, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name[len("goaway_") :], function)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def _load() -> _Library:
    if _interpreter() != 0:
        raise ImportError("goaway cannot be imported in a sub-interpreter; import it in the main interpreter")
    tried: List[str] = []
    for place in places():
        try:
            return _Library(str(place))
        except (OSError, AttributeError) as error:
            why = "there is no such file" if not place.exists() else str(error)
            tried.append(f"\n  {place}: {why}")
    raise ImportError(f"{NAME} cannot be loaded on {_platform()}; tried" + "".join(tried) + "\n" + SUPPORTED)


def _platform() -> str:
    import platform  # only needed for the error

    libc = " ".join(platform.libc_ver()) or "another libc than glibc"
    return f"{platform.system()} {platform.machine()} with {libc}"


def _interpreter() -> int:
    """The number of this interpreter; 0 is the main one."""
    api = getattr(ctypes, "pythonapi", None)
    if api is None:
        return 0  # PyPy has only one.
    api.PyInterpreterState_Get.restype = c_void_p
    api.PyInterpreterState_GetID.restype = ctypes.c_int64
    return int(api.PyInterpreterState_GetID(c_void_p(api.PyInterpreterState_Get())))


lib = _load()
