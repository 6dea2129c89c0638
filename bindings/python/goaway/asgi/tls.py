"""ASGI's TLS extension: the TLS parameters of the client's connection."""

from __future__ import annotations

import ssl
from typing import Any, Dict

from ..core.tls import tls_info
from ..error import Error

#: Sessions in the cache.
_MAX_CACHED = 1000


class TlsExtensions:
    """`scope["extensions"]["tls"]` of each session, read once and copied for each request."""

    def __init__(self) -> None:
        self._known: Dict[int, Dict[str, Any]] = {}

    def of(self, session: int) -> Dict[str, Any]:
        """The extension for the session of this number. `server_cert` and `client_cert_name`
        are None, which the specification allows."""
        known = self._known.get(session)
        if known is None:
            if len(self._known) >= _MAX_CACHED:
                del self._known[next(iter(self._known))]
            known = self._known[session] = _extension(session)
        return {**known, "client_cert_chain": known["client_cert_chain"].copy()}


def _extension(session: int) -> Dict[str, Any]:
    try:
        info = tls_info(session)
    except Error:
        info = None  # The session has ended already.
    if info is None:
        return {
            "server_cert": None, "client_cert_chain": [], "client_cert_name": None, "client_cert_error": None,
            "tls_version": None, "cipher_suite": None,
        }  # fmt: skip
    return {
        "server_cert": None,
        "client_cert_chain": [ssl.DER_cert_to_PEM_cert(certificate) for certificate in info.certificates],
        "client_cert_name": None,
        "client_cert_error": info.client_error or None,
        "tls_version": info.version_number,
        "cipher_suite": info.cipher_number,
    }
