"""The speed benchmark of the Python package: `make bench-python`, see benches/README.md."""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from servers import HERE, NAMES, Failed, Server, command, free_port

SERVER_CORE, CLIENT_CORE = 0, 1


@dataclass(frozen=True)
class Load:
    """What is asked for, by how many connections with how many streams each."""

    name: str
    app: str
    path: str
    #: Bytes of an answer's body.
    size: int
    connections: int
    streams: int
    #: Requests of a run; the slow server gets as many as take it as long.
    requests: int
    #: Bytes of a request's body.
    upload: int = 0


LOADS = (
    Load("hello-32x32", "app", "/", 13, 32, 32, 150_000),
    Load("echo-32x32", "app", "/echo", 1024, 32, 32, 100_000, upload=1024),
    Load("fastapi-32x32", "fastapi", "/items/7?q=x", 38, 32, 32, 20_000),
    Load("big-4x4", "app", "/big", 8 << 20, 4, 4, 160),
    Load("hello-1x1", "app", "/", 13, 1, 1, 10_000),
)
SLOW = {"hypercorn": 10}


@dataclass(frozen=True)
class Run:
    """One server under one load."""

    #: Microseconds of the server's processor for a request.
    cpu_us: float
    #: Requests a second.
    rate: float


def measure(server: str, load: Load, scale: float) -> Run:
    """Starts the server, warms it up, loads it."""
    port = free_port()
    requests = max(int(load.requests * scale / SLOW.get(server, 1)), load.connections * load.streams)
    with Server(command(server, load.app, port), port, SERVER_CORE) as running:
        press(load, port, max(requests // 10, load.connections * load.streams))
        before = running.cpu()
        rate = press(load, port, requests)
        return Run((running.cpu() - before) / requests * 1e6, rate)


def press(load: Load, port: int, requests: int) -> float:
    """Runs h2load; gives the requests a second. Raises Failed unless each was answered whole."""
    with tempfile.NamedTemporaryFile() as body:
        body.write(b"x" * load.upload)
        body.flush()
        # Windows of 256 KiB a stream and 1 MiB a connection: flow control is part of the work.
        arguments = [f"-n{requests}", f"-c{load.connections}", f"-m{load.streams}", "-t1", "-w18", "-W20"]
        if load.upload:
            arguments += ["-d", body.name]
        done = subprocess.run(
            ["taskset", "-c", str(CLIENT_CORE), "h2load", *arguments, f"http://127.0.0.1:{port}{load.path}"],
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    rate = re.search(r"finished in .*?, ([\d.]+) req/s", done.stdout)
    whole = f"{requests} succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout
    bodies = re.search(r"traffic: .* \((\d+)\) data", done.stdout)
    if rate is None or not whole or f"status codes: {requests} 2xx" not in done.stdout:
        raise Failed("not every request was answered: " + (done.stdout[-400:] or done.stderr[-400:]))
    if bodies is None or int(bodies[1]) != requests * load.size:
        raise Failed(f"{bodies and bodies[1]} bytes came, not {requests} times {load.size}")
    return float(rate[1])


def count_calls(load: Load, scale: float) -> str:
    """How often goaway calls its library for a request."""
    port, requests = free_port(), int(load.requests * scale)
    with tempfile.NamedTemporaryFile("r") as file:
        arguments = command("goaway", load.app, port)
        wrapped = [arguments[0], str(HERE / "calls.py"), file.name, *arguments[3:]]
        with Server(wrapped, port, SERVER_CORE):
            press(load, port, requests)
        # Those that requests bring; the others are for the start and the end.
        counts = {name: count for name, count in json.load(file).items() if not name.startswith("server_")}
    most = sorted(counts, key=lambda name: -counts[name])[:3]
    shares = ", ".join(f"{name} {counts[name] / requests:.3f}" for name in most)
    return f"{load.name}: {sum(counts.values()) / requests:.3f} calls of the library a request ({shares})"


def table(load: Load, runs: dict[str, list[Run]], failures: dict[str, str]) -> list[str]:
    """One load's rows: medians, the least and the most, and how each compares with goaway."""
    rows = []
    ours = statistics.median(run.cpu_us for run in runs["goaway"]) if runs.get("goaway") else None
    for server, measured in runs.items():
        if not measured:
            rows.append(f"| `{load.name}` | {server} | **failed**: {failures[server]} | | |")
            continue
        spent = [run.cpu_us for run in measured]
        median, rate = statistics.median(spent), statistics.median(run.rate for run in measured)
        ratio = f"{ours / median:.2f}" if ours is not None else ""
        rows.append(
            f"| `{load.name}` | {server} | {median:.2f} ({min(spent):.2f} to {max(spent):.2f}) | {rate:,.0f} | {ratio} |"
        )
    return rows


def main() -> int:
    """Measures, and prints the table."""
    parser = argparse.ArgumentParser(prog="make bench-python BENCH=...", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it all work: a tenth of the requests, one round")
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    parser.add_argument("--only", default=",".join(NAMES), help="some of: %(default)s")
    parser.add_argument("--load", default="", help="loads whose names begin so, separated by commas")
    said = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        return print("bench-python: it takes two cores", file=sys.stderr) or 1
    rounds, scale = (1, 0.1) if said.quick else (said.rounds, 1.0)
    servers = [name for name in NAMES if name in said.only.split(",")]
    loads = [load for load in LOADS if any(load.name.startswith(name) for name in said.load.split(","))]
    rows, failed = [], False
    for load in loads:
        runs: dict[str, list[Run]] = {server: [] for server in servers}
        failures: dict[str, str] = {}
        # Each has its turn in each round, so that whatever else the machine does meets them all alike.
        for _ in range(rounds):
            for server in servers:
                try:
                    runs[server].append(measure(server, load, scale))
                except Failed as failure:
                    failures[server], failed = str(failure), True
        print(*table(load, runs, failures), sep="\n", file=sys.stderr, flush=True)
        rows += table(load, runs, failures)
    print("| load | server | CPU us a request, median (least to most) | requests/s | goaway / it |")
    print("|---|---|---|---|---|")
    print(*rows, sep="\n")
    if "goaway" in servers:
        print()
        for load in loads:
            try:
                print(count_calls(load, scale / 5))
            except Failed as failure:
                print(f"{load.name}: the calls were not counted: {failure}")
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
