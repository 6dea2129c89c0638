"""Runs each request in an asyncio Task of its own, with its own copy of the context."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Awaitable, Callable, Optional

from .interrupt import is_interrupt

CAN_START_EAGERLY = sys.version_info >= (3, 12)
"""Whether a Task can take its first step where it is made, rather than in the
loop's next iteration."""


class Work:
    """One request, as the runner needs it; see `exchange.Exchange`."""

    task: "Optional[asyncio.Task[None]]" = None
    """Its Task, until it has ended."""

    def call(self) -> Awaitable[object]:
        """Calls the program's handler."""
        raise NotImplementedError

    def done(self, error: Optional[BaseException]) -> None:
        """The handler has returned, or has raised `error`."""

    def flush(self) -> None:
        """Hands over the response now: the loop may end."""


async def _run(work: Work) -> None:
    """The whole life of a request's Task. Whatever the handler raises ends this
    request only."""
    try:
        await work.call()
    except GeneratorExit as error:
        if not _is_running(work.task):
            raise  # The Task is being destroyed: the loop has ended before it.
        work.done(error)
    except asyncio.CancelledError as error:
        work.done(error)
        raise
    except BaseException as error:
        work.done(error)
        if is_interrupt(error):
            work.flush()
            raise
    else:
        work.done(None)


async def _run_eagerly(work: Work) -> None:
    work.task = asyncio.current_task()
    await _run(work)


def _is_running(task: "Optional[asyncio.Task[None]]") -> bool:
    try:
        return asyncio.current_task() is task
    except RuntimeError:
        return False


def runner(loop: asyncio.AbstractEventLoop) -> Callable[[Work], None]:
    """Gives the function that starts work in the loop. It is to be called in
    callbacks of the loop only, not in Tasks."""
    create_task: Any = loop.create_task

    def start(work: Work) -> None:
        work.task = create_task(_run(work))

    def start_eagerly(work: Work) -> None:
        if loop.get_task_factory() is not None:
            # The program has its own idea of a Task.
            create_task(_run_eagerly(work))
        else:
            make_task: Any = asyncio.Task
            make_task(_run_eagerly(work), loop=loop, eager_start=True)

    return start_eagerly if CAN_START_EAGERLY else start
