"""The command with several processes: starts the workers, replaces those that die, lets all leave.

Each worker has a slot with listening sockets of its own, which outlive it.
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
from ..signals import SignalDebouncer
from ..worker import service_manager
from ..worker.log import LOG, Draining
from ..worker.options import Options
from ..worker.single_process import announce, print_report
from ..worker.worker import DONE, FAILED, longest
from .listeners import Listeners
from .process import PATIENCE, Child
from .reload import Watch

#: A worker that lives for less dies "at once": its successor waits, each time
#: longer, from the shortest to the longest of these seconds.
SOON, SHORTEST, LONGEST = 5.0, 0.5, 30.0
#: Seconds that the workers may take when a file has changed.
RELOAD_DRAIN = 1.0
_CLOSING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
#: Seconds between two looks at what has no event of its own.
TICK = 0.1


@dataclass
class Slot:
    """A worker's place."""

    number: int
    #: The worker that serves, or will.
    current: Child | None = None
    #: Its successor, which is not ready yet.
    successor: Child | None = None
    #: Those that have been replaced and drain.
    leaving: list[Child] = field(default_factory=list)
    #: How many died at once, one after another.
    failures: int = 0
    #: When the next one may start, by the monotonic clock.
    start_at: float = 0.0

    def children(self) -> list[Child]:
        """All of its processes."""
        return [child for child in (self.current, self.successor, *self.leaving) if child is not None]


def run(options: Options) -> int:
    """Serves until a signal ends it; gives the exit status."""
    try:
        listeners = Listeners([Address.parse(text) for text in options.bind], options.workers)
    except Error as error:
        LOG.error("%s", error.text)
        return FAILED
    with Supervisor(options, listeners) as supervisor:
        return supervisor.run()


class Supervisor:
    """Keeps a worker in each slot."""

    def __init__(self, options: Options, listeners: Listeners) -> None:
        self._options = options
        self._listeners = listeners
        self._slots = [Slot(number) for number in range(options.workers)]
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        #: Every worker has been ready once; before, a failure is final.
        self._serving = False
        self._closing = False
        self._status = DONE
        self._reports: list[dict[str, Any]] = []
        #: The workers that have left none.
        self._missing: list[int] = []
        self._draining = Draining()
        #: The slots whose workers are still to be replaced.
        self._replacing: list[Slot] = []
        #: The service manager waits to hear that they are.
        self._is_replacing = False
        self._drain = options.drain
        self._watch: Watch | None = None
        self._changed: list[str] = []

    def __enter__(self) -> Supervisor:
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        #: Signals to be obeyed, and when they came.
        self._signals: list[tuple[int, float]] = []
        self._debouncer = SignalDebouncer(self._options.signal_repeat)
        for number in (*_CLOSING, signal.SIGHUP, signal.SIGCHLD):
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
        """Starts the workers and keeps them until they have left."""
        if self._options.reload:
            folders = self._options.reload_dirs or [self._options.app_dir]
            self._watch = Watch(folders, self._on_change)
        for slot in self._slots:
            slot.current = self._start(slot)
        while not (self._closing and not any(slot.children() for slot in self._slots)):
            self._wait()
            self._obey()
            for slot in self._slots:
                self._look_after(slot)
            self._look_at_all()
        return self._end()

    def _start(self, slot: Slot) -> Child:
        fds, binds = self._listeners.fds(slot.number), self._listeners.binds(slot.number)
        child = Child(self._options, fds, binds, self._listeners.own(slot.number))
        self._selector.register(child.control, selectors.EVENT_READ, child)
        LOG.debug("worker %d starts in slot %d", child.pid, slot.number)
        return child

    def _wait(self) -> None:
        for key, _ in self._selector.select(TICK):
            if key.data is None:
                self._woken.recv(4096)
            elif not key.data.receive():
                self._selector.unregister(key.data.control)

    def _obey(self) -> None:
        while self._signals:
            number, at = self._signals.pop(0)
            if number in _CLOSING:
                forces = self._debouncer.forces(at)
                if forces is not None:
                    self._close(0.0 if forces else self._options.drain)
            elif number == signal.SIGHUP:
                LOG.info("replacing the workers one by one")
                self._replace(self._options.drain)
        if self._changed:
            LOG.info("%s changed, reloading", ", ".join(map(os.path.relpath, self._changed[:3])))
            self._changed = []
            self._replace(min(self._options.drain, RELOAD_DRAIN))

    def _on_change(self, paths: list[str]) -> None:
        self._changed = paths
        # An error means that it is awake already.
        with contextlib.suppress(OSError):
            self._wake.send(b"c")

    def _close(self, drain: float) -> None:
        service_manager.stopping(longest(drain, self._options) + PATIENCE)
        if not self._closing:
            self._draining.begin(drain)
        else:
            LOG.info("forced")
        self._leave(drain)

    def _leave(self, drain: float) -> None:
        self._closing = True
        self._replacing = []
        # First: then what the workers find waiting there is the last.
        self._listeners.close()
        for slot in self._slots:
            for child in slot.children():
                child.close(drain, last=True)

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
                # It may have loaded what was there before.
                slot.successor.close(0)
                slot.leaving.append(slot.successor)
                slot.successor = None

    def _look_after(self, slot: Slot) -> None:
        """Buries who has died, promotes who is ready, starts who is missing."""
        for child in slot.children():
            status = child.status()
            if status is not None:
                self._bury(slot, child, status)
        if slot.successor is not None and slot.successor.ready:
            self._promote(slot)
        if slot.current is not None and slot.current.ready and time.monotonic() - slot.current.started > SOON:
            slot.failures = 0
        may_start = not self._closing and slot.successor is None and time.monotonic() >= slot.start_at
        if slot.current is None and may_start:
            slot.current = self._start(slot)

    def _promote(self, slot: Slot) -> None:
        if slot.current is not None:
            slot.current.close(self._drain)
            slot.leaving.append(slot.current)
        slot.current, slot.successor = slot.successor, None
        LOG.debug("slot %d has a new worker", slot.number)

    def _bury(self, slot: Slot, child: Child, status: int) -> None:
        if child.control.fileno() in self._selector.get_map():
            self._selector.unregister(child.control)
        child.ended()
        if self._closing and child.report is not None:
            self._reports.append(child.report)
        elif self._closing and child.ready:
            self._missing.append(child.pid)
        if child is slot.successor:
            slot.successor = None
            self._unsucceeded(child, status)
        elif child in slot.leaving:
            slot.leaving.remove(child)
            self._left(child, status)
        else:
            slot.current = None
            self._left(child, status) if child.leaving else self._died(slot, child, status)

    def _unsucceeded(self, child: Child, status: int) -> None:
        if not self._closing:
            self._replacing = []
            LOG.error("the new worker %s; the old ones go on", _fate(child, status))

    def _left(self, child: Child, status: int) -> None:
        # One that was still starting knew no better than to die of its signal.
        if status not in (DONE, -signal.SIGTERM, -signal.SIGQUIT):
            LOG.error("worker %s", _fate(child, status))
            self._status = self._status or (FAILED if self._closing else DONE)
        elif not self._closing:
            LOG.info("worker %d has left", child.pid)

    def _died(self, slot: Slot, child: Child, status: int) -> None:
        if self._closing:
            # It was told by somebody else than us.
            return
        if not self._serving and not child.ready and not self._options.reload:
            LOG.error("worker %s before it could serve", _fate(child, status))
            self._status = status if status > 0 else FAILED
            return self._leave(0.0)
        if self._options.reload and not child.ready:
            LOG.error("worker %s; waiting for a change", _fate(child, status))
            slot.start_at = float("inf")
            return
        at_once = time.monotonic() - child.started < SOON
        slot.failures = slot.failures + 1 if at_once else 0
        pause = min(SHORTEST * 2 ** (slot.failures - 1), LONGEST) if slot.failures else 0.0
        slot.start_at = time.monotonic() + pause
        LOG.error("worker %s; the next one starts %s", _fate(child, status), f"in {pause:g} s" if pause else "now")

    def _look_at_all(self) -> None:
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
            self._draining.show(sum(one.sessions for one in told), sum(one.streams for one in told), left)

    def _end(self) -> int:
        if self._serving:
            report = Report()._asdict()
            for one in self._reports:
                for name, value in one.items():
                    report[name] = report.get(name, 0) + value
            report["elapsed_ms"] = max((one["elapsed_ms"] for one in self._reports), default=0)
            self._draining.end(report)
            if self._missing:
                LOG.error("not in these figures, since killed: worker %s", ", ".join(map(str, self._missing)))
            print_report(self._options, Report(**report), self._missing)
        return self._status


def _fate(child: Child, status: int) -> str:
    if status >= 0:
        return f"{child.pid} ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"{child.pid} was ended by {name}"
