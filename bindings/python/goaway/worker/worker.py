"""Serves an application in this process: loads it, runs the event loop, ends in time."""

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

#: Seconds that nobody has answered for: the library's last one, requests that
#: were cancelled, a busy machine.
SLACK = 4.0

#: What stands in a path or query as it is, in a URI (RFC 3986, section 2) or in
#: what clients send all the same.
_IN_URI = "!#$%&'()*+,/:;<=>?@[]^`{|}"

#: Seconds that a thread of the application may go on when all else has ended.
THREAD_GRACE = 1.0


def longest(drain: float, options: Options) -> float:
    """Seconds after which a worker that was given so many to drain must have
    ended, the application's shutdown included."""
    return drain + (max(1.0, options.drain) if drain > 0 else 1.0) + SLACK


class Host(Protocol):
    """Who hears how a worker fares."""

    def ready(self, addresses: list[str]) -> None:
        """It serves, at these addresses."""

    def closing(self, drain: float) -> None:
        """It closes, within so many seconds."""

    def progress(self, progress: Progress) -> None:
        """It still closes."""

    def closed(self, report: Report) -> None:
        """It has closed."""


class Worker:
    """Serves one application in this process, until it is told to close."""

    def __init__(self, options: Options, host: Host) -> None:
        self._options = options
        self._host = host
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Any = None
        self._asked = False
        self._tls: Tls | None = None
        self._watchdog = Watchdog()
        self._lock = threading.Lock()
        self._is_reported = False

    def run(self) -> int:
        """Serves; gives the exit status. The process ends with it soon after
        this has returned, even if threads of the application go on."""
        status = self._run()
        # Threads are waited for first; what follows are the functions of atexit.
        self._bound_end(THREAD_GRACE, status)
        atexit.register(self._bound_end, SLACK, status)
        _spare_collections()
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
            return _fail(FAILED, "--loop uvloop needs uvloop: pip install uvloop")
        # In this order: whoever closes from now on finds a server.
        main = loop.create_task(self._serve(app, interface))
        self._loop = loop
        status = FAILED
        try:
            status = _run_until_complete(loop, main)
            return status
        finally:
            self._bound_end(THREAD_GRACE, status)
            _end(loop)

    def close(self, drain: float | None = None, own: Iterable[int] = ()) -> None:
        """Begins to close, from any thread or signal handler: None lets it take
        as long as the options say the first time, and forces afterwards. `own`
        are the numbers of the listening sockets that nobody else has any more.

        The process ends in any case, whatever the application does: see `longest`.
        """
        if drain is None:
            drain = 0.0 if self._asked else self._options.drain
        self._asked = True
        self._watchdog.shorten(longest(drain, self._options), self._give_up)
        if self._loop is None:
            # The application is being imported: there is nothing to close.
            sys.stderr.flush()
            os._exit(DONE)
        # A RuntimeError means that the loop has ended, and with it the server.
        with contextlib.suppress(RuntimeError):
            if self._server is not None:
                # Even if the application blocks the loop.
                self._server.own_sockets(own)
                self._server.close_soon(drain)
            self._loop.call_soon_threadsafe(self._begin, drain)

    def reload(self) -> None:
        """Reads the certificates again, from any thread or signal handler."""
        if self._loop is not None and self._tls is not None:
            self._loop.call_soon_threadsafe(certificates.reload, self._tls)

    def _begin(self, drain: float) -> None:
        assert self._server is not None, "what was scheduled first has run first"
        self._host.closing(drain)
        self._server.begin_close(drain)

    def _give_up(self) -> int:
        """The event loop does not come to an end. The library has closed all the
        same, and knows what became of the sessions."""
        report = self._server.report() if self._server is not None else None
        if report is not None:
            self._tell_report(report)
        LOG.error("the application does not return; leaving without it")
        return FAILED

    def _bound_end(self, seconds: float, status: int) -> None:
        """Everything has been said and done; the process ends with `status`, in
        so many seconds at the latest."""

        def last_words() -> int:
            others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
            names = ", ".join(thread.name for thread in others if not thread.daemon)
            what = f"a thread of the application does not end ({names})" if names else "the application does not end"
            LOG.warning("%s; leaving without it", what)
            return status

        self._watchdog.restart(seconds, last_words)

    def _tell_report(self, report: Report) -> None:
        """Once, from whichever thread is first."""
        with self._lock:
            if self._is_reported:
                return
            self._is_reported = True
        self._host.closed(report)

    async def _serve(self, app: Any, interface: str) -> int:
        try:
            self._tls = certificates.make(self._options)
            server = self._server = _application(interface)(app, self._config())
            server.progress = self._host.progress
            await server.start()
        except Error as error:
            return _fail(USAGE if error.code == "GOAWAY_ERR_INVALID" else FAILED, error.text)
        except ValueError as error:
            return _fail(USAGE, str(error))
        except StartupError as error:
            if self._asked:
                LOG.info("closed before the application had started")
                return DONE
            return _failed_start(self._options.app, error)
        self._host.ready(server.addresses)
        if self._tls is not None and self._options.ssl_reload:
            # Kept, or it might be collected; cancelled with all that is left at the end.
            self._watching = asyncio.ensure_future(certificates.watch(self._tls, self._options))
        try:
            report = await server.wait_closed()
        except ShutdownError as error:
            if error.report is not None:
                self._tell_report(error.report)
            return _failed_shutdown(self._options.app, error)
        self._tell_report(report)
        return DONE

    def _config(self) -> Config:
        options = self._options
        return Config(
            bind=options.bind,
            tls=self._tls,
            drain=options.drain,
            limits=options.limits,
            features=options.features,
            root_path=options.root_path,
            ws_max_size=options.ws_max_size,
            access_log=_access if log.ACCESS.handlers else None,
            lifespan=options.lifespan,
            pathsend=options.pathsend,
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
    query = f"?{_visible(record.query)}" if record.query else ""
    cause = f" {record.cause}" if record.cause else ""
    log.ACCESS.info(
        '%s "%s %s%s" %d %d %.1fms%s',
        record.peer,
        record.method,
        _visible(record.path),
        query,
        record.status,
        record.bytes,
        record.ms,
        cause,
    )


def _visible(target: str) -> str:
    """A path or query for a line of the access log, which no peer shall misplace: the
    bytes that a URI has only percent-encoded are so here too."""
    return quote(target, safe=_IN_URI, encoding="latin-1")


def _run_until_complete(loop: asyncio.AbstractEventLoop, main: asyncio.Task[int]) -> int:
    """asyncio lets SystemExit and KeyboardInterrupt of any task end the loop. A
    task of the application does not end the server, which others use."""
    while True:
        try:
            return loop.run_until_complete(main)
        except (SystemExit, KeyboardInterrupt) as error:
            if main.done():
                raise
            LOG.error("a task of the application raised %r; serving goes on", error, exc_info=error)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """What asyncio.run does at its end."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def _spare_collections() -> None:
    """The interpreter's last garbage collections look at every object of the
    application, for seconds if it is large. All of it goes with the process."""
    # PyPy has no such thing.
    if hasattr(gc, "freeze"):
        gc.freeze()


def _fail(status: int, text: str) -> int:
    LOG.error("%s", text)
    return status


def _failed_start(app: str, error: Exception) -> int:
    return _fail(UNLOADABLE, f"{app}: the application did not start: {_told(error)}")


def _failed_shutdown(app: str, error: Exception) -> int:
    return _fail(FAILED, f"{app}: the application's shutdown failed: {_told(error)}")


def _told(error: Exception) -> BaseException:
    """What the application raised, with its traceback, if it is that."""
    if error.__cause__ is None:
        return error
    sys.stderr.write(loader.trace(error.__cause__))
    return error.__cause__ if isinstance(error.__cause__, Exception) else error
