"""Records of the event queue, brought to the requests that they concern: what the
pump of an event loop and that of a thread have in common."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, Generic, Optional, Protocol, TypeVar

from .. import _native
from ..limit import BODY_BYTES
from ..report import Progress, Report
from .callback import tell
from .command_buffer import Outbox
from .session import SessionEvent, read_event

log = logging.getLogger("goaway")


class DrainOf(Protocol):
    """How a request learns that its session drains."""

    def begin(self, left_ms: int) -> None: ...


class Receiver(Protocol):
    """A request, as the records see it."""

    @property
    def drain(self) -> DrainOf: ...

    def feed(self, data: bytes, has_end: bool, trailers: bytes) -> None:
        """More of the body has come."""

    def writable(self, queued: int, mark: int) -> None:
        """The response has room again, up to the mark."""

    def cancelled(self, cause: str, code: int) -> None:
        """Nobody waits for the response any more."""


R = TypeVar("R", bound=Receiver)


class Dispatcher(Generic[R]):
    """Knows the open requests, and tells each what has happened to it."""

    def __init__(self, core: _native.Core, wake: Callable[[], None]) -> None:
        """`wake` is called for the first command after a flush."""
        self.requests: Dict[int, R] = {}
        """The requests that are not done with, by id."""
        self.outbox = Outbox(core, wake)
        self.high_water = 65536
        """So many bytes of one response may wait for the peer."""
        self.body_bytes = BODY_BYTES
        """So many bytes of one body are gathered, if `read` is not told otherwise."""
        self.on_event: Optional[Callable[[SessionEvent], None]] = None
        self.on_progress: Optional[Callable[[Progress], None]] = None
        self._core = core

    def _dispatch(self, record: "tuple[Any, ...]", arena: bytes) -> None:
        """Any record but a REQUEST."""
        kind, flags, _, id, session, text, text_len, data, data_len, code, cause, number, fields, params = record
        request = self.requests.get(id)
        if kind == _native.RECORD_SESSION:
            event = read_event(session, fields, code, cause, number, params, arena[text : text + text_len])
            tell(self.on_event, event)
        elif kind == _native.RECORD_PROGRESS:
            tell(self.on_progress, Progress(fields, params, number))
        elif kind == _native.RECORD_CLOSED:
            self._on_closed(_native.read_report(arena[data : data + data_len]))
        elif request is None:
            return
        elif kind == _native.RECORD_BODY:
            has_end = flags & _native.FLAG_END != 0
            request.feed(arena[data : data + data_len], has_end, arena[text : text + text_len])
        elif kind == _native.RECORD_WRITABLE:
            request.writable(number, code)
        elif kind == _native.RECORD_CANCELLED:
            request.cancelled(_native.cause_name(cause), code)
        elif kind == _native.RECORD_DRAIN:
            request.drain.begin(number)

    def _on_closed(self, report: Report) -> None:
        """The server has ended."""
        raise NotImplementedError
