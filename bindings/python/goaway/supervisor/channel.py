"""The messages between a supervisor and its workers.

The two ends of a socket pair exchange lines of JSON:

- The supervisor sends one job, ``{"options": {...}, "fds": [...], "own": [...]}``: the
  options, the descriptors of the listening sockets that the worker inherits, and the
  indexes of those that only the workers have.
- The supervisor sends ``{"close": seconds, "delay": seconds, "last": bool}``, once or more.
  `delay`: the shutdown delay. `last`: no other worker will accept from these sockets.
- The supervisor sends ``{"reopen": true}`` when the files of the logs were renamed.
- The worker sends ``{"ready": true}`` when it serves, ``{"progress": [sessions, streams,
  milliseconds]}`` while it closes, and ``{"report": {...}}`` when it has closed.

If the supervisor's end is closed, the supervisor has died, and the worker closes.
"""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any


def send(control: socket.socket, message: dict[str, Any]) -> None:
    """Sends a message. An error is ignored: it means that the other process has died, which
    its reader finds out."""
    with contextlib.suppress(OSError):
        control.sendall(json.dumps(message).encode() + b"\n")
