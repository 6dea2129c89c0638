#!/usr/bin/env python3
"""Writes what the package declares of the library from include/goaway.json (`make header`)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(__file__).resolve().parent / "goaway" / "_native" / "declarations.py"

HEAD = '''"""What `include/goaway.json` says, for ctypes. Written by `bindings/python/declare.py`: do not edit."""

from __future__ import annotations

import ctypes
from ctypes import {}
from typing import Any, Dict, Tuple
'''

NUMBERS = {
    "bool": "c_bool",
    "char": "c_char",
    "int": "c_int",
    "int32_t": "c_int32",
    "size_t": "c_size_t",
    "uint8_t": "c_uint8",
    "uint16_t": "c_uint16",
    "uint32_t": "c_uint32",
    "uint64_t": "c_uint64",
    "goaway_status": "c_int32",
}


class Declarations:
    def __init__(self, interface: Dict[str, Any]) -> None:
        self.interface = interface
        self.ids = {item["name"]: item["type"] for item in interface["ids"]}
        self.enums = {item["name"] for item in interface["enums"]}

    def number(self, kind: str) -> str:
        if kind not in NUMBERS and kind in self.enums:
            return "c_uint32"
        return NUMBERS[self.ids.get(kind, kind)]

    def pointer(self, value: Dict[str, Any]) -> str:
        """How ctypes takes a pointer: whatever leads to bytes, in or out, as such."""
        target = value["type"].replace("const", "").replace("*", "", 1).strip()
        if value["kind"] == "text":
            return "c_char_p"
        if value["kind"] == "struct":
            return f"POINTER({target})"
        if value["kind"] == "scalar":
            return f"POINTER({'c_char_p' if '*' in target else self.number(target)})"
        return "c_void_p"

    def type(self, value: Dict[str, Any]) -> str:
        if value["kind"] == "void":
            return "None"
        if "*" in value["type"]:
            return self.pointer(value)
        if value["kind"] == "callback":
            return "c_void_p"
        if value["kind"] == "struct":
            return str(value["type"])
        count = f" * {value['count']}" if "count" in value else ""
        return self.number(value["type"]) + count

    def numbers(self) -> List[str]:
        lines = [f"{item['name'][7:]} = {item['value']}" for item in self.interface["constants"]]
        for enum in self.interface["enums"]:
            lines += ["", f"# {enum['name']}"]
            lines += [f"{member['name'][7:]} = {member['value']}" for member in enum["members"]]
        return lines

    def names(self, enum: str) -> List[str]:
        """The names of an enum in lower case; the place of each is its number."""
        found = next(item for item in self.interface["enums"] if item["name"] == enum)
        names = [member["name"][len(enum) + 1 :].lower() for member in found["members"]]
        assert [member["value"] for member in found["members"]] == list(range(len(names)))
        return names

    def structures(self) -> List[str]:
        lines: List[str] = []
        left = list(self.interface["structs"])
        while left:
            # What a structure holds stands before it.
            known = [item["name"] for item in self.interface["structs"] if item not in left]
            names = {item["name"] for item in self.interface["structs"]} - set(known)
            ready = next(item for item in left if not any(self.needed(member, names) for member in item["members"]))
            left.remove(ready)
            lines += ["", "", f"class {ready['name']}(ctypes.Structure):", "    _fields_ = ["]
            lines += [f'        ("{member["name"]}", {self.type(member)}),' for member in ready["members"]]
            lines += ["    ]"]
        return lines

    def needed(self, member: Dict[str, Any], names: "set[str]") -> bool:
        return member["kind"] == "struct" and any(name in self.type(member) for name in names)

    def functions(self) -> List[str]:
        lines = ["", "", "#: Result and arguments of each function."]
        lines += ["FUNCTIONS: Dict[str, Tuple[Any, Tuple[Any, ...]]] = {"]
        for function in self.interface["functions"]:
            arguments = "".join(f"{self.type(value)}, " for value in function["arguments"])
            lines += [f'    "{function["name"]}": ({self.type(function["result"])}, ({arguments.strip()})),']
        waiting = [function["name"] for function in self.interface["functions"] if function["blocks"]]
        lines += ["}", "", "#: Those that may wait.", "BLOCKING = frozenset((", *(f'    "{name}",' for name in waiting)]
        return [*lines, "))"]


def generate() -> str:
    declarations = Declarations(json.loads((ROOT / "include" / "goaway.json").read_text()))
    numbers = declarations.numbers()
    structures = [item["name"] for item in declarations.interface["structs"]]
    names = (
        [line.split(" ")[0] for line in numbers if line[:1].isalpha()]
        + structures
        + ["BLOCKING", "FEATURES", "FUNCTIONS", "LIMITS"]
    )
    names = ["__all__ = [", *(f'    "{name}",' for name in sorted(names)), "]", ""]
    lines = [*names, *numbers, *declarations.structures(), *declarations.functions()]
    text = "\n".join(lines)
    used = sorted(set(re.findall(r"\bc_\w+|POINTER", text)))
    for name, enum in (("LIMITS", "goaway_limit"), ("FEATURES", "goaway_feature")):
        listed = "".join(f'    "{member}",\n' for member in declarations.names(enum))
        text += f"\n\n#: {enum}: the place is the number.\n{name} = [\n{listed}]"
    return HEAD.format(", ".join(used)) + "\n" + text + "\n"


if __name__ == "__main__":
    TARGET.write_text(generate())
