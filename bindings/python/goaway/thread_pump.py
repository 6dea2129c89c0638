"""The event queue without an event loop: a thread that waits for batches."""

from __future__ import annotations

import logging
import threading
from typing import Callable, Dict, Optional

from . import _native
from .callback import tell
from .error import Error
from .exchange import ERROR_ANSWER
from .outbox import RECORD, Outbox
from .report import Progress, Report
from .session import SessionEvent, read_event
from .threaded_request import ThreadedRequest

log = logging.getLogger("goaway")

PAUSE = 60.0
"""Seconds of one wait; so long a thread that nobody needs may stay."""


class ThreadPump:
    """Brings records to requests. Its thread is a daemon: it does not keep the
    interpreter."""

    def __init__(self, core: _native.Core, accept: Callable[[ThreadedRequest, int], bool]) -> None:
        """`accept` is given a request and its route's tag; False refuses it (503)."""
        self.high_water = 65536
        self.on_event: Optional[Callable[[SessionEvent], None]] = None
        self.on_progress: Optional[Callable[[Progress], None]] = None
        self.on_closed: Callable[[Report], None] = lambda report: None
        self._core = core
        self._accept = accept
        self._requests: Dict[int, ThreadedRequest] = {}
        self._outbox = Outbox(core, lambda: None)

    def start(self) -> None:
        threading.Thread(target=self._run, name="goaway-pump", daemon=True).start()

    def forget(self, request: ThreadedRequest) -> None:
        """It is done. From any thread."""
        self._requests.pop(request.id, None)

    def _run(self) -> None:
        report = None
        try:
            while report is None:
                if self._core.wait(PAUSE):
                    report = self._take()
        except Error as error:
            # The process is a fork's child, or the queue is gone.
            log.debug("the pump ends: %s", error)
        self.on_closed(report or Report())

    def _take(self) -> Optional[Report]:
        records, arena = self._core.take()
        report: Optional[Report] = None
        for record in RECORD.iter_unpack(records):
            kind, flags, tag, id, session, text, text_len, data, data_len, code, cause, number, fields, params = record
            texts, datas = arena[text : text + text_len], arena[data : data + data_len]
            request = self._requests.get(id)
            if kind == _native.RECORD_REQUEST:
                cookies = arena[text + text_len : data] if flags & _native.FLAG_COOKIES else b""
                self._begin(flags, tag, id, session, number, texts, datas, params, cookies)
            elif kind == _native.RECORD_SESSION:
                tell(self.on_event, read_event(session, fields, code, cause, number, params, texts))
            elif kind == _native.RECORD_PROGRESS:
                tell(self.on_progress, Progress(fields, params, number))
            elif kind == _native.RECORD_CLOSED:
                report = _native.read_report(datas)
            elif request is None:
                continue
            elif kind == _native.RECORD_BODY:
                request.feed(datas, flags & _native.FLAG_END != 0, texts)
            elif kind == _native.RECORD_WRITABLE:
                request.writable(number, code)
            elif kind == _native.RECORD_CANCELLED:
                request.cancelled(_native.cause_name(cause), code)
                self.forget(request)
            elif kind == _native.RECORD_DRAIN:
                request.draining.begin(number)
        self._outbox.flush()
        return report

    def _begin(
        self,
        flags: int,
        tag: int,
        id: int,
        session: int,
        left_ms: int,
        text: bytes,
        data: bytes,
        params: int,
        cookies: bytes,
    ) -> None:
        request = ThreadedRequest(self._core, id, session, text, params, flags, self.high_water)
        request.cookies = cookies
        if flags & _native.FLAG_END:
            request.begin(data)
        if flags & _native.FLAG_DRAINING:
            request.draining.begin(left_ms)
        request.on_over = self.forget
        self._requests[id] = request
        if not self._accept(request, tag):
            self.forget(request)
            self._outbox.respond(id, 503, ERROR_ANSWER[0], b"Service Unavailable")
