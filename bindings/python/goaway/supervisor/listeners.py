"""The listening sockets of a supervisor."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from .._native import Core
from ..core.address import CONNECTION_OPTIONS, Address, split


class Listeners:
    """The listening sockets of a supervisor: for each slot of a worker one set, with
    a socket for every address. A socket outlives the worker that accepts from it:
    the next worker in the slot accepts the connections that wait.

    The slots share TCP ports by SO_REUSEPORT, so that the kernel distributes the
    connections. All slots share one socket of every other kind.
    """

    def __init__(self, addresses: list[Address], slots: int) -> None:
        """The library opens the sockets. Raises `goaway.Error`."""
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
            for fd in self._open(address):
                for slot in self._slots:
                    slot.append((fd, address))
            if address.unix is not None and not address.unix.startswith("@"):
                path = Path(unquote(address.unix))
                made = path.lstat()
                self._files.append((path, made.st_dev, made.st_ino))
            return
        # A name may resolve to several addresses, and port 0 to any free port: the
        # first slot decides, and the other slots use the same.
        first, *others = self._slots
        before = len(self._addresses)
        spread = address.with_options(reuseport="1") if others else address
        first.extend((fd, address) for fd in self._open(spread))
        for text in self._addresses[before:]:
            where = split(text)
            assert where is not None
            again = replace(spread, host=where[0], port=where[1])
            for slot in others:
                slot.extend((fd, address) for fd in self._open(again, is_known=True))

    def _open(self, address: Address, is_known: bool = False) -> list[int]:
        """Opens the sockets of an address. This object owns the descriptors."""
        core = Core()
        try:
            core.listen(str(address))
            if not is_known:
                self._addresses += core.addresses()
            return [self._take(core, number) for number in range(len(core.addresses()))]
        finally:
            core.free()

    def _take(self, core: Core, number: int) -> int:
        fd = core.hand_over(number)
        self._fds.append(fd)
        return fd

    def fds(self, slot: int) -> list[int]:
        """The descriptors that the worker of a slot inherits."""
        return [fd for fd, _ in self._slots[slot]]

    def binds(self, slot: int) -> list[str]:
        """The addresses that the worker of a slot listens on, one for each of `fds`."""
        return [str(_inherited(fd, address)) for fd, address in self._slots[slot]]

    def own(self, slot: int) -> list[int]:
        """The indexes in `fds` of the sockets that only the workers have: those that the
        supervisor has not inherited itself."""
        return [number for number, (_, address) in enumerate(self._slots[slot]) if address.host or address.unix]

    def addresses(self) -> list[str]:
        """The addresses listened on, each once, with the real ports."""
        return list(self._addresses)

    def close(self) -> None:
        """Closes the sockets in this process, and removes the files of Unix sockets unless
        another program has replaced them. A worker keeps the sockets that it inherited."""
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
    options = tuple(option for option in address.options if option[0] in CONNECTION_OPTIONS)
    return Address("", 0, fd, options=options)
