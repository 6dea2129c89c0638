"""What the command writes down: the log on stderr, the access log, and how a close goes on."""

from __future__ import annotations

import json
import logging
import logging.config
import logging.handlers
import sys
import threading
import time
from typing import Any

#: The server's log; the application's own loggers are left alone.
LOG = logging.getLogger("goaway")
#: A line per request.
ACCESS = logging.getLogger("goaway.access")


class ConfigError(ValueError):
    """What is wrong with a --log-config."""


def configure(level: str, access: str | None, config: str | None = None) -> None:
    """Sends the log to stderr and the access log to a file, or to stdout for "-".

    A file is opened anew when it was moved away, as logrotate does. `config`:
    the file of a configuration that has the last word. Raises OSError if a
    file cannot be opened, ConfigError if the configuration cannot be used.
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
    """With the endings .json, .yaml and .yml a dictionary for `logging.config`."""
    # Loggers that it does not name leave their lines to the root's handlers.
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
        # What they raise is not documented: KeyError, ValueError, configparser.Error and others.
        cause = f": {error.__cause__}" if error.__cause__ is not None else ""
        raise ConfigError(f"{type(error).__name__}: {' '.join(str(error).split())}{cause}") from None


class _Stderr:
    """stderr, with a live line out of the way first."""

    def write(self, text: str) -> int:
        _live.erase()
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


def text(value: Any) -> str:
    """A text from outside, fit for one line of a log."""
    shown = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(char if char.isprintable() and char != '"' else repr(char)[1:-1] for char in shown)


class _Live:
    """The line at the bottom of a terminal that is written over and over."""

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


_live = _Live()


class Draining:
    """Tells how a close goes on: a live line on a terminal, otherwise a line each second."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._said = 0.0

    def begin(self, drain: float) -> None:
        """The close begins and may take so many seconds."""
        LOG.info("draining for %.1f s at most; once more forces", drain)
        self._said = time.monotonic()

    def show(self, sessions: int, streams: int, left: float) -> None:
        """So many sessions and streams are left, and so many seconds."""
        line = f"draining: {sessions} sessions, {streams} streams, {max(left, 0):.1f} s left"
        if self._terminal:
            _live.show(line)
        elif time.monotonic() - self._said >= 1:
            self._said = time.monotonic()
            LOG.info("%s", line)

    def end(self, report: dict[str, Any]) -> None:
        """The close is over; the report has the fields of `goaway.Report`."""
        _live.erase()
        LOG.info("%s", summary(report))


def summary(report: dict[str, Any]) -> str:
    """A report for people."""
    return (
        "closed in {elapsed_ms} ms: {sessions_graceful} sessions left gracefully, {sessions_by_peer} by the peer, "
        "{sessions_in_handshake} in the handshake, {sessions_forced} by force; {streams_completed} streams completed, "
        "{streams_reset} reset, {streams_refused} refused; {bytes_unsent} bytes unsent"
    ).format(**report)
