"""Where a server listens: the text of ``--bind`` and the sockets that a supervisor makes of it."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from .._native import Core

#: The options of an address that are about its connections, not about making the socket.
OF_CONNECTIONS = ("proxy", "proxy_ms")


class AddressError(ValueError):
    """The text means no address; the message says why."""


@dataclass(frozen=True)
class Address:
    """An address to listen on, and options. What the options may be, and what a
    Unix socket's path, is the library's to say."""

    #: An IP address without brackets, or a name; "" if it is another kind.
    host: str
    #: 0 is any free port.
    port: int
    #: A listening socket that this process has inherited.
    fd: int | None = None
    #: A Unix socket: a path as the library writes it, or "@" and a name.
    unix: str | None = None
    #: What the service manager has opened: of that name, or "" all.
    systemd: str | None = None
    #: Names and values.
    options: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def parse(text: str) -> Address:
        """Reads ``HOST:PORT``, ``[IPV6]:PORT``, ``unix:PATH``, ``fd:NUMBER`` or
        ``systemd:NAME``, each with ``?NAME=VALUE&...`` behind it if need be.

        Raises AddressError if it is none of them. Names are not resolved here.
        """
        place, mark, query = text.partition("?")
        options = tuple(_option(text, option) for option in query.split("&")) if mark else ()
        return replace(_place(text, place), options=options)

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.options)
        return f"{self.place}?{query}" if query else self.place

    @property
    def place(self) -> str:
        """Without the options."""
        if self.fd is not None:
            return f"fd:{self.fd}"
        if self.unix is not None:
            return f"unix:{self.unix}"
        if self.systemd is not None:
            return f"systemd:{self.systemd}"
        return join(self.host, self.port)

    def but(self, **options: str) -> Address:
        """The same with these options."""
        return replace(self, options=tuple({**dict(self.options), **options}.items()))

    def takes(self, option: str) -> bool:
        """Whether the option says something about such a socket."""
        if option == "mode":
            return self.unix is not None and not self.unix.startswith("@")
        if option == "reuseport":
            return bool(self.host)
        return option in OF_CONNECTIONS or bool(self.host) or self.unix is not None


def of_path(path: str) -> str:
    """The address of a Unix socket at a path of this folder, or "@" and a name."""
    return "unix:" + quote(path if path.startswith("@") else os.path.abspath(path), safe="/@")


def _place(text: str, place: str) -> Address:
    kind, colon, rest = place.partition(":")
    if kind == "unix" and colon:
        if not rest.startswith(("/", "@")):
            raise AddressError(f'"{text}": the path of a Unix socket begins with "/"; --uds takes any')
        return Address("", 0, unix=rest)
    if kind == "systemd" and colon:
        return Address("", 0, systemd=rest)
    if kind == "fd" and colon:
        # As others write it: fd://3.
        rest = rest[2:] if rest.startswith("//") else rest
        if not re.fullmatch(r"[0-9]{1,6}", rest):
            raise AddressError(f'"{text}": "{rest}" is not the number of a file descriptor')
        return Address("", 0, int(rest))
    host, colon, port = place.rpartition(":")
    if not colon:
        raise AddressError(f'"{text}" has no port; say HOST:PORT, [IPV6]:PORT, unix:PATH, fd:NUMBER or systemd:')
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise AddressError(f'"{text}": "{port}" is not a port (0 to 65535)')
    return Address(_host(text, host), int(port))


def _option(text: str, option: str) -> tuple[str, str]:
    name, equals, value = option.partition("=")
    if not equals:
        raise AddressError(f'"{text}": "{option}" is not of the form NAME=VALUE')
    return name, value


def _host(text: str, host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise AddressError(f'"{text}": an IPv6 address stands in brackets, [::1]:8000')
    if not host:
        raise AddressError(f'"{text}" has no host; say 0.0.0.0, [::] or a name')
    return host


def join(host: str, port: int) -> str:
    """``host:port``, with brackets where the host is an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split(text: str) -> tuple[str, int] | None:
    """Host and port of a peer or a listener as the library writes it; None for
    a Unix socket, which has neither."""
    if text.startswith("unix:"):
        return None
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def named(client: tuple[str, int] | None) -> str:
    """The same as a text; a client of a Unix socket has no address."""
    return "unix:" if client is None else join(*client)


def shown(listening: list[str], first: Address) -> tuple[str, int | None]:
    """What ASGI calls a server: the first of the addresses listened on, by the
    name that it was given; a path and None for a Unix socket."""
    found = split(listening[0])
    if found is None:
        return listening[0][len("unix:") :], None
    return first.host or found[0], found[1]


class Listeners:
    """The listening sockets of a supervisor: for each slot of a worker those of
    every address. A socket outlives the worker that accepts from it: its
    successor in the slot takes over what waits there.

    The slots share the ports of TCP by SO_REUSEPORT, so that the kernel spreads
    the connections; all other sockets are one for all.
    """

    def __init__(self, addresses: list[Address], slots: int) -> None:
        """Has the library make them all. Raises `goaway.Error`."""
        self._fds: list[int] = []
        self._slots: list[list[tuple[int, Address]]] = [[] for _ in range(slots)]
        self._files: list[tuple[Path, int, int]] = []
        self._addresses: list[str] = []
        try:
            for address in addresses:
                self._bind(address)
        except BaseException:
            self.close()
            raise

    def _bind(self, address: Address) -> None:
        if not address.host:
            for fd in self._take(address):
                for slot in self._slots:
                    slot.append((fd, address))
            if address.unix is not None and not address.unix.startswith("@"):
                path = Path(unquote(address.unix))
                made = path.lstat()
                self._files.append((path, made.st_dev, made.st_ino))
            return
        # A name may be several addresses; port 0 is any free one for the first
        # slot, and that one for the others.
        first, *others = self._slots
        before = len(self._addresses)
        spread = address.but(reuseport="1") if others else address
        first.extend((fd, address) for fd in self._take(spread))
        for text in self._addresses[before:]:
            where = split(text)
            assert where is not None
            again = replace(spread, host=where[0], port=where[1])
            for slot in others:
                slot.extend((fd, address) for fd in self._take(again, is_known=True))

    def _take(self, address: Address, is_known: bool = False) -> list[int]:
        """The library's sockets for an address, which are ours from then on."""
        from .._native import Core

        core = Core()
        try:
            core.listen(str(address))
            if not is_known:
                self._addresses += core.addresses()
            return [self._keep(core, number) for number in range(len(core.addresses()))]
        finally:
            core.free()

    def _keep(self, core: Core, number: int) -> int:
        fd = core.hand_over(number)
        self._fds.append(fd)
        return fd

    def fds(self, slot: int) -> list[int]:
        """The descriptors of one slot, for its worker to inherit."""
        return [fd for fd, _ in self._slots[slot]]

    def binds(self, slot: int) -> list[str]:
        """What that worker is to listen on."""
        return [str(_inherited(fd, address)) for fd, address in self._slots[slot]]

    def own(self, slot: int) -> list[int]:
        """Which of that worker's are nobody's but the workers', by their place
        among them: those that were not inherited."""
        return [number for number, (_, address) in enumerate(self._slots[slot]) if address.host or address.unix]

    def addresses(self) -> list[str]:
        """Where it listens, each once, with the real ports."""
        return list(self._addresses)

    def close(self) -> None:
        """Closes them here, and takes the files of Unix sockets away that are
        still ours; a worker that has inherited a socket keeps it."""
        while self._files:
            path, device, inode = self._files.pop()
            with contextlib.suppress(FileNotFoundError):
                found = path.lstat()
                if (found.st_dev, found.st_ino) == (device, inode):
                    path.unlink()
        self._slots = [[] for _ in self._slots]
        while self._fds:
            os.close(self._fds.pop())


def _inherited(fd: int, address: Address) -> Address:
    options = tuple(option for option in address.options if option[0] in OF_CONNECTIONS)
    return Address("", 0, fd, options=options)
