"""One request of a WSGI application: calls it, and sends its result as the response."""

from __future__ import annotations

import time
from typing import Any, Callable, Iterable, List, Optional, Tuple

from ..application.config import AccessRecord, Config
from ..application.response import DroppedBodies, check_status
from ..core.callback import notify
from ..core.failure import log_failure
from ..core.fields import Packed, application_head
from ..threads.request import ThreadedRequest
from .environ import Environ, make_environ

WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class WsgiRequest:
    """A request that a WSGI application handles, in a thread of the pool."""

    def __init__(
        self,
        app: WsgiApp,
        config: Config,
        server: Tuple[str, Optional[int]],
        dropped: DroppedBodies,
        request: ThreadedRequest,
        application: object,
    ) -> None:
        """`server`: the first address. `application`: shown in the environ as
        `goaway.server`."""
        self.request = request
        self._application = application
        self._app = app
        self._config = config
        self._server = server
        self._dropped = dropped
        self._status: Optional[int] = None
        """The status, once start_response was called; so are the fields."""
        self._fields = Packed()
        self._sent = 0
        """Bytes of the response body."""
        self._began = time.perf_counter()

    def run(self) -> None:
        """Calls the application and sends its response."""
        request = self.request
        # It may have been cancelled while it waited for a thread.
        if request.cause is None:
            try:
                self._call()
            except BaseException as error:
                name = f"the WSGI application at {request.method} {request.path}"
                log_failure(name, error, request.cause is not None)
                self._status = self._status if request.has_head else 500
                request.fail()
        self._log_access()

    def refused(self) -> None:
        """Too many requests wait for a thread; the pump responds 503."""
        self._status = 503
        self.request.is_over = True
        self._log_access()

    def start_response(
        self, status: str, headers: List[Tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """WSGI's start_response. The head is sent with the first byte of the body. Returns
        WSGI's `write`."""
        if exc_info is not None:
            try:
                if self.request.has_head:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self._status is not None:
            raise AssertionError("start_response was called before; a second call needs exc_info")
        if not isinstance(status, str) or not status[:3].isdigit() or (len(status) > 3 and status[3] != " "):
            raise ValueError(f'the status must be text such as "200 OK", not {status!r}')
        is_http1 = self.request.http_version != "2"
        fields, _ = application_head(headers, "the headers of start_response", is_http1)
        self._status, self._fields = check_status(int(status[:3])), Packed(fields)
        return self._write

    def _call(self) -> None:
        environ = make_environ(self.request, self._config, self._server, self._application)
        result = self._app(environ, self.start_response)
        try:
            if isinstance(result, (list, tuple)) and len(result) <= 1 and not self.request.has_head:
                self._respond(result[0] if result else b"")
                return
            for piece in result:
                if piece:
                    self._write(piece)
            if not self.request.has_head:
                self._respond(b"")
            else:
                self.request.end()
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _respond(self, body: bytes) -> None:
        status = self._known_status()
        if not body and self.request.method == "HEAD":
            # The fields are those of the response to GET, and a content-length may be among them.
            self.request.write_head(status, self._fields)
            self.request.end()
        else:
            body = b"" if self._drops(status, body) else body
            self._sent = len(body)
            self.request.respond(status, body, self._fields)

    def _write(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"the body of a WSGI response must be bytes, not {type(data).__name__}")
        status = self._known_status()
        if self._drops(status, data):
            return  # The head is sent at the end.
        if not self.request.has_head:
            self.request.write_head(status, self._fields)
        self._sent += len(data)
        self.request.write(data)

    def _drops(self, status: int, body: bytes) -> bool:
        return self._dropped.drops(status, body, self.request.method, self.request.path)

    def _known_status(self) -> int:
        if self._status is None:
            raise RuntimeError("the WSGI application returned or wrote data before it called start_response")
        return self._status

    def _log_access(self) -> None:
        if self._config.access_log is None:
            return
        request = self.request
        cause = request.cause or ("" if request.is_over else "aborted")
        took = (time.perf_counter() - self._began) * 1000
        record = AccessRecord(
            request.method, request.path, request.query, request.peer, self._status or 0, self._sent, took, cause
        )
        notify(self._config.access_log, record)
