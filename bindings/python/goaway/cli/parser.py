"""Parses the command line of ``goaway``: the options, their values and defaults."""

from __future__ import annotations

import argparse
import os
import re
from typing import Any, Callable, NoReturn, TypeVar

from ..core.address import Address, AddressError, unix_address
from ..limit import STALL_SECONDS
from ..signals import SAME_SECONDS
from ..worker import loader
from ..worker.options import TRUSTED_PROXIES, Options
from . import other_servers

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
INTERFACES = ("auto", "asgi", "wsgi")
LIFESPANS = ("auto", "on", "off")
LOOPS = ("auto", "asyncio", "uvloop")

#: The limits that have an option of their own: option, limit, unit, meaning.
_NAMED_LIMITS = (
    ("--max-sessions", "sessions", 1, "connections at once"),
    ("--max-streams", "concurrent_streams", 1, "requests at once in a connection"),
    ("--max-requests", "requests", 1, "requests until a connection is drained"),
    ("--max-age", "age_ms", 1000, "SECONDS until a connection is drained"),
    ("--idle", "idle_ms", 1000, "SECONDS without a request until a connection is drained"),
)

#: The names that other servers have for these options.
_SECOND_NAMES = {
    "--max-streams": ("--http2-max-concurrent-streams",),
    "--idle": ("--timeout-keep-alive", "--keep-alive"),
}


def parse(arguments: list[str], *, version: Callable[[], str]) -> Options:
    """Parses and checks the command line. Prints help and version.

    Raises SystemExit: with 0 after help or version, with 2 after one line on
    stderr about an invalid option.
    """
    parser = _parser(version)
    refusal = other_servers.refusal(arguments, parser._option_string_actions)
    if refusal is not None:
        parser.error(refusal)
    values = vars(parser.parse_args(arguments))
    del values["always"]
    limits, features = dict(values.pop("limits")), dict(values.pop("features"))
    for option, name, unit, _ in _NAMED_LIMITS:
        value = values.pop(_destination(option))
        if value is not None:
            limits[name] = round(value * unit)
    values["bind"] = _binds(parser, values)
    options = Options(limits=limits, features=features, **values)
    _check(parser, options)
    return options


def _binds(parser: argparse.ArgumentParser, values: dict[str, Any]) -> list[str]:
    """The addresses to listen on, with the options that apply to all of them."""
    binds: list[str] = values["bind"]
    host, port = values.pop("host"), values.pop("port")
    if host is not None or port is not None:
        if binds:
            parser.error("--host and --port cannot be combined with --bind, --uds or --fd: use one or the other")
        default_host, _, default_port = Options("").bind[0].rpartition(":")
        binds = [_host_and_port(parser, host or default_host, default_port if port is None else port)]
    addresses = [Address.parse(text) for text in binds or Options("").bind]
    for option, name in (
        ("--backlog", "backlog"), ("--reuse-port", "reuseport"), ("--uds-mode", "mode"), ("--proxy-protocol", "proxy"),
    ):  # fmt: skip
        value = values.pop(_destination(option))
        if value is None:
            continue
        if not any(address.accepts(name) for address in addresses):
            parser.error(f"{option} does not apply to {', '.join(map(str, addresses))}")
        addresses = [
            address.with_options(**{name: value}) if address.accepts(name) else address for address in addresses
        ]
    return [str(address) for address in addresses]


def _host_and_port(parser: argparse.ArgumentParser, host: str, port: str) -> str:
    text = f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"
    try:
        return _bind(text)
    except ValueError as error:
        parser.error(str(error))


def _check(parser: argparse.ArgumentParser, options: Options) -> None:
    if not options.proxy_headers:
        for option in ("forwarded_allow_ips", "forwarded_fields"):
            if getattr(options, option) is not None:
                parser.error(f"--{option.replace('_', '-')} has no effect with --no-proxy-headers")
    if options.reload and options.workers > 1:
        parser.error("--reload runs one worker: leave out --workers")
    if options.reload_dirs and not options.reload:
        parser.error("--reload-dir has no effect without --reload")
    if options.certfile is None:
        for option in ("keyfile", "keyfile_password", "ca_certs", "ssl_reload"):
            if getattr(options, option):
                parser.error(f"--{option.replace('_', '-')} has no effect without --certfile")
    if options.ready_path is not None and options.ready_path == options.live_path:
        parser.error(f"--ready-path and --live-path are the same: {options.ready_path}")
    if (options.cert_reqs != "none") != (options.ca_certs is not None):
        parser.error("--ca-certs and --cert-reqs need each other: give both")
    for name in [options.app_dir, *options.reload_dirs]:
        if not os.path.isdir(name):
            parser.error(f"{name}: no such folder")


class _Parser(argparse.ArgumentParser):
    """Prints one line for an error, without the usage, which is long and would hide it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"goaway: {message} (goaway --help lists the options)\n")


def _parser(version: Callable[[], str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="goaway",
        usage="goaway [OPTIONS] MODULE[:APP]",
        description="Serves an ASGI or WSGI application over HTTP/2 and HTTP/1.1, and closes gracefully.",
        epilog="SIGTERM, SIGINT and SIGQUIT drain; another one after --signal-repeat forces. With --workers or --reload "
        "SIGHUP replaces the workers.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "app", metavar="MODULE:APP", type=_value(_target),
        help="the application: package.module:attribute; the attribute may be a call of a factory, 'make(\"x\")'; "
        "default: application or app",
    )  # fmt: skip
    _add_serving(parser)
    _add_tls(parser)
    _add_application(parser)
    _add_health(parser)
    _add_closing(parser)
    _add_limits(parser)
    _add_logs(parser)
    parser.add_argument(*other_servers.ALWAYS, action="store_true", dest="always", help=argparse.SUPPRESS)
    parser.add_argument("--version", action=_Version, version_text=version)
    return parser


def _add_serving(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("serving")
    group.add_argument(
        "-b", "--bind", action="append", default=[], metavar="ADDRESS", type=_value(_bind),
        help="HOST:PORT, [IPV6]:PORT, unix:PATH, fd:NUMBER (an inherited socket) or systemd:[NAME] (from the "
        "service manager), with options ?NAME=VALUE&...; repeatable; default 127.0.0.1:8000",
    )  # fmt: skip
    group.add_argument(
        "--host", default=None, metavar="HOST", help="the host to listen on, with --port; default 127.0.0.1"
    )
    group.add_argument(
        "--port",
        default=None,
        metavar="PORT",
        help="the port to listen on, with --host; 0: any free port; default 8000",
    )
    group.add_argument(
        "--uds", action="append", dest="bind", metavar="PATH", type=unix_address, help="the same as --bind unix:PATH"
    )
    group.add_argument(
        "--fd", action="append", dest="bind", metavar="NUMBER", type=_value(lambda text: _bind(f"fd:{text}")),
        help="the same as --bind fd:NUMBER",
    )  # fmt: skip
    group.add_argument(
        "--proxy-protocol", default=None, metavar="TRUSTED",
        help="every connection begins with a PROXY header; trusted proxies: addresses and networks such as 10.0.0.0/8,::1, "
        "unix, or * for all",
    )  # fmt: skip
    group.add_argument(
        "--proxy-headers", action=argparse.BooleanOptionalAction, default=True,
        help="take the client's address and scheme from header fields of trusted proxies; default on",
    )  # fmt: skip
    group.add_argument(
        "--forwarded-allow-ips", default=None, metavar="TRUSTED",
        help="these proxies: addresses and networks such as 10.0.0.0/8,::1, unix, or * for all; default: the environment's "
        f"FORWARDED_ALLOW_IPS, otherwise {TRUSTED_PROXIES}",
    )  # fmt: skip
    group.add_argument(
        "--forwarded-fields", default=None, metavar="NAMES",
        help="these fields, of x-forwarded-for, -proto, -host, -port, -prefix and forwarded; only such as the proxy sets or "
        "removes; default x-forwarded-for,x-forwarded-proto",
    )  # fmt: skip
    group.add_argument(
        "--backlog", default=None, metavar="N", type=_value(lambda text: str(_whole(text))),
        help="connections that may wait in the kernel to be accepted; default 1024",
    )  # fmt: skip
    group.add_argument(
        "--reuse-port", action="store_const", const="1", default=None, help="share the port with other programs"
    )
    group.add_argument(
        "--uds-mode", "--uds-permissions", default=None, metavar="OCTAL", type=_value(_octal),
        help="permissions of Unix sockets, such as 660; default: by the umask",
    )  # fmt: skip
    group.add_argument(
        "--umask", default=None, metavar="OCTAL", type=_value(lambda text: int(_octal(text), 8)),
        help="the file creation mask, such as 027; default: unchanged",
    )  # fmt: skip
    group.add_argument(
        "-w", "--workers", default=1, metavar="N", type=_value(_count), help="processes that serve; default 1"
    )
    group.add_argument(
        "--threads",
        "--blocking-threads",
        default=40,
        metavar="N",
        type=_value(_count),
        help="threads of a WSGI application; default 40",
    )
    group.add_argument(
        "--queue", default=1000, metavar="N", type=_value(_whole),
        help="requests that may wait for one of these threads; further ones get 503; default 1000",
    )  # fmt: skip
    group.add_argument("--reload", action="store_true", help="restart the worker when a file changes; needs watchfiles")
    group.add_argument(
        "--reload-dir", "--reload-paths", action="append", default=[], dest="reload_dirs", metavar="DIR",
        help="a folder to watch; repeatable; default: the --app-dir",
    )  # fmt: skip


def _add_tls(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("TLS; SIGHUP reads the files again")
    group.add_argument(
        "--certfile", "--ssl-certfile", "--ssl-certificate", metavar="FILE",
        help="the certificate chain in PEM, the server's own certificate first",
    )  # fmt: skip
    group.add_argument("--keyfile", "--ssl-keyfile", metavar="FILE", help="the key in PEM; default: in the --certfile")
    group.add_argument("--keyfile-password", "--ssl-keyfile-password", metavar="TEXT", help="decrypts the key")
    group.add_argument(
        "--ca-certs",
        "--ssl-ca-certs",
        "--ssl-ca",
        metavar="FILE",
        help="the authorities that client certificates are verified against, in PEM",
    )
    group.add_argument(
        "--cert-reqs", "--ssl-cert-reqs", default="none", metavar="MODE", type=_value(_cert_reqs),
        help="whether clients are asked for a certificate: none, optional, required, or 0, 1, 2; default none",
    )  # fmt: skip
    group.add_argument(
        "--ssl-client-verify", action="store_const", const="required", dest="cert_reqs",
        help="the same as --cert-reqs required",
    )  # fmt: skip
    group.add_argument("--ssl-reload", action="store_true", help="read the files again when one changes")


def _add_application(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("application")
    group.add_argument(
        "--interface", choices=INTERFACES, default="auto", help="default auto: detected from the application"
    )
    group.add_argument("--loop", choices=LOOPS, default="auto", help="default auto: uvloop if it is installed")
    group.add_argument("--factory", action="store_true", help="the attribute is a function that makes the application")
    group.add_argument(
        "--app-dir", default=".", metavar="DIR", help="the first folder to import modules from; default ."
    )
    group.add_argument(
        "--root-path",
        "--url-path-prefix",
        default="",
        metavar="PATH",
        type=_value(_root_path),
        help="the path that the application is mounted at",
    )
    group.add_argument(
        "--ws-max-size",
        type=_value(_whole),
        default=16 * 1024 * 1024,
        metavar="BYTES",
        help="maximum size of a WebSocket message; default 16777216",
    )
    group.add_argument(
        "--pathsend", action="store_true",
        help="let ASGI applications send files by name; middleware that changes bodies does not see these",
    )  # fmt: skip
    group.add_argument(
        "--lifespan",
        choices=LIFESPANS,
        default="auto",
        help="ASGI lifespan; default auto: if the application supports it",
    )
    group.add_argument(
        "--env-file", "--env-files", action="append", default=[], dest="env_files", metavar="FILE",
        help="a file of NAME=value lines; sets environment variables that are not set yet; repeatable",
    )  # fmt: skip


def _add_health(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("health checks; an address with ?health=1 serves nothing else")
    group.add_argument(
        "--ready-path", default=None, metavar="PATH", type=_value(_path),
        help="the path that says whether the server is ready: 200, or 503 from the signal on that closes it",
    )  # fmt: skip
    group.add_argument(
        "--live-path", default=None, metavar="PATH", type=_value(_path),
        help="the path that says whether the process makes progress: 200, or 503 while events wait for it too long",
    )  # fmt: skip
    group.add_argument(
        "--live-timeout", default=STALL_SECONDS, metavar="SECONDS", type=_value(_positive_seconds),
        help="how long events may wait for the process, such as for a blocked event loop; default 10",
    )  # fmt: skip


def _add_closing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("closing")
    group.add_argument(
        "--drain", "--timeout-graceful-shutdown", "--graceful-timeout", default=5.0, metavar="SECONDS", type=_value(_seconds),
        help="time that requests have to end at a close, such as 2.5 or 500ms; default 5",
    )  # fmt: skip
    group.add_argument(
        "--shutdown-delay", default=0.0, metavar="SECONDS", type=_value(_seconds),
        help="time between the signal and the close, in which the server is not ready and serves as before, so that "
        "load balancers take it out; another signal ends it; default 0",
    )  # fmt: skip
    group.add_argument(
        "--end-on-drain", action="store_true",
        help="streaming responses of an ASGI application see http.disconnect when the drain begins, so that endless "
        "streams end; responses that have an end of their own may be cut short",
    )  # fmt: skip
    group.add_argument(
        "--signal-repeat", default=SAME_SECONDS, metavar="SECONDS", type=_value(_seconds),
        help="a signal that follows another one within this time is a duplicate and has no effect; default 500ms",
    )  # fmt: skip
    group.add_argument(
        "--report",
        action="store_true",
        help='print "listening on ADDRESS", and at the end the report of the close as JSON, on stdout',
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    for option, _, unit, meaning in _NAMED_LIMITS:
        kind = _value(_seconds) if unit > 1 else _value(_whole)
        metavar = "SECONDS" if unit > 1 else "N"
        group.add_argument(
            option,
            *_SECOND_NAMES.get(option, ()),
            default=None,
            metavar=metavar,
            type=kind,
            help=meaning.replace("SECONDS ", "time "),
        )
    group.add_argument(
        "--limit", action="append", default=[], dest="limits", metavar="NAME=N", type=_value(_limit),
        help="any limit of the library, such as header_list_bytes=32768; repeatable",
    )  # fmt: skip
    group.add_argument(
        "--feature", action="append", default=[], dest="features", metavar="NAME=on|off", type=_value(_feature),
        help="a feature of the library: http1, connect_protocol or upgrade; repeatable",
    )  # fmt: skip


def _add_logs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("logs")
    group.add_argument(
        "--access-log",
        "--access-logfile",
        metavar="FILE",
        help="the file for one line per request; -: stdout; default: none",
    )
    group.add_argument("--no-access-log", action="store_const", const=None, dest="access_log", help=argparse.SUPPRESS)
    group.add_argument("--log-level", choices=LOG_LEVELS, default="info", type=str.lower, help="default info")
    group.add_argument(
        "--log-config", default=None, metavar="FILE",
        help="a configuration of Python's logging in JSON, YAML (needs PyYAML) or the format of fileConfig; the loggers "
        "are goaway and goaway.access",
    )  # fmt: skip


def _destination(option: str) -> str:
    return option.lstrip("-").replace("-", "_")


T = TypeVar("T")


def _value(read: Callable[[str], T]) -> Callable[[str], T]:
    """Converts a ValueError for argparse, which shows the text of its own exception only."""

    def checked(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def _target(text: str) -> str:
    try:
        loader.parse(text)
    except loader.LoadError as error:
        raise ValueError(str(error)) from None
    return text


def _bind(text: str) -> str:
    try:
        return str(Address.parse(text))
    except AddressError as error:
        raise ValueError(str(error)) from None


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError(f'"{text}" is not a whole number')
    return int(text)


def _octal(text: str) -> str:
    if not re.fullmatch(r"[0-7]{1,4}", text) or int(text, 8) > 0o777:
        raise ValueError(f'"{text}" is not a mode in octal digits, such as 660')
    return text


def _count(text: str) -> int:
    number = _whole(text)
    if not 1 <= number <= 1024:
        raise ValueError(f"{number} is not between 1 and 1024")
    return number


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{0,9})?)(ms|s|)", text)
    if match is None:
        raise ValueError(f'"{text}" is not a time in seconds, such as 5, 2.5 or 500ms')
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def _positive_seconds(text: str) -> float:
    seconds = _seconds(text)
    if seconds < 0.001:
        raise ValueError(f'"{text}" is too short: at least 1ms')
    return seconds


def _path(text: str) -> str:
    if not re.fullmatch(r"/[!-~]*", text) or re.search(r"[{}?#]", text):
        raise ValueError(
            f'"{text}" is not a path: it must begin with / and contain neither white space nor any of {{ }} ? #'
        )
    return text


def _cert_reqs(text: str) -> str:
    known = ("none", "optional", "required")
    if text in ("0", "1", "2"):
        return known[int(text)]
    if text not in known:
        raise ValueError(f'"{text}" is not one of {", ".join(known)}')
    return text


def _root_path(text: str) -> str:
    if text and not text.startswith("/"):
        raise ValueError(f'"{text}" must begin with /')
    return text.rstrip("/")


def _limit(text: str) -> tuple[str, int]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f'"{text}" is not of the form NAME=N, such as idle_ms=30000')
    if not re.fullmatch(r"[a-z_]+", name):
        raise ValueError(f'there is no limit "{name}"')
    return name, _whole(value)


def _feature(text: str) -> tuple[str, bool]:
    name, equals, value = text.partition("=")
    if not equals or value not in ("on", "off"):
        raise ValueError(f'"{text}" is not of the form NAME=on or NAME=off, such as http1=off')
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ValueError(f'there is no feature "{name}"')
    return name, value == "on"


class _Version(argparse.Action):
    """Prints the version. The library is loaded only for this option."""

    def __init__(self, *args: Any, version_text: Callable[[], str], **kwargs: Any) -> None:
        kwargs.update(
            nargs=0, dest=argparse.SUPPRESS, default=argparse.SUPPRESS, help="print the versions of goaway and Python"
        )
        super().__init__(*args, **kwargs)
        self._text = version_text

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(self._text())
        parser.exit(0)
