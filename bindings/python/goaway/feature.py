"""Parts of the protocols that can be turned on and off."""

from __future__ import annotations

FEATURES = ["http1", "upgrade", "connect_protocol"]
"""`goaway_feature` of the C header, without GOAWAY_FEATURE_ and in lower case;
the place is the number. What each does and whether it is on by default: see
there. With "upgrade" a WebSocket over HTTP/1.1 comes as the GET that it is; no
call here responds 101 to it."""
