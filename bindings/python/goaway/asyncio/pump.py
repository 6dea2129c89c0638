"""Reads the event queue in an event loop: one call takes a batch of records, and one
call submits the responses."""

from __future__ import annotations

import asyncio
import logging
import time
from contextvars import copy_context
from itertools import islice
from typing import Any, Callable, Iterator, List, Optional, Tuple

from .. import _native
from ..core import at_exit
from ..core.command_buffer import Failure
from ..core.dispatcher import RECORD, Dispatcher
from ..core.response import INTERNAL_ERROR, error_response
from ..error import Error
from ..report import Report
from .deadline import GRACE, LoopDeadline
from .exchange import Exchange
from .tasks import TaskStarter

log = logging.getLogger("goaway")

_REQUEST = _native.RECORD_KIND_REQUEST
_COOKIES = _native.RECORD_FLAG_COOKIES
_SENSITIVE = _native.RECORD_FLAG_SENSITIVE

RECORDS_AT_ONCE = 32
"""Records that are read before other callbacks of the loop run."""
FLUSH_SECONDS = 0.002
"""Seconds that responses may wait for the end of the batch."""

Accept = Callable[[int, int, int, int, int, bytes, bytes, int], Exchange]
"""Makes the exchange of a REQUEST record. Arguments: id, flags, tag, session, milliseconds
left, text, data, and the number of path parameters."""


class Pump(Dispatcher[Exchange]):
    """Passes records to exchanges, and their commands to the library. In the loop's
    thread only."""

    def __init__(self, core: _native.Core, loop: asyncio.AbstractEventLoop, accept: Accept) -> None:
        super().__init__(core, self._plan_flush)
        self.loop = loop
        self.closed: "asyncio.Future[Report]" = loop.create_future()
        """Set when the server has closed."""
        self._accept = accept
        self._starter = TaskStarter(loop)
        self._context = copy_context()
        self._is_flush_planned = False
        self._batch: Optional[Iterator[Tuple[Any, ...]]] = None
        """The records of the batch that were not read yet."""
        self._left = 0
        """How many there are at most."""
        self._arena = b""
        self._batch_began = 0.0
        self._starting: List[Exchange] = []
        """Exchanges whose Tasks have not taken their first step."""
        self._fd = -1
        self.remove: Callable[[int, None], object] = self.requests.pop
        """Removes an exchange that has ended; called with its id and None. `wait_idle`
        replaces it by a function that also notifies."""
        self._idle_waiters: List["asyncio.Future[None]"] = []

    def start(self) -> None:
        """Reads the queue from now on."""
        self._fd = self._core.fd()
        self.loop.add_reader(self._fd, self._on_readable)

    def stop(self) -> None:
        """Stops reading, and drops what is left of a batch: if the loop ends, a Task that
        is made now would never run."""
        self._batch, self._arena = None, b""
        if self._fd >= 0:
            self.loop.remove_reader(self._fd)
            self._fd = -1

    def end(self) -> None:
        """Stops, and frees the server, which has closed."""
        self.stop()
        self._core.free()
        at_exit.unregister(self._core)

    async def end_requests(self, deadline: LoopDeadline) -> None:
        """Waits until every exchange has ended, and cancels them at the deadline. The
        handler of a complete response may still run."""
        if await deadline.run(self.wait_idle()):
            return
        for exchange in list(self.requests.values()):
            if exchange.task is not None:
                exchange.task.cancel()
        if not await deadline.run(self.wait_idle(), GRACE):
            log.error("%d requests still run although they were cancelled", len(self.requests))

    async def wait_idle(self) -> None:
        """Waits until every exchange has ended."""
        self.remove = self._remove_and_notify
        while self.requests:
            waiter: "asyncio.Future[None]" = self.loop.create_future()
            self._idle_waiters.append(waiter)
            await waiter

    def _remove_and_notify(self, id: int, _: None) -> None:
        requests = self.requests
        requests.pop(id, None)
        if not requests:
            waiters, self._idle_waiters = self._idle_waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def flush(self) -> None:
        """Submits the commands."""
        self._is_flush_planned = False
        failures = self.commands.flush()
        if failures:
            self._end_refused(failures)
            # If a 500 is refused, too, the stream is reset, which is never refused.
            for failure in self.commands.flush():
                self.commands.add(_native.COMMAND_KIND_RESET, failure.request, number=INTERNAL_ERROR)
            self.commands.flush()

    def _plan_flush(self) -> None:
        """Flushes after everything that is ready to run now: one call submits the responses
        of many requests. While a batch is read, its end flushes."""
        if not self._is_flush_planned and self._batch is None:
            self._is_flush_planned = True
            self.loop.call_soon(self.flush, context=self._context)

    def _on_readable(self) -> None:
        if self._batch is not None:
            return  # The current batch is not read completely; new records wait.
        try:
            records, arena = self._core.take()
        except Error:
            # The loop still runs in the child of a fork, and the queue belongs to the parent.
            log.exception("the event queue cannot be read any more")
            self.stop()
            return
        self._batch, self._arena = RECORD.iter_unpack(records), arena
        self._left = len(records) // RECORD.size
        self._batch_began = time.monotonic()
        self._continue_batch()

    def _continue_batch(self) -> None:
        """Reads more of the batch. Only a few requests start at a time: the memory that they
        free is still in the processor's cache when the next ones start, and other callbacks
        of the loop run in between."""
        self._end_cancelled()
        if self._batch is None:
            return  # It was stopped.
        try:
            has_more = self._read_some()
        except BaseException:
            # SIGINT; the loop may be run again.
            self.loop.call_soon(self._continue_batch, context=self._context)
            raise
        if not has_more:
            self._batch, self._arena = None, b""
            self.loop.call_soon(self._end_batch, context=self._context)
            return
        # The Tasks that were started run first.
        self.loop.call_soon(self._continue_batch, context=self._context)
        if time.monotonic() - self._batch_began > FLUSH_SECONDS:
            self.flush()
            self._batch_began = time.monotonic()

    def _end_batch(self) -> None:
        """The last Tasks of the batch have taken their first step."""
        self._end_cancelled()
        self.flush()

    def _read_some(self) -> bool:
        """Reads some records. Returns whether there are more."""
        batch = self._batch
        assert batch is not None
        requests, accept, start, arena = self.requests, self._accept, self._starter.starter(), self._arena
        starting = self._starting
        for record in islice(batch, RECORDS_AT_ONCE):
            kind, flags, tag, id, session, _, text, text_len, data, data_len, _, order, left, fields, params = record
            if kind != _REQUEST:
                self._dispatch(record, arena)
                continue
            try:
                body = arena[data : data + data_len] if data_len else b""
                requests[id] = exchange = accept(
                    id, flags, tag, session, left, arena[text : text + text_len], body, params
                )
                # The two highest flags: something stands beside the text.
                if flags >= _COOKIES:
                    if flags & _COOKIES:
                        exchange.cookies = arena[text + text_len : data]
                    if flags & _SENSITIVE:
                        exchange.sensitive = (order, arena[text - fields : text])
                start(exchange)
            except Exception:
                log.exception("a request could not be started")
                self.remove(id, None)
                self.commands.respond(id, *error_response())
                continue
            starting.append(exchange)
        self._left -= RECORDS_AT_ONCE
        return self._left > 0

    def _end_cancelled(self) -> None:
        """Ends the exchanges whose Tasks were cancelled before their first step: such a Task
        ends without running any code."""
        for exchange in self._starting:
            task = exchange.task
            if task is not None and task.done():
                exchange.done(asyncio.CancelledError())
        self._starting.clear()

    def _on_closed(self, report: Report) -> None:
        if not self.closed.done():
            self.closed.set_result(report)

    def _end_refused(self, failures: "List[Failure]") -> None:
        """Ends the responses of which the library refused a part, so that the peers do not
        take them for complete. The first refused part decides what can still be sent."""
        seen = set()
        for failure in failures:
            if failure.request in seen:
                continue
            seen.add(failure.request)
            log.error("the library refused a part of a response: %s", failure.error)
            exchange = self.requests.get(failure.request)
            if exchange is not None:
                exchange.refused(failure.error)
            if failure.kind in _BEFORE_BODY:
                self.commands.respond(failure.request, *error_response())
            elif failure.kind != _native.COMMAND_KIND_RESET:
                self.commands.add(_native.COMMAND_KIND_RESET, failure.request, number=INTERNAL_ERROR)


_BEFORE_BODY = (_native.COMMAND_KIND_RESPOND, _native.COMMAND_KIND_HEAD, _native.COMMAND_KIND_INFORM)
