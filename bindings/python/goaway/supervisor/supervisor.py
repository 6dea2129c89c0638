"""The command with several processes: starts the workers, replaces those that die, and closes
them.

Each worker has a slot with listening sockets, which outlive it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from ..core.address import Address
from ..error import Error
from ..report import Report
from ..signals import ClosingSignals
from ..worker import log, service_manager
from ..worker.log import LOG, ClosingLog
from ..worker.options import Options
from ..worker.output import announce, print_report
from ..worker.worker import DONE, FAILED, longest
from .listeners import Listeners
from .process import KILL_SECONDS, WorkerProcess
from .reload import Watch

#: Seconds that a worker must live; if it dies earlier, its successor starts after a pause.
STABLE_SECONDS = 5.0
#: The first and the longest pause in seconds. Each further failure doubles the pause.
MIN_PAUSE, MAX_PAUSE = 0.5, 30.0
#: Seconds that requests have to end when a file has changed.
RELOAD_DRAIN = 1.0
_CLOSING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
#: Seconds between two checks of states that no event reports.
POLL_SECONDS = 0.1


@dataclass
class Slot:
    """The place of one worker, with its processes."""

    number: int
    #: The worker that serves, or starts.
    current: WorkerProcess | None = None
    #: Its replacement, which is not ready yet.
    successor: WorkerProcess | None = None
    #: Replaced workers, which drain.
    draining: list[WorkerProcess] = field(default_factory=list)
    #: How many workers died early, one after another.
    failures: int = 0
    #: The earliest start of the next worker, by the monotonic clock.
    start_at: float = 0.0

    def children(self) -> list[WorkerProcess]:
        """All processes of the slot."""
        return [child for child in (self.current, self.successor, *self.draining) if child is not None]


def run(options: Options) -> int:
    """Serves until a signal closes the server. Returns the exit status."""
    try:
        listeners = Listeners([Address.parse(text) for text in options.bind], options.workers)
    except Error as error:
        LOG.error("%s", error.text)
        return FAILED
    with Supervisor(options, listeners) as supervisor:
        return supervisor.run()


class Supervisor:
    """Keeps one worker in each slot."""

    def __init__(self, options: Options, listeners: Listeners) -> None:
        self._options = options
        self._listeners = listeners
        self._slots = [Slot(number) for number in range(options.workers)]
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        #: Whether every worker has been ready once. Before that a failure ends the command.
        self._serving = False
        self._closing = False
        self._status = DONE
        self._reports: list[dict[str, Any]] = []
        #: The process ids of workers that left no report.
        self._missing: list[int] = []
        self._closing_log = ClosingLog()
        #: Slots whose workers will be replaced.
        self._replacing: list[Slot] = []
        #: The service manager waits for the end of the replacement.
        self._is_replacing = False
        self._drain = options.drain
        self._watch: Watch | None = None
        self._changed: list[str] = []

    def __enter__(self) -> Supervisor:
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        #: Signals that were not handled yet, and the times of their arrival.
        self._signals: list[tuple[int, float]] = []
        options = self._options
        self._closing_signals = ClosingSignals(options.drain, options.shutdown_delay, options.signal_repeat)
        for number in (*_CLOSING, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD):
            signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        if self._watch is not None:
            self._watch.stop()
        for slot in self._slots:
            for child in slot.children():
                child.kill()
        self._listeners.close()
        self._selector.close()
        self._wake.close()
        self._woken.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals.append((number, time.monotonic()))

    def run(self) -> int:
        """Starts the workers, and returns when all have ended after a close."""
        if self._options.reload:
            folders = self._options.reload_dirs or [self._options.app_dir]
            self._watch = Watch(folders, self._on_change)
        for slot in self._slots:
            slot.current = self._start(slot)
        while not (self._closing and not any(slot.children() for slot in self._slots)):
            self._wait()
            self._handle_signals()
            for slot in self._slots:
                self._maintain(slot)
            self._maintain_all()
        return self._end()

    def _start(self, slot: Slot) -> WorkerProcess:
        fds, binds = self._listeners.fds(slot.number), self._listeners.binds(slot.number)
        child = WorkerProcess(self._options, fds, binds, self._listeners.own(slot.number))
        self._selector.register(child.control, selectors.EVENT_READ, child)
        LOG.debug("worker %d starts in slot %d", child.pid, slot.number)
        return child

    def _wait(self) -> None:
        for key, _ in self._selector.select(POLL_SECONDS):
            if key.data is None:
                self._woken.recv(4096)
            elif not key.data.receive():
                self._selector.unregister(key.data.control)

    def _handle_signals(self) -> None:
        while self._signals:
            number, at = self._signals.pop(0)
            if number in _CLOSING:
                times = self._closing_signals.next(at)
                if times is not None:
                    self._close(*times)
            elif number == signal.SIGHUP:
                LOG.info("replacing the workers one by one")
                self._replace(self._options.drain)
            elif number == signal.SIGUSR1:
                self._reopen_logs()
        if self._changed:
            LOG.info("%s changed, reloading", ", ".join(map(os.path.relpath, self._changed[:3])))
            self._changed = []
            self._replace(min(self._options.drain, RELOAD_DRAIN))

    def _reopen_logs(self) -> None:
        log.reopen()
        for slot in self._slots:
            for child in slot.children():
                child.reopen_logs()

    def _on_change(self, paths: list[str]) -> None:
        self._changed = paths
        # An error means that many wake-ups are pending.
        with contextlib.suppress(OSError):
            self._wake.send(b"c")

    def _close(self, drain: float, shutdown_delay: float) -> None:
        service_manager.stopping(shutdown_delay + longest(drain, self._options) + KILL_SECONDS)
        self._closing_log.begin(drain, shutdown_delay)
        self._close_workers(drain, shutdown_delay)

    def _close_workers(self, drain: float, shutdown_delay: float = 0.0) -> None:
        self._closing = True
        self._replacing = []
        # Before the workers: then no connection can arrive after those that they accept now.
        self._listeners.close()
        for slot in self._slots:
            for child in slot.children():
                child.close(drain, shutdown_delay, last=True)

    def _replace(self, drain: float) -> None:
        if self._closing:
            return
        self._drain = drain
        self._replacing = list(self._slots)
        if self._serving:
            service_manager.reloading()
            self._is_replacing = True
        for slot in self._slots:
            slot.failures, slot.start_at = 0, 0.0
            if slot.successor is not None:
                # It may have loaded the old version of a file.
                slot.successor.close(0)
                slot.draining.append(slot.successor)
                slot.successor = None

    def _maintain(self, slot: Slot) -> None:
        """Removes processes that have ended, promotes a successor that is ready, and starts a
        worker that is missing."""
        for child in slot.children():
            status = child.status()
            if status is not None:
                self._remove(slot, child, status)
        if slot.successor is not None and slot.successor.ready:
            self._promote(slot)
        if slot.current is not None and slot.current.ready and time.monotonic() - slot.current.started > STABLE_SECONDS:
            slot.failures = 0
        may_start = not self._closing and slot.successor is None and time.monotonic() >= slot.start_at
        if slot.current is None and may_start:
            slot.current = self._start(slot)

    def _promote(self, slot: Slot) -> None:
        if slot.current is not None:
            slot.current.close(self._drain)
            slot.draining.append(slot.current)
        slot.current, slot.successor = slot.successor, None
        LOG.debug("slot %d has a new worker", slot.number)

    def _remove(self, slot: Slot, child: WorkerProcess, status: int) -> None:
        if child.control.fileno() in self._selector.get_map():
            self._selector.unregister(child.control)
        child.ended()
        if self._closing and child.report is not None:
            self._reports.append(child.report)
        elif self._closing and child.ready:
            self._missing.append(child.pid)
        if child is slot.successor:
            slot.successor = None
            self._replacement_failed(child, status)
        elif child in slot.draining:
            slot.draining.remove(child)
            self._exited(child, status)
        else:
            slot.current = None
            self._exited(child, status) if child.is_closing else self._died(slot, child, status)

    def _replacement_failed(self, child: WorkerProcess, status: int) -> None:
        if not self._closing:
            self._replacing = []
            LOG.error("the new worker %s; the old workers keep running", _describe_exit(child, status))

    def _exited(self, child: WorkerProcess, status: int) -> None:
        # A worker that is still starting has no signal handler, and dies by the signal.
        if status not in (DONE, -signal.SIGTERM, -signal.SIGQUIT):
            LOG.error("worker %s", _describe_exit(child, status))
            self._status = self._status or (FAILED if self._closing else DONE)
        elif not self._closing:
            LOG.info("worker %d has closed", child.pid)

    def _died(self, slot: Slot, child: WorkerProcess, status: int) -> None:
        if self._closing:
            # Something else has closed it.
            return
        if not self._serving and not child.ready and not self._options.reload:
            LOG.error("worker %s before it was ready", _describe_exit(child, status))
            self._status = status if status > 0 else FAILED
            return self._close_workers(0.0)
        if self._options.reload and not child.ready:
            LOG.error("worker %s; waiting for a file to change", _describe_exit(child, status))
            slot.start_at = float("inf")
            return
        died_early = time.monotonic() - child.started < STABLE_SECONDS
        slot.failures = slot.failures + 1 if died_early else 0
        pause = min(MIN_PAUSE * 2 ** (slot.failures - 1), MAX_PAUSE) if slot.failures else 0.0
        slot.start_at = time.monotonic() + pause
        LOG.error(
            "worker %s; the next one starts %s", _describe_exit(child, status), f"in {pause:g} s" if pause else "now"
        )

    def _maintain_all(self) -> None:
        if not self._serving and all(slot.current is not None and slot.current.ready for slot in self._slots):
            self._serving = True
            for address in self._listeners.addresses():
                announce(self._options, address)
            service_manager.ready()
        if self._closing:
            self._show_progress()
        elif all(slot.successor is None for slot in self._slots):
            if self._replacing:
                slot = self._replacing.pop(0)
                slot.successor = self._start(slot)
            elif self._is_replacing:
                self._is_replacing = False
                service_manager.ready()

    def _show_progress(self) -> None:
        told = [child.progress for slot in self._slots for child in slot.children() if child.progress is not None]
        if told:
            left = max(progress.left_ms for progress in told) / 1000
            self._closing_log.show(sum(one.sessions for one in told), sum(one.streams for one in told), left)

    def _end(self) -> int:
        if self._serving:
            report = Report()._asdict()
            for one in self._reports:
                for name, value in one.items():
                    report[name] = report.get(name, 0) + value
            report["elapsed_ms"] = max((one["elapsed_ms"] for one in self._reports), default=0)
            self._closing_log.end(report)
            if self._missing:
                LOG.error(
                    "these workers could not report, their sessions are not counted: %s",
                    ", ".join(map(str, self._missing)),
                )
            print_report(self._options, Report(**report), self._missing)
        return self._status


def _describe_exit(child: WorkerProcess, status: int) -> str:
    if status >= 0:
        return f"{child.pid} ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"{child.pid} was killed by {name}"
