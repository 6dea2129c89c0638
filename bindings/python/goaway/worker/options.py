"""The options of the command ``goaway``, checked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from ..signals import SAME_SECONDS


@dataclass
class Options:
    """What the command line says, checked. JSON has room for all of it."""

    #: The application: ``module:attribute``, ``module``, or a call of a factory, ``module:make("x", debug=True)``.
    app: str
    #: Where to listen, each as `goaway.address.Address` reads it.
    bind: list[str] = field(default_factory=lambda: ["127.0.0.1:8000"])
    #: The file creation mask, or None for what it is.
    umask: int | None = None
    #: The files of a certificate and its key, in PEM; without them there is no TLS.
    certfile: str | None = None
    keyfile: str | None = None
    #: What the key is encrypted with.
    keyfile_password: str | None = None
    #: Who vouches for the certificates of clients.
    ca_certs: str | None = None
    #: Whether clients are asked for one: "none", "optional" or "required".
    cert_reqs: str = "none"
    #: Read those files again when one changes.
    ssl_reload: bool = False
    #: Processes that serve.
    workers: int = 1
    #: "auto", "asgi" or "wsgi".
    interface: str = "auto"
    #: The attribute makes the application.
    factory: bool = False
    #: The folder that modules are looked for in first.
    app_dir: str = "."
    #: The path below which the application is mounted.
    root_path: str = ""
    #: "auto", "on" or "off".
    lifespan: str = "auto"
    #: Bytes of a WebSocket message.
    ws_max_size: int = 16 * 1024 * 1024
    #: Offer ASGI's extension ``http.response.pathsend``.
    pathsend: bool = False
    #: Threads that run a WSGI application.
    threads: int = 40
    #: Requests that may wait for one of them.
    queue: int = 1000
    #: Seconds that a close may take.
    drain: float = 5.0
    #: A signal that comes so many seconds after the first one, or sooner, does not force.
    signal_repeat: float = SAME_SECONDS
    #: The library's limits, by their names in lower case without ``GOAWAY_LIMIT_``.
    limits: dict[str, int] = field(default_factory=dict)
    #: The library's features, by their names in lower case without ``GOAWAY_FEATURE_``.
    features: dict[str, bool] = field(default_factory=dict)
    #: Restart the worker when a file changes.
    reload: bool = False
    #: The folders that are watched; none means the `app_dir`.
    reload_dirs: list[str] = field(default_factory=list)
    #: The file for a line per request, "-" for stdout, None for none.
    access_log: str | None = None
    #: A configuration of `logging`, in JSON, YAML or the format of `fileConfig`.
    log_config: str | None = None
    #: The event loop: one of LOOPS.
    loop: str = "auto"
    #: One of LOG_LEVELS.
    log_level: str = "info"
    #: Files with environment variables.
    env_files: list[str] = field(default_factory=list)
    #: Say on stdout where it listens, and at the end the report as JSON.
    report: bool = False

    @property
    def supervised(self) -> bool:
        """Whether the application runs in processes of its own."""
        return self.workers > 1 or self.reload

    def to_json(self) -> str:
        """For `from_json`, in another process."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Options:
        """What `to_json` gave."""
        return Options(**json.loads(text))
