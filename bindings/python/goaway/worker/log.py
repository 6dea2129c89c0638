"""The logs of the command: on stderr, the access log, and the progress of a close."""

from __future__ import annotations

import contextlib
import json
import logging
import logging.config
import logging.handlers
import sys
import threading
import time
from typing import Any

#: The server's log. The loggers of the application are not changed.
LOG = logging.getLogger("goaway")
#: The access log: one line per request.
ACCESS = logging.getLogger("goaway.access")


class ConfigError(ValueError):
    """A --log-config cannot be used. The message says why."""


def configure(level: str, access: str | None, config: str | None = None) -> None:
    """Sends the log to stderr, and the access log to the file `access`, or to stdout if
    it is "-".

    The access log is opened again after it was renamed, as logrotate does. `config`: the
    file of a configuration for `logging`, applied last. Raises OSError if a file cannot be
    opened, and ConfigError if the configuration cannot be used.
    """
    handler = logging.StreamHandler(_Stderr())
    handler.setFormatter(logging.Formatter("%(asctime)s [%(process)d] %(levelname)s %(message)s"))
    LOG.handlers[:] = [handler]
    LOG.setLevel(level.upper())
    LOG.propagate = False
    ACCESS.handlers[:] = [] if access is None else [_access_handler(access)]
    ACCESS.setLevel(logging.INFO)
    ACCESS.propagate = False
    if config is not None:
        _apply(config)


def _apply(config: str) -> None:
    """Applies a file: .json, .yaml and .yml are for `dictConfig`, all others for `fileConfig`."""
    # If it does not name the logger, its lines go to the handlers of the root logger.
    LOG.handlers.clear()
    LOG.propagate = True
    try:
        if config.endswith(".json"):
            with open(config, encoding="utf-8-sig") as file:
                settings = json.load(file)
        elif config.endswith((".yaml", ".yml")):
            import yaml

            with open(config, encoding="utf-8-sig") as file:
                settings = yaml.safe_load(file)
        else:
            with open(config, encoding="utf-8-sig"):
                pass
            return logging.config.fileConfig(config, disable_existing_loggers=False)
        if isinstance(settings, dict):
            settings.setdefault("disable_existing_loggers", False)
        logging.config.dictConfig(settings)
    except OSError as error:
        raise ConfigError(error.strerror) from None
    except ImportError as error:
        raise ConfigError(f"{error}; YAML needs PyYAML: pip install pyyaml") from None
    except Exception as error:
        # The exceptions are not documented: KeyError, ValueError, configparser.Error and others.
        cause = f": {error.__cause__}" if error.__cause__ is not None else ""
        raise ConfigError(f"{type(error).__name__}: {' '.join(str(error).split())}{cause}") from None


def reopen() -> None:
    """Opens the files of the logs again, after they were renamed: of all handlers that have
    one, those of a --log-config included. A file that cannot be opened is reported, and the
    old one stays in use."""
    for handler in _file_handlers():
        with handler.lock or contextlib.nullcontext():
            old = handler.stream
            try:
                handler.stream = handler._open()
            except OSError as error:
                LOG.error("%s cannot be opened again, the old file stays in use: %s", handler.baseFilename, error)
                continue
            if old is not None:
                old.close()
    LOG.info("the log files were opened again")


def _file_handlers() -> list[logging.FileHandler]:
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in list(logging.root.manager.loggerDict))]
    handlers = {id(handler): handler for logger in loggers for handler in logger.handlers}
    return [handler for handler in handlers.values() if isinstance(handler, logging.FileHandler)]


class _Stderr:
    """stderr; erases the status line first."""

    def write(self, text: str) -> int:
        _status_line.erase()
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _access_handler(access: str) -> logging.Handler:
    handler: logging.Handler
    if access == "-":
        handler = logging.StreamHandler(sys.stdout)
    else:
        handler = logging.handlers.WatchedFileHandler(access, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    return handler


class _StatusLine:
    """A line on the terminal that is overwritten by its next value."""

    def __init__(self) -> None:
        self._shown = False
        self._lock = threading.Lock()

    def show(self, line: str) -> None:
        with self._lock:
            self._shown = True
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()

    def erase(self) -> None:
        with self._lock:
            if self._shown:
                self._shown = False
                sys.stderr.write("\r\x1b[K")


_status_line = _StatusLine()


class ClosingLog:
    """Shows the progress of a close: a status line on a terminal, otherwise a log line each second."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._logged_at = 0.0

    def begin(self, drain: float, shutdown_delay: float) -> None:
        """The close begins after the delay, or a call shortens it; requests have `drain`
        seconds to end."""
        if shutdown_delay > 0:
            LOG.info("not ready; serving for %.1f s more, then draining; another signal ends the delay", shutdown_delay)
        elif drain > 0:
            LOG.info("draining for at most %.1f s; another signal forces", drain)
        else:
            LOG.info("closing by force")
        self._logged_at = time.monotonic()

    def show(self, sessions: int, streams: int, left: float) -> None:
        """Shows the open sessions and streams, and the seconds that are left."""
        line = f"draining: {sessions} sessions, {streams} streams, {max(left, 0):.1f} s left"
        if self._terminal:
            _status_line.show(line)
        elif time.monotonic() - self._logged_at >= 1:
            self._logged_at = time.monotonic()
            LOG.info("%s", line)

    def end(self, report: dict[str, Any]) -> None:
        """The close is complete. `report`: the fields of `goaway.Report`."""
        _status_line.erase()
        LOG.info("%s", summary(report))


def summary(report: dict[str, Any]) -> str:
    """The report as a sentence."""
    return (
        "closed in {elapsed_ms} ms: {sessions_graceful} sessions ended gracefully, {sessions_by_peer} by the peer, "
        "{sessions_in_handshake} in the handshake, {sessions_forced} by force; {streams_completed} streams completed, "
        "{streams_reset} reset, {streams_refused} refused; {bytes_unsent} bytes unsent"
    ).format(**report)
