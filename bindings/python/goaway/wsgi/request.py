"""One request as WSGI (PEP 3333) has it: environ, start_response, the result."""

from __future__ import annotations

import io
import sys
import time
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple
from urllib.parse import unquote_to_bytes

from ..application.config import AccessRecord, Config
from ..application.response import DroppedBodies, check_status
from ..core.address import split
from ..core.callback import tell
from ..core.failure import log_failure
from ..core.fields import Packed, application_head
from ..threads.request import ThreadedRequest
from ..threads.server import give_up

Environ = Dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Input(io.RawIOBase):
    """wsgi.input: the body as it comes. The peer may send as much as is read."""

    def __init__(self, request: ThreadedRequest) -> None:
        self._request = request
        self._rest = b""
        self._at_end = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest and not self._at_end:
            self._rest = self._request.read_piece()
            self._at_end = not self._rest
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


class FileWrapper:
    """wsgi.file_wrapper: a file as a result, in pieces."""

    def __init__(self, file: Any, block_size: int = 64 * 1024) -> None:
        self._file = file
        self._block_size = block_size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(self._block_size), b"")


class WsgiRequest:
    """A request that a WSGI application answers, in a thread of the pool."""

    def __init__(
        self,
        app: WsgiApp,
        config: Config,
        server: Tuple[str, Optional[int]],
        dropped: DroppedBodies,
        request: ThreadedRequest,
        application: object,
    ) -> None:
        """`application`: what the environ shows as `goaway.server`."""
        self.request = request
        self._application = application
        self._app = app
        self._config = config
        self._server = server
        self._dropped = dropped
        self._status: Optional[int] = None
        self._fields = Packed()
        self._sent = 0
        self._began = time.perf_counter()

    def run(self) -> None:
        """Calls the application and sends what it answers."""
        request = self.request
        # Its peer may have gone while it waited for a thread.
        if request.cause is None:
            try:
                self._answer()
            except BaseException as error:
                name = f"the WSGI application at {request.method} {request.path}"
                log_failure(name, error, request.cause is not None)
                self._status = self._status if request.has_head else 500
                give_up(request)
        self._log_access()

    def refused(self) -> None:
        """No thread has room for it."""
        self._status = 503
        self.request.is_over = True
        self._log_access()

    def start_response(
        self, status: str, headers: List[Tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Keeps the head until the first byte of the body. Gives WSGI's `write`."""
        if exc_info is not None:
            try:
                if self.request.has_head:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self._status is not None:
            raise AssertionError("start_response was called already")
        if not isinstance(status, str) or not status[:3].isdigit() or (len(status) > 3 and status[3] != " "):
            raise ValueError(f'the status must be text such as "200 OK", not {status!r}')
        is_http1 = self.request.http_version != "2"
        fields, _ = application_head(headers, "the headers of start_response", is_http1)
        self._status, self._fields = check_status(int(status[:3])), Packed(fields)
        return self._write

    def _answer(self) -> None:
        result = self._app(self._environ(), self.start_response)
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
        if not body and self._is_head():
            # The fields are those of GET, and so may be a content-length.
            self.request.write_head(status, self._fields)
            self.request.end()
        else:
            body = b"" if self._drops(status, body) else body
            self._sent = len(body)
            self.request.respond(status, body, self._fields)

    def _write(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"a WSGI application answers bytes, not {type(data).__name__}")
        status = self._known_status()
        if self._drops(status, data):
            return  # The head goes out with the end.
        if not self.request.has_head:
            self.request.write_head(status, self._fields)
        self._sent += len(data)
        self.request.write(data)

    def _drops(self, status: int, body: bytes) -> bool:
        return self._dropped.drops(status, body, self.request.method, self.request.path)

    def _known_status(self) -> int:
        if self._status is None:
            raise RuntimeError("the WSGI application answered before it called start_response")
        return self._status

    def _is_head(self) -> bool:
        return self.request.method == "HEAD"

    def _environ(self) -> Environ:
        request = self.request
        # Neither end of a Unix socket has a host; the server must have a name all the same.
        host, port = split(request.peer) or ("", "")
        name, at = self._server if self._server[1] is not None else ("localhost", 80)
        environ: Environ = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": self._config.root_path,
            "PATH_INFO": unquote_to_bytes(request.path.encode("latin-1")).decode("latin-1"),
            "QUERY_STRING": request.query,
            "SERVER_NAME": name,
            "SERVER_PORT": str(at),
            "SERVER_PROTOCOL": _protocol(request.http_version),
            "REMOTE_ADDR": host,
            "REMOTE_PORT": str(port),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": request.scheme,
            "wsgi.input": io.BufferedReader(Input(request)),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": self._config.multiprocess,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "goaway.request": request,
            "goaway.server": self._application,
        }
        if request.authority:
            environ["HTTP_HOST"] = request.authority
        for name, value in request.headers:
            if "_" in name or (name == "host" and request.authority):
                # x_user would pass as x-user, which a proxy sets and others may not.
                continue
            key = name.upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                key = "HTTP_" + key
            if key in environ:
                value = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
            environ[key] = value
        return environ

    def _log_access(self) -> None:
        if self._config.access_log is None:
            return
        request = self.request
        cause = request.cause or ("" if request.is_over else "aborted")
        took = (time.perf_counter() - self._began) * 1000
        record = AccessRecord(
            request.method, request.path, request.query, request.peer, self._status or 0, self._sent, took, cause
        )
        tell(self._config.access_log, record)


def _protocol(version: str) -> str:
    """SERVER_PROTOCOL with a minor version, as CGI defines it (RFC 3875, section
    4.1.16): applications such as CherryPy read two digits, and fail on "HTTP/2"."""
    return f"HTTP/{version}" if "." in version else f"HTTP/{version}.0"
