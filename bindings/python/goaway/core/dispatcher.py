"""Dispatches the records of the event queue to the requests that they concern.

The pump of an event loop and that of a thread are dispatchers.
"""

from __future__ import annotations

import logging
import struct
from typing import Any, Callable, Dict, Generic, Optional, Protocol, Tuple, TypeVar

from .. import _native
from ..limit import BODY_BYTES
from ..report import Progress, Report
from .callback import notify
from .command_buffer import CommandBuffer
from .drain import DrainState
from .fields import pairs
from .request import sensitive_names
from .session import SessionEvent, read_event

log = logging.getLogger("goaway")

RECORD = struct.Struct("=HHIQQQIIIIIIIHH")
"""`goaway_record`: kind, flags, tag, id, session, context, text, data, code,
cause, number, fields, params; text and data are an offset and a length."""

HIGH_WATER = 65536
"""The default of the limit high_water_bytes."""


class Receiver(Protocol):
    """A request, as the dispatcher sees it."""

    sensitive_trailers: "Tuple[bytes, ...]"
    """The names of the trailer fields that came as never indexed."""

    @property
    def drain(self) -> DrainState:
        """Whether the session of the request drains."""

    def feed(self, data: bytes, has_end: bool, trailers: bytes) -> None:
        """More of the request body has arrived."""

    def writable(self, queued: int, high_water: int) -> None:
        """`queued` bytes of the response body are unsent now; up to `high_water` may be."""

    def cancelled(self, cause: str, code: int) -> None:
        """The request was cancelled."""


R = TypeVar("R", bound=Receiver)


class Dispatcher(Generic[R]):
    """Keeps the open requests, and passes each record to its request."""

    def __init__(self, core: _native.Core, wake: Callable[[], None]) -> None:
        """`wake` is called for the first command after a flush."""
        self.requests: Dict[int, R] = {}
        """The requests whose handlers have not ended, by id."""
        self.commands = CommandBuffer(core, wake)
        self.high_water = HIGH_WATER
        """Unsent bytes of one response at which a writer waits."""
        self.body_bytes = BODY_BYTES
        """The default limit of `Request.read`."""
        self.on_event: Optional[Callable[[SessionEvent], None]] = None
        self.on_progress: Optional[Callable[[Progress], None]] = None
        self._core = core

    def _dispatch(self, record: "tuple[Any, ...]", arena: bytes) -> None:
        """Handles any record but a REQUEST."""
        kind, flags, _, id, session, _, text, text_len, data, data_len, code, cause, number, fields, params = record
        request = self.requests.get(id)
        if kind == _native.RECORD_KIND_SESSION:
            event = read_event(session, fields, code, cause, number, params, arena[text : text + text_len])
            notify(self.on_event, event)
        elif kind == _native.RECORD_KIND_PROGRESS:
            notify(self.on_progress, Progress(code, cause, number))
        elif kind == _native.RECORD_KIND_CLOSED:
            self._on_closed(_native.read_report(arena[data : data + data_len]))
        elif request is None:
            return
        elif kind == _native.RECORD_KIND_BODY:
            has_end = flags & _native.RECORD_FLAG_END != 0
            if flags & _native.RECORD_FLAG_SENSITIVE:
                trailers = pairs(arena[text : text + text_len])
                request.sensitive_trailers = tuple(sensitive_names(trailers, arena[text - fields : text]))
            request.feed(arena[data : data + data_len], has_end, arena[text : text + text_len])
        elif kind == _native.RECORD_KIND_WRITABLE:
            request.writable(number, code)
        elif kind == _native.RECORD_KIND_CANCELLED:
            request.cancelled(_native.cause_name(cause), code)
        elif kind == _native.RECORD_KIND_DRAIN:
            request.drain.begin(number)

    def _on_closed(self, report: Report) -> None:
        """The server has closed."""
        raise NotImplementedError
