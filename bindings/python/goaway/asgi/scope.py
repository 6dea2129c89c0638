"""Makes the scopes of requests: what an ASGI application is called with."""

from __future__ import annotations

import importlib.util
import logging
from copy import copy
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, Optional, Tuple, Union
from urllib.parse import unquote, unquote_to_bytes

from .. import _native
from ..application.config import Config, has_prefix
from ..asyncio.drain import Drain
from ..core.address import split
from ..core.request import version_of
from .context import Context, Message
from .http import HttpExchange, LoggedHttpExchange
from .tls import TlsExtensions

if TYPE_CHECKING:
    from .websocket import WebSocketExchange

log = logging.getLogger("goaway")

WEBSOCKETS = importlib.util.find_spec("wsproto") is not None
"""Whether wsproto is installed, which reads and writes the frames of WebSockets."""

_ASGI = {"version": "3.0", "spec_version": "2.4"}
_END = _native.RECORD_FLAG_END
_VERSIONS = _native.RECORD_FLAG_HTTP_1_1 | _native.RECORD_FLAG_HTTP_1_0


class Section:
    """The fields of a header section. They are cached: most clients send the same fields
    again and again, and with the same authority."""

    __slots__ = ("authority", "fields", "headers")

    def __init__(self, fields: "List[Tuple[bytes, bytes]]") -> None:
        self.fields = fields
        self.authority: Optional[bytes] = None
        """The authority that `headers` contains."""
        self.headers = fields
        """The headers of a scope. To be copied, since an application may change a scope."""

    def set_authority(self, authority: bytes) -> None:
        """Makes it the host field, before the others; it replaces any host field."""
        self.authority = authority
        self.headers = self.fields
        if authority:
            self.headers = [(b"host", authority), *(field for field in self.fields if field[0] != b"host")]


class ScopeFactory:
    """Makes the exchange of each request, with its scope. It keeps a template of the scope
    and caches of what requests repeat."""

    def __init__(
        self,
        context: Context,
        config: Config,
        extensions: Dict[str, Any],
        server: Tuple[str, Optional[int]],
        state: Optional[Dict[str, Any]],
    ) -> None:
        """`server`: the first address. `state`: what the application has stored in its
        lifespan; None without a lifespan."""
        self._context = context
        self._asgi = _ASGI
        if config.end_on_drain:
            # From 2.4 on frameworks end a stream only when `send` raises, and do not look at
            # `receive`.
            self._asgi = {**_ASGI, "spec_version": "2.3"}
        self._state = state
        self._exchange = HttpExchange if config.access_log is None else LoggedHttpExchange
        self._root = config.root_path.encode("utf-8")
        self._clients: Dict[bytes, Optional[Tuple[str, int]]] = {}
        self._tls = TlsExtensions() if config.tls is not None else None
        self._methods: Dict[bytes, str] = {}
        self._sections: Dict[bytes, Section] = {}
        self._has_warned = False
        """The log has said that wsproto is missing."""
        # Copying a dict and replacing values is faster than making a new one. None stands
        # for values that each request has of its own.
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
        self._has_prefix = has_prefix(config)
        self._is_special = bool(self._root or self._has_pathsend or self._has_prefix or self._tls is not None)
        """A scope needs more than the template has."""
        if config.pathsend:
            self._extensions["http.response.pathsend"] = None

    def accept(
        self, id: int, flags: int, tag: int, session: int, left_ms: int, text: bytes, data: bytes, params: int
    ) -> "Union[HttpExchange, WebSocketExchange]":
        """Makes the exchange of a REQUEST record. Every mutable part of the scope is a copy,
        so that no request sees what another one has changed."""
        method, scheme, authority, path, query, peer, fields = text.split(b"\0", 6)
        try:
            name = self._methods[method]
            client = self._clients[peer]
        except KeyError:
            if method == b"CONNECT":
                return self._accept_tunnel(id, flags, session, left_ms, text.split(b"\0"))
            name = self._cache_method(method)
            client = self._cache_client(peer)
        section = self._sections.get(fields)
        if section is None:
            section = self._cache_section(fields)
        if section.authority != authority:
            section.set_authority(authority)
        drain = Drain()
        extensions = self._extensions.copy()
        extensions["http.response.trailers"] = {}
        extensions["http.response.early_hint"] = {}
        extensions["goaway.drain"] = drain
        root = b""
        if self._is_special:
            root = self._root_of(id)
            path = root + path
            if self._has_pathsend:
                extensions["http.response.pathsend"] = {}
            if self._tls is not None:
                extensions["tls"] = self._tls.of(session)
        scope = self._scope.copy()
        scope["asgi"] = self._asgi.copy()
        scope["method"] = name
        if root:
            scope["root_path"] = _decode_path(root)
        if scheme != b"http":
            scope["scheme"] = scheme.decode("latin-1")
        try:
            decoded = path.decode()
            scope["path"] = unquote(decoded) if "%" in decoded else decoded
        except UnicodeDecodeError:
            scope["path"] = _decode_path(path)
        scope["raw_path"] = path
        scope["query_string"] = query
        scope["headers"] = section.headers.copy()
        scope["client"] = client
        scope["extensions"] = extensions
        if self._state is not None:
            scope["state"] = self._state.copy()
        exchange = self._exchange()
        if flags == _END:
            exchange.open(self._context, id, scope, drain, data)
        else:
            exchange.open(self._context, id, scope, drain, data if flags & _END else None)
            exchange.take_flags(flags, left_ms)
        return exchange

    def _accept_tunnel(
        self, id: int, flags: int, session: int, left_ms: int, pieces: List[bytes]
    ) -> "Union[HttpExchange, WebSocketExchange]":
        """Makes the exchange of a CONNECT: a WebSocket, or a refusal of anything else."""
        fields = list(zip(pieces[6::2], pieces[7::2]))
        values: Dict[bytes, bytes] = dict(fields)
        if values.get(b":protocol") != b"websocket":
            return self._refuse(id, pieces, 501, [])
        if not WEBSOCKETS:
            if not self._has_warned:
                self._has_warned = True
                log.warning("a WebSocket was refused with 501: wsproto is missing; pip install wsproto")
            return self._refuse(id, pieces, 501, [])
        if values.get(b"sec-websocket-version") != b"13":
            return self._refuse(id, pieces, 426, [(b"sec-websocket-version", b"13")])
        from .websocket import SocketDrain, WebSocketExchange

        drain = SocketDrain()
        headers = [(b"host", pieces[2])] + [field for field in fields if field[0] not in (b":protocol", b"host")]
        if not flags & _VERSIONS:
            # HTTP/2 has no such fields (RFC 8441, section 5), but applications look at them.
            headers += [(b"connection", b"upgrade"), (b"upgrade", b"websocket")]
        names = [name for field, value in fields if field == b"sec-websocket-protocol" for name in value.split(b",")]
        scope = self._tunnel_scope("websocket", id, flags, pieces, headers, drain)
        del scope["method"]
        scope["scheme"] = "ws" if pieces[1] == b"http" else "wss"
        scope["subprotocols"] = [name.strip().decode("latin-1") for name in names if name.strip()]
        scope["extensions"]["websocket.http.response"] = {}
        if self._tls is not None:
            scope["extensions"]["tls"] = self._tls.of(session)
        exchange = WebSocketExchange(self._context, id, scope, drain)
        if flags & _native.RECORD_FLAG_DRAINING:
            drain.begin(left_ms)
        if flags & _END:
            exchange.feed(b"", True, b"")
        return exchange

    def _refuse(self, id: int, pieces: List[bytes], status: int, fields: List[Tuple[bytes, bytes]]) -> HttpExchange:
        """An exchange that responds with this status instead of calling the application."""

        async def refuse(_: Any, __: Any, send: Callable[[Message], Awaitable[None]]) -> None:
            await send({"type": "http.response.start", "status": status, "headers": fields})
            await send({"type": "http.response.body"})

        context = copy(self._context)
        context.app = refuse
        drain = Drain()
        exchange = self._exchange()
        exchange.open(context, id, self._tunnel_scope("http", id, 0, pieces, [], drain), drain, None)
        return exchange

    def _tunnel_scope(
        self, kind: str, id: int, flags: int, pieces: List[bytes], headers: List[Tuple[bytes, bytes]], drain: Drain
    ) -> Dict[str, Any]:
        """The scope of a CONNECT."""
        method, scheme, _, path, query, peer = pieces[:6]
        root = self._root_of(id)
        path = root + path
        scope = {
            **self._scope,
            "root_path": _decode_path(root),
            "type": kind,
            "asgi": self._asgi.copy(),
            "http_version": version_of(flags),
            "method": method.decode("latin-1"),
            "scheme": scheme.decode("latin-1"),
            "path": _decode_path(path),
            "raw_path": path,
            "query_string": query,
            "headers": headers,
            "client": self._clients.get(peer) or self._cache_client(peer),
            "extensions": {"goaway.server": self._extensions["goaway.server"], "goaway.drain": drain},
        }
        if self._state is not None:
            scope["state"] = self._state.copy()
        return scope

    def _root_of(self, id: int) -> bytes:
        """The path at which the application is mounted, percent-encoded as far as it was."""
        return _native.request_prefix(id) + self._root if self._has_prefix else self._root

    # Caches. Clients choose what is in them: each is emptied when it has grown too much.

    def _cache_section(self, fields: bytes) -> Section:
        pieces = fields.split(b"\0")
        section = Section(list(zip(pieces[::2], pieces[1::2])))
        if len(fields) <= 1024:
            if len(self._sections) >= 500:
                self._sections.clear()
            self._sections[fields] = section
        return section

    def _cache_method(self, method: bytes) -> str:
        if len(self._methods) > 50:
            self._methods.clear()
        return self._methods.setdefault(method, method.decode("latin-1"))

    def _cache_client(self, peer: bytes) -> Optional[Tuple[str, int]]:
        if len(self._clients) > 10_000:
            self._clients.clear()
        return self._clients.setdefault(peer, split(peer.decode("utf-8", "replace")))


def _decode_path(path: bytes) -> str:
    """The path, percent-decoded; U+FFFD replaces what is not UTF-8."""
    return unquote_to_bytes(path).decode("utf-8", "replace")
