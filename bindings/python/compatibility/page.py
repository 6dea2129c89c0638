"""The page about how goaway compares with other ASGI servers, made of what was observed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from cases import CASES

OBSERVED = Path(__file__).resolve().parent / "observed.json"
PAGE = Path(__file__).resolve().parents[3] / "docs" / "python-servers.md"

LIFESPAN = "Lifespan, `auto`"
LIFESPANS = {
    "startup_raises": "raises after `lifespan.startup`",
    "startup_refuses": "raises at once",
    "startup_exits": "`SystemExit`",
    "startup_fails": "`lifespan.startup.failed`",
    "startup_returns": "returns without an outcome",
    "startup_unknown": "sends a type there is not",
    "startup_shuts_down": "`lifespan.shutdown.complete` first",
    "startup_twice": "`lifespan.startup.complete` twice",
    "startup_and_gone": "returns after the startup",
    "startup_and_dead": "raises after the startup",
}

#: Why goaway does what none of the others does.
REASONS: Dict[str, str] = {
    "Scope: two fields `cookie`": "Frameworks read only the first one. Over HTTP/2 browsers do send several, and "
    "RFC 9113, section 8.2.3 requires one; the application sees the same over HTTP/1.1.",
    "Status: 205 with a body": "A 205 has no body (RFC 9110, section 15.3.6): it is dropped, with a line in the log.",
    "Fields of a response: `transfer-encoding: chunked`": "The server frames the body: the field is "
    "left out, as HTTP/2 requires, and a body of known length is sent with its length.",
    "Misuse of send: body as text": "`send` raises before anything was sent, so that the client gets 500.",
    "Misuse of send: returns within the body": "The connection is reset at once: what was written in the same turn of the "
    "loop is not sent. Over HTTP/2 the stream is reset.",
    "Misuse of send: raises within the body": "As above.",
    "Misuse of send: body shorter than its length; `send`": "A complete body is compared with its length before "
    "anything is sent.",
    "Misuse of send: body longer than its length; `send`": "As above.",
    "A client that leaves: before the response: `receive`, then `send`": "`send` raises an OSError, "
    "as ASGI 2.4 requires, so that the application stops.",
    "A client that leaves: within the response: `send`, then `receive`": "As above.",
    "HTTP/2: `extensions`": "Server push is not offered, because clients no longer support it; files by name only with "
    "`--pathsend`, because middleware that expects bodies would fail.",
    "HTTP/2: returns within the body": "The stream is reset at once, with INTERNAL_ERROR: what was written in the same "
    "turn of the loop is not sent.",
    "HTTP/2: raises within the body": "As above.",
    "WebSocket: returns after it has accepted": "An application that returns has finished, which is 1000; a failure is 1011.",
}


def key(group: str, title: str) -> str:
    return f"{group}: {title}"


def rows() -> "List[tuple[str, str]]":
    return [(case.group, case.title) for case in CASES] + [(LIFESPAN, title) for title in LIFESPANS.values()]


def stands_alone(outcomes: Dict[str, Dict[str, str]], row: str) -> bool:
    """Whether goaway does what none of the others does."""
    return all(theirs[row] != outcomes["goaway"][row] for name, theirs in outcomes.items() if name != "goaway")


def render(observed: Dict[str, Any]) -> str:
    outcomes: Dict[str, Dict[str, str]] = observed["outcomes"]
    versions = ", ".join(f"{name} {version}" for name, version in observed["versions"].items())
    lines = [HEAD.format(versions=versions)]
    before = ""
    for group, title in rows():
        if group != before:
            before = group
            lines += [f"\n## {group}", f"| | {' | '.join(outcomes)} |", "|---|" + "---|" * len(outcomes)]
        row = key(group, title)
        cells = [shown(theirs[row]) for theirs in outcomes.values()]
        reason = REASONS.get(row)
        lines.append(f"| {title} | {' | '.join(cells)} |")
        if reason is not None:
            lines.append(f"| ↳ *{reason}* |{' |' * len(outcomes)}")
    return "\n".join(lines) + "\n"


def shown(outcome: str) -> str:
    return outcome.replace("|", "\\|")


HEAD = """# goaway beside other ASGI servers

This page compares how ASGI servers behave. The same small applications \
([`application.py`](../bindings/python/compatibility/application.py)) run on goaway, {versions}, each with its defaults, \
and get the same requests, over HTTP/1.1 unless stated otherwise \
([`cases.py`](../bindings/python/compatibility/cases.py)). `make compatibility` generates this page. The tests check \
goaway's column, and that there is a reason, in italics, wherever goaway does what none of the others does. uvicorn \
supports HTTP/2 only with a package that it does not install by itself. "No response" is a connection that ended \
without one; "cut" is a response that the client can recognise as incomplete."""
