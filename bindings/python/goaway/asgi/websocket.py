"""A WebSocket as ASGI has it (RFC 6455; RFC 8441 over HTTP/2), on a tunnel of the
library. The frames are read and written by wsproto: `pip install goaway[websocket]`.

Frames are read as they come, whether or not the application waits for one, so
that a PING is always answered; what it has not taken yet is held back at the
peer. Nothing is compressed: a few bytes could become any length."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Awaitable, Deque, Dict, Iterator, List, Optional, Tuple, Union

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, Pong, TextMessage
from wsproto.utilities import LocalProtocolError

from .. import _native
from ..application.config import AccessRecord
from ..application.response import check_status
from ..asyncio.drain import Drain
from ..asyncio.exchange import ERROR_ANSWER, Exchange
from ..core.address import named
from ..core.callback import tell
from ..core.command_buffer import as_bytes
from ..core.failure import log_failure
from ..core.fields import application_head, lenient
from ..error import Disconnected

if TYPE_CHECKING:
    from .scope import Site

log = logging.getLogger("goaway")

NORMAL, GOING_AWAY, NO_STATUS, ABNORMAL, TOO_BIG, FAILED = 1000, 1001, 1005, 1006, 1009, 1011
"""RFC 6455, section 7.4.1."""
PING_SECONDS = 20.0
"""Of silence until a peer is asked, and again until it must have answered."""
CLOSE_SECONDS = 5.0
"""How long a peer may take to answer our close."""

# How far the answer is.
_ASKED, _DENYING, _OPEN, _OVER = range(4)


class SocketDrain(Drain):
    """The drain of a WebSocket's session, which the peer is told of too."""

    socket: "Optional[AsgiWebSocket]" = None

    def begin(self, left_ms: int) -> None:
        super().begin(left_ms)
        if self.socket is not None:
            self.socket.go_away()


class AsgiWebSocket(Exchange):
    """A WebSocket that an ASGI application answers."""

    drain: SocketDrain

    def __init__(self, site: "Site", id: int, scope: Dict[str, Any], drain: SocketDrain) -> None:
        self.begin(site.pump, id, drain)
        self.site = site
        self.scope = scope
        drain.socket = self
        self._frames = Connection(ConnectionType.SERVER)
        self._stage = _ASKED
        self._status = 0
        self._fields = b""
        self._sent = 0
        self._is_told = False
        """The application has its websocket.connect."""
        self._early: List[bytes] = []
        """What came before the application had accepted."""
        self._parts: List[Union[str, bytes]] = []
        """Of a message that is not whole, and their length."""
        self._parts_size = 0
        self._messages: Deque[Tuple[Dict[str, Any], int]] = deque()
        """What the application has not taken, and its length."""
        self._held = 0
        self._owed = 0
        """Bytes that the peer may send again when messages are taken."""
        self._end: Optional[Dict[str, Any]] = None
        """The websocket.disconnect, once it is known."""
        self._late: List[bytes] = []
        """Frames that found no room."""
        self._timer: Optional[asyncio.TimerHandle] = None
        self._is_asked = False
        self._is_logged = False
        self.began = time.perf_counter()

    def call(self) -> Awaitable[None]:
        return self.site.app(self.scope, self.receive, self.send)

    def title(self) -> str:
        return f"the ASGI application at {self.scope['path']}"

    def has_begun(self) -> bool:
        return self._stage != _ASKED

    # What the pump tells.

    def feed(self, data: bytes, has_end: bool, trailers: bytes) -> None:
        self._has_end = self._has_end or has_end
        self._is_asked = False
        if self._stage == _ASKED:
            self._early.append(data)
        elif self._stage == _OPEN and data:
            self._take_in(data)
        if has_end and self._stage in (_ASKED, _OPEN):
            self._disconnected(ABNORMAL, "")
            if self._stage == _OPEN:
                self._end_tunnel()

    def writable(self, queued: int, mark: int) -> None:
        super().writable(queued, mark)
        late, self._late = self._late, []
        for frame in late:
            self._put(frame)

    def cancelled(self, cause: str, code: int) -> None:
        self._disconnected(ABNORMAL, "")
        self._over()
        super().cancelled(cause, code)

    def failed(self, error: Exception) -> None:
        self._disconnected(ABNORMAL, "")
        self._over()
        super().failed(error)

    def go_away(self) -> None:
        """The session drains."""
        if self._stage == _OPEN:
            self._close(GOING_AWAY, "")

    def done(self, error: Optional[BaseException]) -> None:
        """The application has returned, or raised."""
        self.task = None
        if error is not None:
            # An application that is told and stops does as it should.
            log_failure(self.title(), error, self._end is not None)
        if self._stage == _ASKED:
            if error is None:
                log.error("%s returned without completing its response", self.title())
            self._answer(500, *ERROR_ANSWER)
        elif self._stage == _DENYING:
            self.reset(FAILED_STREAM)
            self._over()
        elif self._stage == _OPEN:
            self._close(NORMAL if error is None else FAILED, "")
            if isinstance(error, asyncio.CancelledError):
                self._end_tunnel()
        if self._stage == _OVER:
            self.pump.forget(self.id, None)

    # ASGI's two calls.

    async def receive(self) -> Dict[str, Any]:
        """websocket.connect, websocket.receive for each message, then websocket.disconnect."""
        if not self._is_told:
            self._is_told = True
            return {"type": "websocket.connect"}
        while not self._messages:
            if self._end is not None:
                return self._end
            await self.wait_readable()
        message, size = self._messages.popleft()
        self._held -= size
        self._give_back()
        return message

    async def send(self, message: Dict[str, Any]) -> None:
        """The answer, a message, or the end. Raises `Disconnected`, an OSError,
        once nobody takes it any more."""
        kind = message.get("type")
        if kind == "websocket.send":
            await self._send(message)
        elif kind == "websocket.accept":
            self._expect(_ASKED, kind)
            self._accept(message)
        elif kind == "websocket.close":
            self._close_for(message)
        elif kind == "websocket.http.response.start":
            self._expect(_ASKED, kind)
            self._status = check_status(message.get("status"))
            self._fields = self._pack(message, kind)
            self.pump.outbox.add(_native.COMMAND_HEAD, self.id, self._status, self._fields)
            self._stage = _DENYING
        elif kind == "websocket.http.response.body":
            self._expect(_DENYING, kind)
            data = as_bytes(message.get("body", b""), f"the body of {kind}")
            if not self.site.dropped.drops(self._status, data, "CONNECT", self.scope["path"]):
                await self.write(data)
            if not message.get("more_body"):
                self.pump.outbox.add(_native.COMMAND_END, self.id)
                self._disconnected(ABNORMAL, "")
                self._over()
        else:
            raise ValueError(f'an ASGI application cannot send "{kind}" on a WebSocket')

    def _pack(self, message: Dict[str, Any], kind: str) -> bytes:
        is_http1 = self.scope["http_version"] != "2"
        return application_head(message.get("headers", ()), f"the headers of {kind}", is_http1)[0]

    def _expect(self, stage: int, kind: str) -> None:
        if self._end is not None and self._stage == _OVER:
            raise Disconnected(self.cause or "peer_closed")
        if self._stage != stage:
            raise RuntimeError(f"{kind} was sent at the wrong place")

    # Opening.

    def _accept(self, message: Dict[str, Any]) -> None:
        fields: List[Tuple[Any, Any]] = list(message.get("headers", ()))
        subprotocol = message.get("subprotocol")
        if subprotocol is not None:
            if subprotocol not in self.scope["subprotocols"]:
                raise ValueError(f"the peer has not offered the subprotocol {subprotocol!r}")
            fields.append((b"sec-websocket-protocol", subprotocol))
        packed = lenient.pack(fields, "the headers of websocket.accept")
        self.pump.outbox.add(_native.COMMAND_HEAD, self.id, 200, packed)
        # Silence is ours to bound: a peer is asked whether it is there.
        self.pump.outbox.add(_native.COMMAND_SET_IDLE, self.id)
        self._stage, self._status = _OPEN, 101
        self._wait(PING_SECONDS)
        early, self._early = b"".join(self._early), []
        if early:
            self._take_in(early)
        if self._has_end:
            self._disconnected(ABNORMAL, "")
            self._end_tunnel()
        elif self.drain.is_set():
            self.go_away()

    def _answer(self, status: int, fields: bytes, body: bytes) -> None:
        """No WebSocket, but this."""
        self._status = status
        self.pump.outbox.respond(self.id, status, fields, body)
        self._over()

    # Messages.

    async def _send(self, message: Dict[str, Any]) -> None:
        if self._end is not None or self._stage == _OVER:
            raise Disconnected(self.cause or "peer_closed")
        self._expect(_OPEN, "websocket.send")
        text, data = message.get("text"), message.get("bytes")
        if (text is None) == (data is None):
            raise ValueError("websocket.send must have either text or bytes")
        event: Event
        if text is not None:
            event = TextMessage(data=text)
        else:
            event = BytesMessage(data=as_bytes(data, "the bytes of websocket.send"))
        try:
            frame = self._frames.send(event)
        except LocalProtocolError:
            # It is closing: what is said now is not heard.
            raise Disconnected("peer_closed") from None
        self._sent += len(frame)
        await self.write(frame)

    def _take_in(self, data: bytes) -> None:
        """Frames, or parts of them, have come."""
        if self._frames.state in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            self._frames.receive_data(data)
            for event in self._events():
                self._take_event(event)
                if self._stage != _OPEN:
                    return
        self._owed += len(data)
        self._give_back()

    def _events(self) -> Iterator[Event]:
        return iter(self._frames.events())

    def _take_event(self, event: Event) -> None:
        if isinstance(event, Message):
            self._take_part(event)
        elif isinstance(event, Ping):
            if self._frames.state is ConnectionState.OPEN:
                self._put(self._frames.send(event.response()))
        elif isinstance(event, CloseConnection):
            self._take_close(event)
        else:
            assert isinstance(event, Pong)

    def _take_part(self, event: "Message[Any]") -> None:
        self._parts.append(event.data)
        self._parts_size += len(event.data)
        if self._parts_size > self.site.max_message:
            self._parts, self._parts_size = [], 0
            self._close(TOO_BIG, "the message is too long")
            self._end_tunnel()
            return
        if not event.message_finished or self._end is not None:
            return
        parts, size = self._parts, self._parts_size
        self._parts, self._parts_size = [], 0
        message: Dict[str, Any] = {"type": "websocket.receive"}
        if isinstance(event, TextMessage):
            message["text"] = "".join(str(part) for part in parts)
        else:
            message["bytes"] = b"".join(part for part in parts if not isinstance(part, str))
        self._messages.append((message, size))
        self._held += size
        self.wake_readers()

    def _take_close(self, event: CloseConnection) -> None:
        code = NO_STATUS if event.code is None else int(event.code)
        if self._frames.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            reply = NORMAL if event.code is None else event.code
            self._put(self._frames.send(CloseConnection(code=reply, reason=event.reason)))
        self._disconnected(code, event.reason or "")
        self._end_tunnel()

    def _give_back(self) -> None:
        """Lets the peer send more, unless much waits for the application."""
        if self._owed and self._held <= self.pump.high_water and self.cause is None:
            self.pump.outbox.add(_native.COMMAND_CONSUME, self.id, number=self._owed)
            self._owed = 0

    def _put(self, frame: bytes) -> None:
        """Writes a frame that nobody waits for."""
        if self._stage != _OPEN or self.cause is not None:
            return
        if self._is_full:
            # Of many PINGs the last answer is enough (RFC 6455, section 5.5.3).
            self._late = [*self._late[-1:], frame]
            return
        self._queued += len(frame)
        if self._queued < (self._mark or self.pump.high_water):
            self.pump.outbox.write(self.id, frame)
        else:
            self.pump.outbox.write(self.id, frame, _native.COMMAND_FLAG_NOTIFY)
            self._is_full = True

    # The end.

    def _close_for(self, message: Dict[str, Any]) -> None:
        if self._stage == _ASKED:
            self._disconnected(ABNORMAL, "")
            self._answer(403, b"", b"")
        elif self._stage == _OPEN:
            self._close(message.get("code", NORMAL) or NORMAL, message.get("reason") or "")
        else:
            raise Disconnected(self.cause or "peer_closed")

    def _close(self, code: int, reason: str) -> None:
        """Tells the peer that it is over. It has a moment to agree."""
        if self._frames.state is not ConnectionState.OPEN:
            return
        self._put(self._frames.send(CloseConnection(code=code, reason=reason)))
        self._disconnected(code, reason)
        self._wait(CLOSE_SECONDS)

    def _disconnected(self, code: int, reason: str) -> None:
        """The application will hear no more than this."""
        if self._end is None:
            self._end = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self.wake_readers()

    def _end_tunnel(self) -> None:
        if self._stage == _OPEN and self.cause is None and not self.is_over:
            # What found no room goes with the end, for which there always is.
            self.pump.outbox.add(_native.COMMAND_END, self.id, data=b"".join(self._late))
        self._over()

    def _over(self) -> None:
        if self._stage == _OVER:
            return
        self._stage = _OVER
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._writers is not None:
            self._is_full = False
            self._writers.wake()
        self._log_access()
        if self.task is None:
            self.pump.forget(self.id, None)

    def check_open(self) -> None:
        super().check_open()
        if self._stage == _OVER:
            raise Disconnected("peer_closed")

    # Silence.

    def _wait(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.pump.loop.call_later(seconds, self._on_silence)

    def _on_silence(self) -> None:
        if self._frames.state is not ConnectionState.OPEN:
            # Our close was not answered.
            self._end_tunnel()
        elif self._is_asked:
            self._close(FAILED, "no answer to a PING")
            self._end_tunnel()
        else:
            self._is_asked = True
            self._put(self._frames.send(Ping(payload=b"goaway")))
            self._wait(PING_SECONDS)

    def _log_access(self) -> None:
        if self._is_logged or self.site.log is None:
            return
        self._is_logged = True
        scope = self.scope
        record = AccessRecord(
            "WEBSOCKET",
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            named(scope["client"]),
            self._status,
            self._sent,
            (time.perf_counter() - self.began) * 1000,
            self.cause or "",
        )
        tell(self.site.log, record)


FAILED_STREAM = 2
"""INTERNAL_ERROR (RFC 9113, section 7)."""
