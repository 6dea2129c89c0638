"""TLS: certificates, and what a session has agreed on."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional, Tuple, Union

from .. import _native
from . import library_log

File = Union[str, "os.PathLike[str]"]

_CLIENTS = {"off": 0, "optional": 1, "required": 2, "unverified": 3}
_VERSIONS = {"1.2": 0x0303, "1.3": 0x0304}


class TlsInfo(NamedTuple):
    """What a session's TLS handshake has come to."""

    version: str
    """"TLSv1.3" or "TLSv1.2"."""
    cipher: str
    """The cipher suite as IANA names it, such as "TLS_AES_128_GCM_SHA256"."""
    alpn: str
    """What ALPN has chosen: "h2", or nothing if the client did not ask."""
    server_name: str
    """The name that the client asked for (SNI)."""
    is_resumed: bool
    """Whether a session of before was resumed."""
    certificates: Tuple[bytes, ...]
    """What the client has shown, in DER: its own certificate and those that lead
    to its authority."""
    client_error: str
    """Why the authorities do not vouch for it, with `clients="unverified"`."""
    version_number: int
    """Its number on the wire, such as 0x0304."""
    cipher_number: int
    """Its number on the wire, such as 0x1301."""


class Tls:
    """Certificates and settings for listeners.

        tls = Tls("certificate.pem", "key.pem")
        server.listen("0.0.0.0:443", tls=tls)
        ...
        tls.reload()  # new handshakes use the files as they are now

    Raises `Error`, whose text names the file and what is wrong with it; its code
    is "GOAWAY_ERR_TLS" for what cannot be used, "GOAWAY_ERR_IO" or
    "GOAWAY_ERR_PERMISSION" for what cannot be read. From any thread.
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
        """`certfile`, `keyfile`, `password`: see `add`; without the first there is
        no certificate yet. `clients`: whether clients are asked for a certificate:
        "off", "optional", "required", or "unverified", which takes any and leaves
        it to you. `ca_certs`: who vouches for it, in PEM, the name of a file or
        bytes; with "off" it is only checked. `min_version`: "1.2" or "1.3". `resumption`: by tickets. `keylog`: a
        file for the secrets of every session, for debugging."""
        if clients not in _CLIENTS:
            raise ValueError(f"clients must be one of {', '.join(_CLIENTS)}, not {clients!r}")
        if min_version not in _VERSIONS:
            raise ValueError(f'min_version must be "1.2" or "1.3", not {min_version!r}')
        self._core = _native.TlsCore()
        if certfile is not None:
            self.add(certfile, keyfile, password)
        elif keyfile is not None:
            raise ValueError("there is a keyfile, but no certfile")
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
        """Adds a certificate, with those that lead to its authority behind it, and
        its key, by default from the same file; in PEM. Names of files, which
        `reload` reads again, or bytes. `password`: what the key is encrypted with.

        A client gets, of those it understands, the one added last that has the
        name it asks for, or that has it by a wildcard, or else the first of all.
        `server_name`: it is for clients that ask for this name, "example.org" or
        "*.example.org", and no other, whatever names are in it; such ones go
        before the others. After the first `listen` it holds from the next
        `reload` on."""
        certificate = _bytes_or_name(certfile)
        key = certificate if keyfile is None else _bytes_or_name(keyfile)
        if isinstance(certificate, bytes) != isinstance(key, bytes):
            raise TypeError("certfile and keyfile must both be names of files, or both bytes")
        with library_log.shown():
            self._core.add(certificate, key, password.encode() if isinstance(password, str) else password)
        if server_name is not None:
            self._core.set_server_name(server_name)

    def reload(self) -> None:
        """Has new handshakes use the files as they are now; sessions go on. If a
        file cannot be used, nothing changes and `Error` is raised."""
        with library_log.shown():
            self._core.reload()

    def replace(self, other: "Tls") -> None:
        """The same with all that was said to `other`: for what comes from memory."""
        with library_log.shown():
            self._core.replace(other._core)


def _bytes_or_name(value: Union[File, bytes, None]) -> Union[str, bytes, None]:
    return value if value is None or isinstance(value, bytes) else os.fspath(value)


def tls_info(session: int) -> Optional[TlsInfo]:
    """What the handshake of the session of that number has come to; None if it
    speaks no TLS, or not yet. Raises `Error` with "GOAWAY_ERR_GONE" if it has ended."""
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
