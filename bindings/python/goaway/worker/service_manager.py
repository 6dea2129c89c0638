"""Notifies the service manager by sd_notify(3), if NOTIFY_SOCKET names its socket."""

from __future__ import annotations

import os
import socket
import time

from .log import LOG


def ready() -> None:
    """The server is ready, or ready again after a reload."""
    _notify("READY=1")


def reloading() -> None:
    """The server reloads; `ready` follows."""
    _notify(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def stopping(seconds: float) -> None:
    """The server closes, in at most this many seconds."""
    _notify(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}")


def _notify(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        # An abstract name.
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), address)
    except OSError as error:
        LOG.warning("cannot notify the service manager of %s: %s", state.partition("=")[0], error)
