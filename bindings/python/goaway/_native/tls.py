"""TLS settings."""

from __future__ import annotations

import sys
from typing import Any, Callable, Optional

from ..error import Error
from .arguments import encode
from .library import lib
from .status import check, last_failure


class TlsCore:
    """The library's TLS settings."""

    _tls: Optional[int] = None

    def __init__(self) -> None:
        self._tls = lib.tls_new()
        if self._tls is None:
            raise last_failure()

    def add(self, certificate: Any, key: Any, password: Optional[bytes]) -> None:
        """Names of files, or PEM as bytes."""
        if password is not None and b"\0" in password:
            raise Error("GOAWAY_ERR_INVALID", "the password contains a NUL")
        if isinstance(certificate, bytes):
            pem = (certificate, len(certificate), key, len(key))
            return check(lib.tls_add_certificate_pem(self._tls, *pem, password))
        names = (encode(certificate, "the certificate's name"), encode(key, "the key's name"))
        check(lib.tls_add_certificate(self._tls, *names, password))

    def set_server_name(self, name: str) -> None:
        """For the certificate that was added last."""
        check(lib.tls_set_server_name(self._tls, encode(name, "the server's name")))

    def set_clients(self, clients: int, authorities: Any) -> None:
        """The name of a file, or PEM as bytes, or None."""
        if isinstance(authorities, bytes):
            return check(lib.tls_set_client_certificates_pem(self._tls, clients, authorities, len(authorities)))
        name = None if authorities is None else encode(authorities, "the authorities' name")
        check(lib.tls_set_client_certificates(self._tls, clients, name))

    def set_min_version(self, version: int) -> None:
        check(lib.tls_set_min_version(self._tls, version))

    def set_resumption(self, resumption: bool) -> None:
        check(lib.tls_set_resumption(self._tls, resumption))

    def set_keylog(self, name: str) -> None:
        check(lib.tls_set_key_log(self._tls, encode(name, "the key log's name")))

    def reload(self) -> None:
        check(lib.tls_reload(self._tls))

    def replace(self, other: TlsCore) -> None:
        check(lib.tls_replace(self._tls, other._tls))

    def __del__(self, _is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if self._tls is not None and not _is_finalizing():
            lib.tls_free(self._tls)
