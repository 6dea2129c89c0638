"""Where a server listens: the text of ``--bind`` and the sockets that a supervisor makes of it."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass

#: Connections that the kernel holds until a worker accepts them, as in the library.
BACKLOG = 1024


class AddressError(ValueError):
    """The text means no address; the message says why."""


@dataclass(frozen=True)
class Address:
    """An address to listen on: a host and a port, or an inherited socket."""

    #: An IP address without brackets, or a name; "" if `fd` is set.
    host: str
    #: 0 is any free port.
    port: int
    #: A listening socket that this process has inherited.
    fd: int | None = None

    @staticmethod
    def parse(text: str) -> Address:
        """Reads ``HOST:PORT``, ``[IPV6]:PORT`` or ``fd:NUMBER``.

        Raises AddressError if it is none of them. Names are not resolved here.
        """
        host, colon, port = text.rpartition(":")
        if not colon:
            raise AddressError(f'"{text}" has no port; say HOST:PORT, [IPV6]:PORT or fd:NUMBER')
        if host == "fd":
            if not re.fullmatch(r"[0-9]{1,6}", port):
                raise AddressError(f'"{text}": "{port}" is not the number of a file descriptor')
            return Address("", 0, int(port))
        if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
            raise AddressError(f'"{text}": "{port}" is not a port (0 to 65535)')
        return Address(_host(text, host), int(port))

    def __str__(self) -> str:
        if self.fd is not None:
            return f"fd:{self.fd}"
        return join(self.host, self.port)


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


class Listeners:
    """The listening sockets of a supervisor: for each slot of a worker one per address.

    The slots share their ports by SO_REUSEPORT, so that the kernel spreads the
    connections. A socket outlives the worker that accepts from it: its successor
    in the slot takes over what waits there.
    """

    def __init__(self, addresses: list[Address], slots: int) -> None:
        """Binds everything. Raises OSError, with the address as `filename`."""
        self._slots: list[list[socket.socket]] = [[] for _ in range(slots)]
        try:
            for address in addresses:
                self._bind(address)
        except BaseException:
            self.close()
            raise

    def _bind(self, address: Address) -> None:
        try:
            for family, where in self._resolve(address):
                for slot in self._slots:
                    made = _inherited(address.fd) if address.fd is not None else _listen(family, where)
                    slot.append(made)
                    # Port 0 is any free one for the first slot, and that one for the others.
                    where = made.getsockname()
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), str(address)) from error

    @staticmethod
    def _resolve(address: Address) -> list[tuple[int, tuple[object, ...]]]:
        if address.fd is not None:
            return [(0, ())]
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return list(dict.fromkeys((int(family), tuple(where)) for family, _, _, _, where in found))

    def fds(self, slot: int) -> list[int]:
        """The descriptors of one slot, for its worker to inherit."""
        return [made.fileno() for made in self._slots[slot]]

    def addresses(self) -> list[str]:
        """Where it listens, each once, with the real ports."""
        names = (made.getsockname() for made in self._slots[0])
        return [join(name[0], name[1]) if isinstance(name, tuple) else str(name) for name in names]

    def close(self) -> None:
        """Closes them here; a worker that has inherited one keeps it."""
        for slot in self._slots:
            while slot:
                slot.pop().close()


def _listen(family: int, where: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            # The IPv4 address of a name is bound by itself.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(where)
        made.listen(BACKLOG)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def _inherited(fd: int) -> socket.socket:
    made = socket.socket(fileno=os.dup(fd))
    if not made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        made.close()
        raise OSError(0, "it does not listen")
    return made
