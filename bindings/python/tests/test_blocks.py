"""The blocks of the documents that test_readme.py does not have: commands, units, TLS, Starlette."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest
from peers import Peer, in_thread, run
from serving import PACKAGE

import goaway
from goaway.cli import parser

ROOT = PACKAGE.parents[1]
DOCUMENTS = [ROOT / "README.md", PACKAGE / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(document: Path, language: str) -> List[str]:
    """The blocks of that language without the name of a file or test above them."""
    found: List[str] = []
    above, code, is_open = "", "", False
    for line in document.read_text().splitlines(keepends=True):
        if is_open and line.startswith("```"):
            is_open = False
            if code.startswith(f"```{language}\n") and not above.startswith("<!--"):
                found.append(code.partition("\n")[2])
        elif is_open:
            code += line
        elif line.startswith("```"):
            is_open, code = True, line
        else:
            above = line
    return found


def commands() -> List[str]:
    """What starts the command, as a shell or a unit has it."""
    found = []
    for document in DOCUMENTS:
        lines = [
            line for language in ("sh", "ini") for code in blocks(document, language) for line in code.splitlines()
        ]
        found += [line for line in lines if line.startswith("goaway ")]
        found += [line.partition("=")[2] for line in lines if re.match(r"ExecStart=\S*/goaway ", line)]
    assert len(found) > 8, found
    return found


@pytest.mark.parametrize("command", commands())
def test_each_command_is_understood(command: str) -> None:
    words = shlex.split(command, comments=True)
    chosen = parser.parse(words[1:], version=lambda: "goaway 0")
    assert chosen.app.partition(":")[0] == "shop.web"  # also a module alone


def block(start: str) -> str:
    (found,) = [code for code in blocks(PACKAGE / "README.md", "python") if code.startswith(start)]
    return found


def test_each_block_of_python_has_a_test() -> None:
    starts = [code.split(" ", 1)[0] for code in blocks(PACKAGE / "README.md", "python")]
    assert starts == ["tls", "async"], "test it here, or name its file above it"


def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"certificate.pem": "localhost", "staff.pem": "staff"}
    for file, name in names.items():
        key = "key.pem" if file == "certificate.pem" else "staff-key.pem"
        make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        make += ["-days", "2", "-subj", f"/CN={name}", "-keyout", key, "-out", file]
        subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)
    names_in_it: Dict[str, Any] = {"goaway": goaway}
    exec(block("tls = "), names_in_it)
    assert isinstance(names_in_it["server"], goaway.Server) and os.path.exists("certificate.pem")


def test_an_endless_response_of_starlette_ends_with_the_drain() -> None:
    from starlette.applications import Starlette
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    async def news() -> str:
        await asyncio.sleep(0.02)
        return "tick"

    names: Dict[str, Any] = {"StreamingResponse": StreamingResponse, "news": news}
    exec(block("async def events"), names)

    async def serve() -> None:
        app = Starlette(routes=[Route("/", names["events"])])
        application = goaway.asgi.Application(app, goaway.Config(bind=["127.0.0.1:0"]))
        await application.start()
        with Peer(application.ports[0]) as peer:
            number = peer.request("/")
            await in_thread(peer.settle, 0.2)
            application.begin_close()
            body = (await in_thread(peer.wait, number)).body
            assert body.startswith(b"data: tick\n\n") and body.endswith(b"data: tick\n\n")
            await in_thread(peer.settle, 0.5)
        assert (await application.wait_closed()).streams_completed == 1

    run(serve())
