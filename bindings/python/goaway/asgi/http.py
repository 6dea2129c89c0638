"""An HTTP request of an ASGI application: receive and send."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any, Dict, List, Optional, Tuple

from .. import _native
from ..application.response import check_status
from ..asyncio.drain import Drain
from ..asyncio.exchange import Exchange
from ..core.command_buffer import as_bytes
from ..core.failure import log_failure
from ..core.fields import application_head, lenient, pack_trailers
from ..core.request import version_of
from ..core.response import CANCEL, WITHOUT_BODY, error_response, length_error
from .context import Context, Message

# The stages of a response. PLAIN: it was started, and nothing about it is unusual: if the
# next message has the whole body, one command sends both. STARTED: it was started, and
# its head is sent with the next message. STREAMING: the head was sent.
_NOTHING, _PLAIN, _STARTED, _STREAMING, _TRAILERS, _DONE = range(6)
_START_HEADERS = "the headers of http.response.start"
_BODY = "the body of http.response.body"
_EVENT_STREAM = b"text/event-stream"
_FILE_PIECE = 256 * 1024
_WITH_BODY = frozenset(range(200, 1000)) - WITHOUT_BODY
_HEAD = _native.RECORD_FLAG_HEAD
_VERSIONS = _native.RECORD_FLAG_HTTP_1_1 | _native.RECORD_FLAG_HTTP_1_0


class HttpExchange(Exchange):
    """An HTTP request, and the response of the application."""

    __slots__ = ("_announced", "_fields", "_flags", "_sent", "_stage", "_status", "context", "scope")

    context: Context
    scope: Dict[str, Any]

    _is_told_to_end = False
    """The application was sent http.disconnect because the session drains."""
    _has_received_all = False
    """The application has received the end of the request body."""
    _flags: int
    """Of the record: whether it is a HEAD, and the HTTP version."""
    _stage: int
    _status: int
    """The status of the response; it and the next two are set by http.response.start."""
    _fields: bytes
    _announced: Optional[int]
    """The content-length, if the body must have it."""
    _has_trailers = False
    _trailer_fields: Optional[List[Tuple[Any, Any]]] = None
    _sent: int
    """Bytes of the response body."""

    def open(self, context: Context, id: int, scope: Dict[str, Any], drain: Drain, full_body: Optional[bytes]) -> None:
        """Sets the slots; replaces `begin`. For each request one call that sets all slots
        takes half the time of two `__init__`."""
        self.task = None
        self.pump = context.pump
        self.id = id
        self.drain = drain
        self.is_broken = False
        self.is_over = False
        self.full_body = full_body
        self._readers = None
        self.context = context
        self.scope = scope
        self._flags = 0
        self._stage = _NOTHING
        if context.end_on_drain:
            drain.on_begin = self.wake_readers

    def take_flags(self, flags: int, left_ms: int) -> None:
        """Applies the flags of its record that most requests do not have."""
        self._flags = flags & (_HEAD | _VERSIONS)
        if flags & _VERSIONS:
            self.scope["http_version"] = version_of(flags)
            # Clients of HTTP/1.1 may take a 103 for the response (RFC 8297, section 3).
            self.scope["extensions"].pop("http.response.early_hint", None)
        if flags & _native.RECORD_FLAG_DRAINING:
            self.drain.begin(left_ms)

    # `Runnable._run`, without the calls of `call` and `done` in the usual case, for speed.
    async def _run(self) -> None:
        try:
            await self.context.app(self.scope, self.receive, self.send)
        except BaseException as error:
            if self.handle(error):
                raise
        else:
            if self._stage == _DONE:
                self.task = None
                self.pump.remove(self.id, None)
            else:
                self.done(None)

    def title(self) -> str:
        return f"the ASGI application at {self.scope['method']} {self.scope['path']}"

    def has_begun(self) -> bool:
        return self._stage >= _STREAMING

    # What the application calls.

    async def receive(self) -> Message:
        """Returns http.request for each piece of the body, then http.disconnect."""
        while True:
            if self.is_broken or self.is_over:
                return {"type": "http.disconnect"}
            if self._has_received_all:
                if self._must_end():
                    return {"type": "http.disconnect"}
            else:
                data = self.take_body()
                if self._has_end:
                    self._has_received_all = True
                    return {"type": "http.request", "body": data or b"", "more_body": False}
                if data is not None:
                    return {"type": "http.request", "body": data, "more_body": True}
            await self.wait_readable()

    def _must_end(self) -> bool:
        """Whether the response is streamed, and is to end because the session drains."""
        if not self.context.end_on_drain or self._stage != _STREAMING or not self.drain.is_set():
            return False
        self._is_told_to_end = True
        return True

    def done(self, error: Optional[BaseException]) -> None:
        if self._is_told_to_end and not self.is_over and self.cause is None:
            # The application has ended the stream as it was told to.
            if error is not None:
                log_failure(self.title(), error, True)
            if error is None and self._announced is None and _EVENT_STREAM in self._fields.lower():
                # No part of such a stream is all of it: at its end clients connect again.
                self.pump.commands.add(_native.COMMAND_KIND_END, self.id)
                self._finish()
            else:
                # The client must not take a part of a response for all of it.
                self.reset(CANCEL)
        super().done(None if self._is_told_to_end else error)

    async def send(self, message: Message) -> None:
        """Sends a part of the response. Raises `Disconnected`, an OSError, if the request
        was cancelled."""
        kind = message.get("type")
        if self.is_broken:
            self.check_open()
        if kind == "http.response.start":
            self._start(message)
        elif kind == "http.response.body":
            if self._stage != _PLAIN or message.get("more_body"):
                return await self._send_body(message)
            # The usual case: the whole body at once.
            body = message.get("body", b"")
            if type(body) is not bytes:
                body = as_bytes(body, _BODY)
            self._sent = size = len(body)
            if self._announced != size and self._announced is not None:
                raise length_error(self._announced, size)
            self.pump.commands.respond(self.id, self._status, self._fields, body)
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
            raise RuntimeError("http.response.start was sent before")
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
        """Sends any part of a body."""
        body = as_bytes(message.get("body", b""), _BODY)
        has_more = bool(message.get("more_body"))
        if self._stage == _NOTHING:
            raise self._out_of_order("http.response.body")
        if self._stage == _PLAIN:
            self._stage = _STARTED
        if self._status in WITHOUT_BODY and self._drops(body):
            body = b""
            if self._stage == _STARTED:
                if has_more:
                    return  # The head is sent at the end.
                if not self._has_trailers and not self._flags & _HEAD:
                    self.pump.commands.respond(self.id, self._status, self._fields, b"")
                    return self._finish()
        self._sent += len(body)
        await self._send_piece(body, has_more)

    def _drops(self, body: bytes) -> bool:
        return self.context.dropped.drops(self._status, body, self.scope["method"], self.scope["path"])

    def _send_head(self) -> None:
        self.pump.commands.add(_native.COMMAND_KIND_HEAD, self.id, self._status, self._fields)
        self._stage = _STREAMING
        if self.context.end_on_drain and self.drain.is_set():
            self.wake_readers()

    async def _send_piece(self, body: bytes, has_more: bool) -> None:
        if self._stage == _STARTED:
            if self._flags & _HEAD and body and not has_more and not self._has_trailers:
                # The library sends its length as content-length, and not the body.
                self.pump.commands.respond(self.id, self._status, self._fields, body)
                self._finish()
                return
            self._send_head()
        elif self._stage != _STREAMING:
            raise self._out_of_order("http.response.body")
        if self._announced is not None and (
            self._sent > self._announced or (not has_more and self._sent != self._announced)
        ):
            raise length_error(self._announced, self._sent)
        if has_more or self._has_trailers:
            if not has_more:
                self._stage = _TRAILERS
            await self.write(body)
        else:
            while self._is_full:
                await self._wait_writable()
            self.pump.commands.add(_native.COMMAND_KIND_END, self.id, data=body)
            self._finish()

    def _send_trailers(self, message: Message) -> None:
        if self._stage != _TRAILERS:
            raise self._out_of_order("http.response.trailers")
        if self._trailer_fields is None:
            self._trailer_fields = []
        self._trailer_fields += message.get("headers", ())
        if not message.get("more_trailers"):
            fields = pack_trailers(self._trailer_fields, "the headers of http.response.trailers", lenient)
            self.pump.commands.add(_native.COMMAND_KIND_END, self.id, fields=fields)
            self._finish()

    async def _send_file(self, message: Message) -> None:
        if self._stage not in (_PLAIN, _STARTED):
            raise self._out_of_order("http.response.pathsend")
        path = message.get("path")
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"the path of http.response.pathsend must be text, not {type(path).__name__}")
        loop = asyncio.get_running_loop()
        with await loop.run_in_executor(None, open, path, "rb") as file:
            self._send_head()
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
            self.pump.commands.add(_native.COMMAND_KIND_END, self.id)
            self._finish()

    def _hint(self, message: Message) -> None:
        if self._stage != _NOTHING:
            raise RuntimeError("http.response.early_hint must be sent before http.response.start")
        links = [(b"link", link) for link in message.get("links", ())]
        fields = lenient.pack(links, "the links of http.response.early_hint")
        self.pump.commands.add(_native.COMMAND_KIND_INFORM, self.id, 103, fields)

    def _out_of_order(self, kind: str) -> RuntimeError:
        """The message does not fit the messages before it."""
        if self._stage == _NOTHING:
            return RuntimeError(f"{kind} was sent before http.response.start")
        if self._stage == _TRAILERS:
            return RuntimeError(f"{kind} was sent where http.response.trailers must follow")
        if self._stage == _DONE:
            return RuntimeError(f"{kind} was sent after the response was complete")
        return RuntimeError(f"{kind} does not fit the messages before it")

    # The end.

    def _finish(self) -> None:
        self._stage = _DONE
        self.is_over = True
        if self._readers is not None:
            self._readers.wake()


class LoggedHttpExchange(HttpExchange):
    """A request that is reported to the access log."""

    _is_logged = False

    def open(self, context: Context, id: int, scope: Dict[str, Any], drain: Drain, full_body: Optional[bytes]) -> None:
        super().open(context, id, scope, drain, full_body)
        self._status = self._sent = 0
        self._began = time.perf_counter()

    def fail(self, error: Optional[BaseException] = None) -> None:
        if not self.has_begun():
            self._status = error_response(error)[0]
        super().fail(error)

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
        """Reports the request, once."""
        if self._is_logged:
            return
        self._is_logged = True
        cause = self.cause or ("" if self._stage == _DONE else "aborted")
        self.context.log_access(self.scope, self._status, self._sent, self._began, cause)
