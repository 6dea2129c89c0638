"""The package's modules form layers: the table in `goaway/__init__.py` lists them from the top down.

A module imports only from layers below its own and from its own subpackage.
Inside a subpackage no imports form a cycle. Imports for type checkers and
imports inside functions count too.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Iterator

from serving import PACKAGE

BACK_REFERENCES = {
    # `request.server` is public, and a type checker must know its class.
    ("asyncio.request", "asyncio.server"),
}
"""Imports for type checkers only that may close a cycle inside a subpackage."""


def layers(text: str) -> list[list[str]]:
    """The layers of the table, each with its subpackages and modules, from the top down."""
    lines = re.findall(r"^#   ([\w, ]+):", text, re.MULTILINE)
    return [[name.strip() for name in line.split(",")] for line in lines]


def modules(root: Path) -> dict[str, Path]:
    """Every module below the folder by its dotted name; "" is the package itself."""
    found = {}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the package that a module imports."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    package = [part for part in package if part]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            froms = [(alias.name.split("."), "") for alias in node.names if alias.name.split(".")[0] == "goaway"]
            yield from (".".join(parts[1:]) for parts, _ in froms)
        elif isinstance(node, ast.ImportFrom):
            source = (node.module or "").split(".") if node.module else []
            if node.level:
                source = package[: len(package) - node.level + 1] + source
            elif source[:1] == ["goaway"]:
                source = source[1:]
            else:
                continue
            for alias in node.names:
                inner = ".".join([*source, alias.name])
                yield inner if inner in known else ".".join(source)


def problems(root: Path) -> list[str]:
    """What is wrong with the imports below the folder."""
    place = {name: row for row, names in enumerate(layers((root / "__init__.py").read_text())) for name in names}
    known = modules(root)
    graph: dict[str, set[str]] = {}
    wrong = []
    for name, path in sorted(known.items()):
        own = name.split(".")[0]
        if own in ("", "__main__"):
            continue  # The top: users and `python -m goaway` start here.
        if own not in place:
            wrong.append(f"{own} is not in the table of goaway/__init__.py")
            continue
        for other in imports(name, path, known):
            layer = other.split(".")[0]
            if layer == own:
                graph.setdefault(name, set()).add(other)
            elif layer not in place:
                wrong.append(f"{name} imports {other or 'goaway'}, which is not in the table")
            elif place[layer] <= place[own]:
                wrong.append(f"{name} imports {other}, which is not below it")
    wrong += [f"{name} is in the table, but there is no such module" for name in place if name not in known]
    for name, other in BACK_REFERENCES:
        graph.get(name, set()).discard(other)
    return wrong + [" imports ".join(cycle) for cycle in cycles(graph)]


def cycles(graph: dict[str, set[str]]) -> Iterator[list[str]]:
    """A cycle through each module that is part of one."""
    for start in sorted(graph):
        seen, paths = {start}, [[start]]
        while paths:
            path = paths.pop()
            for other in sorted(graph.get(path[-1], ())):
                if other == start:
                    yield [*path, start]
                    paths.clear()
                    break
                if other not in seen:
                    seen.add(other)
                    paths.append([*path, other])


def test_each_module_imports_only_what_is_below_it() -> None:
    root = PACKAGE / "goaway"
    found = problems(root)
    assert not found, "\n".join(found)
    known = modules(root)
    used = sum(1 for name, path in known.items() for _ in imports(name, path, known))
    assert used > 200, f"only {used} imports were found"


def test_back_references_are_for_type_checkers_only() -> None:
    known = modules(PACKAGE / "goaway")
    for name, other in BACK_REFERENCES:
        tree = ast.parse(known[name].read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = [ast.Pass()]
        copy = ast.unparse(tree)
        assert f"from .{other.split('.')[-1]} import" not in copy, name


def test_each_subpackage_is_installed() -> None:
    root = PACKAGE / "goaway"
    listed = re.search(r"^packages = \[([^\]]*)\]$", (PACKAGE / "pyproject.toml").read_text(), re.MULTILINE)
    assert listed is not None
    folders = [f"goaway.{path.parent.relative_to(root)}".rstrip(".") for path in root.rglob("__init__.py")]
    assert sorted(folders) == re.findall(r'"([\w.]+)"', listed[1])


def test_the_check_finds_what_it_is_for(tmp_path: Path) -> None:
    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    write("__init__.py", "#   top: users\n#   left, right: siblings\n#   base: values\n")
    write("base.py", "")
    for name in ("top", "left", "right"):
        write(f"{name}/__init__.py", "")
    write("top/main.py", "from ..left.one import x\nfrom .. import base\n")
    write("left/one.py", "from typing import TYPE_CHECKING\nfrom ..base import x\n")
    write("right/one.py", "import goaway.base\n")
    assert problems(tmp_path) == []
    write("base.py", "def later():\n    from .left import one\n")
    assert problems(tmp_path) == ["base imports left.one, which is not below it"]
    write("base.py", "")
    write("right/one.py", "from goaway.left.one import x\n")
    assert problems(tmp_path) == ["right.one imports left.one, which is not below it"]
    write("right/one.py", "")
    write("left/two.py", "from . import one\n")
    write("left/one.py", "if TYPE_CHECKING:\n    from .two import x\n")
    assert problems(tmp_path) == [
        "left.one imports left.two imports left.one",
        "left.two imports left.one imports left.two",
    ]
    write("left/two.py", "")
    write("other.py", "")
    assert problems(tmp_path) == ["other is not in the table of goaway/__init__.py"]
