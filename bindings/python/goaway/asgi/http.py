"""One request as ASGI has it: scope, receive and send."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, MutableMapping, Optional, Tuple

from .. import _native
from ..application.config import AccessRecord
from ..application.response import check_status
from ..asyncio.drain import Drain
from ..asyncio.exchange import Exchange
from ..core.address import named
from ..core.callback import tell
from ..core.command_buffer import as_bytes
from ..core.fields import application_head, lenient, pack_trailers
from ..core.head import version_of
from ..core.response import WITHOUT_BODY
from ..error import Error

if TYPE_CHECKING:
    from .scope import Site

log = logging.getLogger("goaway")

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]

# How far the answer is. Plain is one that has been started, and whose head goes out
# with the whole body if the next message has that: nothing about it is unusual.
_NOTHING, _PLAIN, _STARTED, _STREAMING, _TRAILERS, _DONE = range(6)
_START_HEADERS = "the headers of http.response.start"
_BODY = "the body of http.response.body"
_FILE_PIECE = 256 * 1024
_WITH_BODY = frozenset(range(200, 1000)) - WITHOUT_BODY
_HEAD = _native.FLAG_HEAD
_VERSIONS = _native.FLAG_HTTP_1_1 | _native.FLAG_HTTP_1_0


class AsgiExchange(Exchange):
    """A request that an ASGI application answers."""

    __slots__ = ("_announced", "_fields", "_flags", "_sent", "_stage", "_status", "scope", "site")

    site: "Site"
    scope: Dict[str, Any]

    _told_end = False
    _flags: int
    """Of its record: whether it is a HEAD, and the version of HTTP."""
    _stage: int
    _status: int
    """Of the response, once it was started; so are the next two."""
    _fields: bytes
    _announced: Optional[int]
    """The content-length, where the body must have it."""
    _has_trailers = False
    _trailer_fields: Optional[List[Tuple[Any, Any]]] = None
    _sent: int
    """Bytes of the body, since the start."""

    def open(self, site: "Site", id: int, scope: Dict[str, Any], drain: Drain, whole: Optional[bytes]) -> None:
        """It has come: `begin`, and what is ASGI's. One call that sets slots takes half
        as long as two `__init__`, and each request is made by it."""
        self.task = None
        self.pump = site.pump
        self.id = id
        self.drain = drain
        self.is_broken = False
        self.is_over = False
        self.whole = whole
        self._readers = None
        self.site = site
        self.scope = scope
        self._flags = 0
        self._stage = _NOTHING

    def take_flags(self, flags: int, left_ms: int) -> None:
        """Flags of its record that most do not have."""
        self._flags = flags & (_HEAD | _VERSIONS)
        if flags & _VERSIONS:
            self.scope["http_version"] = version_of(flags)
            # Clients of HTTP/1.1 may take a 103 for the response (RFC 8297, section 3).
            self.scope["extensions"].pop("http.response.early_hint", None)
        if flags & _native.FLAG_DRAINING:
            self.drain.begin(left_ms)

    async def _run(self) -> None:
        try:
            await self.site.app(self.scope, self.receive, self.send)
        except BaseException as error:
            if self.ended_by(error):
                raise
        else:
            if self._stage == _DONE:
                # As `done`, for the usual case.
                self.task = None
                self.pump.forget(self.id, None)
            else:
                self.done(None)

    def title(self) -> str:
        return f"the ASGI application at {self.scope['method']} {self.scope['path']}"

    def has_begun(self) -> bool:
        return self._stage >= _STREAMING

    # ASGI's two calls.

    async def receive(self) -> Message:
        """http.request for each piece of the body, then http.disconnect."""
        while True:
            if self.is_broken or self.is_over:
                return {"type": "http.disconnect"}
            if not self._told_end:
                data = self.take_body()
                if self._has_end:
                    self._told_end = True
                    return {"type": "http.request", "body": data or b"", "more_body": False}
                if data is not None:
                    return {"type": "http.request", "body": data, "more_body": True}
            await self.wait_readable()

    async def send(self, message: Message) -> None:
        """A part of the answer. Raises `Disconnected`, an OSError, once nobody
        waits for it any more."""
        kind = message.get("type")
        if self.is_broken:
            self.check_open()
        if kind == "http.response.start":
            self._start(message)
        elif kind == "http.response.body":
            if self._stage != _PLAIN or message.get("more_body"):
                return await self._send_body(message)
            # The whole answer at once: the usual case.
            body = message.get("body", b"")
            if type(body) is not bytes:
                body = as_bytes(body, _BODY)
            self._sent = size = len(body)
            if self._announced != size and self._announced is not None:
                self._refuse_length()
            self.pump.outbox.respond(self.id, self._status, self._fields, body)
            self._finish()
        elif kind == "http.response.trailers":
            self._send_trailers(message)
        elif kind == "http.response.pathsend":
            await self._send_file(message)
        elif kind == "http.response.early_hint":
            self._hint(message)
        else:
            raise ValueError(f'an ASGI application cannot send "{kind}" on an http connection')

    def _start(self, message: Message) -> None:
        if self._stage:
            raise RuntimeError("http.response.start was sent already")
        status = message.get("status")
        headers = message.get("headers", ())
        flags = self._flags
        if type(status) is int and status in _WITH_BODY and not flags:
            # The usual case.
            self._fields, self._announced = application_head(headers, _START_HEADERS, False)
            self._stage = _PLAIN
        else:
            status = check_status(status)
            self._fields, announced = application_head(headers, _START_HEADERS, flags & _VERSIONS != 0)
            has_body = status in _WITH_BODY and not flags & _HEAD
            self._announced = announced if has_body else None
            self._stage = _PLAIN if has_body else _STARTED
        self._status = status
        self._sent = 0
        if message.get("trailers"):
            self._has_trailers = True
            self._stage = _STARTED

    async def _send_body(self, message: Message) -> None:
        """Any part of a body."""
        body = as_bytes(message.get("body", b""), _BODY)
        has_more = bool(message.get("more_body"))
        if self._stage == _NOTHING:
            self._object("http.response.body")
        if self._stage == _PLAIN:
            self._stage = _STARTED
        if self._status in WITHOUT_BODY and self._drops(body):
            body = b""
            if self._stage == _STARTED:
                if has_more:
                    return  # The head goes out with the end.
                if not self._has_trailers and not self._flags & _HEAD:
                    self.pump.outbox.respond(self.id, self._status, self._fields, b"")
                    return self._finish()
        self._sent += len(body)
        await self._send_piece(body, has_more)

    def _drops(self, body: bytes) -> bool:
        return self.site.dropped.drops(self._status, body, self.scope["method"], self.scope["path"])

    def _refuse_length(self) -> None:
        raise Error("GOAWAY_ERR_LENGTH", f"content-length is {self._announced}, and the body has {self._sent} bytes")

    def _begin(self) -> None:
        """Sends the head."""
        self.pump.outbox.add(_native.COMMAND_HEAD, self.id, self._status, self._fields)
        self._stage = _STREAMING

    async def _send_piece(self, body: bytes, has_more: bool) -> None:
        if self._stage == _STARTED:
            if self._flags & _HEAD and body and not has_more and not self._has_trailers:
                # Told its length and not sent.
                self.pump.outbox.respond(self.id, self._status, self._fields, body)
                self._finish()
                return
            self._begin()
        elif self._stage != _STREAMING:
            self._object("http.response.body")
        if self._announced is not None and (
            self._sent > self._announced or (not has_more and self._sent != self._announced)
        ):
            self._refuse_length()
        if has_more or self._has_trailers:
            if not has_more:
                self._stage = _TRAILERS
            await self.write(body)
        else:
            while self._is_full:
                await self._wait_writable()
            self.pump.outbox.add(_native.COMMAND_END, self.id, data=body)
            self._finish()

    def _send_trailers(self, message: Message) -> None:
        if self._stage != _TRAILERS:
            self._object("http.response.trailers")
        if self._trailer_fields is None:
            self._trailer_fields = []
        self._trailer_fields += message.get("headers", ())
        if not message.get("more_trailers"):
            fields = pack_trailers(self._trailer_fields, "the headers of http.response.trailers", lenient)
            self.pump.outbox.add(_native.COMMAND_END, self.id, fields=fields)
            self._finish()

    async def _send_file(self, message: Message) -> None:
        if self._stage not in (_PLAIN, _STARTED):
            self._object("http.response.pathsend")
        path = message.get("path")
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"the path of http.response.pathsend must be text, not {type(path).__name__}")
        loop = asyncio.get_running_loop()
        with await loop.run_in_executor(None, open, path, "rb") as file:
            self._begin()
            while not self._flags & _HEAD:
                data = await loop.run_in_executor(None, file.read, _FILE_PIECE)
                if not data:
                    break
                self._sent += len(data)
                await self.write(data)
        if self._has_trailers:
            self._stage = _TRAILERS
        else:
            self.check_open()
            self.pump.outbox.add(_native.COMMAND_END, self.id)
            self._finish()

    def _hint(self, message: Message) -> None:
        if self._stage != _NOTHING:
            raise RuntimeError("http.response.early_hint must come before http.response.start")
        links = [(b"link", link) for link in message.get("links", ())]
        fields = lenient.pack(links, "the links of http.response.early_hint")
        self.pump.outbox.add(_native.COMMAND_INFORM, self.id, 103, fields)

    def _object(self, kind: str) -> None:
        """What was sent does not fit what was sent before."""
        if self._stage == _NOTHING:
            raise RuntimeError(f"{kind} was sent before http.response.start")
        if self._stage == _TRAILERS:
            raise RuntimeError(f"{kind} was sent where http.response.trailers must follow")
        if self._stage == _DONE:
            raise RuntimeError(f"{kind} was sent after the answer was complete")
        raise RuntimeError(f"{kind} was sent at the wrong place")

    # The end.

    def _finish(self) -> None:
        self._stage = _DONE
        self.is_over = True
        if self._readers is not None:
            self._readers.wake()


class LoggedExchange(AsgiExchange):
    """One that the access log is told of."""

    _is_logged = False

    def open(self, site: "Site", id: int, scope: Dict[str, Any], drain: Drain, whole: Optional[bytes]) -> None:
        super().open(site, id, scope, drain, whole)
        self._status = self._sent = 0
        self._began = time.perf_counter()

    def give_up(self) -> None:
        if not self.has_begun():
            self._status = 500
        super().give_up()

    def done(self, error: Optional[BaseException]) -> None:
        super().done(error)
        self._log()

    def cancelled(self, cause: str, code: int) -> None:
        super().cancelled(cause, code)
        self._log()

    def _finish(self) -> None:
        super()._finish()
        self._log()

    def _log(self) -> None:
        """Tells the access log, once."""
        if self._is_logged:
            return
        self._is_logged = True
        scope = self.scope
        record = AccessRecord(
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            named(scope["client"]),
            self._status,
            self._sent,
            (time.perf_counter() - self._began) * 1000,
            self.cause or ("" if self._stage == _DONE else "aborted"),
        )
        tell(self.site.log, record)
