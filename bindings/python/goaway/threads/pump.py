"""Reads the event queue without an event loop: a thread waits for batches of records."""

from __future__ import annotations

import logging
import threading
from typing import Callable, Optional

from .. import _native
from ..core.dispatcher import RECORD, Dispatcher
from ..core.failure import suppress_disconnect_of_threads
from ..core.response import UNAVAILABLE
from ..error import Error
from ..report import Report
from .request import ThreadedRequest

log = logging.getLogger("goaway")

WAIT_SECONDS = 60.0
"""Seconds of one wait for records."""


class ThreadPump(Dispatcher[ThreadedRequest]):
    """Passes records to requests. Its thread is a daemon, which does not keep the
    interpreter from exiting."""

    def __init__(self, core: _native.Core, accept: Callable[[ThreadedRequest, int], bool]) -> None:
        """`accept` is called with a request and the tag of its route. If it returns False,
        the response is 503."""
        super().__init__(core, lambda: None)
        self.on_closed: Callable[[Report], None] = lambda report: None
        self._accept = accept
        self._report: Optional[Report] = None

    def start(self) -> None:
        """Starts the thread."""
        suppress_disconnect_of_threads()
        threading.Thread(target=self._run, name="goaway-pump", daemon=True).start()

    def remove(self, request: ThreadedRequest) -> None:
        """The request has ended. From any thread."""
        self.requests.pop(request.id, None)

    def _run(self) -> None:
        try:
            while self._report is None:
                if self._core.wait(WAIT_SECONDS):
                    self._read_batch()
        except Error as error:
            # The process is the child of a fork, or the queue was freed.
            log.debug("the thread that reads the event queue ends: %s", error)
        self.on_closed(self._report or Report())

    # `asyncio.Pump` decodes a REQUEST record in the same way, but passes its parts on
    # without an object in between, for speed.
    def _read_batch(self) -> None:
        records, arena = self._core.take()
        for record in RECORD.iter_unpack(records):
            if record[0] != _native.RECORD_KIND_REQUEST:
                self._dispatch(record, arena)
                continue
            _, flags, tag, id, session, _, text, text_len, data, data_len, _, order, left, fields, params = record
            request = ThreadedRequest(
                self._core, id, session, arena[text : text + text_len], params, flags, self.high_water
            )
            request.body_bytes = self.body_bytes
            if flags & _native.RECORD_FLAG_COOKIES:
                request.cookies = arena[text + text_len : data]
            if flags & _native.RECORD_FLAG_SENSITIVE:
                request.sensitive = (order, arena[text - fields : text])
            if flags & _native.RECORD_FLAG_END:
                request.begin(arena[data : data + data_len])
            if flags & _native.RECORD_FLAG_DRAINING:
                request.drain.begin(left)
            self._start(request, tag)
        self.commands.flush()

    def _start(self, request: ThreadedRequest, tag: int) -> None:
        request.on_over = self.remove
        self.requests[request.id] = request
        if not self._accept(request, tag):
            self.remove(request)
            request.is_over = True
            self.commands.respond(request.id, *UNAVAILABLE)

    def _on_closed(self, report: Report) -> None:
        self._report = report
