"""The C library: the only file that knows ctypes.

Every declaration here is compared with `include/goaway.h` by
`tests/test_header.py`.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from ctypes import (
    POINTER,
    byref,
    c_bool,
    c_char,
    c_char_p,
    c_int,
    c_int32,
    c_size_t,
    c_uint16,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from .error import Error
from .limit import IS_OF_C, LIMITS
from .report import Counts, Report

NAME = "libgoaway.dylib" if sys.platform == "darwin" else "libgoaway.so"

#: What the error says where the library cannot be loaded.
SUPPORTED = (
    "goaway's wheels are for Linux on x86-64 with glibc 2.28 or later. Elsewhere, in a clone of "
    "https://github.com/goaway/goaway, run `make build` (it takes Rust 1.88 or later, a C compiler and make), "
    "and set GOAWAY_LIBRARY to the path of build/lib/libgoaway.so."
)

# The numbers of the header that are needed by name.
OK = 0
ERR_INVALID = 2
ERR_STATE = 4
ERR_GONE = 5
ERR_CANCELLED = 6
ERR_NOT_FOUND = 7
ERR_WOULD_BLOCK = 12
ERR_TIMEOUT = 13
ERR_FORKED = 15
ERR_SKIPPED = 20
FOREVER = 0xFFFFFFFF

WATCH_SESSIONS = 1
WATCH_PROGRESS = 2

RECORD_REQUEST = 1
RECORD_BODY = 2
RECORD_WRITABLE = 3
RECORD_CANCELLED = 4
RECORD_DRAIN = 5
RECORD_SESSION = 6
RECORD_PROGRESS = 7
RECORD_CLOSED = 8

FLAG_END = 1
FLAG_HEAD = 2
FLAG_DRAINING = 4
FLAG_HTTP_1_1 = 8
FLAG_HTTP_1_0 = 16
FLAG_COOKIES = 256

COMMAND_RESPOND = 1
COMMAND_HEAD = 2
COMMAND_WRITE = 3
COMMAND_END = 4
COMMAND_RESET = 5
COMMAND_CONSUME = 6
COMMAND_INFORM = 7
COMMAND_SET_IDLE = 8
COMMAND_HIGH_WATER = 9

COMMAND_NOTIFY = 1


class _Report(ctypes.Structure):
    _fields_ = [(name, c_uint64) for name in Report._fields]


class _SessionInfo(ctypes.Structure):
    _fields_ = [
        ("session", c_uint64),
        ("stage", c_uint32),
        ("open_streams", c_uint32),
        ("age_ms", c_uint64),
        ("bytes_in", c_uint64),
        ("bytes_out", c_uint64),
        ("requests", c_uint64),
        ("peer", c_char * 64),
        ("protocol", c_char * 16),
        ("local", c_char * 64),
    ]


class _Batch(ctypes.Structure):
    _fields_ = [("records", c_void_p), ("count", c_size_t), ("arena", c_void_p), ("arena_len", c_size_t)]


class _TlsInfo(ctypes.Structure):
    _fields_ = [
        ("version", c_char * 16),
        ("cipher", c_char * 64),
        ("alpn", c_char * 16),
        ("server_name", c_char * 256),
        ("client_error", c_char * 128),
        ("client_certificates", c_uint32),
        ("version_number", c_uint32),
        ("cipher_number", c_uint32),
        ("is_resumed", c_bool),
    ]


class _Counts(ctypes.Structure):
    _fields_ = [(name, c_uint64) for name in Counts._fields]


class _LogLine(ctypes.Structure):
    _fields_ = [("level", c_uint32), ("target", c_char_p), ("message", c_char_p), ("left_out", c_uint64)]


class LogLine(NamedTuple):
    """A line of the library's log."""

    level: int
    target: str
    message: str
    left_out: int


class SessionRow(NamedTuple):
    """One row of `goaway_server_sessions`."""

    session: int
    stage: int
    open_streams: int
    age_ms: int
    bytes_in: int
    bytes_out: int
    requests: int
    peer: str
    protocol: str
    local: str


_STATUS = c_int32
_P = c_void_p

# Result, arguments. Those of QUICK never wait, and keep the interpreter's lock:
# giving it up and taking it again costs more than they do.
QUICK: Dict[str, Tuple[Any, Tuple[Any, ...]]] = {
    "goaway_version": (c_char_p, ()),
    "goaway_last_error": (c_char_p, ()),
    "goaway_last_status": (c_int32, ()),
    "goaway_status_name": (c_char_p, (c_int32,)),
    "goaway_event_name": (c_char_p, (c_uint32,)),
    "goaway_cause_name": (c_char_p, (c_uint32,)),
    "goaway_outcome_name": (c_char_p, (c_uint32,)),
    "goaway_stage_name": (c_char_p, (c_uint32,)),
    "goaway_tls_new": (_P, ()),
    "goaway_tls_free": (None, (_P,)),
    "goaway_tls_set_min_version": (_STATUS, (_P, c_uint32)),
    "goaway_tls_set_server_name": (_STATUS, (_P, c_char_p)),
    "goaway_tls_set_resumption": (_STATUS, (_P, c_bool)),
    "goaway_session_get_tls": (_STATUS, (c_uint64, POINTER(_TlsInfo), c_size_t)),
    "goaway_session_peer_certificate": (_STATUS, (c_uint64, c_size_t, _P, c_size_t, POINTER(c_size_t))),
    "goaway_server_new": (_P, ()),
    "goaway_server_port": (c_uint16, (_P, c_size_t)),
    "goaway_server_address": (c_char_p, (_P, c_size_t)),
    "goaway_server_fd": (c_int, (_P, c_size_t)),
    "goaway_server_set_shared": (_STATUS, (_P, c_size_t, c_bool)),
    "goaway_server_set_limit": (_STATUS, (_P, c_uint32, c_uint64)),
    "goaway_server_set_ready": (_STATUS, (_P, c_bool)),
    "goaway_server_is_ready": (c_bool, (_P,)),
    "goaway_server_report": (POINTER(_Report), (_P,)),
    "goaway_server_get_counts": (_STATUS, (_P, POINTER(_Counts), c_size_t)),
    "goaway_server_register_queue": (_STATUS, (_P, c_char_p, _P, c_uint32)),
    "goaway_request_stream": (_STATUS, (c_uint64, POINTER(c_uint32))),
    "goaway_queue_new": (_P, (_P,)),
    "goaway_queue_watch": (_STATUS, (_P, c_uint32)),
    "goaway_queue_fd": (c_int, (_P,)),
    "goaway_queue_set_limit": (_STATUS, (_P, c_uint32)),
    "goaway_queue_take": (_STATUS, (_P, POINTER(_Batch))),
    "goaway_queue_submit": (_STATUS, (_P, c_char_p, c_size_t, c_char_p, c_size_t, POINTER(c_uint32))),
}
SLOW: Dict[str, Tuple[Any, Tuple[Any, ...]]] = {
    "goaway_server_listen": (_STATUS, (_P, c_char_p)),
    "goaway_server_listen_tls": (_STATUS, (_P, c_char_p, _P)),
    "goaway_tls_add_certificate": (_STATUS, (_P, c_char_p, c_char_p, c_char_p)),
    "goaway_tls_add_certificate_pem": (_STATUS, (_P, c_char_p, c_size_t, c_char_p, c_size_t, c_char_p)),
    "goaway_tls_set_client_certificates": (_STATUS, (_P, c_uint32, c_char_p)),
    "goaway_tls_set_client_certificates_pem": (_STATUS, (_P, c_uint32, c_char_p, c_size_t)),
    "goaway_tls_set_key_log": (_STATUS, (_P, c_char_p)),
    "goaway_tls_reload": (_STATUS, (_P,)),
    "goaway_tls_replace": (_STATUS, (_P, _P)),
    "goaway_server_start": (_STATUS, (_P,)),
    "goaway_server_close": (_STATUS, (_P, c_uint32, _P, _P)),
    "goaway_server_wait": (_STATUS, (_P, c_uint32)),
    "goaway_server_free": (None, (_P,)),
    "goaway_server_sessions": (_P, (_P,)),
    "goaway_session_list_len": (c_size_t, (_P,)),
    "goaway_session_list_at": (POINTER(_SessionInfo), (_P, c_size_t)),
    "goaway_session_list_free": (None, (_P,)),
    "goaway_session_close": (_STATUS, (c_uint64, c_uint32)),
    "goaway_session_abort": (_STATUS, (c_uint64, c_uint32, c_char_p, c_size_t)),
    "goaway_session_send_altsvc": (_STATUS, (c_uint64, c_uint32, c_char_p, c_char_p)),
    "goaway_session_send_origin": (_STATUS, (c_uint64, POINTER(c_char_p), c_size_t)),
    "goaway_log_keep": (_STATUS, (c_uint32,)),
    "goaway_log_take": (_STATUS, (c_uint32, POINTER(_LogLine))),
    "goaway_queue_wait": (_STATUS, (_P, c_uint32)),
    "goaway_queue_free": (None, (_P,)),
}


def places() -> List[Path]:
    """Where the library is looked for, in order."""
    chosen = os.environ.get("GOAWAY_LIBRARY")
    if chosen:
        return [Path(chosen)]
    here = Path(__file__).resolve().parent
    return [here / NAME, here.parent.parent.parent / "build" / "lib" / NAME]


class _Library:
    """The functions, each as an attribute named without `goaway_`."""

    def __init__(self, path: str) -> None:
        # PyPy has no lock that a call could keep.
        quick, slow = getattr(ctypes, "PyDLL", ctypes.CDLL)(path), ctypes.CDLL(path)
        for library, table in ((quick, QUICK), (slow, SLOW)):
            for name, (result, arguments) in table.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
                setattr(self, name[len("goaway_") :], function)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def _load() -> _Library:
    if _interpreter() != 0:
        raise ImportError("goaway serves the main interpreter only, and this is a sub-interpreter")
    tried: List[str] = []
    for place in places():
        try:
            return _Library(str(place))
        except (OSError, AttributeError) as error:
            why = "there is no such file" if not place.exists() else str(error)
            tried.append(f"\n  {place}: {why}")
    raise ImportError(f"{NAME} cannot be loaded on {_platform()}; tried" + "".join(tried) + "\n" + SUPPORTED)


def _platform() -> str:
    import platform  # is not needed where loading succeeds

    libc = " ".join(platform.libc_ver()) or "another libc than glibc"
    return f"{platform.system()} {platform.machine()} with {libc}"


def _interpreter() -> int:
    """The number of this interpreter; 0 is the main one."""
    api = getattr(ctypes, "pythonapi", None)
    if api is None:
        return 0  # PyPy has only one.
    api.PyInterpreterState_Get.restype = c_void_p
    api.PyInterpreterState_GetID.restype = ctypes.c_int64
    return int(api.PyInterpreterState_GetID(c_void_p(api.PyInterpreterState_Get())))


lib = _load()


def _text(value: Optional[bytes]) -> str:
    return value.decode("utf-8", "replace") if value is not None else ""


def status_name(status: int) -> str:
    """Such as "GOAWAY_ERR_STATE"."""
    return _text(lib.status_name(status)) or f"GOAWAY_ERR_{status}"


def _named(name: Optional[bytes], number: int) -> str:
    return _text(name) or f"unknown_{number}"


def cause_name(number: int) -> str:
    return _named(lib.cause_name(number), number)


def event_name(number: int) -> str:
    return _named(lib.event_name(number), number)


def outcome_name(number: int) -> str:
    return _named(lib.outcome_name(number), number)


def stage_name(number: int) -> str:
    return _named(lib.stage_name(number), number)


def version() -> str:
    return _text(lib.version())


def failure(status: int) -> Error:
    """The exception for a status, with this thread's last text."""
    return Error(status_name(status), _text(lib.last_error()) or "the call failed")


def last_failure() -> Error:
    """The exception for this thread's last failed call, one that gave NULL or -1."""
    return failure(lib.last_status())


def check(status: int) -> None:
    if status != OK:
        raise failure(status)


def _encode(text: str, what: str) -> bytes:
    if "\0" in text:
        raise Error("GOAWAY_ERR_INVALID", f"{what} contains a NUL")
    return text.encode("utf-8")


def milliseconds(seconds: float) -> int:
    """Seconds as the library takes times; negative is 0, the longest is 49 days."""
    if not seconds > 0:
        if seconds != seconds:
            raise ValueError("a time is no number")
        return 0
    return min(int(min(seconds, FOREVER) * 1000 + 0.5), FOREVER - 1)


def close_session(session: int, drain: float) -> None:
    check(lib.session_close(session, milliseconds(drain)))


def abort_session(session: int, code: int, debug: bytes) -> None:
    check(lib.session_abort(session, code, debug, len(debug)))


def send_altsvc(session: int, stream: int, origin: str, value: str) -> None:
    if not 0 <= stream < 1 << 32:
        raise Error("GOAWAY_ERR_INVALID", f"{stream} is no stream")
    check(lib.session_send_altsvc(session, stream, _encode(origin, "origin"), _encode(value, "value")))


def send_origin(session: int, origins: List[str]) -> None:
    texts = (c_char_p * len(origins))(*(_encode(origin, "origin") for origin in origins))
    check(lib.session_send_origin(session, texts, len(origins)))


def request_stream(request: int) -> int:
    """0 if the request has ended."""
    stream = c_uint32()
    return stream.value if lib.request_stream(request, byref(stream)) == OK else 0


def session_tls(session: int) -> Optional[_TlsInfo]:
    """None if the session speaks no TLS, or not yet."""
    info = _TlsInfo()
    status = lib.session_get_tls(session, byref(info), ctypes.sizeof(info))
    if status == ERR_NOT_FOUND:
        return None
    check(status)
    return info


def peer_certificate(session: int, index: int) -> bytes:
    """A certificate that the session's client has shown, in DER."""
    place, length = ctypes.create_string_buffer(65536), c_size_t()
    check(lib.session_peer_certificate(session, index, place, len(place), byref(length)))
    return place.raw[: length.value]


def log_keep(level: int) -> None:
    """Has the log kept up to that number of `goaway_log_level`."""
    check(lib.log_keep(level))


def log_take(timeout: Optional[float]) -> Optional[LogLine]:
    """The oldest line that was kept; None if there is none in so many seconds,
    or, with None, when lines are kept no more."""
    line = _LogLine()
    status = lib.log_take(FOREVER if timeout is None else milliseconds(timeout), byref(line))
    if status in (ERR_TIMEOUT, ERR_STATE, ERR_FORKED):
        return None
    check(status)
    return LogLine(line.level, _text(line.target), _text(line.message), line.left_out)


class TlsCore:
    """The library's TLS settings."""

    _tls: Optional[int] = None

    def __init__(self) -> None:
        self._tls = lib.tls_new()
        if self._tls is None:
            raise last_failure()

    def add(self, certificate: Any, key: Any, password: Optional[bytes]) -> None:
        """Names of files, or PEM as bytes."""
        if password is not None and b"\0" in password:
            raise Error("GOAWAY_ERR_INVALID", "the password contains a NUL")
        if isinstance(certificate, bytes):
            pem = (certificate, len(certificate), key, len(key))
            return check(lib.tls_add_certificate_pem(self._tls, *pem, password))
        names = (_encode(certificate, "the certificate's name"), _encode(key, "the key's name"))
        check(lib.tls_add_certificate(self._tls, *names, password))

    def set_server_name(self, name: str) -> None:
        """For the certificate that was added last."""
        check(lib.tls_set_server_name(self._tls, _encode(name, "the server's name")))

    def set_clients(self, clients: int, authorities: Any) -> None:
        """The name of a file, or PEM as bytes, or None."""
        if isinstance(authorities, bytes):
            return check(lib.tls_set_client_certificates_pem(self._tls, clients, authorities, len(authorities)))
        name = None if authorities is None else _encode(authorities, "the authorities' name")
        check(lib.tls_set_client_certificates(self._tls, clients, name))

    def set_min_version(self, version: int) -> None:
        check(lib.tls_set_min_version(self._tls, version))

    def set_resumption(self, resumption: bool) -> None:
        check(lib.tls_set_resumption(self._tls, resumption))

    def set_keylog(self, name: str) -> None:
        check(lib.tls_set_key_log(self._tls, _encode(name, "the key log's name")))

    def reload(self) -> None:
        check(lib.tls_reload(self._tls))

    def replace(self, other: TlsCore) -> None:
        check(lib.tls_replace(self._tls, other._tls))

    def __del__(self, _is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if self._tls is not None and not _is_finalizing():
            lib.tls_free(self._tls)


class Core:
    """A server of the library with its one queue.

    The server's pointer is used under a lock, since `free` may come from another
    thread. The queue lives as long as this object, so that whoever still
    submits to it is told, and nothing worse.
    """

    _server: Optional[int] = None
    _queue: Optional[int] = None

    def __init__(self) -> None:
        # Reentrant: a signal's handler may close in the midst of a call.
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
        self._batch = _Batch()
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
            raise Error("GOAWAY_ERR_INVALID", f"the limit {name} {IS_OF_C}: `read(limit)` bounds one body")
        if not isinstance(value, int) or not 0 <= value < 1 << 64:
            raise Error("GOAWAY_ERR_INVALID", f"the limit {name} is {value!r}, which is no number")
        status = self._call(lib.server_set_limit, LIMITS.index(name), value)
        if status != OK:
            error = failure(status)
            raise Error(error.code, f"the limit {name}: {error.text}")

    def register(self, pattern: str, tag: int) -> None:
        check(self._call(lib.server_register_queue, _encode(pattern, "the pattern"), self._queue, tag))

    def watch(self, what: int) -> None:
        check(lib.queue_watch(self._queue, what))

    def listen(self, address: str, tls: Optional[TlsCore] = None) -> None:
        if tls is None:
            return check(self._call(lib.server_listen, _encode(address, "the address")))
        check(self._call(lib.server_listen_tls, _encode(address, "the address"), tls._tls))

    def port(self, number: int) -> int:
        return int(self._call(lib.server_port, number))

    def ports(self) -> List[int]:
        """Of each listening socket; 0 for a Unix socket."""
        return [self.port(number) for number in range(len(self.addresses()))]

    def addresses(self) -> List[str]:
        addresses: List[str] = []
        while True:
            address = self._call(lib.server_address, len(addresses))
            if address is None:
                return addresses
            addresses.append(_text(address))

    def hand_over(self, number: int) -> int:
        """A duplicate of a listening socket, which is the caller's to close."""
        fd = int(self._call(lib.server_fd, number))
        if fd < 0:
            raise last_failure()
        return fd

    def set_shared(self, number: int, shared: bool) -> None:
        """Whether somebody else has that listening socket too."""
        check(self._call(lib.server_set_shared, number, shared))

    def start(self) -> None:
        check(self._call(lib.server_start))

    def set_ready(self, ready: bool) -> None:
        check(self._call(lib.server_set_ready, ready))

    def is_ready(self) -> bool:
        with self._lock:
            return self._server is not None and bool(lib.server_is_ready(self._server))

    def close_if_open(self, drain: float) -> None:
        """Begins to close; does nothing if it has ended meanwhile."""
        with self._lock:
            if self._server is not None:
                check(lib.server_close(self._server, milliseconds(drain), None, None))

    def report(self) -> Optional[Report]:
        with self._lock:
            if self._server is None:
                return None
            found = lib.server_report(self._server)
            return read_report(bytes(found.contents)) if found else None

    def counts(self) -> Counts:
        """What was refused; after the end what there was at the end."""
        with self._lock:
            if self._server is not None:
                counts = _Counts()
                check(lib.server_get_counts(self._server, byref(counts), ctypes.sizeof(counts)))
                self._counts = Counts(*(getattr(counts, name) for name in Counts._fields))
            return self._counts

    def sessions(self) -> List[SessionRow]:
        with self._lock:
            if self._server is None:
                return []
            listed = lib.server_sessions(self._server)
        if listed is None:
            raise last_failure()
        try:
            return [_row(lib.session_list_at(listed, index).contents) for index in range(lib.session_list_len(listed))]
        finally:
            lib.session_list_free(listed)

    def force(self) -> None:
        """Cuts what is open; says nothing if there is nothing to cut."""
        with self._lock:
            if self._server is not None:
                lib.server_close(self._server, 0, None, None)

    def wait_ended(self, timeout: float) -> None:
        """Waits for the end of a close that was begun. Whoever frees the server
        meanwhile leaves that to this call."""
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
        """Ends the server. Repeated calls do nothing."""
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
        """Blocks until a batch waits; False if the time was up."""
        status = lib.queue_wait(self._queue, milliseconds(timeout))
        if status == ERR_TIMEOUT:
            return False
        check(status)
        return True

    def take(self) -> Tuple[bytes, bytes]:
        """The records that wait, and their arena; both empty if there are none."""
        status = lib.queue_take(self._queue, self._batch_ref)
        if status != OK:
            raise failure(status)
        batch = self._batch
        count = batch.count
        if count == 0:
            return b"", b""
        return ctypes.string_at(batch.records, count * 64), ctypes.string_at(batch.arena or 0, batch.arena_len)

    def submit(self, commands: bytes, count: int, arena: bytes) -> List[Tuple[int, int, str]]:
        """Hands over commands. Gives the failed ones: place, status, text (of
        the first one only)."""
        statuses = _statuses(count)
        status = lib.queue_submit(self._queue, commands, count, arena, len(arena), statuses)
        if status == OK:
            return []
        text = _text(lib.last_error())
        failed = [(index, statuses[index], "") for index in range(count) if statuses[index] != OK]
        if not failed:
            # Nothing was looked at: the queue as a whole says no.
            return [(index, status, text) for index in range(count)]
        failed[0] = (failed[0][0], failed[0][1], text)
        return failed

    def __del__(self, _is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        # While the interpreter ends, a thread that was stopped in the midst may
        # hold the lock for ever; `leaving` has stopped the server before.
        if _is_finalizing():
            return
        self.free()
        queue, self._queue = self._queue, None
        if queue is not None:
            lib.queue_free(queue)


_local = threading.local()


def _statuses(count: int) -> Any:
    """An array of at least that many numbers, kept for each thread."""
    found = getattr(_local, "statuses", None)
    if found is None or len(found) < count:
        found = _local.statuses = (c_uint32 * max(256, 2 * count))()
    return found


def _row(info: Any) -> SessionRow:
    return SessionRow(
        info.session,
        info.stage,
        info.open_streams,
        info.age_ms,
        info.bytes_in,
        info.bytes_out,
        info.requests,
        _text(info.peer),
        _text(info.protocol),
        _text(info.local),
    )


def read_report(data: bytes) -> Report:
    """The numbers of a `goaway_report`; a newer library may have more of them."""
    size = min(len(data), ctypes.sizeof(_Report))
    report = _Report.from_buffer_copy(data[:size].ljust(ctypes.sizeof(_Report), b"\0"))
    return Report(*(getattr(report, name) for name in Report._fields))
