"""The command with several processes: all are found, none outlives the command, no connection is refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from serving import Command, Connection, eventually

from goaway.supervisor import child
from goaway.worker.options import Options
from goaway.worker.worker import Worker


def pids(command: Command, count: int) -> set[int]:
    """The process ids of the workers that respond, when there are `count` of them."""
    seen: set[int] = set()

    def enough() -> bool:
        with Connection(command.port) as connection:
            seen.add(int(connection.get("/pid")))
        return len(seen) >= count

    eventually(enough, f"{count} workers")
    return seen


def workers_of(command: Command) -> list[int]:
    """The processes that the supervisor has started."""
    children = Path(f"/proc/{command.process.pid}/task/{command.process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_workers_share_the_connections_and_leave_together() -> None:
    with Command("plain:app", "--workers", "3") as command:
        workers = pids(command, 3)
        assert len(workers) == 3
        assert command.process.pid not in workers
        assert len(command.out.lines) == 1
        connections = [Connection(command.port) for _ in range(12)]
        for connection in connections:
            connection.get()
        report = command.close()
        for connection in connections:
            connection.socket.close()
        assert report["sessions_graceful"] + report["sessions_by_peer"] == 12
        assert report["sessions_forced"] == 0
        assert not any(is_alive(pid) for pid in workers)


def test_a_close_waits_for_every_worker_and_a_second_signal_forces() -> None:
    with Command("plain:app", "--workers", "2", "--drain", "30") as command:
        with Connection(command.port) as connection:
            connection.ask("/hang")
            time.sleep(0.2)
            command.signal(signal.SIGINT)
            command.log.find(r"draining: 1 sessions, 1 streams, 2\d\.\d s left")
            command.signal(signal.SIGINT)
            assert command.wait(5) == 0
        assert command.report()["sessions_forced"] == 1


def test_a_command_that_stops_refuses_newcomers_while_it_drains() -> None:
    """No socket goes on to listen in which they would wait for nobody."""
    with Command("plain:app", "--workers", "2", "--drain", "30") as command, Connection(command.port) as connection:
        connection.ask("/hang")
        time.sleep(0.2)
        command.signal(signal.SIGTERM)
        command.log.find(r"draining: 1 sessions, 1 streams, 2\d\.\d s left")
        for _ in range(8):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", command.port), 5)
        assert command.process.poll() is None
        command.signal(signal.SIGTERM)
        assert command.wait() == 0


def test_only_the_last_workers_take_what_waits_in_their_sockets() -> None:
    """By what they are told: of two at once nobody can say who has accepted a connection."""
    told: list[object] = []

    class Server:
        def own_sockets(self, numbers: Iterable[int]) -> None:
            told.append(list(numbers))

        def close_soon(self, drain: float, shutdown_delay: float) -> None:
            told.append((drain, shutdown_delay))

        def begin_close(self, drain: float, shutdown_delay: float) -> None:
            pass

    ours, theirs = socket.socketpair()
    loop = asyncio.new_event_loop()
    job = Options(app="plain:app")
    with ours:
        ours.sendall(json.dumps({"options": json.loads(job.to_json()), "fds": [], "own": [0, 2]}).encode() + b"\n")
        for message in ({"close": 3.0, "delay": 1.0, "last": False}, {"close": 2.0, "delay": 0.0, "last": True}):
            ours.sendall(json.dumps(message).encode() + b"\n")
    # And that is the end of the supervisor.
    with theirs:
        supervisor = child.Supervisor(theirs)
        options = supervisor.job()
        assert options is not None
        worker = Worker(options, supervisor)
        worker._server, worker._loop = Server(), loop
        # What must end the process in any case would end this one.
        worker._watchdog.shorten = lambda *_: None  # type: ignore[method-assign]
        supervisor.follow(worker)
    loop.close()
    assert told == [[], (3.0, 1.0), [0, 2], (2.0, 0.0), [0, 2], (0.0, 0.0)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_to_the_whole_group_drains_once(number: int) -> None:
    with Command("plain:app", "--workers", "2") as command, Connection(command.port) as connection:
        stream = connection.ask("/slow")
        time.sleep(0.2)
        # So do terminals and service managers.
        command.signal(number)
        time.sleep(0.1)
        for pid in workers_of(command):
            os.kill(pid, number)
        assert connection.body(stream) == b"Hello, World!"
        connection.socket.close()
        assert command.wait() == 0
        assert command.report()["streams_completed"] == 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_ends_is_replaced(how: int) -> None:
    with Command("plain:app", "--workers", "2") as command:
        before = pids(command, 2)
        os.kill(min(before), how)
        command.log.find(rf"ERROR worker {min(before)} .*; the next one starts in 0.5 s")
        eventually(lambda: pids(command, 2) != before, "a new worker")
        assert command.get() == "Hello, World!"
        command.close()


def test_a_worker_that_dies_at_once_is_waited_for_longer_each_time() -> None:
    with Command("plain:app", "--workers", "2") as command:
        pids(command, 2)
        for _ in range(4):
            with contextlib.suppress(OSError, ConnectionError), Connection(command.port) as connection:
                connection.get("/die")
            time.sleep(0.3)
        command.log.find(r"ended with status 7; the next one starts in 1 s")
        assert command.get() == "Hello, World!"
        command.close()


def test_workers_leave_when_their_supervisor_is_killed() -> None:
    with Command("plain:app", "--workers", "2", "--drain", "0.5") as command:
        workers = pids(command, 2)
        command.signal(signal.SIGKILL)
        command.process.wait()
        eventually(lambda: not any(is_alive(pid) for pid in workers), "the workers' end", 10)


def test_the_report_has_what_blocked_workers_cut_and_names_those_it_lacks() -> None:
    """One whose loop is blocked still reports; one that is stopped, killed, or blocked with the interpreter's lock
    in its hands cannot."""
    with contextlib.ExitStack() as stack:
        command = stack.enter_context(Command("plain:reluctant", "--workers", "4", "--drain", "0.2"))
        asked: dict[int, Connection] = {}
        while len(asked) < 4:
            connection = Connection(command.port)
            if asked.setdefault(int(connection.get("/pid")), connection) is connection:
                stack.enter_context(connection)
            else:
                connection.socket.close()
        blocked, holds, stopped, killed = asked
        for pid, path in ((blocked, "/block"), (holds, "/hold"), (stopped, "/hang"), (killed, "/hang")):
            asked[pid].ask(path)
        time.sleep(0.3)
        os.kill(stopped, signal.SIGSTOP)
        command.signal(signal.SIGTERM)
        os.kill(killed, signal.SIGKILL)
        assert command.wait(15) == 1
        report = command.report()
        assert sorted(report["workers_missing"]) == sorted([holds, stopped, killed])
        assert (report["sessions_forced"], report["streams_reset"]) == (1, 1)
        assert report["elapsed_ms"] >= 200
        command.log.find(f"worker {blocked} ended with status 1")
        for pid in (holds, stopped):
            command.log.find(f"worker {pid} has not exited in time and is killed")
        missing = ", ".join(map(str, report["workers_missing"]))
        command.log.find(f"these workers could not report, their sessions are not counted: {missing}")
        assert not any(is_alive(pid) for pid in asked)


class Newcomers:
    """New connections without a pause, each with one request; each failure is kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self.served = 0
        self.failures: list[str] = []
        self.pids: set[bytes] = set()
        self._threads = [threading.Thread(target=self._come) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def _come(self) -> None:
        while not self._stop.is_set():
            try:
                with Connection(self._port) as connection:
                    self.pids.add(connection.get("/pid"))
                    self.served += 1
            except Exception as error:
                self.failures.append(repr(error))

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_hup_replaces_every_worker_and_refuses_no_connection() -> None:
    with Command("plain:app", "--workers", "2") as command:
        before = pids(command, 2)
        newcomers = Newcomers(command.port)
        try:
            for _ in range(3):
                command.signal(signal.SIGHUP)
                eventually(lambda: not any(is_alive(pid) for pid in before), "the old workers' end")  # noqa: B023
                before = pids(command, 2)
        finally:
            newcomers.stop()
        assert newcomers.failures == []
        assert newcomers.served > 100
        assert len(newcomers.pids) >= 8
        assert command.close()["sessions_forced"] == 0


def test_hup_lets_an_open_request_end_with_its_old_worker() -> None:
    with Command("plain:app", "--workers", "2") as command, Connection(command.port) as connection:
        pids(command, 2)
        stream = connection.ask("/slow")
        time.sleep(0.1)
        command.signal(signal.SIGHUP)
        assert connection.body(stream) == b"Hello, World!"
        command.close()


def test_hup_with_an_application_that_is_broken_keeps_the_old_workers(tmp_path: Path) -> None:
    (tmp_path / "changing.py").write_text("from plain import app\n")
    with Command("changing:app", "--workers", "2", folder=tmp_path, PYTHONPATH=_path()) as command:
        before = pids(command, 2)
        (tmp_path / "changing.py").write_text("oh no\n")
        command.signal(signal.SIGHUP)
        command.log.find("ERROR the new worker .* ended with status 3; the old workers keep running")
        assert pids(command, 2) == before
        (tmp_path / "changing.py").write_text("from plain import app\n\n")
        command.signal(signal.SIGHUP)
        eventually(lambda: not any(is_alive(pid) for pid in before), "the old workers' end")
        assert command.get() == "Hello, World!"
        command.close()


def _path() -> str:
    from serving import APPS, PACKAGE

    return f"{PACKAGE}:{APPS}"


def test_reload_follows_the_files(tmp_path: Path) -> None:
    file = tmp_path / "changing.py"
    source = (
        "async def app(scope, receive, send):\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'%s'})\n"
    )
    file.write_text(source % "one")
    with Command("changing:app", "--reload", "--lifespan", "off", folder=tmp_path) as command:
        assert command.get() == "one"
        time.sleep(0.3)
        file.write_text("broken(\n")
        command.log.find("changing.py changed, reloading")
        command.log.find("the old workers keep running")
        assert command.get() == "one"
        file.write_text(source % "second")
        eventually(lambda: command.get() == "second", "the new application")
        command.close()


def test_a_wsgi_application_learns_of_the_other_processes() -> None:
    for workers, told in (("1", "False"), ("2", "True")):
        with Command("plain:multiprocess", "--workers", workers) as command:
            assert command.get() == told
