"""The event queue without an event loop: a thread that waits for batches."""

from __future__ import annotations

import logging
import threading
from typing import Callable, Optional

from .. import _native
from ..asyncio.exchange import ERROR_ANSWER
from ..core.command_buffer import RECORD
from ..core.dispatcher import Dispatcher
from ..core.failure import hook_threads
from ..error import Error
from ..report import Report
from .request import ThreadedRequest

log = logging.getLogger("goaway")

PAUSE = 60.0
"""Seconds of one wait; so long a thread that nobody needs may stay."""


class ThreadPump(Dispatcher[ThreadedRequest]):
    """Brings records to requests. Its thread is a daemon: it does not keep the
    interpreter."""

    def __init__(self, core: _native.Core, accept: Callable[[ThreadedRequest, int], bool]) -> None:
        """`accept` is given a request and its route's tag; False refuses it (503)."""
        super().__init__(core, lambda: None)
        self.on_closed: Callable[[Report], None] = lambda report: None
        self._accept = accept
        self._report: Optional[Report] = None

    def start(self) -> None:
        hook_threads()
        threading.Thread(target=self._run, name="goaway-pump", daemon=True).start()

    def forget(self, request: ThreadedRequest) -> None:
        """It is done. From any thread."""
        self.requests.pop(request.id, None)

    def _run(self) -> None:
        try:
            while self._report is None:
                if self._core.wait(PAUSE):
                    self._take()
        except Error as error:
            # The process is a fork's child, or the queue is gone.
            log.debug("the pump ends: %s", error)
        self.on_closed(self._report or Report())

    def _take(self) -> None:
        records, arena = self._core.take()
        for record in RECORD.iter_unpack(records):
            if record[0] != _native.RECORD_REQUEST:
                self._dispatch(record, arena)
                continue
            _, flags, tag, id, session, text, text_len, data, data_len, _, _, left, _, params = record
            request = ThreadedRequest(
                self._core, id, session, arena[text : text + text_len], params, flags, self.high_water
            )
            request.body_bytes = self.body_bytes
            if flags & _native.FLAG_COOKIES:
                request.cookies = arena[text + text_len : data]
            if flags & _native.FLAG_END:
                request.begin(arena[data : data + data_len])
            if flags & _native.FLAG_DRAINING:
                request.drain.begin(left)
            self._begin(request, tag)
        self.outbox.flush()

    def _begin(self, request: ThreadedRequest, tag: int) -> None:
        request.on_over = self.forget
        self.requests[request.id] = request
        if not self._accept(request, tag):
            self.forget(request)
            request.is_over = True
            self.outbox.respond(request.id, 503, ERROR_ANSWER[0], b"Service Unavailable")

    def _on_closed(self, report: Report) -> None:
        self._report = report
