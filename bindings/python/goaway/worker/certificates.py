"""The certificates of the command: read at its start, at SIGHUP, and with --ssl-reload when
a file changes."""

from __future__ import annotations

import asyncio
import os

from ..core.tls import Tls
from ..error import Error
from .log import LOG
from .options import Options

#: Seconds between two checks of the files.
POLL_SECONDS = 1.0

_CLIENTS = {"none": "off", "optional": "optional", "required": "required"}


def make(options: Options) -> Tls | None:
    """The certificates that the options name; None without TLS. Raises `Error`, which names the
    file."""
    if options.certfile is None:
        return None
    return Tls(
        options.certfile,
        options.keyfile,
        options.keyfile_password,
        clients=_CLIENTS[options.cert_reqs],
        ca_certs=options.ca_certs,
    )


def reload(tls: Tls) -> None:
    """Reads the files again, and logs the result."""
    try:
        tls.reload()
    except Error as error:
        LOG.error("the certificates were not reloaded, the old ones stay in use: %s", error.text)
    else:
        LOG.info("the certificates were reloaded")


async def watch(tls: Tls, options: Options) -> None:
    """Reads the files again when one has changed and none changes any more: a certificate
    and its key are seldom replaced at the same moment."""
    files = [file for file in (options.certfile, options.keyfile, options.ca_certs) if file is not None]
    used = seen = _stamps(files)
    while True:
        await asyncio.sleep(POLL_SECONDS)
        before, seen = seen, _stamps(files)
        if seen != used and seen == before:
            used = seen
            reload(tls)


def _stamps(files: list[str]) -> list[tuple[int, int, int] | None]:
    return [_stamp(file) for file in files]


def _stamp(file: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
