"""Parses the files of environment variables that ``--env-file`` names."""

from __future__ import annotations

import os
import re

#: A variable: its name, and its value in single quotes, in double quotes (both may contain line
#: breaks), or without quotes up to the end of the line.
_VARIABLE = re.compile(
    r"""[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*="""
    r"""(?:[ \t]*(?:'([^']*)'|"((?:[^"\\]|\\.)*)")[ \t]*(?:\#[^\n]*)?|((?![ \t]*['"])[^\n]*))(?:\n|\Z)""",
    re.DOTALL,
)
_BLANK = re.compile(r"[ \t]*(?:\#[^\n]*)?(?:\n|\Z)")
_ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


class EnvError(ValueError):
    """The file cannot be read or parsed. The message names the line."""


def load(path: str) -> None:
    """Sets the environment variables of a file, except those that are set already.

    Raises EnvError, and sets nothing then.
    """
    for name, value in read(path).items():
        os.environ.setdefault(name, value)


def read(path: str) -> dict[str, str]:
    """Parses a file: ``NAME=value`` lines, ``#`` comments, ``export`` allowed.

    A value in quotes may contain line breaks; double quotes have the escapes ``\\n``,
    ``\\r``, ``\\t``, ``\\"``, ``\\$`` and ``\\\\``. Variables in values are not substituted. The
    file is UTF-8, with or without a byte order mark.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise EnvError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        blank = _BLANK.match(text, at)
        if blank is not None:
            at = blank.end()
            continue
        variable = _VARIABLE.match(text, at)
        problem = _problem(text, at) if variable is None else "a NUL character" if "\0" in variable[0] else None
        if variable is None or problem is not None:
            raise EnvError(f"{path}, line {text.count(chr(10), 0, at) + 1}: {problem}")
        found[variable[1]] = _value(variable)
        at = variable.end()
    return found


def _problem(text: str, at: int) -> str:
    """Why there is no variable at this position."""
    if _ASSIGNMENT.match(text, at) is None:
        return "not of the form NAME=value"
    return "the quote is not closed, or text follows it"


def _value(variable: re.Match[str]) -> str:
    _, single, double, bare = variable.groups()
    if single is not None:
        return str(single)
    if double is not None:
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), double, flags=re.DOTALL)
    # White space and "#" begin a comment; "a#b" is a value.
    return re.split(r"\s#", bare, maxsplit=1)[0].strip()
