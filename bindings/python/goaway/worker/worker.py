"""Serves an application in this process: loads it, runs the event loop, and ends in time."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import gc
import os
import sys
import threading
from typing import Any, Callable, Iterable, Protocol
from urllib.parse import quote

from ..application.config import AccessRecord, Config
from ..asyncio.loop import new_loop
from ..core.tls import Tls
from ..error import Error, ShutdownError, StartupError
from ..report import Progress, Report
from . import certificates, env_file, loader, log
from .log import LOG
from .options import Options
from .watchdog import Watchdog

#: Exit statuses.
DONE, FAILED, USAGE, UNLOADABLE = 0, 1, 2, 3

#: Seconds beyond the drain and the shutdown: the library's last second, the end of cancelled
#: requests, and delays on a busy machine.
SLACK = 4.0

#: Characters of a path or query that are logged as they are: those of a URI (RFC 3986,
#: section 2), and some more that clients send.
_IN_URI = "!#$%&'()*+,/:;<=>?@[]^`{|}"

#: Seconds that threads of the application may run after everything else has ended.
THREAD_GRACE = 1.0


def longest(drain: float, options: Options) -> float:
    """Seconds after which a worker that drains for `drain` seconds must have ended, the
    application's lifespan shutdown included."""
    return drain + (max(1.0, options.drain) if drain > 0 else 1.0) + SLACK


class Observer(Protocol):
    """Is notified of the state of a worker."""

    def ready(self, addresses: list[str]) -> None:
        """The worker serves, at these addresses."""

    def closing(self, drain: float, shutdown_delay: float) -> None:
        """The worker closes after the delay; requests have `drain` seconds to end."""

    def progress(self, progress: Progress) -> None:
        """The close makes progress."""

    def closed(self, report: Report) -> None:
        """The server has closed."""


class Worker:
    """Serves one application in this process, until `close` is called."""

    def __init__(self, options: Options, observer: Observer) -> None:
        self._options = options
        self._observer = observer
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Any = None
        self._is_closing = False
        self._tls: Tls | None = None
        self._watchdog = Watchdog()
        self._lock = threading.Lock()
        self._is_reported = False

    def run(self) -> int:
        """Serves, and returns the exit status. The process ends with it soon after this
        has returned, even if threads of the application still run."""
        status = self._run()
        # The interpreter waits for threads first, and then calls the functions of atexit.
        self._limit_exit(THREAD_GRACE, status)
        atexit.register(self._limit_exit, SLACK, status)
        _skip_collections()
        return status

    def _run(self) -> int:
        try:
            for file in self._options.env_files:
                env_file.load(file)
            app = loader.load(
                self._options.app, app_dir=os.path.abspath(self._options.app_dir), factory=self._options.factory
            )
            interface = self._options.interface
            if interface == "auto":
                interface = loader.interface(app)
        except loader.LoadError as error:
            sys.stderr.write(error.trace)
            return _fail(UNLOADABLE, f"{self._options.app}: {error}")
        except env_file.EnvError as error:
            return _fail(USAGE, str(error))
        try:
            loop = new_loop(self._options.loop)
        except ImportError:
            return _fail(FAILED, "--loop uvloop: uvloop is not installed; pip install uvloop")
        # In this order: once `close` sees a loop, there is a task that makes the server.
        main = loop.create_task(self._serve(app, interface))
        self._loop = loop
        status = FAILED
        try:
            status = _run_until_complete(loop, main)
            return status
        finally:
            self._limit_exit(THREAD_GRACE, status)
            _end(loop)

    def close(self, drain: float | None = None, own: Iterable[int] = (), shutdown_delay: float = 0.0) -> None:
        """Begins to close, from any thread or signal handler.

        `drain`: seconds that requests have to end; None: those of the options the first
        time, 0 afterwards. `own`: the indexes of the listening sockets that no other process
        has any more. `shutdown_delay`: seconds in which the server is not ready and serves as
        before. After them the process ends in the time that `longest` returns, whatever the
        application does.
        """
        if drain is None:
            drain = 0.0 if self._is_closing else self._options.drain
        self._is_closing = True
        self._watchdog.shorten(shutdown_delay + longest(drain, self._options), self._on_blocked)
        if self._loop is None:
            # The application is still being imported: there is nothing to close.
            sys.stderr.flush()
            os._exit(DONE)
        # A RuntimeError means that the loop, and so the server, has ended.
        with contextlib.suppress(RuntimeError):
            if self._server is not None:
                # These work even if the application blocks the loop.
                self._server.own_sockets(own)
                self._server.close_soon(drain, shutdown_delay)
            self._loop.call_soon_threadsafe(self._begin, drain, shutdown_delay)

    def reload(self) -> None:
        """Reads the certificates again, from any thread or signal handler."""
        if self._loop is not None and self._tls is not None:
            self._loop.call_soon_threadsafe(certificates.reload, self._tls)

    def _begin(self, drain: float, shutdown_delay: float) -> None:
        assert self._server is not None, "callbacks of the loop run in the order in which they were scheduled"
        self._observer.closing(drain, shutdown_delay)
        self._server.begin_close(drain, shutdown_delay)

    def _on_blocked(self) -> int:
        """The event loop has not ended in time. The library has closed the server all the
        same, and has the report."""
        report = self._server.report() if self._server is not None else None
        if report is not None:
            self._report(report)
        LOG.error("the application blocks the event loop; exiting without waiting for it")
        return FAILED

    def _limit_exit(self, seconds: float, status: int) -> None:
        """Ends the process with `status` after this many seconds at most. Everything but the
        exit is done."""

        def on_timeout() -> int:
            others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
            names = ", ".join(thread.name for thread in others if not thread.daemon)
            what = f"threads of the application still run ({names})" if names else "the application does not end"
            LOG.warning("%s; exiting without waiting", what)
            return status

        self._watchdog.restart(seconds, on_timeout)

    def _report(self, report: Report) -> None:
        """Notifies the observer of the report, once. From any thread."""
        with self._lock:
            if self._is_reported:
                return
            self._is_reported = True
        self._observer.closed(report)

    async def _serve(self, app: Any, interface: str) -> int:
        try:
            self._tls = certificates.make(self._options)
            server = self._server = _application(interface)(app, self._config())
            server.progress = self._observer.progress
            await server.start()
        except Error as error:
            return _fail(USAGE if error.code == "GOAWAY_ERR_INVALID" else FAILED, error.text)
        except ValueError as error:
            return _fail(USAGE, str(error))
        except StartupError as error:
            if self._is_closing:
                LOG.info("closed before the application had started")
                return DONE
            return _failed_start(self._options.app, error)
        self._observer.ready(server.addresses)
        if self._tls is not None and self._options.ssl_reload:
            # The reference keeps the task from being collected. `_end` cancels it.
            self._watching = asyncio.ensure_future(certificates.watch(self._tls, self._options))
        try:
            report = await server.wait_closed()
        except ShutdownError as error:
            if error.report is not None:
                self._report(error.report)
            return _failed_shutdown(self._options.app, error)
        self._report(report)
        return DONE

    def _config(self) -> Config:
        options = self._options
        return Config(
            bind=options.bind,
            tls=self._tls,
            drain=options.drain,
            shutdown_delay=options.shutdown_delay,
            forwarded_allow_ips=options.trusted_proxies(),
            forwarded_fields=options.forwarded_fields,
            ready_path=options.ready_path,
            live_path=options.live_path,
            live_timeout=options.live_timeout,
            limits=options.limits,
            features=options.features,
            root_path=options.root_path,
            ws_max_size=options.ws_max_size,
            access_log=_access if log.ACCESS.handlers else None,
            lifespan=options.lifespan,
            pathsend=options.pathsend,
            end_on_drain=options.end_on_drain,
            threads=options.threads,
            queue=options.queue,
            multiprocess=options.workers > 1,
        )


def _application(interface: str) -> Callable[[Any, Config], Any]:
    if interface == "wsgi":
        from .. import wsgi

        return wsgi.Application
    from .. import asgi

    return asgi.Application


def _access(record: AccessRecord) -> None:
    query = f"?{_printable(record.query)}" if record.query else ""
    cause = f" {record.cause}" if record.cause else ""
    log.ACCESS.info(
        '%s "%s %s%s" %d %d %.1fms%s',
        record.peer,
        record.method,
        _printable(record.path),
        query,
        record.status,
        record.bytes,
        record.ms,
        cause,
    )


def _printable(target: str) -> str:
    """A path or query for the access log. Bytes that a URI contains only percent-encoded
    are logged percent-encoded, so that a peer cannot forge lines."""
    return quote(target, safe=_IN_URI, encoding="latin-1")


def _run_until_complete(loop: asyncio.AbstractEventLoop, main: asyncio.Task[int]) -> int:
    """In asyncio SystemExit and KeyboardInterrupt of any task end the loop. Here a task of the
    application cannot end the server."""
    while True:
        try:
            return loop.run_until_complete(main)
        except (SystemExit, KeyboardInterrupt) as error:
            if main.done():
                raise
            LOG.error("a task of the application raised %r; the server keeps running", error, exc_info=error)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Ends the loop as asyncio.run does."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def _skip_collections() -> None:
    """Exempts all objects from the garbage collections at exit, which take seconds for a
    large application and are of no use."""
    # PyPy has no gc.freeze.
    if hasattr(gc, "freeze"):
        gc.freeze()


def _fail(status: int, text: str) -> int:
    LOG.error("%s", text)
    return status


def _failed_start(app: str, error: Exception) -> int:
    return _fail(UNLOADABLE, f"{app}: the application did not start: {_cause(error)}")


def _failed_shutdown(app: str, error: Exception) -> int:
    return _fail(FAILED, f"{app}: the application's shutdown failed: {_cause(error)}")


def _cause(error: Exception) -> BaseException:
    """The exception of the application, whose traceback is printed; otherwise `error`."""
    if error.__cause__ is None:
        return error
    sys.stderr.write(loader.trace(error.__cause__))
    return error.__cause__ if isinstance(error.__cause__, Exception) else error
