"""What Python knows of some limits. The list of all is in `_native/declarations.py`."""

from __future__ import annotations

BODY_BYTES = 16 << 20
"""The default of the limit body_bytes."""
IS_OF_C = "concerns bodies that the library collects, as it does for programs in C"
"""Why some limits cannot be set here."""

STALL_SECONDS = 10.0
"""Seconds after which a liveness check fails if something waits for the program."""
