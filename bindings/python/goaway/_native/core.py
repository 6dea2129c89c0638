"""A server and its queue."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from ctypes import byref, c_uint32
from typing import Any, Callable, List, Mapping, Optional, Tuple

from ..error import Error
from ..limit import IS_OF_C
from ..report import Counts, Report
from .arguments import encode, milliseconds, settings_array
from .declarations import (
    ERR_TIMEOUT,
    FEATURES,
    LIMITS,
    OK,
    PADDING_ALIGNED,
    PADDING_MAX,
    PADDING_NONE,
    goaway_batch,
    goaway_counts,
)
from .library import lib
from .status import check, failure, last_failure
from .structures import SessionRow, _text, read_report, session_row
from .tls import TlsCore

PADDINGS = {"none": PADDING_NONE, "aligned": PADDING_ALIGNED, "max": PADDING_MAX}


class Core:
    """A server of the library with its one queue.

    The server's pointer is used under a lock, since another thread may call `free`. The
    queue lives as long as this object, so that a late `submit` gets an error and does not
    use freed memory.
    """

    _server: Optional[int] = None
    _queue: Optional[int] = None

    def __init__(self) -> None:
        # Reentrant: a signal handler that closes may interrupt a call.
        self._lock = threading.RLock()
        self._waiting = 0
        self._counts = Counts()
        self.pid = os.getpid()
        self._server = lib.server_new()
        if self._server is None:
            raise last_failure()
        self._queue = lib.queue_new(self._server)
        if self._queue is None:
            raise last_failure()
        self._batch = goaway_batch()
        self._batch_ref = byref(self._batch)

    def _call(self, function: Any, *arguments: Any) -> Any:
        with self._lock:
            if self._server is None:
                raise Error("GOAWAY_ERR_STATE", "the server has ended")
            return function(self._server, *arguments)

    def set_limit(self, name: str, value: int) -> None:
        if name not in LIMITS:
            raise Error("GOAWAY_ERR_INVALID", f'there is no limit "{name}"; there are: {", ".join(LIMITS)}')
        if name == "session_body_bytes":
            raise Error("GOAWAY_ERR_INVALID", f"the limit {name} {IS_OF_C}; use `read(limit)` to limit one body")
        if not isinstance(value, int) or not 0 <= value < 1 << 64:
            raise Error("GOAWAY_ERR_INVALID", f"the limit {name} must be a number from 0 to 2^64 - 1, not {value!r}")
        status = self._call(lib.server_set_limit, LIMITS.index(name), value)
        if status != OK:
            error = failure(status)
            raise Error(error.code, f"the limit {name}: {error.text}")

    def set_feature(self, name: str, enabled: bool) -> None:
        if name not in FEATURES:
            raise Error("GOAWAY_ERR_INVALID", f'there is no feature "{name}"; there are: {", ".join(FEATURES)}')
        if not isinstance(enabled, bool):
            raise Error("GOAWAY_ERR_INVALID", f"the feature {name} must be True or False, not {enabled!r}")
        check(self._call(lib.server_set_feature, FEATURES.index(name), enabled))

    def set_settings(self, settings: Mapping[int, int]) -> None:
        check(self._call(lib.server_set_settings, settings_array(settings), len(settings)))

    def set_padding(self, padding: str) -> None:
        if padding not in PADDINGS:
            raise Error("GOAWAY_ERR_INVALID", f'there is no padding "{padding}"; there are: {", ".join(PADDINGS)}')
        check(self._call(lib.server_set_padding, PADDINGS[padding]))

    def register(self, pattern: str, tag: int) -> None:
        check(self._call(lib.server_register_queue, encode(pattern, "the pattern"), self._queue, tag))

    def watch(self, what: int) -> None:
        check(lib.queue_watch(self._queue, what))

    def listen(self, address: str, tls: Optional[TlsCore] = None) -> None:
        if tls is None:
            return check(self._call(lib.server_listen, encode(address, "the address")))
        check(self._call(lib.server_listen_tls, encode(address, "the address"), tls._tls))

    def port(self, number: int) -> int:
        return int(self._call(lib.server_port, number))

    def ports(self) -> List[int]:
        """The port of each listening socket; 0 for a Unix socket."""
        return [self.port(number) for number in range(len(self.addresses()))]

    def addresses(self) -> List[str]:
        addresses: List[str] = []
        while True:
            address = self._call(lib.server_address, len(addresses))
            if address is None:
                return addresses
            addresses.append(_text(address))

    def hand_over(self, number: int) -> int:
        """Duplicates the descriptor of a listening socket. The caller closes it."""
        fd = int(self._call(lib.server_dup_fd, number))
        if fd < 0:
            raise last_failure()
        return fd

    def set_shared(self, number: int, shared: bool) -> None:
        """Declares whether another process has this listening socket, too."""
        check(self._call(lib.server_set_shared, number, shared))

    def set_forwarded(self, trusted: Optional[str], fields: Optional[str]) -> None:
        """Trusts these proxies with these fields. None: the library's default."""
        texts = (None if text is None else encode(text, "a list of proxies or fields") for text in (trusted, fields))
        check(self._call(lib.server_set_forwarded, *texts))

    def set_health_paths(self, ready: Optional[str], live: Optional[str], stall: float) -> None:
        """The library responds to health checks on these paths; None: no such path."""
        paths = (None if path is None else encode(path, "the path of a health check") for path in (ready, live))
        check(self._call(lib.server_set_health_paths, *paths, milliseconds(stall)))

    def start(self) -> None:
        check(self._call(lib.server_start))

    def set_ready(self, ready: bool) -> None:
        check(self._call(lib.server_set_ready, ready))

    def is_ready(self) -> bool:
        with self._lock:
            return self._server is not None and bool(lib.server_is_ready(self._server))

    def close_if_open(self, drain: float, shutdown_delay: float = 0.0) -> None:
        """Begins to close after the delay. Does nothing if the server was freed."""
        times = milliseconds(shutdown_delay), milliseconds(drain)
        with self._lock:
            if self._server is not None:
                check(lib.server_close_after(self._server, *times, None, None))

    def report(self) -> Optional[Report]:
        with self._lock:
            if self._server is None:
                return None
            found = lib.server_report(self._server)
            return read_report(bytes(found.contents)) if found else None

    def counts(self) -> Counts:
        """What the server has refused; after its end the final counts."""
        with self._lock:
            if self._server is not None:
                counts = goaway_counts()
                check(lib.server_counts(self._server, byref(counts), ctypes.sizeof(counts)))
                self._counts = Counts(*(getattr(counts, name) for name in Counts._fields))
            return self._counts

    def sessions(self) -> List[SessionRow]:
        with self._lock:
            if self._server is None:
                return []
            listed = lib.session_list_new(self._server)
        if listed is None:
            raise last_failure()
        try:
            return [
                session_row(lib.session_list_at(listed, index).contents)
                for index in range(lib.session_list_len(listed))
            ]
        finally:
            lib.session_list_free(listed)

    def force(self) -> None:
        """Closes by force. Ignores errors."""
        with self._lock:
            if self._server is not None:
                lib.server_close(self._server, 0, None, None)

    def wait_ended(self, timeout: float) -> None:
        """Waits for the end of a close. If `free` is called in the meantime, this call frees
        the server."""
        with self._lock:
            server = self._server
            if server is None:
                return
            self._waiting += 1
        try:
            lib.server_wait(server, milliseconds(timeout))
        finally:
            with self._lock:
                self._waiting -= 1
                doomed = self._server is None and self._waiting == 0
            if doomed:
                lib.server_free(server)

    def free(self) -> None:
        """Frees the server, which ends it. Further calls do nothing."""
        with self._lock:
            if self._server is not None and self.pid == os.getpid():
                self.counts()
            server, self._server = self._server, None
            if self._waiting:
                return
        if server is not None:
            lib.server_free(server)

    def fd(self) -> int:
        fd = int(lib.queue_fd(self._queue))
        if fd < 0:
            raise last_failure()
        return fd

    def wait(self, timeout: float) -> bool:
        """Blocks until a batch waits. Returns False after the timeout, in seconds."""
        status = lib.queue_wait(self._queue, milliseconds(timeout))
        if status == ERR_TIMEOUT:
            return False
        check(status)
        return True

    def take(self) -> Tuple[bytes, bytes]:
        """Takes the waiting records and their arena; both are empty if there are none."""
        status = lib.queue_take(self._queue, self._batch_ref)
        if status != OK:
            raise failure(status)
        batch = self._batch
        count = batch.count
        if count == 0:
            return b"", b""
        return ctypes.string_at(batch.records, count * 64), ctypes.string_at(batch.arena or 0, batch.arena_len)

    def submit(self, commands: bytes, count: int, arena: bytes) -> List[Tuple[int, int, str]]:
        """Submits commands. Returns the failed ones: index, status, text (of the first one
        only)."""
        statuses = _statuses(count)
        status = lib.queue_submit(self._queue, commands, count, arena, len(arena), statuses)
        if status == OK:
            return []
        text = _text(lib.last_error())
        failed = [(index, statuses[index], "") for index in range(count) if statuses[index] != OK]
        if not failed:
            # The queue refuses the call as a whole.
            return [(index, status, text) for index in range(count)]
        failed[0] = (failed[0][0], failed[0][1], text)
        return failed

    def __del__(self, _is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        # While the interpreter exits, a thread that no longer runs may hold the lock.
        # `core.at_exit` has stopped the server before.
        if _is_finalizing():
            return
        self.free()
        queue, self._queue = self._queue, None
        if queue is not None:
            lib.queue_free(queue)


_local = threading.local()


def _statuses(count: int) -> Any:
    """An array of at least `count` numbers; each thread reuses its own."""
    found = getattr(_local, "statuses", None)
    if found is None or len(found) < count:
        found = _local.statuses = (c_uint32 * max(256, 2 * count))()
    return found
