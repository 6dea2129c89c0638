"""The command with one process."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from hyperframe.frame import GoAwayFrame
from serving import APPS, PACKAGE, Command, Connection, curl, environment, eventually

from goaway.cli.main import main
from goaway.supervisor import reload


def test_it_serves_and_leaves_with_a_report() -> None:
    with Command("plain:app") as command:
        assert command.get() == "Hello, World!"
        assert curl(f"{command.url}/root", "-w", " %{http_version}") == " 2"
        report = command.close()
    assert report["sessions_forced"] == 0
    assert command.log.count(r"INFO listening on 127\.0\.0\.1:\d+") == 1
    assert command.log.count("INFO draining for at most 5.0 s; another signal forces") == 1
    assert command.log.count(r"INFO closed in \d+ ms: ") == 1


def test_wsgi_is_seen_and_factories_are_called() -> None:
    with Command("plain:wsgi") as command:
        assert command.get("/x") == "GET /x"
        command.close()
    with Command("plain:make", "--factory", "--interface", "asgi", "--lifespan", "off") as command:
        assert command.get() == "Hello, World!"
        command.close()


def test_several_addresses_and_a_root_path() -> None:
    with Command("plain:app", "--bind", "[::1]:0", "--root-path", "/shop") as command:
        assert command.get("/root") == "/shop"
        ports = [int(line.rpartition(":")[2]) for line in command.out.lines]
        assert len(ports) == 2
        for host, port in zip(("127.0.0.1", "[::1]"), ports):
            assert curl(f"http://{host}:{port}/") == "Hello, World!"
        command.close()


def test_an_inherited_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        arguments = [sys.executable, "-m", "goaway", "plain:app", "--bind", f"fd:{ours.fileno()}", "--report"]
        process = subprocess.Popen(
            arguments, pass_fds=[ours.fileno()], cwd=APPS, env=environment(), stdout=subprocess.PIPE, text=True
        )
        try:
            assert curl(f"http://127.0.0.1:{ours.getsockname()[1]}/") == "Hello, World!"
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.communicate()


def test_environment_files_reach_the_application(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("GREETING='good day'\n")
    with Command("plain:app", "--env-file", str(tmp_path / "env")) as command:
        assert command.get("/greeting") == "good day"
    with Command("plain:app", "--env-file", str(tmp_path / "env"), GREETING="hi") as command:
        assert command.get("/greeting") == "hi"


def test_the_access_log(tmp_path: Path) -> None:
    log = tmp_path / "access"
    with Command("plain:app", "--access-log", str(log)) as command:
        command.get("/pid?a=%22b")
        with socket.create_connection(("127.0.0.1", command.port)) as peer:
            peer.sendall(b'GET /"\xff|?\\" HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
            peer.makefile("rb").read()
        command.close()
    first, second = log.read_text().splitlines()
    assert '"GET /pid?a=%22b" 200 ' in first
    # No peer writes what reads as another field of the line.
    assert '"GET /%22%FF|?%5C%22" ' in second


def outcome(*arguments: str, bind: str = "127.0.0.1:0", **more: str) -> tuple[int, list[str]]:
    """The exit status and stderr of a command that does not serve."""
    with Command(*arguments, bind=bind, **more) as command:
        status = command.wait()
        command.log.end()
        assert command.out.lines == []
        return status, command.log.lines


def test_an_application_that_cannot_be_imported_shows_its_own_traceback() -> None:
    for workers in ("1", "2"):
        status, lines = outcome("broken:app", "--workers", workers)
        assert status == 3
        trace = lines.index("Traceback (most recent call last):")
        assert "broken.py" in lines[trace + 1]
        assert lines.count("OSError: no database") >= 1
        assert any(line.endswith('broken:app: cannot import "broken": OSError: no database') for line in lines)


def test_no_such_application() -> None:
    status, lines = outcome("nowhere:app")
    assert status == 3
    assert len(lines) == 1
    assert 'nowhere:app: there is no module "nowhere"' in lines[0]
    status, lines = outcome("plain:nothing")
    assert (status, len(lines)) == (3, 1)
    assert 'module "plain" has no "nothing"' in lines[0]


def test_an_application_that_does_not_start() -> None:
    for workers in ("1", "2"):
        status, lines = outcome("plain:app", "--lifespan", "on", "--workers", workers, FAIL_STARTUP="1")
        assert status == 3
        assert "RuntimeError: the database is not there" in lines
        assert any("the application did not start" in line for line in lines)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_application_that_exits_in_its_startup_is_told_of(workers: str) -> None:
    status, lines = outcome("plain:app", "--workers", workers, EXIT_IN_STARTUP="1")
    assert status == 3
    assert any("did not start: the application exits in its startup: SystemExit(5)" in line for line in lines)


def test_a_failed_startup_is_told_though_the_lifespan_is_not_asked_for() -> None:
    with Command("plain:app", FAIL_STARTUP="1") as command:
        assert command.get() == "Hello, World!"
        command.log.find("ERROR the application failed in its startup; serving without a lifespan")
        command.log.find("RuntimeError: the database is not there")


def test_an_address_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for workers in ("1", "2"):
            status, lines = outcome("plain:app", "--workers", workers, bind=address)
            assert (status, len(lines)) == (1, 1), lines
            assert address in lines[0]
            assert "in use" in lines[0]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--limit", "nonsense=1"], 'there is no limit "nonsense"'),
        (["--limit", "concurrent_streams=0"], "concurrent_streams"),
        (["--feature", "nonsense=on"], 'there is no feature "nonsense"'),
        (["--limit", "http1=0"], 'there is no limit "http1"'),
        (["--env-file", "/no/such/file"], "/no/such/file: No such file or directory"),
        (["--access-log", "/no/such/folder/log"], "/no/such/folder/log: No such file or directory"),
        (["--workers", "none"], '"none" is not a whole number'),
    ],
)
def test_a_bad_value_is_told_in_one_line(arguments: list[str], why: str) -> None:
    status, lines = outcome("plain:app", *arguments)
    assert (status, len(lines)) == (2, 1), lines
    assert lines[0].startswith("goaway: ")
    assert why in lines[0]


LOGGING = {
    "version": 1,
    "formatters": {"plain": {"format": "%(name)s: %(message)s"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stdout"}},
    "loggers": {"goaway.access": {"handlers": ["out"]}},
    "root": {"handlers": ["out"]},
}
INI = """
[loggers]
keys=root
[handlers]
keys=out
[formatters]
keys=plain
[logger_root]
handlers=out
[handler_out]
class=StreamHandler
formatter=plain
args=(sys.stdout,)
[formatter_plain]
format=%(name)s: %(message)s
"""


@pytest.mark.parametrize("kind", ["json", "ini"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_log_follows_a_configuration(kind: str, workers: str, tmp_path: Path) -> None:
    file = tmp_path / f"logging.{kind}"
    file.write_text(json.dumps(LOGGING) if kind == "json" else INI)
    arguments = ["plain:app", "--workers", workers, "--log-config", str(file), "--no-access-log"]
    with Command(*arguments) as command:
        assert command.get() == "Hello, World!"
        command.close()
        command.out.find("^goaway: closed in ")
        assert command.log.text == ""
        assert command.out.count('^goaway.access: .* "GET /" 200 13 ') == (kind == "json")


def test_a_configuration_of_the_log_that_cannot_be_is_told_in_one_line(tmp_path: Path) -> None:
    for name, text, why in (
        ("none.json", None, "No such file or directory"),
        ("bad.json", "{", "JSONDecodeError"),
        ("list.json", "[]", "Error"),
        ("handler.json", '{"version": 1, "root": {"handlers": ["x"]}}', "Unable to configure root logger"),
        ("none.ini", None, "No such file or directory"),
        ("bad.ini", "nothing", "Error"),
    ):
        if text is not None:
            (tmp_path / name).write_text(text)
        status, lines = outcome("plain:app", "--log-config", str(tmp_path / name))
        assert (status, len(lines)) == (2, 1), lines
        assert lines[0].startswith(f"goaway: --log-config {tmp_path / name}: ") and why in lines[0]


def test_a_module_alone_and_a_call_are_served(tmp_path: Path) -> None:
    source = "import plain\ndef make(name, *, loud):\n    return plain.app if (name, loud) == ('x', True) else None\n"
    (tmp_path / "calls.py").write_text(source + "app = plain.app\n")
    for target in ("calls", "calls:make('x', loud=True)"):
        with Command(target, folder=tmp_path, PYTHONPATH=f"{PACKAGE}:{APPS}") as command:
            assert command.get() == "Hello, World!"


def test_reload_without_watchfiles(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(reload.importlib.util, "find_spec", lambda name: None)
    assert main(["plain:app", "--reload"]) == 2
    assert capsys.readouterr().err == "goaway: --reload: watchfiles is not installed; pip install watchfiles\n"


def test_the_command_wants_the_main_thread(capsys: pytest.CaptureFixture[str]) -> None:
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(main(["plain:app", "--app-dir", str(APPS)])))
    thread.start()
    thread.join(20)
    assert statuses == [1] and "which needs the main thread" in capsys.readouterr().err


def test_the_version() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "goaway", "--version"], env=environment(), capture_output=True, text=True, timeout=20
    )
    assert found.returncode == 0
    assert found.stdout.startswith("goaway 0.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_each_signal_drains(number: int) -> None:
    with Command("plain:app") as command, Connection(command.port) as connection:
        stream = connection.ask("/slow")
        time.sleep(0.2)
        command.signal(number)
        assert connection.body(stream) == b"Hello, World!"
        assert command.wait() == 0
        assert command.report()["streams_completed"] == 1


def test_a_second_signal_forces() -> None:
    with Command("plain:app", "--drain", "60") as command, Connection(command.port) as connection:
        connection.ask("/hang")
        time.sleep(0.2)
        command.signal(signal.SIGINT)
        command.log.find("INFO draining: 1 sessions, 1 streams, 5[0-9].. s left")
        begun = time.monotonic()
        command.signal(signal.SIGINT)
        assert command.wait() == 0
        assert time.monotonic() - begun < 3
        assert command.log.count("INFO closing by force") == 1
        assert command.report()["sessions_forced"] == 1


@pytest.mark.parametrize(("workers", "again"), [("1", signal.SIGTERM), ("1", signal.SIGINT), ("2", signal.SIGTERM)])
def test_a_signal_that_comes_again_at_once_is_the_same_wish(workers: str, again: int) -> None:
    """GNU timeout tells the program and then its process group."""
    with Command("plain:app", "--workers", workers) as command, Connection(command.port) as connection:
        stream = connection.ask("/slow")
        time.sleep(0.2)
        command.signal(signal.SIGTERM)
        for _ in range(3):
            time.sleep(0.05)
            command.signal(again)
        assert connection.body(stream) == b"Hello, World!"
        connection.socket.close()
        assert command.wait() == 0
        report = command.report()
        assert (report["streams_completed"], report["sessions_forced"]) == (1, 0)
        assert command.log.count("forced$") == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_how_soon_it_is_the_same_wish_can_be_set(workers: str) -> None:
    options = ("--workers", workers, "--drain", "60", "--signal-repeat", "0")
    with Command("plain:app", *options) as command, Connection(command.port) as connection:
        connection.ask("/hang")
        time.sleep(0.2)
        command.signal(signal.SIGTERM)
        time.sleep(0.05)
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert command.report()["sessions_forced"] == 1


def test_hup_changes_nothing_where_there_is_nothing_to_reload() -> None:
    with Command("plain:app") as command, Connection(command.port) as connection:
        stream = connection.ask("/slow")
        time.sleep(0.1)
        command.signal(signal.SIGHUP)
        command.log.find("WARNING SIGHUP has no effect")
        assert connection.body(stream) == b"Hello, World!"
        assert command.get() == "Hello, World!"
        connection.socket.close()
        command.close()


def test_hup_drains_when_the_terminal_has_gone() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "goaway", "plain:app", "--bind", "127.0.0.1:0", "--report"],
        cwd=APPS, env=environment(), stdout=subprocess.PIPE, stderr=theirs, stdin=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"listening on")
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait(20) == 0
        assert b"sessions_forced" in process.stdout.read()
    finally:
        process.kill()
        process.communicate()


def test_without_a_terminal_there_is_a_line_a_second() -> None:
    with Command("plain:app", "--drain", "3.5") as command, Connection(command.port) as connection:
        connection.ask("/hang")
        time.sleep(0.2)
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert 2 <= command.log.count("draining: 1 sessions, 1 streams") <= 4


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_serves_during_the_shutdown_delay_which_a_signal_ends(workers: str) -> None:
    options = ("--workers", workers, "--drain", "60", "--shutdown-delay", "60", "--signal-repeat", "0")
    with Command("plain:app", *options) as command:
        assert httpx.get(command.url).status_code == 200
        command.signal(signal.SIGTERM)
        command.log.find(r"not ready; serving for 60\.0 s more")
        for _ in range(5):
            assert httpx.get(command.url).status_code == 200
        command.signal(signal.SIGTERM)
        command.log.find(r"draining for at most 60\.0 s")
        assert command.wait() == 0
        assert command.report()["sessions_forced"] == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_usr1_opens_the_access_log_again(tmp_path: Path, workers: str) -> None:
    file, old = tmp_path / "access.log", tmp_path / "access.log.1"
    config = tmp_path / "log.json"
    own = tmp_path / "own.log"
    handler = {"class": "logging.FileHandler", "filename": str(own)}
    settings = {
        "version": 1,
        "handlers": {"own": handler},
        "root": {"handlers": ["own"], "level": "INFO"},
    }
    config.write_text(json.dumps(settings))
    options = ("--workers", workers, "--access-log", str(file), "--log-config", str(config))
    with Command("plain:app", *options) as command:
        assert httpx.get(command.url).status_code == 200
        eventually(lambda: "GET /" in file.read_text(), "a line of the access log")
        file.rename(old)
        own.rename(tmp_path / "own.log.1")
        command.signal(signal.SIGUSR1)
        eventually(lambda: file.exists() and own.exists() and "opened again" in own.read_text(), "new files")
        assert httpx.get(command.url).status_code == 200
        eventually(lambda: "GET /" in file.read_text(), "a line in the new file")
        assert old.read_text().count("GET /") == 1
        command.close()


def test_the_shutdown_delay_is_added_to_the_drain() -> None:
    with Command("plain:app", "--shutdown-delay", "0.5") as command:
        assert httpx.get(command.url).status_code == 200
        report = command.close()
        assert report["elapsed_ms"] >= 500 and report["sessions_forced"] == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_report_that_nobody_reads_does_not_keep_the_command(workers: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "goaway", "plain:app", "--bind", "127.0.0.1:0", "--report", "--workers", workers],
        cwd=APPS, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith(b"listening on")
        process.stdout.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        log = process.stderr.read()
        assert b"WARNING cannot write to stdout: [Errno 32] Broken pipe" in log and b"Traceback" not in log
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


def test_on_a_terminal_there_is_a_live_line() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "goaway", "plain:app", "--bind", "127.0.0.1:0", "--report", "--drain", "1"],
        cwd=APPS, env=environment(), stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(b":")[2])
        with Connection(port) as connection:
            connection.ask("/hang")
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        shown = b""
        while select.select([ours], [], [], 0.2)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:
                break
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
    assert shown.count(b"\r\x1b[Kdraining: 1 sessions, 1 streams, ") >= 5
    assert b"\r\x1b[K" in shown.rpartition(b"draining: ")[2], "the last line is taken away"


def test_an_application_that_blocks_the_loop_cannot_keep_the_process() -> None:
    with Command("plain:app", "--drain", "0.2") as command, Connection(command.port) as connection:
        connection.ask("/block")
        time.sleep(0.3)
        command.signal(signal.SIGTERM)
        assert command.wait(10) == 1
        command.log.find("the application blocks the event loop")
        report = command.report()
        assert (report["sessions_forced"], report["streams_reset"], report["workers_missing"]) == (1, 1, [])


def test_a_close_begins_while_the_application_blocks_the_loop() -> None:
    with Command("plain:app", "--drain", "30") as command, Connection(command.port) as idle:
        idle.get()
        with Connection(command.port) as blocking:
            blocking.ask("/block")
            time.sleep(0.3)
            command.signal(signal.SIGTERM)
            begun = time.monotonic()
            assert any(isinstance(frame, GoAwayFrame) for frame in idle.frames())
            assert time.monotonic() - begun < 3


def test_a_thread_of_the_application_cannot_keep_the_process() -> None:
    with Command("plain:app", "--drain", "0.2") as command, Connection(command.port) as connection:
        connection.ask("/thread")
        time.sleep(0.3)
        command.signal(signal.SIGTERM)
        assert command.wait(10) == 0
        assert command.report()["sessions_forced"] == 1
        command.log.find("WARNING threads of the application still run")


@pytest.mark.parametrize(("workers", "fails"), [("1", False), ("2", False), ("1", True)])
def test_a_thread_that_the_application_leaves_has_a_second(workers: str, fails: bool) -> None:
    """Counted from the end of everything else, not from the begin of a close that may take long."""
    more = {"FAIL_STARTUP": "1", "LEAVE_THREAD": "1"} if fails else {"LEAVE_THREAD": "1"}
    arguments = ["plain:app", "--drain", "60", "--lifespan", "on", "--workers", workers]
    with Command(*arguments, **more) as command:
        if not fails:
            assert command.get() == "Hello, World!"
            command.signal(signal.SIGTERM)
        begun = time.monotonic()
        assert command.wait(15) == (3 if fails else 0)
        assert time.monotonic() - begun < 12
        command.log.find(r"WARNING threads of the application still run \(collector\); exiting without waiting")
        if not fails:
            assert command.report()["workers_missing"] == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_end_spares_the_application_s_objects_a_garbage_collection(workers: str, tmp_path: Path) -> None:
    # A large application, such as one that has pandas, ended seconds later than with uvicorn.
    (tmp_path / "large.py").write_text(
        "import atexit, gc, os\n"
        "from plain import app\n"
        "class Thing:\n"
        "    pass\n"
        "things = [Thing() for number in range(1000)]\n"
        "def seen():\n"
        "    live = set(map(id, gc.get_objects()))\n"
        # In one write: the workers share the pipe.
        "    os.write(1, b'left to collect: %d\\n' % sum(id(thing) in live for thing in things))\n"
        "atexit.register(seen)\n"
    )
    arguments = ["large:app", "--workers", workers]
    with Command(*arguments, folder=tmp_path, PYTHONPATH=f"{PACKAGE}:{APPS}") as command:
        assert command.get() == "Hello, World!"
        command.close()
    assert [line for line in command.out.lines if "left" in line] == ["left to collect: 0"] * int(workers)


def test_a_task_of_the_application_that_exits_does_not_end_the_server() -> None:
    with Command("plain:app", EXIT_IN_TASK="1") as command:
        command.log.find(r"ERROR a task of the application raised SystemExit\(5\); the server keeps running")
        assert command.get() == "Hello, World!"
        command.close()


def test_an_application_whose_shutdown_hangs_cannot_keep_the_process() -> None:
    with Command("plain:app", "--drain", "0.2", HANG_SHUTDOWN="1") as command:
        assert command.get() == "Hello, World!"
        command.signal(signal.SIGTERM)
        assert command.wait(10) == 1
        assert command.log.count("the application's lifespan shutdown did not end in time") == 1
        assert command.report()["sessions_forced"] == 0


def test_a_signal_while_the_application_is_imported(tmp_path: Path) -> None:
    (tmp_path / "sleepy.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    for workers in ("1", "2"):
        with Command("sleepy:app", "--workers", workers, folder=tmp_path) as command:
            eventually(lambda: command.out.text.count("importing") == int(workers), "the import")  # noqa: B023
            command.signal(signal.SIGTERM)
            assert command.wait(5) == 0
