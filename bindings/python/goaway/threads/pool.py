"""A pool of threads, which run the handlers of a server without an event loop."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextvars import copy_context
from typing import Callable, Deque, Optional

log = logging.getLogger("goaway")

Job = Callable[[], None]

QUEUE = 1000
"""The default number of jobs that may wait for a thread."""
_WARN_SECONDS = 10.0
"""Seconds between two warnings about refused jobs."""


class Pool:
    """Up to `threads` threads, started as they are needed, and up to `queue` jobs that
    wait for one.

    The threads are daemons: a job that never returns does not keep the interpreter from
    exiting.
    """

    def __init__(self, threads: int, queue: int = QUEUE) -> None:
        if threads < 1:
            raise ValueError(f"threads must be 1 or more, not {threads!r}")
        if queue < 0:
            raise ValueError(f"queue must be 0 or more, not {queue!r}")
        self._max_threads = threads
        self._queue = queue
        self._refused = 0
        self._warned = 0.0
        self._condition = threading.Condition()
        self._jobs: Deque[Job] = deque()
        self._threads = 0
        self._free = 0
        self._busy = 0
        self._is_closed = False

    def submit(self, job: Job) -> bool:
        """Runs `job` in a thread. Returns False if too many jobs wait, or the pool is closed."""
        with self._condition:
            if self._is_closed:
                return False
            waiting = len(self._jobs) - self._free
            if waiting >= 0 and self._threads < self._max_threads:
                self._start_thread()
                waiting -= 1
            if waiting >= self._queue:
                self._warn()
                return False
            self._jobs.append(job)
            self._condition.notify()
            return True

    def close(self, timeout: float) -> int:
        """Accepts no more jobs, and waits for the accepted ones. Returns how many have not
        ended after `timeout` seconds."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
            self._condition.wait_for(lambda: self._busy == 0 and not self._jobs, timeout)
            return self._busy + len(self._jobs)

    def _warn(self) -> None:
        """Counts a refused job, and logs the count from time to time."""
        self._refused += 1
        now = time.monotonic()
        if not self._warned or now - self._warned >= _WARN_SECONDS:
            log.warning(
                "%d requests were refused with 503: %d threads are busy and %d requests wait for one",
                self._refused,
                self._threads,
                self._queue,
            )
            self._refused, self._warned = 0, now

    def _start_thread(self) -> None:
        self._threads += 1
        self._free += 1
        threading.Thread(target=self._run, name=f"goaway-pool-{self._threads}", daemon=True).start()

    def _next(self) -> Optional[Job]:
        with self._condition:
            while not self._jobs:
                if self._is_closed:
                    return None
                self._condition.wait()
            self._free -= 1
            self._busy += 1
            return self._jobs.popleft()

    def _run(self) -> None:
        while True:
            job = self._next()
            if job is None:
                return
            try:
                # Each job has a copy of the context of its own.
                copy_context().run(job)
            except BaseException:
                log.exception("a job of the pool failed")
            with self._condition:
                self._free += 1
                self._busy -= 1
                if self._is_closed:
                    self._condition.notify_all()
