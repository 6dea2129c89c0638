"""The options of the command ``goaway``, checked."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field

from ..limit import STALL_SECONDS
from ..signals import SAME_SECONDS

#: The proxies that the command trusts by default: those on this machine.
TRUSTED_PROXIES = "127.0.0.0/8,::1,unix"


@dataclass
class Options:
    """The checked options of the command. All values can be represented in JSON."""

    #: The application: ``module:attribute``, ``module``, or a call of a factory, ``module:make("x", debug=True)``.
    app: str
    #: The addresses to listen on; see `goaway.core.address.Address`.
    bind: list[str] = field(default_factory=lambda: ["127.0.0.1:8000"])
    #: The file creation mask; None: unchanged.
    umask: int | None = None
    #: The files of a certificate chain and its key, in PEM; without them there is no TLS.
    certfile: str | None = None
    keyfile: str | None = None
    #: Decrypts the key.
    keyfile_password: str | None = None
    #: The authorities that client certificates are verified against.
    ca_certs: str | None = None
    #: Whether clients are asked for a certificate: "none", "optional" or "required".
    cert_reqs: str = "none"
    #: Whether these files are read again when one changes.
    ssl_reload: bool = False
    #: The number of worker processes.
    workers: int = 1
    #: "auto", "asgi" or "wsgi".
    interface: str = "auto"
    #: Whether the attribute is a factory, which returns the application.
    factory: bool = False
    #: The first folder to import modules from.
    app_dir: str = "."
    #: The path at which the application is mounted.
    root_path: str = ""
    #: "auto", "on" or "off".
    lifespan: str = "auto"
    #: The maximum size of a WebSocket message in bytes.
    ws_max_size: int = 16 * 1024 * 1024
    #: Whether to offer ASGI's extension ``http.response.pathsend``.
    pathsend: bool = False
    #: Whether streaming responses of ASGI see a disconnect when the drain begins.
    end_on_drain: bool = False
    #: Threads that run a WSGI application.
    threads: int = 40
    #: Requests that may wait for one of these threads.
    queue: int = 1000
    #: Seconds that requests have to end at a close.
    drain: float = 5.0
    #: Seconds between the signal and the close, in which the server is not ready.
    shutdown_delay: float = 0.0
    #: Whether proxies are trusted to say who the client is.
    proxy_headers: bool = True
    #: These proxies; None: by the environment variable FORWARDED_ALLOW_IPS, or TRUSTED_PROXIES.
    forwarded_allow_ips: str | None = None
    #: The header fields in which they say it; None: the library's default.
    forwarded_fields: str | None = None
    #: The paths of the health checks that the library responds to.
    ready_path: str | None = None
    live_path: str | None = None
    #: Seconds after which liveness fails if events wait for the process.
    live_timeout: float = STALL_SECONDS
    #: A signal that follows another one within this many seconds is a duplicate.
    signal_repeat: float = SAME_SECONDS
    #: The library's limits, by their names in lower case without ``GOAWAY_LIMIT_``.
    limits: dict[str, int] = field(default_factory=dict)
    #: The library's features, by their names in lower case without ``GOAWAY_FEATURE_``.
    features: dict[str, bool] = field(default_factory=dict)
    #: Whether the worker is replaced when a file changes.
    reload: bool = False
    #: The folders that are watched; empty: the `app_dir`.
    reload_dirs: list[str] = field(default_factory=list)
    #: The file of the access log; "-": stdout; None: no access log.
    access_log: str | None = None
    #: A configuration of `logging`, in JSON, YAML or the format of `fileConfig`.
    log_config: str | None = None
    #: The event loop: one of LOOPS.
    loop: str = "auto"
    #: One of LOG_LEVELS.
    log_level: str = "info"
    #: Files with environment variables.
    env_files: list[str] = field(default_factory=list)
    #: Whether to print the addresses, and at the end the report as JSON, on stdout.
    report: bool = False

    def trusted_proxies(self) -> str | None:
        """The proxies to trust; None: nobody. Environment variables of --env-file are set."""
        if not self.proxy_headers:
            return None
        if self.forwarded_allow_ips is not None:
            return self.forwarded_allow_ips
        return os.environ.get("FORWARDED_ALLOW_IPS", TRUSTED_PROXIES)

    @property
    def supervised(self) -> bool:
        """Whether a supervisor runs the application in processes of its own."""
        return self.workers > 1 or self.reload

    def to_json(self) -> str:
        """The options as JSON, for `from_json` in another process."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Options:
        """The options from what `to_json` returned."""
        return Options(**json.loads(text))
