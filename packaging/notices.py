"""Writes THIRD-PARTY-NOTICES: the licences of everything that is linked into the library.

`make notices` runs it. It reads what cargo has fetched and takes the licence
files of each crate. A text that several crates share is printed once. With
--check it only compares, and exits with 1 if something is missing or stale.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "THIRD-PARTY-NOTICES"

#: The licences that may be linked into the library, in the order in which one is
#: chosen where a crate offers several.
KNOWN = ["MIT", "ISC", "BSD-3-Clause", "MIT-0", "Unicode-3.0", "Zlib", "Apache-2.0"]

LICENCE_FILE = re.compile(r"^(licen[sc]e|copying|notice|copyright)", re.IGNORECASE)

INTRODUCTION = """\
Third-party notices

The shared and the static library of goaway contain the crates below. goaway
itself is under MIT or Apache 2.0, see LICENSE-MIT and LICENSE-APACHE.
Made by `make notices`; do not edit.
"""

PLATFORMS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]

#: In the library, but in no crate that cargo knows.
STANDARD_LIBRARY = """\
The library also contains the standard library of Rust and the crates inside it
(addr2line, adler2, cfg-if, gimli, hashbrown, libc, memchr, miniz_oxide, object,
rustc-demangle). Copyright The Rust Project Developers and the authors of these
crates. They are under MIT or Apache 2.0, memchr under MIT or the Unlicense; the
text of Apache 2.0 is below, and that of MIT is the one of LICENSE-MIT.
"""


class Crate(NamedTuple):
    name: str
    version: str
    licence: str
    folder: Path


def cargo(*arguments: str) -> str:
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def linked() -> list[Crate]:
    """The crates that are linked: no build scripts, no macros, no tests."""
    tree = cargo(
        *("tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--no-dedupe"),
        *("--format", "{p}", *(f"--target={platform}" for platform in PLATFORMS)),
    )
    wanted = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    platforms = [f"--filter-platform={platform}" for platform in PLATFORMS]
    packages = json.loads(cargo("metadata", "--locked", "--format-version", "1", *platforms))["packages"]
    crates = [
        Crate(package["name"], package["version"], package["license"] or "", Path(package["manifest_path"]).parent)
        for package in packages
        if (package["name"], f"v{package['version']}") in wanted and package["source"] is not None
    ]
    return sorted(crates)


def alternatives(licence: str) -> list[list[str]]:
    """The parts of an SPDX expression that must all be met, each as its alternatives."""
    flat = licence.replace("/", " OR ")
    parts = re.split(r"\s+AND\s+(?![^(]*\))", flat)
    return [re.findall(r"[\w.+-]+", re.sub(r"\bOR\b", " ", part)) for part in parts]


def chosen(crate: Crate) -> list[str]:
    """The licences under which the crate is used; ends the program if one is unknown."""
    found = []
    for part in alternatives(crate.licence):
        known = [name for name in KNOWN if name in part]
        if not known:
            sys.exit(f"notices: {crate.name} {crate.version} is under {crate.licence or 'no licence'!r}, unknown here")
        if known[0] not in found:
            found.append(known[0])
    return found


def texts(crate: Crate) -> list[str]:
    """The licence files that belong to what was chosen; all of them where their names do not tell."""
    files = sorted(path for path in crate.folder.iterdir() if path.is_file() and LICENCE_FILE.match(path.name))
    if not files:
        sys.exit(f"notices: {crate.name} {crate.version} has no licence file in {crate.folder}")
    others = [name.split("-")[0].upper() for name in KNOWN if name not in chosen(crate)]
    fitting = [path for path in files if not any(other in path.name.upper() for other in others)]
    return [normal(path.read_text(encoding="utf-8", errors="replace")) for path in fitting or files]


def normal(text: str) -> str:
    lines = [line.rstrip() for line in text.replace("\f", "").strip("\n").splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


def notices() -> str:
    crates = linked()
    apache = normal((ROOT / "LICENSE-APACHE").read_text())
    users: dict[str, list[Crate]] = {apache: []}
    for crate in crates:
        for text in texts(crate):
            users.setdefault(text, []).append(crate)
    listed = [f"- {crate.name} {crate.version}: {crate.licence}" for crate in crates]
    parts = [INTRODUCTION, "\n".join(listed) + "\n", STANDARD_LIBRARY]
    for text, some in sorted(users.items(), key=lambda item: [crate[:2] for crate in item[1]]):
        names = [f"{crate.name} {crate.version}" for crate in some] or ["the standard library of Rust"]
        parts.append("\n".join(["-" * 80, *names]) + "\n\n" + text)
    return "\n".join(parts)


def check(path: Path) -> None:
    """Ends the program with a message unless the file says what `notices` makes."""
    wanted = notices()
    committed = path.read_text(encoding="utf-8")
    lines = committed.splitlines()
    missing = [line for line in wanted.splitlines() if line.startswith("- ") and line not in lines]
    if missing:
        sys.exit(f"notices: {path} lacks\n" + "\n".join(missing) + "\nrun `make notices`")
    if committed != wanted:
        sys.exit(f"notices: {path} is stale; run `make notices`")


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--check"]:
        check(Path(arguments[1]) if arguments[1:] else OUTPUT)
    else:
        OUTPUT.write_text(notices(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
