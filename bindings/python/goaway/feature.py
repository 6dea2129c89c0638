"""The names of the features: parts of the protocols that can be turned on and off."""

from __future__ import annotations

FEATURES = ["http1", "upgrade", "connect_protocol"]
"""The names of `goaway_feature` of the C header in lower case, without
GOAWAY_FEATURE_; the index is the number. The header says what each does and whether
it is on by default. With "upgrade" a WebSocket handshake over HTTP/1.1 arrives as a
GET request, and Python has no call that responds 101 to it."""
