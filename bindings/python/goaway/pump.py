"""The event queue in an event loop: one call takes a batch, one call hands over
what was answered."""

from __future__ import annotations

import asyncio
import logging
from contextvars import copy_context
from typing import Any, Callable, Dict, List, Optional

from . import _native
from .callback import tell
from .error import Error
from .exchange import ERROR_ANSWER, INTERNAL_ERROR, Exchange
from .outbox import RECORD, Failure, Outbox
from .report import Progress, Report
from .runner import runner
from .session import SessionEvent, read_event

log = logging.getLogger("goaway")

_REQUEST = _native.RECORD_REQUEST
_END = _native.FLAG_END
_COOKIES = _native.FLAG_COOKIES

Accept = Callable[[int, int, int, int, int, bytes, bytes, int], Exchange]
"""Makes an exchange of a REQUEST: id, flags, tag, session, ms left, text, data
and how many path parameters there are."""


class Pump:
    """Brings records to exchanges, and commands back. In the loop's thread only."""

    def __init__(self, core: _native.Core, loop: asyncio.AbstractEventLoop, accept: Accept) -> None:
        self.loop = loop
        self.exchanges: Dict[int, Exchange] = {}
        """The requests that are not done with, by id."""
        self.outbox = Outbox(core, self._plan_flush)
        self.high_water = 65536
        """So many bytes of one answer may wait for the peer."""
        self.closed: "asyncio.Future[Report]" = loop.create_future()
        """Set when the server has ended."""
        self.on_event: Optional[Callable[[SessionEvent], None]] = None
        self.on_progress: Optional[Callable[[Progress], None]] = None
        self._accept = accept
        self._core = core
        self._begin = runner(loop)
        self._context = copy_context()
        self._is_flush_planned = False
        self._fd = -1
        self._idle_waiters: List["asyncio.Future[None]"] = []

    def start(self) -> None:
        """Looks at the queue from now on."""
        self._fd = self._core.fd()
        self.loop.add_reader(self._fd, self._on_readable)

    def stop(self) -> None:
        """Looks at it no more."""
        if self._fd >= 0:
            self.loop.remove_reader(self._fd)
            self._fd = -1

    def forget(self, id: int) -> None:
        """An exchange is done."""
        exchanges = self.exchanges
        exchanges.pop(id, None)
        if self._idle_waiters and not exchanges:
            waiters, self._idle_waiters = self._idle_waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def wait_idle(self) -> None:
        """Until every exchange is done."""
        while self.exchanges:
            waiter: "asyncio.Future[None]" = self.loop.create_future()
            self._idle_waiters.append(waiter)
            await waiter

    def flush(self) -> None:
        """Hands over what was answered."""
        self._is_flush_planned = False
        failures = self.outbox.flush()
        if failures:
            for failure in failures:
                self._fail(failure)
            # What cannot be answered 500 is reset, and that cannot be refused.
            for failure in self.outbox.flush():
                self.outbox.add(_native.COMMAND_RESET, failure.request, number=INTERNAL_ERROR)
            self.outbox.flush()

    def _plan_flush(self) -> None:
        """Flushes once all that is ready to run now has run: one call takes the
        responses of many requests."""
        if not self._is_flush_planned:
            self._is_flush_planned = True
            self.loop.call_soon(self.flush, context=self._context)

    def _on_readable(self) -> None:
        try:
            records, arena = self._core.take()
        except Error:
            # The loop runs on in the child of a fork: the queue is the parent's.
            log.exception("the event queue gives nothing any more")
            self.stop()
            return
        exchanges, accept, begin = self.exchanges, self._accept, self._begin
        for record in RECORD.iter_unpack(records):
            if record[0] != _REQUEST:
                self._tell(record, arena)
                continue
            _, flags, tag, id, session, text, text_len, data, data_len, _, _, left, _, params = record
            try:
                exchanges[id] = exchange = accept(
                    id, flags, tag, session, left, arena[text : text + text_len], arena[data : data + data_len], params
                )
                if flags & _COOKIES:
                    exchange.cookies = arena[text + text_len : data]
                begin(exchange)
            except Exception:
                log.exception("a request cannot be understood")
                self.forget(id)
                self.outbox.respond(id, 500, *ERROR_ANSWER)
        self._plan_flush()

    def _tell(self, record: "tuple[Any, ...]", arena: bytes) -> None:
        """Anything but a request."""
        kind, flags, _, id, session, text, text_len, data, data_len, code, cause, number, fields, params = record
        exchange = self.exchanges.get(id)
        if kind == _native.RECORD_BODY:
            if exchange is not None:
                exchange.feed(arena[data : data + data_len], flags & _END != 0, arena[text : text + text_len])
        elif kind == _native.RECORD_WRITABLE:
            if exchange is not None:
                exchange.writable(number, code)
        elif kind == _native.RECORD_CANCELLED:
            if exchange is not None:
                exchange.cancelled(_native.cause_name(cause), code)
        elif kind == _native.RECORD_DRAIN:
            if exchange is not None:
                exchange.drain.begin(number)
        elif kind == _native.RECORD_SESSION:
            event = read_event(session, fields, code, cause, number, params, arena[text : text + text_len])
            tell(self.on_event, event)
        elif kind == _native.RECORD_PROGRESS:
            tell(self.on_progress, Progress(fields, params, number))
        elif kind == _native.RECORD_CLOSED and not self.closed.done():
            self.closed.set_result(_native.read_report(arena[data : data + data_len]))

    def _fail(self, failure: Failure) -> None:
        """A part of an answer was refused: the peer must not take it for whole."""
        log.error("an answer was refused: %s", failure.error)
        exchange = self.exchanges.get(failure.request)
        if exchange is not None:
            exchange.failed(failure.error)
        if failure.kind in (_native.COMMAND_RESPOND, _native.COMMAND_HEAD, _native.COMMAND_INFORM):
            self.outbox.respond(failure.request, 500, *ERROR_ANSWER)
        elif failure.kind != _native.COMMAND_RESET:
            self.outbox.add(_native.COMMAND_RESET, failure.request, number=INTERNAL_ERROR)
