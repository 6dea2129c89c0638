"""What all requests of an ASGI application share."""

from __future__ import annotations

import time
from typing import Any, Awaitable, Callable, Dict, MutableMapping, Optional

from ..application.config import AccessRecord, Config
from ..application.response import DroppedBodies
from ..asyncio.exchange import ExchangePump
from ..core.address import client_text
from ..core.callback import notify

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]


class Context:
    """The application, its pump and its options."""

    pump: ExchangePump

    def __init__(self, app: App, config: Config) -> None:
        self.app = app
        self.access_log = config.access_log
        self.end_on_drain = config.end_on_drain
        self.max_message = config.ws_max_size
        """Bytes of a WebSocket message."""
        self.dropped = DroppedBodies()

    def log_access(self, scope: Dict[str, Any], status: int, sent: int, began: float, cause: Optional[str]) -> None:
        """Calls the access log. `sent`: bytes of the body. `began`: the time of the request's
        arrival, by `time.perf_counter`."""
        record = AccessRecord(
            scope.get("method", "WEBSOCKET"),
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            client_text(scope["client"]),
            status,
            sent,
            (time.perf_counter() - began) * 1000,
            cause or "",
        )
        notify(self.access_log, record)
