"""Requests as they come, made into what an ASGI application is called with."""

from __future__ import annotations

import importlib.util
import logging
from copy import copy
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, Optional, Tuple, Union
from urllib.parse import unquote, unquote_to_bytes

from .. import _native
from ..application.config import Config
from ..application.response import DroppedBodies
from ..asyncio.drain import Drain
from ..asyncio.pump import Pump
from ..core.address import split
from ..core.head import version_of
from .http import App, AsgiExchange, LoggedExchange, Message
from .tls import TlsExtensions

if TYPE_CHECKING:
    from .websocket import AsgiWebSocket

log = logging.getLogger("goaway")

WEBSOCKETS = importlib.util.find_spec("wsproto") is not None
"""Whether there is what reads and writes the frames of WebSockets."""

_ASGI = {"version": "3.0", "spec_version": "2.4"}
_END = _native.FLAG_END
_VERSIONS = _native.FLAG_HTTP_1_1 | _native.FLAG_HTTP_1_0


class Section:
    """The fields of a header section. Most clients send the same ones again and
    again, and with the same authority."""

    __slots__ = ("authority", "fields", "headers")

    def __init__(self, fields: "List[Tuple[bytes, bytes]]") -> None:
        self.fields = fields
        self.authority: Optional[bytes] = None
        """The authority that `headers` has."""
        self.headers = fields
        """The fields as a scope shows them. To be copied: a scope can be changed."""

    def set_authority(self, authority: bytes) -> None:
        """Shows it as host, in front of the others and instead of any host there is."""
        self.authority = authority
        self.headers = self.fields
        if authority:
            self.headers = [(b"host", authority), *(field for field in self.fields if field[0] != b"host")]


class Site:
    """What all requests of an application share."""

    pump: Pump

    def __init__(
        self,
        app: App,
        config: Config,
        extensions: Dict[str, Any],
        server: Tuple[str, Optional[int]],
        state: Optional[Dict[str, Any]],
    ) -> None:
        """`state`: what the lifespan has left for the requests."""
        self.app = app
        self.log = config.access_log
        self.max_message = config.ws_max_size
        self.dropped = DroppedBodies()
        self._state = state
        self._exchange = AsgiExchange if config.access_log is None else LoggedExchange
        self._root = config.root_path.encode("utf-8")
        self._clients: Dict[bytes, Optional[Tuple[str, int]]] = {}
        self._tls = TlsExtensions() if config.tls is not None else None
        self._methods: Dict[bytes, str] = {}
        self._sections: Dict[bytes, Section] = {}
        self._has_told = False
        """The log says already that wsproto is missing."""
        # To copy a dict and to replace values is quicker than to make it of its
        # items. None stands for what each request has for itself.
        self._scope: Dict[str, Any] = {
            "type": "http",
            "asgi": None,
            "http_version": "2",
            "method": None,
            "scheme": "http",
            "path": None,
            "raw_path": None,
            "query_string": None,
            "root_path": config.root_path,
            "headers": None,
            "client": None,
            "server": server,
            "extensions": None,
        }
        self._extensions: Dict[str, Any] = {
            "http.response.trailers": None,
            "http.response.early_hint": None,
            "goaway.server": extensions["goaway.server"],
            "goaway.drain": None,
        }
        self._has_pathsend = config.pathsend
        self._is_special = bool(self._root or self._has_pathsend or self._tls is not None)
        """A scope takes more than the template has."""
        if config.pathsend:
            self._extensions["http.response.pathsend"] = None

    def accept(
        self, id: int, flags: int, tag: int, session: int, left_ms: int, text: bytes, data: bytes, params: int
    ) -> "Union[AsgiExchange, AsgiWebSocket]":
        """Makes the exchange of a REQUEST record. What of a scope can be changed is
        made for it, so that no request sees what another one has written there."""
        method, scheme, authority, path, query, peer, rest = text.split(b"\0", 6)
        try:
            name = self._methods[method]
            client = self._clients[peer]
        except KeyError:
            if method == b"CONNECT":
                return self._accept_tunnel(id, flags, session, left_ms, text.split(b"\0"))
            name = self._learn_method(method)
            client = self._learn_client(peer)
        section = self._sections.get(rest)
        if section is None:
            section = self._learn_section(rest)
        if section.authority != authority:
            section.set_authority(authority)
        drain = Drain()
        extensions = self._extensions.copy()
        extensions["http.response.trailers"] = {}
        extensions["http.response.early_hint"] = {}
        extensions["goaway.drain"] = drain
        if self._is_special:
            path = self._root + path
            if self._has_pathsend:
                extensions["http.response.pathsend"] = {}
            if self._tls is not None:
                extensions["tls"] = self._tls.of(session)
        scope = self._scope.copy()
        scope["asgi"] = _ASGI.copy()
        scope["method"] = name
        if scheme != b"http":
            scope["scheme"] = scheme.decode("latin-1")
        try:
            shown = path.decode()
            scope["path"] = unquote(shown) if "%" in shown else shown
        except UnicodeDecodeError:
            scope["path"] = _shown(path)
        scope["raw_path"] = path
        scope["query_string"] = query
        scope["headers"] = section.headers.copy()
        scope["client"] = client
        scope["extensions"] = extensions
        if self._state is not None:
            scope["state"] = self._state.copy()
        exchange = self._exchange()
        if flags == _END:
            exchange.open(self, id, scope, drain, data)
        else:
            exchange.open(self, id, scope, drain, data if flags & _END else None)
            exchange.take_flags(flags, left_ms)
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
        scope = self._tunnel_scope("websocket", flags, pieces, headers, drain)
        del scope["method"]
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

    def _refused(self, id: int, pieces: List[bytes], status: int, fields: List[Tuple[bytes, bytes]]) -> AsgiExchange:
        async def refuse(_: Any, __: Any, send: Callable[[Message], Awaitable[None]]) -> None:
            await send({"type": "http.response.start", "status": status, "headers": fields})
            await send({"type": "http.response.body"})

        site = copy(self)
        site.app = refuse
        drain = Drain()
        refused = self._exchange()
        refused.open(site, id, self._tunnel_scope("http", 0, pieces, [], drain), drain, None)
        return refused

    def _tunnel_scope(
        self, kind: str, flags: int, pieces: List[bytes], headers: List[Tuple[bytes, bytes]], drain: Drain
    ) -> Dict[str, Any]:
        """What the scope of a CONNECT has."""
        method, scheme, _, path, query, peer = pieces[:6]
        path = self._root + path
        scope = {
            **self._scope,
            "type": kind,
            "asgi": _ASGI.copy(),
            "http_version": version_of(flags),
            "method": method.decode("latin-1"),
            "scheme": scheme.decode("latin-1"),
            "path": _shown(path),
            "raw_path": path,
            "query_string": query,
            "headers": headers,
            "client": self._clients.get(peer) or self._learn_client(peer),
            "extensions": {"goaway.server": self._extensions["goaway.server"], "goaway.drain": drain},
        }
        if self._state is not None:
            scope["state"] = self._state.copy()
        return scope

    def _learn_section(self, rest: bytes) -> Section:
        pieces = rest.split(b"\0")
        section = Section(list(zip(pieces[::2], pieces[1::2])))
        if len(rest) <= 1024:
            if len(self._sections) >= 500:
                self._sections.clear()
            self._sections[rest] = section
        return section

    def _learn_method(self, method: bytes) -> str:
        if len(self._methods) > 50:
            self._methods.clear()
        return self._methods.setdefault(method, method.decode("latin-1"))

    def _learn_client(self, peer: bytes) -> Optional[Tuple[str, int]]:
        if len(self._clients) > 10_000:
            self._clients.clear()
        return self._clients.setdefault(peer, split(peer.decode("utf-8", "replace")))


def _shown(path: bytes) -> str:
    """The path, percent-decoded, with U+FFFD for what is not UTF-8 then."""
    return unquote_to_bytes(path).decode("utf-8", "replace")
