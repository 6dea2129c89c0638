"""Compares two responses to the same request, without what legitimately differs."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import Callable

from visitor import Exchange


@dataclass(frozen=True)
class Rule:
    """What may differ, and why. One of: a field that is left out; a pattern
    that is replaced in field values and bodies."""

    reason: str
    #: The name of a field.
    field: str = ""
    #: What is replaced by "*": its first group, or all of it.
    pattern: str = ""
    #: Whether it concerns that response; all of them if it is not given.
    where: Callable[[Exchange], bool] | None = None


def is_compressed(exchange: Exchange) -> bool:
    """Where a random part changes the length of the whole."""
    return any(name == "content-encoding" for name, _ in exchange.fields)


def _opens_websocket(exchange: Exchange) -> bool:
    return exchange.status == 101


def _has_no_content(exchange: Exchange) -> bool:
    length = dict(exchange.fields).get("content-length")
    return exchange.status == 204 or (exchange.status == 304 and length == "0")


EVERYWHERE = (
    Rule("the time of the response", field="date"),
    Rule("names the server software", field="server"),
    Rule("of one connection, HTTP/2 has none (RFC 9110, 7.6.1)", field="connection"),
    Rule("of one connection, HTTP/2 has none (RFC 9110, 7.6.1)", field="keep-alive"),
    Rule("how HTTP/1.1 frames a body whose length is not known", field="transfer-encoding"),
    Rule(
        "a length that must not be there, or is not that of a 200 (RFC 9110, 8.6)",
        field="content-length",
        where=_has_no_content,
    ),
    Rule("counts from the time of the response", pattern=r"(?i)^set-cookie: .*expires=(?!Thu, 01 Jan 1970)([^;]+)"),
    Rule("follows from a random key of the client", field="sec-websocket-accept", where=_opens_websocket),
    Rule(
        "goaway does not compress messages, it need not (RFC 7692, 5)",
        field="sec-websocket-extensions",
        where=_opens_websocket,
    ),
    Rule("the upgrade is HTTP/1.1's own field", field="upgrade", where=_opens_websocket),
)


def differences(
    ours: list[Exchange], reference: list[Exchange], rules: tuple[Rule, ...]
) -> list[tuple[str, list[str]]]:
    """Each check of the two visits with what differs in it, which may be nothing."""
    rules = EVERYWHERE + rules
    return [
        (one.check if one else other.check if other else "", _difference(one, other, rules))
        for one, other in zip_longest(ours, reference)
    ]


def _difference(ours: Exchange | None, reference: Exchange | None, rules: tuple[Rule, ...]) -> list[str]:
    if ours is None or reference is None:
        return [f"{'goaway' if ours is None else 'the reference'}'s visit ended before it"]
    if ours.check != reference.check:
        return [f"goaway's visit: {_summary(ours)}", f"the reference's visit: {_summary(reference)}"]
    if not ours.status and not reference.status:
        return [f"no response from either: {_summary(ours)}"]
    found = []
    if ours.status != reference.status:
        found.append(f"status: {ours.status}, reference {reference.status}")
    fields = _fields(ours, rules)
    if _tells_length(ours) and not _has(reference, "content-length"):
        fields.remove(f"content-length: {ours.received}")
    found += _diff("fields", fields, _fields(reference, rules))
    found += _bodies(ours, reference, rules)
    return found


def _tells_length(exchange: Exchange) -> bool:
    """Whether it tells the length of its body, and rightly: goaway does so where
    an application gives the whole body at once. To HEAD it must not invent one."""
    told = ("content-length", str(exchange.received)) in exchange.fields
    return told and not exchange.check.startswith("HEAD ")


def _has(exchange: Exchange, name: str) -> bool:
    return any(field[0] == name for field in exchange.fields)


def _summary(exchange: Exchange) -> str:
    return f"{exchange.check}: {exchange.status} {exchange.body[:500]!r}"


def _fields(exchange: Exchange, rules: tuple[Rule, ...]) -> list[str]:
    """Sorted: the order matters within one name only, which sorting by name keeps."""
    dropped = {rule.field for rule in rules if rule.field and _applies(rule, exchange)}
    kept = sorted((field for field in exchange.fields if field[0] not in dropped), key=lambda field: field[0])
    return [_replace(f"{name}: {value}", exchange, rules) for name, value in kept]


def _bodies(ours: Exchange, reference: Exchange, rules: tuple[Rule, ...]) -> list[str]:
    if ours.body == reference.body:
        return []
    try:
        texts = [_replace(exchange.body.decode(), exchange, rules) for exchange in (ours, reference)]
    except UnicodeDecodeError:
        place = next((at for at, (a, b) in enumerate(zip(ours.body, reference.body)) if a != b), None)
        return [f"body: {len(ours.body)} bytes, reference {len(reference.body)}, the first difference at {place}"]
    return [] if texts[0] == texts[1] else _diff("body", *map(_lines, texts))


def _lines(text: str) -> list[str]:
    try:
        return json.dumps(json.loads(text), indent=1).splitlines()
    except ValueError:
        return text.splitlines()


def _replace(text: str, exchange: Exchange, rules: tuple[Rule, ...]) -> str:
    for rule in rules:
        if rule.pattern and _applies(rule, exchange):
            text = re.sub(rule.pattern, _starred, text)
    return text


def _starred(match: re.Match[str]) -> str:
    if not match.re.groups:
        return "*"
    whole, start = match[0], match.start()
    return whole[: match.start(1) - start] + "*" + whole[match.end(1) - start :]


def _applies(rule: Rule, exchange: Exchange) -> bool:
    return rule.where is None or rule.where(exchange)


def _diff(what: str, ours: list[str], reference: list[str]) -> list[str]:
    lines = difflib.unified_diff(reference, ours, f"{what}, reference", f"{what}, goaway", lineterm="", n=1)
    return list(lines)
