"""One application: installed, served by goaway and by its reference, visited and compared."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import install
from application import SITES, Application, Server
from compare import differences
from process import Ending, Process, free_port
from visitor import Exchange, Visitor

#: What one may take longer than the other to end, in seconds.
SLOWER = 1.0


@dataclass(frozen=True)
class Result:
    """One check, and what differs in it: nothing, if it passes."""

    check: str
    found: list[str]


@dataclass(frozen=True)
class Served:
    """What one server did."""

    #: By "h1" and "h2".
    visits: dict[str, list[Exchange]]
    ending: Ending
    #: Errors that the log has, one line each.
    errors: list[str]


def run(application: Application, *, twice: bool = False) -> list[Result]:
    """Tries one application; with `twice` the reference also stands for goaway,
    so that what differs is the application's own. Raises InstallError, StartError."""
    server = application.servers.reference if twice else application.servers.ours
    tool = _install(application)
    site = _prepare(application, tool)
    # One port for both, since applications write it into their pages.
    port = free_port()
    ours = _serve(application, server, tool, site, port)
    reference = _serve(application, application.servers.reference, tool, site, port)
    results = []
    for version in ours.visits:
        compared = differences(ours.visits[version], reference.visits[version], application.rules)
        results += [Result(f"{version} {check}", found) for check, found in compared]
    return [*results, _compare_logs(ours, reference), _compare_ends(application, ours.ending, reference.ending)]


def _install(application: Application) -> Path:
    if application.language == "python":
        return install.python(application.name, application.requirements)
    return install.node(application.name, application.requirements)


def _environment(application: Application) -> dict[str, str]:
    # Sets of strings have the same order in every process.
    return {"PYTHONUNBUFFERED": "1", "PYTHONHASHSEED": "0", **application.environment}


def _prepare(application: Application, tool: Path) -> Path:
    """Makes the application's folder with its data, unless it is there as it would be made."""
    site = install.BUILD / application.name / "site"
    stamp = install.BUILD / application.name / "prepared"
    recipe = repr((application.requirements, application.prepare, application.environment))
    recipe += "".join((SITES / name).read_text() for name in application.files)
    digest = hashlib.sha256(recipe.encode()).hexdigest()
    if site.exists() and stamp.exists() and stamp.read_text() == digest:
        return site
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    for name in application.files:
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SITES / name, site / name)
    if application.language == "node":
        (site / "node_modules").symlink_to(tool / "node_modules")
    if application.tls:
        _certify(site)
    for command in application.prepare:
        _command(application, tool, command, site)
    stamp.write_text(digest)
    return site


def _command(application: Application, tool: Path, command: tuple[str, ...], folder: Path) -> None:
    filled = _fill(application, command, tool, 0)
    done = subprocess.run(
        filled, cwd=folder, env={**os.environ, **_environment(application)}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    if done.returncode:
        raise install.InstallError(f"{' '.join(filled)}\n{(done.stdout + done.stderr)[-2000:]}")


def _certify(site: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "3650", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=site, check=True, capture_output=True,
    )  # fmt: skip


def _fill(application: Application, command: tuple[str, ...], tool: Path, port: int) -> list[str]:
    program = "node" if application.language == "node" else str(tool)
    return [part.format(tool=program, bin=tool.parent, port=port) for part in command]


def _serve(application: Application, server: Server, tool: Path, site: Path, port: int) -> Served:
    """Serves a fresh copy of the site and pays it one visit for each version of HTTP."""
    folder = install.BUILD / application.name / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(site, folder, symlinks=True)
    log = install.BUILD / application.name / f"{server.name}.log"
    command = _fill(application, server.command, tool, port)
    process = Process(command, folder, _environment(application), port, log)
    try:
        visitors = {
            version: Visitor(port, http2=version == "h2" and server.http2, tls=application.tls, second=place > 0)
            for place, version in enumerate(application.versions)
        }
        visits = {version: visitor.run(application.visit) for version, visitor in visitors.items()}
        for visitor in visitors.values():
            visitor.client.close()
        ending = process.end()
    finally:
        process.kill()
    return Served(visits, ending, _errors(log))


def _errors(log: Path) -> list[str]:
    """The last line of each traceback in a log: the error's own."""
    found, inside = [], False
    for line in log.read_text(errors="replace").splitlines():
        if "Traceback (most recent call last)" in line:
            inside = True
        elif inside and re.match(r"[\s|+]*[\w.]+(Error|Exception|Exit|Disconnect\w*|Interrupt|Cancelled\w*)\b", line):
            found.append(line.strip(" |+")[:200])
            inside = False
    return found


def _compare_logs(ours: Served, reference: Served) -> Result:
    left, extra = list(reference.errors), []
    for error in ours.errors:
        if error in left:
            left.remove(error)
        else:
            extra.append(f"only in goaway's log: {error}")
    return Result("log", extra)


def _compare_ends(application: Application, ours: Ending, reference: Ending) -> Result:
    """goaway ends with 0. The reference may end by the signal, as uvicorn does."""
    found = []
    name = application.servers.reference.name
    if ours.status not in (0, reference.status):
        found.append(f"exit status {ours.status}, {name} {reference.status}")
    if ours.seconds > reference.seconds + SLOWER:
        found.append(f"ended after {ours.seconds:.1f} s, {name} after {reference.seconds:.1f} s")
    return Result(
        f"end: {ours.seconds:.1f} s, status {ours.status}; {name} {reference.seconds:.1f} s, status {reference.status}",
        found,
    )
