"""Addresses: the text of ``--bind`` and of `listen`, and how a peer or a server is shown."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from urllib.parse import quote

#: The options that concern the connections, not the listening socket.
CONNECTION_OPTIONS = ("proxy", "proxy_ms", "health")


class AddressError(ValueError):
    """The text is not an address. The message says why."""


@dataclass(frozen=True)
class Address:
    """An address to listen on, with its options. The library checks the values of the
    options and the path of a Unix socket."""

    #: An IP address without brackets, or a host name; "" for all other kinds.
    host: str
    #: 0 is any free port.
    port: int
    #: The descriptor of a listening socket that this process has inherited.
    fd: int | None = None
    #: A Unix socket: a percent-encoded path, or "@" and an abstract name.
    unix: str | None = None
    #: Sockets that the service manager has opened: those of this name, or "" for all.
    systemd: str | None = None
    #: Names and values.
    options: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def parse(text: str) -> Address:
        """Parses ``HOST:PORT``, ``[IPV6]:PORT``, ``unix:PATH``, ``fd:NUMBER`` or
        ``systemd:NAME``, each optionally followed by ``?NAME=VALUE&...``.

        Raises AddressError. Host names are not resolved here.
        """
        place, mark, query = text.partition("?")
        options = tuple(_parse_option(text, option) for option in query.split("&")) if mark else ()
        return replace(_parse_place(text, place), options=options)

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.options)
        return f"{self.place}?{query}" if query else self.place

    @property
    def place(self) -> str:
        """The text without the options."""
        if self.fd is not None:
            return f"fd:{self.fd}"
        if self.unix is not None:
            return f"unix:{self.unix}"
        if self.systemd is not None:
            return f"systemd:{self.systemd}"
        return join(self.host, self.port)

    def with_options(self, **options: str) -> Address:
        """A copy with these options added or replaced."""
        return replace(self, options=tuple({**dict(self.options), **options}.items()))

    def accepts(self, option: str) -> bool:
        """Whether the option applies to this kind of address."""
        if option == "mode":
            return self.unix is not None and not self.unix.startswith("@")
        if option == "reuseport":
            return bool(self.host)
        return option in CONNECTION_OPTIONS or bool(self.host) or self.unix is not None


def unix_address(path: str) -> str:
    """The address of a Unix socket: a path, which may be relative, or "@" and an
    abstract name."""
    return "unix:" + quote(path if path.startswith("@") else os.path.abspath(path), safe="/@")


def _parse_place(text: str, place: str) -> Address:
    kind, colon, value = place.partition(":")
    if kind == "unix" and colon:
        if not value.startswith(("/", "@")):
            raise AddressError(f'"{text}": the path of a Unix socket must begin with "/"; --uds takes a relative one')
        return Address("", 0, unix=value)
    if kind == "systemd" and colon:
        return Address("", 0, systemd=value)
    if kind == "fd" and colon:
        # Other servers write fd://3.
        value = value[2:] if value.startswith("//") else value
        if not re.fullmatch(r"[0-9]{1,6}", value):
            raise AddressError(f'"{text}": "{value}" is not the number of a file descriptor')
        return Address("", 0, int(value))
    host, colon, port = place.rpartition(":")
    if not colon:
        raise AddressError(f'"{text}" has no port; use HOST:PORT, [IPV6]:PORT, unix:PATH, fd:NUMBER or systemd:')
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise AddressError(f'"{text}": "{port}" is not a port; use a number from 0 to 65535')
    return Address(_parse_host(text, host), int(port))


def _parse_option(text: str, option: str) -> tuple[str, str]:
    name, equals, value = option.partition("=")
    if not equals:
        raise AddressError(f'"{text}": "{option}" is not of the form NAME=VALUE')
    return name, value


def _parse_host(text: str, host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise AddressError(f'"{text}": an IPv6 address needs brackets, such as [::1]:8000')
    if not host:
        raise AddressError(f'"{text}" has no host; use 0.0.0.0, [::] or a name')
    return host


def join(host: str, port: int) -> str:
    """``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split(text: str) -> tuple[str, int] | None:
    """Host and port of a peer or a listener, as the library writes it; None for
    a Unix socket, which has neither."""
    if text.startswith("unix:"):
        return None
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def client_text(client: tuple[str, int] | None) -> str:
    """The client of an ASGI scope as text; the client of a Unix socket has no address."""
    return "unix:" if client is None else join(*client)


def asgi_server(listening: list[str], first: Address) -> tuple[str, int | None]:
    """The `server` of an ASGI scope: host and port of the first address, with the host
    name that was given; the path and None for a Unix socket."""
    found = split(listening[0])
    if found is None:
        return listening[0][len("unix:") :], None
    return first.host or found[0], found[1]
