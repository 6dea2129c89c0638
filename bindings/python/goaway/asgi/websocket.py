"""A WebSocket of an ASGI application (RFC 6455; RFC 8441 over HTTP/2), on a tunnel of the
library. wsproto parses and writes the frames: `pip install goaway[websocket]`.

Frames are read as they arrive, whether or not the application waits for a message, so
that every PING gets a PONG. Flow control stops a peer whose messages the application
does not receive. Messages are not compressed: a few compressed bytes could expand to any
length."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, Awaitable, Deque, Dict, Iterator, List, Optional, Tuple, Union

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, Pong, TextMessage
from wsproto.utilities import LocalProtocolError

from .. import _native
from ..application.response import check_status
from ..asyncio.drain import Drain
from ..asyncio.exchange import Exchange
from ..core.command_buffer import as_bytes
from ..core.failure import log_failure, log_incomplete
from ..core.fields import application_head, lenient
from ..core.response import INTERNAL_ERROR, error_response
from ..error import Disconnected
from .context import Context

NORMAL, GOING_AWAY, NO_STATUS, ABNORMAL, TOO_BIG, FAILED = 1000, 1001, 1005, 1006, 1009, 1011
"""RFC 6455, section 7.4.1."""
PING_SECONDS = 20.0
"""Seconds of silence until a PING is sent, and again until the peer must have responded."""
CLOSE_SECONDS = 5.0
"""Seconds that a peer may take to respond to our close frame."""

# ASKED: the application has not responded to the handshake. DENYING: it sends an HTTP
# response instead.
_ASKED, _DENYING, _OPEN, _OVER = range(4)


class SocketDrain(Drain):
    """The drain of a WebSocket's session; it also sends a close frame to the peer."""

    socket: "Optional[WebSocketExchange]" = None

    def begin(self, left_ms: int) -> None:
        super().begin(left_ms)
        if self.socket is not None:
            self.socket.go_away()


class WebSocketExchange(Exchange):
    """A WebSocket of an ASGI application."""

    drain: SocketDrain

    def __init__(self, context: Context, id: int, scope: Dict[str, Any], drain: SocketDrain) -> None:
        self.begin(context.pump, id, drain)
        self.context = context
        self.scope = scope
        drain.socket = self
        self._frames = Connection(ConnectionType.SERVER)
        self._stage = _ASKED
        self._status = 0
        self._fields = b""
        self._sent = 0
        self._has_connected = False
        """The application has received websocket.connect."""
        self._early: List[bytes] = []
        """Bytes that arrived before the application accepted."""
        self._parts: List[Union[str, bytes]] = []
        """The parts of an incomplete message, and their size."""
        self._parts_size = 0
        self._messages: Deque[Tuple[Dict[str, Any], int]] = deque()
        """Messages that the application has not received, and their sizes."""
        self._held = 0
        """Their total size."""
        self._unconsumed = 0
        """Bytes that were read; the peer may send as many more once messages are received."""
        self._end: Optional[Dict[str, Any]] = None
        """The websocket.disconnect, once the WebSocket has ended."""
        self._late: List[bytes] = []
        """Control frames that wait until the library reports `writable`."""
        self._timer: Optional[asyncio.TimerHandle] = None
        self._has_pinged = False
        """A PING was sent, and nothing has arrived since."""
        self._is_logged = False
        self._began = time.perf_counter()

    def call(self) -> Awaitable[None]:
        return self.context.app(self.scope, self.receive, self.send)

    def title(self) -> str:
        return f"the ASGI application at {self.scope['path']}"

    def has_begun(self) -> bool:
        return self._stage != _ASKED

    # Events, which the pump passes on.

    def feed(self, data: bytes, has_end: bool, trailers: bytes) -> None:
        self._has_end = self._has_end or has_end
        self._has_pinged = False
        """A PING was sent, and nothing has arrived since."""
        if self._stage == _ASKED:
            self._early.append(data)
        elif self._stage == _OPEN and data:
            self._receive_bytes(data)
        if has_end and self._stage in (_ASKED, _OPEN):
            self._set_end(ABNORMAL, "")
            if self._stage == _OPEN:
                self._end_tunnel()

    def writable(self, queued: int, high_water: int) -> None:
        super().writable(queued, high_water)
        late, self._late = self._late, []
        for frame in late:
            self._put(frame)

    def cancelled(self, cause: str, code: int) -> None:
        self._set_end(ABNORMAL, "")
        self._finish()
        super().cancelled(cause, code)

    def refused(self, error: Exception) -> None:
        self._set_end(ABNORMAL, "")
        self._finish()
        super().refused(error)

    def go_away(self) -> None:
        """The session drains."""
        if self._stage == _OPEN:
            self._close(GOING_AWAY, "")

    def done(self, error: Optional[BaseException]) -> None:
        """The application has returned, or raised."""
        self.task = None
        if error is not None:
            # An application that raises because the WebSocket has ended is not at fault.
            log_failure(self.title(), error, self._end is not None)
        if self._stage == _ASKED:
            if error is None:
                log_incomplete(self.title())
            self._respond(*error_response())
        elif self._stage == _DENYING:
            self.reset(INTERNAL_ERROR)
            self._finish()
        elif self._stage == _OPEN:
            self._close(NORMAL if error is None else FAILED, "")
            if isinstance(error, asyncio.CancelledError):
                self._end_tunnel()
        if self._stage == _OVER:
            self.pump.remove(self.id, None)

    # What the application calls.

    async def receive(self) -> Dict[str, Any]:
        """Returns websocket.connect, websocket.receive for each message, then
        websocket.disconnect."""
        if not self._has_connected:
            self._has_connected = True
            return {"type": "websocket.connect"}
        while not self._messages:
            if self._end is not None:
                return self._end
            await self.wait_readable()
        message, size = self._messages.popleft()
        self._held -= size
        self._consume()
        return message

    async def send(self, message: Dict[str, Any]) -> None:
        """Sends the response to the handshake, a message, or the close. Raises
        `Disconnected`, an OSError, once the WebSocket has ended."""
        kind = message.get("type")
        if kind == "websocket.send":
            await self._send(message)
        elif kind == "websocket.accept":
            self._expect(_ASKED, kind)
            self._accept(message)
        elif kind == "websocket.close":
            self._send_close(message)
        elif kind == "websocket.http.response.start":
            self._expect(_ASKED, kind)
            self._status = check_status(message.get("status"))
            self._fields = self._pack(message, kind)
            self.pump.commands.add(_native.COMMAND_KIND_HEAD, self.id, self._status, self._fields)
            self._stage = _DENYING
        elif kind == "websocket.http.response.body":
            self._expect(_DENYING, kind)
            data = as_bytes(message.get("body", b""), f"the body of {kind}")
            if not self.context.dropped.drops(self._status, data, "CONNECT", self.scope["path"]):
                await self.write(data)
            if not message.get("more_body"):
                self.pump.commands.add(_native.COMMAND_KIND_END, self.id)
                self._set_end(ABNORMAL, "")
                self._finish()
        else:
            raise ValueError(f'an ASGI application cannot send "{kind}" on a WebSocket')

    def _pack(self, message: Dict[str, Any], kind: str) -> bytes:
        is_http1 = self.scope["http_version"] != "2"
        return application_head(message.get("headers", ()), f"the headers of {kind}", is_http1)[0]

    def _expect(self, stage: int, kind: str) -> None:
        if self._end is not None and self._stage == _OVER:
            raise Disconnected(self.cause or "peer_closed")
        if self._stage != stage:
            raise RuntimeError(f"{kind} does not fit the messages before it")

    # Opening.

    def _accept(self, message: Dict[str, Any]) -> None:
        fields: List[Tuple[Any, Any]] = list(message.get("headers", ()))
        subprotocol = message.get("subprotocol")
        if subprotocol is not None:
            offered = self.scope["subprotocols"]
            if subprotocol not in offered:
                raise ValueError(f"the subprotocol {subprotocol!r} is not among those that the peer offers: {offered}")
            fields.append((b"sec-websocket-protocol", subprotocol))
        packed = lenient.pack(fields, "the headers of websocket.accept")
        self.pump.commands.add(_native.COMMAND_KIND_HEAD, self.id, 200, packed)
        # No idle timeout of the stream: PINGs detect a peer that is gone.
        self.pump.commands.add(_native.COMMAND_KIND_SET_IDLE, self.id)
        self._stage, self._status = _OPEN, 101
        self._set_timer(PING_SECONDS)
        early, self._early = b"".join(self._early), []
        if early:
            self._receive_bytes(early)
        if self._has_end:
            self._set_end(ABNORMAL, "")
            self._end_tunnel()
        elif self.drain.is_set():
            self.go_away()

    def _respond(self, status: int, fields: bytes, body: bytes) -> None:
        """Refuses the handshake with this response."""
        self._status = status
        self.pump.commands.respond(self.id, status, fields, body)
        self._finish()

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
            # A close frame was sent or received: the peer takes no more messages.
            raise Disconnected("peer_closed") from None
        self._sent += len(frame)
        await self.write(frame)

    def _receive_bytes(self, data: bytes) -> None:
        """Frames, or parts of frames, have arrived."""
        if self._frames.state in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            self._frames.receive_data(data)
            for event in self._events():
                self._take_event(event)
                if self._stage != _OPEN:
                    return
        self._unconsumed += len(data)
        self._consume()

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
        if self._parts_size > self.context.max_message:
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
        self._set_end(code, event.reason or "")
        self._end_tunnel()

    def _consume(self) -> None:
        """Lets the peer send more, unless many bytes wait for the application."""
        if self._unconsumed and self._held <= self.pump.high_water and self.cause is None:
            self.pump.commands.add(_native.COMMAND_KIND_CONSUME, self.id, number=self._unconsumed)
            self._unconsumed = 0

    def _put(self, frame: bytes) -> None:
        """Writes a control frame without waiting."""
        if self._stage != _OPEN or self.cause is not None:
            return
        if self._is_full:
            # Of several PINGs only the last needs a PONG (RFC 6455, section 5.5.3).
            self._late = [*self._late[-1:], frame]
            return
        self._queued += len(frame)
        if self._queued < (self._high_water or self.pump.high_water):
            self.pump.commands.write(self.id, frame)
        else:
            self.pump.commands.write(self.id, frame, _native.COMMAND_FLAG_NOTIFY)
            self._is_full = True

    # The end.

    def _send_close(self, message: Dict[str, Any]) -> None:
        if self._stage == _ASKED:
            self._set_end(ABNORMAL, "")
            self._respond(403, b"", b"")
        elif self._stage == _OPEN:
            self._close(message.get("code", NORMAL) or NORMAL, message.get("reason") or "")
        else:
            raise Disconnected(self.cause or "peer_closed")

    def _close(self, code: int, reason: str) -> None:
        """Sends a close frame. The peer has a few seconds to respond with its own."""
        if self._frames.state is not ConnectionState.OPEN:
            return
        self._put(self._frames.send(CloseConnection(code=code, reason=reason)))
        self._set_end(code, reason)
        self._set_timer(CLOSE_SECONDS)

    def _set_end(self, code: int, reason: str) -> None:
        """Sets the websocket.disconnect that ends the application's messages."""
        if self._end is None:
            self._end = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self.wake_readers()

    def _end_tunnel(self) -> None:
        if self._stage == _OPEN and self.cause is None and not self.is_over:
            # The control frames that wait are sent with the end, which never waits.
            self.pump.commands.add(_native.COMMAND_KIND_END, self.id, data=b"".join(self._late))
        self._finish()

    def _finish(self) -> None:
        if self._stage == _OVER:
            return
        self._stage = _OVER
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self._is_full = False
        self.wake_writers()
        self._log_access()
        if self.task is None:
            self.pump.remove(self.id, None)

    def check_open(self) -> None:
        super().check_open()
        if self._stage == _OVER:
            raise Disconnected("peer_closed")

    # Timeouts.

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.pump.loop.call_later(seconds, self._on_timeout)

    def _on_timeout(self) -> None:
        if self._frames.state is not ConnectionState.OPEN:
            # The peer has not responded to our close frame.
            self._end_tunnel()
        elif self._has_pinged:
            self._close(FAILED, "no PONG was received")
            self._end_tunnel()
        else:
            self._has_pinged = True
            self._put(self._frames.send(Ping(payload=b"goaway")))
            self._set_timer(PING_SECONDS)

    def _log_access(self) -> None:
        if self._is_logged or self.context.access_log is None:
            return
        self._is_logged = True
        self.context.log_access(self.scope, self._status, self._sent, self._began, self.cause)
