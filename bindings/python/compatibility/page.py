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
    "Scope: two fields `cookie`": "Frameworks read the first one only. Over HTTP/2, where browsers do send several, "
    "RFC 9113, section 8.2.3 asks for one; the application sees the same over HTTP/1.1.",
    "Status: 205 with a body": "There is none (RFC 9110, section 15.3.6): it is dropped, and the log says so.",
    "Fields of a response: `transfer-encoding: chunked`": "How a body is framed is the connection's affair: the field is "
    "left out, as HTTP/2 has to, and a body whose length is known is sent with its length.",
    "Misuse of send: body as text": "`send` raises before anything has left, so that the client is told 500.",
    "Misuse of send: returns within the body": "The connection is reset at once: what was written in the same turn of the "
    "loop does not leave. Over HTTP/2 the stream is reset.",
    "Misuse of send: raises within the body": "As above.",
    "Misuse of send: body shorter than its length; `send`": "A body that comes whole is compared with its length before "
    "anything leaves.",
    "Misuse of send: body longer than its length; `send`": "As above.",
    "A client that leaves: before the response: `receive`, then `send`": "`send` raises an OSError, "
    "as ASGI 2.4 has it, so that the application stops.",
    "A client that leaves: within the response: `send`, then `receive`": "As above.",
    "HTTP/2: `extensions`": "Server push is not offered, since clients have given it up; files by name only with "
    "`--pathsend`, since middleware that knows bodies only would fail.",
    "HTTP/2: returns within the body": "The stream is reset at once, with INTERNAL_ERROR: what was written in the same "
    "turn of the loop does not leave.",
    "HTTP/2: raises within the body": "As above.",
    "WebSocket: returns after it has accepted": "An application that returns is done, which 1000 says; a failure is 1011.",
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

The same small applications ([`application.py`](../bindings/python/compatibility/application.py)) on goaway, {versions}, \
each with its defaults, asked the same, over HTTP/1.1 where nothing else is said ([`cases.py`](../bindings/python/compatibility/cases.py)). \
`make compatibility` makes this page. The tests hold goaway to its column, and to a reason, in italics, wherever it \
does what none of the others does. Over HTTP/2 uvicorn \
answers only with a package that it does not install by itself. "No response" is a connection that ended without one; "cut" is a response that the \
client can tell is not whole."""
