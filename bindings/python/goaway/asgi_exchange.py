"""One request as ASGI has it: scope, receive and send."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import time
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, MutableMapping, Optional, Tuple, Union
from urllib.parse import unquote

from . import _native
from .address import named, split
from .asgi_tls import TlsExtensions
from .callback import tell
from .config import AccessRecord, Config
from .drain import Drain
from .error import Error
from .exchange import Exchange
from .fields import application_head, lenient, pack_trailers
from .gateway import DroppedBodies, check_status
from .head import version_of
from .outbox import as_bytes
from .pump import Pump
from .response import WITHOUT_BODY

if TYPE_CHECKING:
    from .websocket import AsgiWebSocket

log = logging.getLogger("goaway")

WEBSOCKETS = importlib.util.find_spec("wsproto") is not None
"""Whether there is what reads and writes the frames of WebSockets."""

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]

# How far the answer is.
_NOTHING, _STARTED, _STREAMING, _TRAILERS, _DONE = range(5)
_START_HEADERS = "the headers of http.response.start"
_FILE_PIECE = 256 * 1024
_END = _native.FLAG_END
_VERSIONS = _native.FLAG_HTTP_1_1 | _native.FLAG_HTTP_1_0


class Site:
    """What all requests of an application share."""

    pump: Pump

    def __init__(self, app: App, config: Config, extensions: Dict[str, Any]) -> None:
        self.app = app
        self.log = config.access_log
        self.root_path = config.root_path
        self.max_message = config.ws_max_size
        self.server: Tuple[str, Optional[int]] = ("", None)
        self.state: Optional[Dict[str, Any]] = None
        """What the lifespan has left for the requests."""
        self.dropped = DroppedBodies()
        self._root = config.root_path.encode("utf-8")
        self._application = extensions["goaway.server"]
        self._has_pathsend = config.pathsend
        self._clients: Dict[bytes, Optional[Tuple[str, int]]] = {}
        self._tls = TlsExtensions() if config.tls is not None else None
        self._methods: Dict[bytes, str] = {}
        self._headers: "Dict[bytes, List[Tuple[bytes, bytes]]]" = {}
        self._has_told = False
        """The log says already that wsproto is missing."""

    def accept(
        self, id: int, flags: int, tag: int, session: int, left_ms: int, text: bytes, data: bytes, params: int
    ) -> "Union[AsgiExchange, AsgiWebSocket]":
        """Makes the exchange of a REQUEST record. What of a scope can be changed is
        made for it, so that no request sees what another one has written there."""
        method, scheme, authority, path, query, peer, rest = text.split(b"\0", 6)
        if method == b"CONNECT":
            return self._accept_tunnel(id, flags, session, left_ms, text.split(b"\0"))
        headers = self._headers.get(rest)
        if headers is None:
            headers = self._learn_headers(rest)
        if authority:
            # It is shown as host, in front of the others and instead of any host there is.
            if b"host\0" in rest:
                headers = [field for field in headers if field[0] != b"host"]
            headers = [(b"host", authority), *headers]
        else:
            headers = headers.copy()
        if self._root:
            path = self._root + path
        drain = Drain()
        scope: Dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "2",
            "method": self._methods.get(method) or self._learn_method(method),
            "scheme": "http" if scheme == b"http" else scheme.decode("latin-1"),
            "path": path.decode("utf-8", "replace") if b"%" not in path else unquote(path.decode("utf-8", "replace")),
            "raw_path": path,
            "query_string": query,
            "root_path": self.root_path,
            "headers": headers,
            "client": self._clients.get(peer) or self._learn_client(peer),
            "server": self.server,
            "extensions": {
                "http.response.trailers": {},
                "http.response.early_hint": {},
                "goaway.server": self._application,
                "goaway.drain": drain,
            },
        }
        if self._has_pathsend:
            scope["extensions"]["http.response.pathsend"] = {}
        if self._tls is not None:
            scope["extensions"]["tls"] = self._tls.of(session)
        if self.state is not None:
            scope["state"] = self.state.copy()
        exchange = AsgiExchange(self, id, scope, drain)
        if flags == _END:
            exchange.whole = data
        elif flags:
            exchange.take_flags(flags, data, left_ms)
        return exchange

    def _accept_tunnel(
        self, id: int, flags: int, session: int, left_ms: int, pieces: List[bytes]
    ) -> "Union[AsgiExchange, AsgiWebSocket]":
        """Makes the exchange of a CONNECT: a WebSocket, or nothing that is on offer."""
        fields = list(zip(pieces[6::2], pieces[7::2]))
        offers: Dict[bytes, bytes] = dict(fields)
        if offers.get(b":protocol") != b"websocket":
            return self._refused(id, pieces, 501, [])
        if not WEBSOCKETS:
            if not self._has_told:
                self._has_told = True
                log.warning("a WebSocket was refused with 501: it needs wsproto: pip install wsproto")
            return self._refused(id, pieces, 501, [])
        if offers.get(b"sec-websocket-version") != b"13":
            return self._refused(id, pieces, 426, [(b"sec-websocket-version", b"13")])
        from .websocket import AsgiWebSocket, SocketDrain

        drain = SocketDrain()
        headers = [(b"host", pieces[2])] + [field for field in fields if field[0] not in (b":protocol", b"host")]
        if not flags & _VERSIONS:
            # HTTP/2 has no such fields (RFC 8441, section 5), and applications look at them.
            headers += [(b"connection", b"upgrade"), (b"upgrade", b"websocket")]
        names = [name for field, value in fields if field == b"sec-websocket-protocol" for name in value.split(b",")]
        scope = self._scope("websocket", flags, pieces, headers, drain)
        scope["scheme"] = "ws" if pieces[1] == b"http" else "wss"
        scope["subprotocols"] = [name.strip().decode("latin-1") for name in names if name.strip()]
        scope["extensions"]["websocket.http.response"] = {}
        if self._tls is not None:
            scope["extensions"]["tls"] = self._tls.of(session)
        socket = AsgiWebSocket(self, id, scope, drain)
        if flags & _native.FLAG_DRAINING:
            drain.begin(left_ms)
        if flags & _END:
            socket.feed(b"", True, b"")
        return socket

    def _refused(self, id: int, pieces: List[bytes], status: int, fields: List[Tuple[bytes, bytes]]) -> "AsgiExchange":
        async def refuse(_: Any, __: Any, send: Callable[[Message], Awaitable[None]]) -> None:
            await send({"type": "http.response.start", "status": status, "headers": fields})
            await send({"type": "http.response.body"})

        drain = Drain()
        refused = AsgiExchange(self, id, self._scope("http", 0, pieces, [], drain), drain)
        refused.app = refuse
        return refused

    def _scope(
        self, kind: str, flags: int, pieces: List[bytes], headers: List[Tuple[bytes, bytes]], drain: Drain
    ) -> Dict[str, Any]:
        """What all scopes have; that of most requests is made in one go above."""
        method, _, _, path, query, peer = pieces[:6]
        path = self._root + path
        scope = {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": version_of(flags),
            "method": method.decode("latin-1"),
            "path": unquote(path.decode("utf-8", "replace")),
            "raw_path": path,
            "query_string": query,
            "root_path": self.root_path,
            "headers": headers,
            "client": self._clients.get(peer) or self._learn_client(peer),
            "server": self.server,
            "extensions": {"goaway.server": self._application, "goaway.drain": drain},
        }
        if kind == "websocket":
            del scope["method"]
        if self.state is not None:
            scope["state"] = self.state.copy()
        return scope

    def _learn_headers(self, rest: bytes) -> "List[Tuple[bytes, bytes]]":
        """The fields of a request. Most clients send the same ones again and again."""
        pieces = rest.split(b"\0")
        headers = list(zip(pieces[::2], pieces[1::2]))
        if len(rest) <= 1024:
            if len(self._headers) >= 500:
                self._headers.clear()
            self._headers[rest] = headers
        return headers

    def _learn_method(self, method: bytes) -> str:
        if len(self._methods) > 50:
            self._methods.clear()
        return self._methods.setdefault(method, method.decode("latin-1"))

    def _learn_client(self, peer: bytes) -> Optional[Tuple[str, int]]:
        if len(self._clients) > 10_000:
            self._clients.clear()
        return self._clients.setdefault(peer, split(peer.decode("utf-8", "replace")))


class AsgiExchange(Exchange):
    """A request that an ASGI application answers."""

    began = 0.0
    app: Optional[App] = None
    """Who answers, if it is not the application."""

    _told_end = False
    _is_head = False
    _is_http1 = False
    _stage = _NOTHING
    _status = 0
    _fields = b""
    _announced: Optional[int] = None
    """The content-length, where the body must have it."""
    _has_trailers = False
    _trailer_fields: Optional[List[Tuple[Any, Any]]] = None
    _sent = 0
    _is_logged = False

    def __init__(self, site: Site, id: int, scope: Dict[str, Any], drain: Drain) -> None:
        self.pump = site.pump
        self.id = id
        self.site = site
        self.scope = scope
        self.drain = drain
        if site.log is not None:
            self.began = time.perf_counter()

    def take_flags(self, flags: int, data: bytes, left_ms: int) -> None:
        if flags & _END:
            self.whole = data
        if flags & _native.FLAG_HEAD:
            self._is_head = True
        if flags & _VERSIONS:
            self.scope["http_version"] = version_of(flags)
            self._is_http1 = True
            # Clients of HTTP/1.1 may take a 103 for the response (RFC 8297, section 3).
            self.scope["extensions"].pop("http.response.early_hint", None)
        if flags & _native.FLAG_DRAINING:
            self.drain.begin(left_ms)

    def call(self) -> Awaitable[None]:
        app = self.app or self.site.app
        return app(self.scope, self.receive, self.send)

    def title(self) -> str:
        return f"the ASGI application at {self.scope['method']} {self.scope['path']}"

    def give_up(self) -> None:
        if not self.has_head:
            self._status = 500
        super().give_up()

    def done(self, error: Optional[BaseException]) -> None:
        if error is None and self.is_over:
            # The usual case.
            self.task = None
            self.pump.forget(self.id)
        else:
            super().done(error)
        if self.site.log is not None:
            self._log_access()

    def cancelled(self, cause: str, code: int) -> None:
        super().cancelled(cause, code)
        if self.site.log is not None:
            self._log_access()

    # ASGI's two calls.

    async def receive(self) -> Message:
        """http.request for each piece of the body, then http.disconnect."""
        while True:
            if self.cause is not None or self.is_over:
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
        if self.cause is not None or self.failure is not None:
            self.check_open()
        if kind == "http.response.start":
            self._start(message)
        elif kind == "http.response.body":
            body = message.get("body", b"")
            if type(body) is not bytes:
                body = as_bytes(body, "the body of http.response.body")
            if self._status in WITHOUT_BODY and self._drops(body):
                body = b""
                if message.get("more_body") and self._stage == _STARTED:
                    return  # The head goes out with the end.
            if self._stage != _STARTED or message.get("more_body") or self._has_trailers or self._is_head:
                self._sent += len(body)
                await self._send_piece(body, bool(message.get("more_body")))
            else:
                # The whole answer at once: the usual case.
                self._sent = size = len(body)
                if self._announced is not None and self._announced != size:
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
        if self._stage != _NOTHING:
            raise RuntimeError("http.response.start was sent already")
        status = message.get("status")
        if type(status) is not int or not 200 <= status <= 999:
            status = check_status(status)
        fields, announced = application_head(message.get("headers", ()), _START_HEADERS, self._is_http1)
        if announced is not None and not self._is_head and status not in WITHOUT_BODY:
            self._announced = announced
        self._fields, self._status = fields, status
        if message.get("trailers"):
            self._has_trailers = True
        self._stage = _STARTED

    def _drops(self, body: bytes) -> bool:
        return self.site.dropped.drops(self._status, body, self.scope["method"], self.scope["path"])

    def _refuse_length(self) -> None:
        raise Error("GOAWAY_ERR_LENGTH", f"content-length is {self._announced}, and the body has {self._sent} bytes")

    def _begin(self) -> None:
        """Sends the head."""
        self.pump.outbox.add(_native.COMMAND_HEAD, self.id, self._status, self._fields)
        self.has_head = True
        self._stage = _STREAMING

    async def _send_piece(self, body: bytes, has_more: bool) -> None:
        if self._stage == _STARTED:
            if self._is_head and body and not has_more and not self._has_trailers:
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
        if self._stage != _STARTED:
            self._object("http.response.pathsend")
        path = message.get("path")
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"the path of http.response.pathsend must be text, not {type(path).__name__}")
        loop = asyncio.get_running_loop()
        with await loop.run_in_executor(None, open, path, "rb") as file:
            self._begin()
            while not self._is_head:
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
        self.has_head = self.is_over = True
        if self._readers is not None:
            self._readers.wake()
        if self.site.log is not None:
            self._log_access()

    def _log_access(self) -> None:
        if self._is_logged or self.site.log is None:
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
            (time.perf_counter() - self.began) * 1000,
            self.cause or ("" if self._stage == _DONE else "aborted"),
        )
        tell(self.site.log, record)
