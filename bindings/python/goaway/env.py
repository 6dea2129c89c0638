"""Files of environment variables, as ``--env-file`` names them."""

from __future__ import annotations

import os
import re

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


class EnvError(ValueError):
    """The file cannot be read; the message names the line."""


def load(path: str) -> None:
    """Sets the variables of a file. One that is set already keeps its value.

    Raises EnvError, and then sets nothing.
    """
    for name, value in read(path).items():
        os.environ.setdefault(name, value)


def read(path: str) -> dict[str, str]:
    """The variables of a file: ``NAME=value`` lines, ``#`` comments, ``export`` allowed.

    A value may stand in quotes; in double ones ``\\n``, ``\\t``, ``\\"`` and ``\\\\``
    mean what they mean elsewhere. Nothing is substituted.
    """
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EnvError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            name, value = _assignment(text)
        except EnvError as error:
            raise EnvError(f"{path}, line {number}: {error}") from None
        found[name] = value
    return found


def _assignment(text: str) -> tuple[str, str]:
    if text.startswith("export "):
        text = text[len("export ") :].lstrip()
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not _NAME.fullmatch(name):
        raise EnvError("not of the form NAME=value")
    return name, _value(value.strip())


def _value(text: str) -> str:
    quote = text[:1]
    if quote not in ("'", '"') or not quote:
        # A comment may follow, but "a#b" is one value.
        return re.split(r"\s#", text, maxsplit=1)[0].rstrip()
    pattern = r"'([^']*)'" if quote == "'" else r'"((?:[^"\\]|\\.)*)"'
    match = re.fullmatch(pattern + r"\s*(?:#.*)?", text)
    if match is None:
        raise EnvError("the quote is not closed, or something follows it")
    if quote == "'":
        return match[1]
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), match[1])
