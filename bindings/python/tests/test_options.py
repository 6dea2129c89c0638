"""The command line: which options it accepts, and its messages for those that it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from goaway.cli import other_servers, parser
from goaway.worker.options import Options


def parse(*arguments: str) -> Options:
    return parser.parse(list(arguments), version=lambda: "goaway 0")


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as end:
        parse(*arguments)
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("goaway: ")
    assert said.endswith("(goaway --help lists the options)\n")
    assert said.count("\n") == 1, said
    return said


def test_what_is_not_said_has_a_default() -> None:
    assert parse("web:app") == Options("web:app")
    assert Options("web:app").bind == ["127.0.0.1:8000"]


def test_everything_can_be_said() -> None:
    said = parse(
        "shop.web:make", "-b", "0.0.0.0:80", "--bind", "[::1]:0", "--bind", "fd:3", "-w", "4", "--threads", "8",
        "--queue", "0",
        "--interface", "wsgi", "--factory", "--app-dir", "/", "--root-path", "/shop/", "--lifespan", "off",
        "--ws-max-size", "1000",
        "--env-file", "a", "--env-file", "b", "--drain", "500ms", "--shutdown-delay", "15", "--end-on-drain", "--ready-path", "/ready", "--live-path", "/live",
        "--live-timeout", "2.5", "--forwarded-allow-ips", "10.0.0.0/8, unix", "--forwarded-fields", "forwarded", "--report", "--max-sessions", "10",
        "--max-streams", "11", "--max-requests", "12", "--max-age", "1.5", "--idle", "2s",
        "--limit", "header_fields=50", "--limit", "idle_ms=7",
        "--feature", "http1=off", "--feature", "upgrade=on", "--feature", "http1=on", "--access-log", "-", "--log-level", "debug",
    )  # fmt: skip
    assert said == Options(
        app="shop.web:make",
        bind=["0.0.0.0:80", "[::1]:0", "fd:3"],
        workers=4,
        threads=8,
        queue=0,
        interface="wsgi",
        factory=True,
        app_dir="/",
        root_path="/shop",
        lifespan="off",
        ws_max_size=1000,
        env_files=["a", "b"],
        drain=0.5,
        shutdown_delay=15,
        end_on_drain=True,
        ready_path="/ready",
        live_path="/live",
        live_timeout=2.5,
        forwarded_allow_ips="10.0.0.0/8, unix",
        forwarded_fields="forwarded",
        report=True,
        limits={
            "header_fields": 50, "idle_ms": 2000, "sessions": 10, "concurrent_streams": 11, "requests": 12,
            "age_ms": 1500,
        },
        features={"http1": True, "upgrade": True},
        access_log="-",
        log_level="debug",
    )  # fmt: skip
    assert Options.from_json(said.to_json()) == said


def test_what_is_said_for_all_addresses_stands_in_each_that_takes_it() -> None:
    said = parse(
        "web:app", "-b", "127.0.0.1:80?backlog=1", "--uds", "/run/a?.sock", "--fd", "3", "--fd", "//4",
        "--backlog", "7", "--reuse-port", "--uds-mode", "660", "--proxy-protocol", "10.0.0.0/8,unix", "--umask", "027",
    )  # fmt: skip
    assert said.bind == [
        "127.0.0.1:80?backlog=7&reuseport=1&proxy=10.0.0.0/8,unix",
        "unix:/run/a%3F.sock?backlog=7&mode=660&proxy=10.0.0.0/8,unix",
        "fd:3?proxy=10.0.0.0/8,unix",
        "fd:4?proxy=10.0.0.0/8,unix",
    ]
    assert said.umask == 0o027
    assert parse("web:app", "--backlog", "7").bind == ["127.0.0.1:8000?backlog=7"]


def test_several_processes_are_supervised() -> None:
    assert not parse("web:app").supervised
    assert parse("web:app", "-w", "2").supervised
    assert parse("web:app", "--reload").supervised


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "the following arguments are required: MODULE:APP"),
        (["web.py"], 'use "web" for this file'),
        (["web:make(1, x)"], "the arguments must be literals"),
        (["web:make(*[1])"], "the arguments must be literals"),
        (["web:make(**{})"], "the arguments must be literals"),
        (["web:make(1)(2)"], "is not of the form module:attribute"),
        (["web:1 + 2"], "is not of the form module:attribute"),
        (["web:"], '"web:" is not of the form module:attribute'),
        (["web.py:app/x"], "is not of the form module:attribute"),
        (["web:app", "other"], "unrecognized arguments: other"),
        (["web:app", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["web:app", "--bind", "8000"], 'argument -b/--bind: "8000" has no port; use HOST:PORT'),
        (["web:app", "--bind", ":8000"], '":8000" has no host'),
        (["web:app", "--bind", "localhost:http"], '"http" is not a port'),
        (["web:app", "--bind", "localhost:65536"], '"65536" is not a port'),
        (["web:app", "--bind", "::1:80"], "an IPv6 address needs brackets"),
        (["web:app", "--bind", "fd:x"], '"x" is not the number of a file descriptor'),
        (["web:app", "--bind", "unix:a.sock"], 'the path of a Unix socket must begin with "/"'),
        (["web:app", "--backlog", "few"], '"few" is not a whole number'),
        (["web:app", "--uds-mode", "888"], '"888" is not a mode'),
        (["web:app", "--umask", "1777"], '"1777" is not a mode'),
        (["web:app", "--uds-mode", "600"], "--uds-mode does not apply to 127.0.0.1:8000"),
        (["web:app", "--fd", "3", "--backlog", "7"], "--backlog does not apply to fd:3"),
        (["web:app", "--workers", "0"], "0 is not between 1 and 1024"),
        (["web:app", "--workers", "many"], '"many" is not a whole number'),
        (["web:app", "--threads", "-1"], "-1"),
        (["web:app", "--queue", "-1"], "-1"),
        (["web:app", "--queue", "long"], '"long" is not a whole number'),
        (["web:app", "--interface", "cgi"], "invalid choice: 'cgi'"),
        (["web:app", "--lifespan", "maybe"], "invalid choice: 'maybe'"),
        (["web:app", "--log-level", "loud"], "invalid choice: 'loud'"),
        (["web:app", "--root-path", "shop"], '"shop" must begin with /'),
        (["web:app", "--drain", "soon"], '"soon" is not a time in seconds'),
        (["web:app", "--drain", "-1"], "-1"),
        (["web:app", "--drain", "nan"], '"nan" is not a time'),
        (["web:app", "--shutdown-delay", "soon"], '"soon" is not a time in seconds'),
        (["web:app", "--shutdown-delay", "-1"], "-1"),
        (["web:app", "--ready-path", "ready"], '"ready" is not a path'),
        (["web:app", "--live-path", "/{a}"], '"/{a}" is not a path'),
        (["web:app", "--ready-path", "/a", "--live-path", "/a"], "are the same: /a"),
        (["web:app", "--live-timeout", "0"], '"0" is too short'),
        (["web:app", "--limit", "idle_ms"], '"idle_ms" is not of the form NAME=N'),
        (["web:app", "--limit", "idle_ms=x"], '"x" is not a whole number'),
        (["web:app", "--limit", "IDLE=1"], 'there is no limit "IDLE"'),
        (["web:app", "--feature", "http1"], '"http1" is not of the form NAME=on or NAME=off'),
        (["web:app", "--feature", "http1=0"], '"http1=0" is not of the form NAME=on or NAME=off'),
        (["web:app", "--feature", "HTTP1=on"], 'there is no feature "HTTP1"'),
        (["web:app", "--max-sessions", "1.5"], '"1.5" is not a whole number'),
        (["web:app", "--reload", "--workers", "2"], "--reload runs one worker"),
        (["web:app", "--reload-dir", "."], "--reload-dir has no effect without --reload"),
        (["web:app", "--app-dir", "/no/such/folder"], "/no/such/folder: no such folder"),
        (["web:app", "--work", "2"], "unrecognized arguments: --work"),
        (["web:app", "--port", "80", "--bind", "[::1]:80"], "--host and --port cannot be combined with --bind"),
        (["web:app", "--port", "http"], '"http" is not a port'),
        (["web:app", "--loop", "trio"], "invalid choice: 'trio'"),
        (
            ["-k", "uvicorn.workers.UvicornWorker", "web:app"],
            "goaway has no option -k: goaway has one kind of worker",
        ),
        (["web:app", "--timeout=30"], "goaway has no option --timeout: a busy worker is not killed"),
        (["web:app", "--limit-max-requests", "5"], "HUP replaces them"),
        (["web:app", "--no-proxy-headers", "--forwarded-allow-ips", "*"], "has no effect with --no-proxy-headers"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], why: str) -> None:
    assert why in refusal(capsys, *arguments)


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse("--help")
    assert end.value.code == 0
    text = capsys.readouterr().out
    for option in ("--bind", "--workers", "--reload", "--drain", "--limit", "--max-age", "--env-file", "--report"):
        assert option in text


def test_the_version_needs_no_application(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse("--version")
    assert end.value.code == 0
    assert capsys.readouterr().out == "goaway 0\n"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (["--host", "0.0.0.0", "--port", "80"], ["--bind", "0.0.0.0:80"]),
        (["--port", "0"], ["--bind", "127.0.0.1:0"]),
        (["--host", "::"], ["--bind", "[::]:8000"]),
        (["--host", "localhost", "--port", "81", "--backlog", "7"], ["--bind", "localhost:81?backlog=7"]),
        (["--timeout-graceful-shutdown", "7"], ["--drain", "7"]),
        (["--graceful-timeout", "7"], ["--drain", "7"]),
        (["--timeout-keep-alive", "7"], ["--idle", "7"]),
        (["--keep-alive", "7"], ["--idle", "7"]),
        (["--http2-max-concurrent-streams", "7"], ["--max-streams", "7"]),
        (["--access-logfile", "-"], ["--access-log", "-"]),
        (["--access-log", "-", "--no-access-log"], []),
        (["--log-level", "INFO"], []),
        (["--blocking-threads", "7"], ["--threads", "7"]),
        (["--uds", "/a", "--uds-permissions", "660"], ["--uds", "/a", "--uds-mode", "660"]),
        (["--url-path-prefix", "/a"], ["--root-path", "/a"]),
        (["--env-files", "a"], ["--env-file", "a"]),
        (["--reload", "--reload-paths", "/"], ["--reload", "--reload-dir", "/"]),
        (["--ssl-certificate", "a", "--ssl-ca", "b", "--ssl-client-verify"],
         ["--certfile", "a", "--ca-certs", "b", "--cert-reqs", "required"]),
        (["--no-server-header", "--no-use-colors", "--date-header", "--reset-contextvars"], []),
    ],
)  # fmt: skip
def test_other_servers_names_mean_the_same(theirs: list[str], ours: list[str]) -> None:
    assert parse("web:app", *theirs) == parse("web:app", *ours)


def test_what_is_instead_of_another_servers_option_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--help")
    own = set(re.findall(r"--[a-z0-9-]+", capsys.readouterr().out))
    for name, instead in other_servers.HINTS.items():
        assert name not in own, f"{name} is an option"
        assert set(re.findall(r"--[a-z0-9-]+", instead)) <= own, f"{name}: {instead}"


def test_the_guide_for_other_servers_is_true() -> None:
    """`docs/migration.md` says "the same" of what is accepted, and names an alternative for
    what is refused."""
    guide = (Path(__file__).resolve().parents[3] / "docs/migration.md").read_text()
    rows = [line.split(" | ") for line in guide.splitlines() if line.startswith("| `--")]
    assert len(rows) > 20
    own = parser._parser(lambda: "")._option_string_actions
    for theirs, _, ours in rows:
        for name in re.findall(r"`(--[a-z0-9-]+)`", theirs):
            is_same = ours.startswith("the same")
            assert (name in own) == is_same, f"{name} is {'not ' * is_same}accepted"
            assert is_same or name in other_servers.HINTS, f"{name} is refused without a hint"
        for name in re.findall(r"`(--[a-z0-9-]+)", ours):
            assert name in own, f"there is no option {name}"
