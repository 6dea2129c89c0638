"""What a service manager is told: sd_notify(3), where NOTIFY_SOCKET names somebody who listens."""

from __future__ import annotations

import os
import socket
import time

from .log import LOG


def ready() -> None:
    """It serves, or serves again after it has changed."""
    _tell("READY=1")


def reloading() -> None:
    """It changes; `ready` follows."""
    _tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def stopping(seconds: float) -> None:
    """It leaves, and will take so long at most."""
    _tell(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}")


def _tell(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        # A name without a file.
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), address)
    except OSError as error:
        LOG.warning("the service manager cannot be told %s: %s", state.partition("=")[0], error)
