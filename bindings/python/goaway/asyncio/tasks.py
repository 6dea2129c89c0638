"""Runs each request in an asyncio Task of its own, with its own copy of the context."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Awaitable, Callable, Optional

from ..core.interrupt import is_interrupt

CAN_START_EAGERLY = sys.version_info >= (3, 12)
"""Whether a Task can take its first step where it is made, rather than in the
loop's next iteration."""


class Work:
    """One request, as the runner needs it; see `exchange.Exchange`."""

    __slots__ = ("task",)

    task: "Optional[asyncio.Task[None]]"
    """Its Task, until it has ended."""

    def call(self) -> Awaitable[object]:
        """Calls the program's handler."""
        raise NotImplementedError

    def done(self, error: Optional[BaseException]) -> None:
        """The handler has returned, or has raised `error`."""

    def flush(self) -> None:
        """Hands over the response now: the loop may end."""

    async def _run(self) -> None:
        """The whole life of a request's Task."""
        try:
            await self.call()
        except BaseException as error:
            if self.ended_by(error):
                raise
        else:
            self.done(None)

    def ended_by(self, error: BaseException) -> bool:
        """Whatever the handler raises ends this request only. True: its Task has to
        raise it, too."""
        if isinstance(error, GeneratorExit) and not _is_running(self.task):
            return True  # The Task is being destroyed: the loop has ended before it.
        self.done(error)
        if isinstance(error, asyncio.CancelledError):
            return True
        if is_interrupt(error):
            self.flush()
            return True
        return False


async def _run_eagerly(work: Work) -> None:
    work.task = asyncio.current_task()
    await work._run()


def _is_running(task: "Optional[asyncio.Task[None]]") -> bool:
    try:
        return asyncio.current_task() is task
    except RuntimeError:
        return False


class Runner:
    """Starts work in a loop: in callbacks of the loop only, not in Tasks."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._create_task: Any = None
        """The loop class's method that was looked at last."""
        self._is_own = False
        """Whether the class came with it."""

    def starter(self) -> Callable[[Work], None]:
        """The function that starts work, for as long as no other code runs: a program
        may change at any time how Tasks are made."""
        if CAN_START_EAGERLY:
            return self._start_eagerly
        return _start if self._makes_plain_tasks() else self._start_by_loop

    def _makes_plain_tasks(self) -> bool:
        """Whether `create_task` of the loop makes an `asyncio.Task` and does nothing else."""
        loop = self._loop
        create_task: Any = type(loop).create_task
        if create_task is not self._create_task:
            self._create_task = create_task
            name = f"{create_task.__module__}.{getattr(create_task, '__qualname__', '')}"
            self._is_own = name in _PLAIN and not hasattr(create_task, "__wrapped__")
        return self._is_own and loop.get_task_factory() is None and "create_task" not in vars(loop)

    def _start_by_loop(self, work: Work) -> None:
        work.task = self._loop.create_task(work._run())

    def _start_eagerly(self, work: Work) -> None:
        loop = self._loop
        if loop.get_task_factory() is not None:
            # The program has its own idea of a Task.
            loop.create_task(_run_eagerly(work))
        else:
            make_task: Any = asyncio.Task
            make_task(_run_eagerly(work), loop=loop, eager_start=True)


_PLAIN = ("asyncio.base_events.BaseEventLoop.create_task", "uvloop.loop.Loop.create_task")


def _start(work: Work) -> None:
    # A Task that is given no loop takes the one that runs.
    work.task = asyncio.Task(work._run())
