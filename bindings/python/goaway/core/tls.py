"""TLS: certificates and settings of a server, and the result of a handshake."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional, Tuple, Union

from .. import _native
from . import library_log

File = Union[str, "os.PathLike[str]"]

_CLIENTS = {"off": 0, "optional": 1, "required": 2, "unverified": 3}
_VERSIONS = {"1.2": 0x0303, "1.3": 0x0304}


class TlsInfo(NamedTuple):
    """The result of a session's TLS handshake."""

    version: str
    """"TLSv1.3" or "TLSv1.2"."""
    cipher: str
    """The cipher suite as IANA names it, such as "TLS_AES_128_GCM_SHA256"."""
    alpn: str
    """The protocol that ALPN has selected, such as "h2"; empty if the client offered none."""
    server_name: str
    """The server name that the client sent (SNI); empty if it sent none."""
    is_resumed: bool
    """Whether the handshake resumed an earlier TLS session."""
    certificates: Tuple[bytes, ...]
    """The client's certificate chain in DER, its own certificate first."""
    client_error: str
    """With `clients="unverified"`: why verification of the client's certificate failed;
    empty if it did not."""
    version_number: int
    """The protocol version as a number, such as 0x0304."""
    cipher_number: int
    """The cipher suite as a number, such as 0x1301."""


class Tls:
    """Certificates and settings for listeners.

        tls = Tls("certificate.pem", "key.pem")
        server.listen("0.0.0.0:443", tls=tls)
        ...
        tls.reload()  # new handshakes use the files as they are now

    From any thread. Raises `Error`, whose text names the file and the fault; its code
    is "GOAWAY_ERR_TLS" for a file that cannot be used, and "GOAWAY_ERR_IO" or
    "GOAWAY_ERR_PERMISSION" for one that cannot be read.
    """

    def __init__(
        self,
        certfile: Union[File, bytes, None] = None,
        keyfile: Union[File, bytes, None] = None,
        password: Union[str, bytes, None] = None,
        *,
        clients: str = "off",
        ca_certs: Union[File, bytes, None] = None,
        min_version: str = "1.2",
        resumption: bool = True,
        keylog: Optional[File] = None,
    ) -> None:
        """`certfile`, `keyfile`, `password`: the first certificate; see `add`. Without
        them there is none yet.
        `clients`: whether clients are asked for a certificate: "off", "optional",
        "required", or "unverified", which accepts any certificate and leaves the
        verification to the program.
        `ca_certs`: the authorities that client certificates are verified against, in
        PEM: the name of a file, or bytes.
        `min_version`: "1.2" or "1.3".
        `resumption`: whether clients may resume sessions by tickets.
        `keylog`: a file to which the secrets of every session are written, for
        debugging."""
        if clients not in _CLIENTS:
            raise ValueError(f"clients must be one of {', '.join(_CLIENTS)}, not {clients!r}")
        if min_version not in _VERSIONS:
            raise ValueError(f'min_version must be "1.2" or "1.3", not {min_version!r}')
        self._core = _native.TlsCore()
        if certfile is not None:
            self.add(certfile, keyfile, password)
        elif keyfile is not None:
            raise ValueError("keyfile is given without certfile; give both")
        with library_log.shown():
            self._core.set_clients(_CLIENTS[clients], _bytes_or_name(ca_certs))
        self._core.set_min_version(_VERSIONS[min_version])
        self._core.set_resumption(resumption)
        if keylog is not None:
            self._core.set_keylog(os.fspath(keylog))

    def add(
        self,
        certfile: Union[File, bytes],
        keyfile: Union[File, bytes, None] = None,
        password: Union[str, bytes, None] = None,
        *,
        server_name: Optional[str] = None,
    ) -> None:
        """Adds a certificate and its key.

        `certfile`: the certificate chain in PEM, the server's own certificate first.
        `keyfile`: the key in PEM; by default it is in `certfile`. Both are names of
        files, which `reload` reads again, or both are bytes. `password`: decrypts the
        key.

        A client gets the certificate for the server name that it sends: an exact match
        before a wildcard, and the one added last before others; if none matches, the
        first of all. Certificates whose algorithms the client does not support are
        skipped. `server_name`: use the certificate only for this name, "example.org" or
        "*.example.org", whatever names it contains; it goes before the others. Once the
        server listens, a new certificate is used from the next `reload` on."""
        certificate = _bytes_or_name(certfile)
        key = certificate if keyfile is None else _bytes_or_name(keyfile)
        if isinstance(certificate, bytes) != isinstance(key, bytes):
            raise TypeError("certfile and keyfile must both be names of files, or both bytes")
        with library_log.shown():
            self._core.add(certificate, key, password.encode() if isinstance(password, str) else password)
        if server_name is not None:
            self._core.set_server_name(server_name)

    def reload(self) -> None:
        """Reads the files again, for new handshakes; sessions are not affected. If a file
        cannot be used, nothing changes and `Error` is raised."""
        with library_log.shown():
            self._core.reload()

    def replace(self, other: "Tls") -> None:
        """Takes over the certificates and settings of `other`, for new handshakes: `reload`
        for certificates that are bytes."""
        with library_log.shown():
            self._core.replace(other._core)


def _bytes_or_name(value: Union[File, bytes, None]) -> Union[str, bytes, None]:
    return value if value is None or isinstance(value, bytes) else os.fspath(value)


def tls_info(session: int) -> Optional[TlsInfo]:
    """The result of the TLS handshake of the session of this number; None if it does not
    use TLS, or the handshake is not complete. Raises `Error` with the code
    "GOAWAY_ERR_GONE" if the session has ended."""
    info = _native.session_tls(session)
    if info is None:
        return None
    certificates = tuple(_native.peer_certificate(session, index) for index in range(info.client_certificates))
    return TlsInfo(
        _native._text(info.version),
        _native._text(info.cipher),
        _native._text(info.alpn),
        _native._text(info.server_name),
        info.is_resumed,
        certificates,
        _native._text(info.client_error),
        info.version_number,
        info.cipher_number,
    )
