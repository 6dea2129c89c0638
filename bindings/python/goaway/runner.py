"""Tasks that are made only for what waits.

Most requests are answered without waiting for anything, and a Task for each
costs as much as the rest of it. So one Task runs them one after the other, in
one step; the first that waits keeps the Task for itself, and the next one gets
another. A request sees no difference: while it runs `asyncio.current_task()`
is its Task, and a Task that it has left a trace on (a reference, a weak
reference, an attribute, a context variable, a cancellation) serves no other.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from contextvars import Context, copy_context
from typing import Any, Awaitable, Callable, Deque, Generator, List, Optional
from weakref import getweakrefcount

log = logging.getLogger("goaway")

IDLE_MOST = 32
"""So many Tasks wait for work at most."""

_register: Optional[Callable[[Any], None]] = getattr(asyncio.tasks, "_register_task", None)
_unregister: Optional[Callable[[Any], None]] = getattr(asyncio.tasks, "_unregister_task", None)

CAN_SHARE = _register is not None and _unregister is not None and hasattr(asyncio.Task, "_must_cancel")
"""Whether this interpreter's Tasks can be shared as described above. Otherwise
each request gets a Task of its own, which is slower and no different."""


class Work:
    """Something that is to be done; see `asgi_exchange` and `request`."""

    __slots__ = ()

    def call(self) -> Awaitable[object]:
        """Calls what the program has for it."""
        raise NotImplementedError

    def started(self, task: "asyncio.Task[None]") -> None:
        """It waits, and `task` is its own."""

    def done(self, error: Optional[BaseException]) -> None:
        """What was called has returned, or raised."""


class _Gate:
    """What an idle Task waits for. Opening it runs the Task at once, not in the
    loop's next turn as a future would."""

    __slots__ = ("_asyncio_future_blocking", "_context", "_loop", "_wakeup")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._asyncio_future_blocking = False
        self._loop = loop
        self._wakeup: Optional[Callable[["_Gate"], None]] = None
        self._context: Optional[Context] = None

    def open(self) -> None:
        wakeup, self._wakeup = self._wakeup, None
        if wakeup is not None and self._context is not None:
            self._context.run(wakeup, self)

    # What a Task asks of a future.

    def __await__(self) -> Generator["_Gate", None, None]:
        self._asyncio_future_blocking = True
        yield self

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def add_done_callback(self, callback: Callable[["_Gate"], None], *, context: Optional[Context] = None) -> None:
        self._wakeup = callback
        self._context = context

    def result(self) -> None:
        return None

    def cancel(self, msg: Any = None) -> bool:
        return False


class Runner:
    """Runs work in the Tasks of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, after: Callable[[], None]) -> None:
        """`after` is called whenever all work has been begun."""
        self.ready: Deque[Work] = deque()
        """What is to be begun; `run` begins it."""
        self._loop = loop
        self._after = after
        self._idle: List[_Host] = []
        self._current: Optional[_Host] = None
        self._is_coming = False
        self._is_closed = False

    def run(self) -> None:
        """Begins all that is ready, in this turn of the loop if there are Tasks
        for it, else in the next one. Only from a callback of the loop."""
        ready, idle = self.ready, self._idle
        while ready and idle:
            host = self._current = idle.pop()
            host.gate.open()
            self._current = None
            if host.work is not None:
                host.keep(host.work)
        if ready and not self._is_coming:
            self._is_coming = True
            for _ in range(min(len(ready), IDLE_MOST)):
                self._start_host()
            self._loop.call_soon(self._run_again)
        self._after()

    def close(self) -> None:
        """Ends the idle Tasks, in the loop's next turn: a Task may not run
        inside of another."""
        self._is_closed = True
        self._loop.call_soon(self._end_idle)

    def _end_idle(self) -> None:
        while self._idle:
            self._idle.pop().gate.open()

    def _run_again(self) -> None:
        # The Tasks made before have had their first step.
        self._is_coming = False
        self.run()

    def _start_host(self) -> None:
        host = _Host(self)
        host.task = asyncio.Task(host.main(), loop=self._loop)


async def _run_alone(work: Work) -> None:
    """Does work in a Task that is only for it."""
    task: "Optional[asyncio.Task[Any]]" = asyncio.current_task()
    assert task is not None
    work.started(task)
    try:
        await work.call()
    except (KeyboardInterrupt, SystemExit) as error:
        work.done(error)
        raise
    except BaseException as error:
        work.done(error)
    else:
        work.done(None)


class _Host:
    """A Task and what it does now."""

    __slots__ = ("_runner", "gate", "task", "work")

    def __init__(self, runner: Runner) -> None:
        self.gate = _Gate(runner._loop)
        self.task: Optional["asyncio.Task[None]"] = None
        self.work: Optional[Work] = None
        self._runner = runner

    def keep(self, work: Work) -> None:
        """The Task waits for something, and belongs to `work` from now on."""
        assert self.task is not None
        assert _register is not None
        self.task._log_destroy_pending = True  # type: ignore[attr-defined]
        _register(self.task)
        work.started(self.task)

    async def main(self) -> None:
        runner, ready, gate, task = self._runner, self._runner.ready, self.gate, self.task
        assert task is not None and _unregister is not None
        # The program does not see an idle Task, nor must it wait for one.
        _unregister(task)
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        context = copy_context()
        while not runner._is_closed and len(runner._idle) < IDLE_MOST:
            runner._idle.append(self)
            await gate
            references, weak_references = _getrefcount(task), getweakrefcount(task)
            while ready:
                work = self.work = ready.popleft()
                try:
                    await work.call()
                except (KeyboardInterrupt, SystemExit) as error:
                    work.done(error)
                    raise
                except BaseException as error:
                    work.done(error)
                else:
                    work.done(None)
                if runner._current is not self:
                    return  # It has waited: this Task was its own.
                self.work = None
                # Has it left a trace?
                if (
                    _getrefcount(task) != references
                    or getweakrefcount(task) != weak_references
                    or task._must_cancel  # type: ignore[attr-defined]
                    or copy_context() != context
                ):
                    return


def _no_refcount(_: object) -> int:
    """Where references are not counted, no Task serves twice."""
    global _answers
    _answers += 1
    return _answers


_answers = 0
_getrefcount: Callable[[object], int] = getattr(sys, "getrefcount", _no_refcount)
