"""The event queue in an event loop: one call takes a batch, one call hands over
what was answered."""

from __future__ import annotations

import asyncio
import logging
import time
from contextvars import copy_context
from itertools import islice
from typing import Any, Callable, Iterator, List, Optional, Tuple

from .. import _native
from ..core.command_buffer import RECORD, Failure
from ..core.dispatcher import Dispatcher
from ..error import Error
from ..report import Report
from .exchange import ERROR_ANSWER, INTERNAL_ERROR, Exchange
from .tasks import Runner

log = logging.getLogger("goaway")

_REQUEST = _native.RECORD_REQUEST
_COOKIES = _native.FLAG_COOKIES
_END = _native.FLAG_END

AT_ONCE = 32
"""So many records are read before the loop goes on."""
FLUSH_SECONDS = 0.002
"""So long the responses to a batch may wait for its end."""

Accept = Callable[[int, int, int, int, int, bytes, bytes, int], Exchange]
"""Makes an exchange of a REQUEST: id, flags, tag, session, ms left, text, data
and how many path parameters there are."""


class Pump(Dispatcher[Exchange]):
    """Brings records to exchanges, and commands back. In the loop's thread only."""

    def __init__(self, core: _native.Core, loop: asyncio.AbstractEventLoop, accept: Accept) -> None:
        super().__init__(core, self._plan_flush)
        self.loop = loop
        self.closed: "asyncio.Future[Report]" = loop.create_future()
        """Set when the server has ended."""
        self._accept = accept
        self._runner = Runner(loop)
        self._context = copy_context()
        self._is_flush_planned = False
        self._batch: Optional[Iterator[Tuple[Any, ...]]] = None
        """What is left of the records that were taken."""
        self._left = 0
        """How many, at the most."""
        self._arena = b""
        self._batch_began = 0.0
        self._begun: List[Exchange] = []
        """Requests whose Tasks take their first step now."""
        self._fd = -1
        self.forget: Callable[[int, None], object] = self.requests.pop
        """An exchange is done: to be called with its id and None. Once somebody waits
        for the last one it is another function, which tells them."""
        self._idle_waiters: List["asyncio.Future[None]"] = []

    def start(self) -> None:
        """Looks at the queue from now on."""
        self._fd = self._core.fd()
        self.loop.add_reader(self._fd, self._on_readable)

    def stop(self) -> None:
        """Looks at it no more, nor at what is left of a batch: where the loop ends,
        a Task that is made now would never run."""
        self._batch, self._arena = None, b""
        if self._fd >= 0:
            self.loop.remove_reader(self._fd)
            self._fd = -1

    async def wait_idle(self) -> None:
        """Until every exchange is done."""
        self.forget = self._forget_and_tell
        while self.requests:
            waiter: "asyncio.Future[None]" = self.loop.create_future()
            self._idle_waiters.append(waiter)
            await waiter

    def _forget_and_tell(self, id: int, _: None) -> None:
        requests = self.requests
        requests.pop(id, None)
        if not requests:
            waiters, self._idle_waiters = self._idle_waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def flush(self) -> None:
        """Hands over what was answered."""
        self._is_flush_planned = False
        failures = self.outbox.flush()
        if failures:
            self._give_up(failures)
            # What cannot be answered 500 is reset, and that cannot be refused.
            for failure in self.outbox.flush():
                self.outbox.add(_native.COMMAND_RESET, failure.request, number=INTERNAL_ERROR)
            self.outbox.flush()

    def _plan_flush(self) -> None:
        """Flushes once all that is ready to run now has run: one call takes the
        responses of many requests. While a batch is read, its end flushes too."""
        if not self._is_flush_planned and self._batch is None:
            self._is_flush_planned = True
            self.loop.call_soon(self.flush, context=self._context)

    def _on_readable(self) -> None:
        if self._batch is not None:
            return  # There is work enough; what has come since waits its turn.
        try:
            records, arena = self._core.take()
        except Error:
            # The loop runs on in the child of a fork: the queue is the parent's.
            log.exception("the event queue gives nothing any more")
            self.stop()
            return
        self._batch, self._arena = RECORD.iter_unpack(records), arena
        self._left = len(records) // RECORD.size
        self._batch_began = time.monotonic()
        self._go_on()

    def _go_on(self) -> None:
        """Reads more of the batch. Requests begin a few at a time: what they have
        allocated is freed, and still in the processor's cache, when the next ones
        begin, and the loop's other work need not wait for all of them."""
        self._end_unbegun()
        if self._batch is None:
            return  # It was stopped.
        try:
            has_more = self._read_some()
        except BaseException:
            # A Ctrl-C. The loop may be run again.
            self.loop.call_soon(self._go_on, context=self._context)
            raise
        if not has_more:
            self._batch, self._arena = None, b""
            self.loop.call_soon(self._end_batch, context=self._context)
            return
        # Those that have begun run first.
        self.loop.call_soon(self._go_on, context=self._context)
        if time.monotonic() - self._batch_began > FLUSH_SECONDS:
            self.flush()
            self._batch_began = time.monotonic()

    def _end_batch(self) -> None:
        """Its last requests have begun, too."""
        self._end_unbegun()
        self.flush()

    def _read_some(self) -> bool:
        """Reads some records. False: those were the last."""
        batch = self._batch
        assert batch is not None
        requests, accept, begin, arena = self.requests, self._accept, self._runner.starter(), self._arena
        begun = self._begun
        for record in islice(batch, AT_ONCE):
            kind, flags, tag, id, session, text, text_len, data, data_len, _, _, left, _, params = record
            if kind != _REQUEST:
                self._dispatch(record, arena)
                continue
            try:
                body = arena[data : data + data_len] if data_len else b""
                requests[id] = exchange = accept(
                    id, flags, tag, session, left, arena[text : text + text_len], body, params
                )
                if flags > _END and flags & _COOKIES:
                    exchange.cookies = arena[text + text_len : data]
                begin(exchange)
            except Exception:
                log.exception("a request cannot be understood")
                self.forget(id, None)
                self.outbox.respond(id, 500, *ERROR_ANSWER)
                continue
            begun.append(exchange)
        self._left -= AT_ONCE
        return self._left > 0

    def _end_unbegun(self) -> None:
        """A Task that is cancelled before its first step ends without a word: its
        request is ended here."""
        for exchange in self._begun:
            task = exchange.task
            if task is not None and task.done():
                exchange.done(asyncio.CancelledError())
        self._begun.clear()

    def _on_closed(self, report: Report) -> None:
        if not self.closed.done():
            self.closed.set_result(report)

    def _give_up(self, failures: "List[Failure]") -> None:
        """Parts of responses were refused: the peers must not take them for whole.
        The first refused part of a response decides what can still be said."""
        seen = set()
        for failure in failures:
            if failure.request in seen:
                continue
            seen.add(failure.request)
            log.error("the library has refused a part of a response: %s", failure.error)
            exchange = self.requests.get(failure.request)
            if exchange is not None:
                exchange.failed(failure.error)
            if failure.kind in _BEFORE_BODY:
                self.outbox.respond(failure.request, 500, *ERROR_ANSWER)
            elif failure.kind != _native.COMMAND_RESET:
                self.outbox.add(_native.COMMAND_RESET, failure.request, number=INTERNAL_ERROR)


_BEFORE_BODY = (_native.COMMAND_RESPOND, _native.COMMAND_HEAD, _native.COMMAND_INFORM)
