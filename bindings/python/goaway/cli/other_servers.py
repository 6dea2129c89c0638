"""Options of uvicorn, gunicorn, Hypercorn and Granian that goaway does not have.

Options with the same meaning are accepted as second names of goaway's own; see
`parser`. A few of the others ask for what goaway does in any case. The rest are
refused with a hint, since ignoring an option silently would be worse.
"""

from __future__ import annotations

from typing import Iterable

#: Options that ask for what goaway does in any case.
ALWAYS = ("--no-server-header", "--no-use-colors", "--date-header", "--reset-contextvars")

_CONFIGURATION = "there is no configuration file; give the options on the command line"
_WORKERS = "goaway has one kind of worker; ASGI or WSGI is detected from the application (--interface)"
_HTTP = "HTTP/2 and HTTP/1.1 are always on; --feature http1=off turns HTTP/1.1 off"
_RECYCLING = "workers are not replaced by age or use; HUP replaces them, --max-age drains connections"
_SERVICE = "use a service manager for this; the README has an example for systemd"
_LOG = "the log goes to stderr; --log-config sends it elsewhere and changes its format"
_TLS = "goaway supports TLS 1.3 and 1.2 with modern ciphers only"
_FRESH = "each worker is a new interpreter, which loads the application itself"
_PING = "goaway sends a PING after 20 s of silence"
_MIDDLEWARE = "add header fields in the application or in a middleware"
_METRICS = "use the access log, and goaway.server in the ASGI scope"

#: The hint for each refused option.
HINTS = {
    "--http": _HTTP, "--http2": _HTTP, "--http-protocols": _HTTP, "--http2-cleartext": _HTTP,
    "--ws": "WebSockets are served if wsproto is installed: pip install goaway[websocket]",
    "--ws-ping-interval": _PING, "--ws-ping-timeout": _PING, "--websocket-ping-interval": _PING,
    "--ws-max-queue": "--ws-max-size, and --limit high_water_bytes=N",
    "--ws-per-message-deflate": "WebSocket messages are not compressed",
    "--websocket-max-message-size": "--ws-max-size BYTES",
    "--proxy-allow-from": "--proxy-protocol TRUSTED",
    "--server-header": _MIDDLEWARE, "--no-date-header": _MIDDLEWARE, "--header": _MIDDLEWARE,
    "--server-name": _MIDDLEWARE,
    "--limit-concurrency": "--max-sessions N, --max-streams N, and --queue N of a WSGI application",
    "--worker-connections": "--max-sessions N", "--backpressure": "--max-sessions N",
    "--limit-max-requests": _RECYCLING, "--limit-max-requests-jitter": _RECYCLING,
    "--max-requests-jitter": _RECYCLING, "--workers-lifetime": _RECYCLING, "--workers-max-rss": _RECYCLING,
    "-t": "a busy worker is not killed; --drain limits the time of a close",
    "--timeout": "a busy worker is not killed; --drain limits the time of a close",
    "--timeout-worker-healthcheck": "a busy worker is not killed; --drain limits the time of a close",
    "--workers-kill-timeout": "--drain SECONDS; a worker that does not exit soon after it is killed",
    "--read-timeout": "--limit progress_ms=N",
    "-k": _WORKERS, "--worker-class": _WORKERS, "--asgi-loop": "--loop", "--asgi-lifespan": "--lifespan",
    "--task-impl": _WORKERS, "--runtime-mode": _WORKERS, "--runtime-threads": _WORKERS,
    "--preload": _FRESH, "--preload-app": _FRESH,
    "--chdir": "--app-dir DIR, or change the folder first", "--working-dir": "--app-dir DIR, or change the folder first",
    "--pythonpath": "--app-dir DIR, or PYTHONPATH", "--paste": "the application is MODULE:APP",
    "-c": _CONFIGURATION, "--config": _CONFIGURATION, "--print-config": _CONFIGURATION,
    "--check-config": _CONFIGURATION,
    "-e": "--env-file FILE", "--env": "--env-file FILE",
    "-D": _SERVICE, "--daemon": _SERVICE, "-p": _SERVICE, "--pid": _SERVICE, "--pid-file": _SERVICE, "-u": _SERVICE,
    "--user": _SERVICE, "-g": _SERVICE, "--group": _SERVICE, "-m": "--umask OCTAL",
    "--access-logformat": _LOG, "--access-log-format": _LOG, "--access-log-fmt": _LOG, "--error-log": _LOG,
    "--error-logfile": _LOG, "--log-file": _LOG, "--use-colors": _LOG, "--debug": "--log-level debug",
    "--statsd-host": _METRICS, "--metrics": _METRICS,
    "--ssl-version": _TLS, "--ssl-ciphers": _TLS, "--ciphers": _TLS, "--ssl-protocol-min": _TLS,
    "--verify-mode": "--cert-reqs none, optional or required",
    "--insecure-bind": "TLS is on or off for all addresses of --bind",
    "--quic-bind": "HTTP/3 is not supported",
    "--reload-include": "--reload-dir DIR, whose Python files are watched",
    "--reload-exclude": "--reload-dir DIR, whose Python files are watched",
    "--reload-engine": "--reload needs watchfiles", "--reload-delay": "--reload restarts at once",
    "--limit-request-line": "--limit header_list_bytes=N", "--limit-request-fields": "--limit header_fields=N",
    "--limit-request-field_size": "--limit header_list_bytes=N",
    "--h11-max-incomplete-event-size": "--limit header_list_bytes=N",
}  # fmt: skip


def refusal(arguments: Iterable[str], own: Iterable[str]) -> str | None:
    """The error message for the first argument that is an option of another server and
    not one of goaway's `own`; None if there is none."""
    for argument in arguments:
        name = argument.partition("=")[0]
        if argument.startswith("-") and name in HINTS and name not in own:
            return f"goaway has no option {name}: {HINTS[name]}"
    return None
