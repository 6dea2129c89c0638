"""The environ of a WSGI request (PEP 3333; RFC 3875)."""

from __future__ import annotations

import io
import sys
from typing import Any, Dict, Iterator, Optional, Tuple
from urllib.parse import unquote_to_bytes

from ..application.config import Config, has_prefix
from ..core.address import split
from ..threads.request import ThreadedRequest

Environ = Dict[str, Any]


class Input(io.RawIOBase):
    """wsgi.input: the request body as it arrives. The peer may send as many bytes as are
    read."""

    def __init__(self, request: ThreadedRequest) -> None:
        self._request = request
        self._unread = b""
        self._at_end = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._unread and not self._at_end:
            self._unread = self._request.read_piece()
            self._at_end = not self._unread
        size = min(len(buffer), len(self._unread))
        buffer[:size] = self._unread[:size]
        self._unread = self._unread[size:]
        return size


class FileWrapper:
    """wsgi.file_wrapper: a file as the result of an application, read in pieces."""

    def __init__(self, file: Any, block_size: int = 64 * 1024) -> None:
        self._file = file
        self._block_size = block_size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(self._block_size), b"")


def make_environ(
    request: ThreadedRequest, config: Config, server: Tuple[str, Optional[int]], application: object
) -> Environ:
    """The environ of a request. `server`: the first address. `application`: shown as
    `goaway.server`."""
    # Neither end of a Unix socket has a host, but PEP 3333 requires SERVER_NAME and SERVER_PORT.
    host, port = split(request.peer) or ("", "")
    name, server_port = server if server[1] is not None else ("localhost", 80)
    environ: Environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": _prefix(request, config) + config.root_path,
        "PATH_INFO": unquote_to_bytes(request.path.encode("latin-1")).decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": name,
        "SERVER_PORT": str(server_port),
        "SERVER_PROTOCOL": _protocol(request.http_version),
        "REMOTE_ADDR": host,
        "REMOTE_PORT": str(port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BufferedReader(Input(request)),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": config.multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "goaway.request": request,
        "goaway.server": application,
    }
    _add_fields(environ, request)
    return environ


def _add_fields(environ: Environ, request: ThreadedRequest) -> None:
    """Adds the header fields: CONTENT_TYPE, CONTENT_LENGTH and HTTP_..."""
    if request.authority:
        environ["HTTP_HOST"] = request.authority
    for name, value in request.headers:
        if "_" in name or (name == "host" and request.authority):
            # x_user would become the variable of x-user, which only a trusted proxy may set.
            continue
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        if key in environ:
            value = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
        environ[key] = value


def _prefix(request: ThreadedRequest, config: Config) -> str:
    if not has_prefix(config):
        return ""
    return unquote_to_bytes(request.prefix.encode("latin-1")).decode("latin-1")


def _protocol(version: str) -> str:
    """SERVER_PROTOCOL with a minor version, as CGI defines it (RFC 3875, section
    4.1.16): applications such as CherryPy parse two digits, and fail on "HTTP/2"."""
    return f"HTTP/{version}" if "." in version else f"HTTP/{version}.0"
