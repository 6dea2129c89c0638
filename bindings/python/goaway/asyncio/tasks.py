"""Runs each request in an asyncio Task of its own, with its own copy of the context."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Awaitable, Callable, Optional

from ..core.failure import is_interrupt

CAN_START_EAGERLY = sys.version_info >= (3, 12)
"""Whether a Task can take its first step where it is made, rather than in the
loop's next iteration."""


class Runnable:
    """A request, as its Task runs it; see `exchange.Exchange`."""

    __slots__ = ("task",)

    task: "Optional[asyncio.Task[None]]"
    """The Task, until it has ended."""

    def call(self) -> Awaitable[object]:
        """Calls the handler."""
        raise NotImplementedError

    def done(self, error: Optional[BaseException]) -> None:
        """The handler has returned, or has raised `error`."""

    def flush(self) -> None:
        """Submits the response now: the loop may stop."""

    async def _run(self) -> None:
        """The body of the Task."""
        try:
            await self.call()
        except BaseException as error:
            if self.handle(error):
                raise
        else:
            self.done(None)

    def handle(self, error: BaseException) -> bool:
        """Ends the request because its handler has raised `error`; other requests are
        not affected. Returns whether the Task must raise it, too."""
        if isinstance(error, GeneratorExit) and not _is_running(self.task):
            return True  # The Task is being destroyed: the loop has ended before it.
        self.done(error)
        if isinstance(error, asyncio.CancelledError):
            return True
        if is_interrupt(error):
            self.flush()
            return True
        return False


async def _run_eagerly(work: Runnable) -> None:
    work.task = asyncio.current_task()
    await work._run()


def _is_running(task: "Optional[asyncio.Task[None]]") -> bool:
    try:
        return asyncio.current_task() is task
    except RuntimeError:
        return False


class TaskStarter:
    """Starts the Tasks of requests. Only in callbacks of the loop, not in Tasks."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._create_task: Any = None
        """The `create_task` that was examined last."""
        self._is_standard = False
        """Whether it is the one of asyncio or uvloop."""

    def starter(self) -> Callable[[Runnable], None]:
        """The function that starts a Task. It holds until other code runs: a program may
        change the task factory at any time."""
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
            self._is_standard = name in _STANDARD and not hasattr(create_task, "__wrapped__")
        return self._is_standard and loop.get_task_factory() is None and "create_task" not in vars(loop)

    def _start_by_loop(self, work: Runnable) -> None:
        work.task = self._loop.create_task(work._run())

    def _start_eagerly(self, work: Runnable) -> None:
        loop = self._loop
        if loop.get_task_factory() is not None:
            # The program makes its own Tasks.
            loop.create_task(_run_eagerly(work))
        else:
            make_task: Any = asyncio.Task
            make_task(_run_eagerly(work), loop=loop, eager_start=True)


_STANDARD = ("asyncio.base_events.BaseEventLoop.create_task", "uvloop.loop.Loop.create_task")


def _start(work: Runnable) -> None:
    # Without an argument `loop` a Task uses the running loop.
    work.task = asyncio.Task(work._run())
