"""TLS: certificates, their reload, and the TLS information of requests."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any, Iterator

import httpx
import pytest
from serving import PATIENCE, Command

import goaway
import goaway.asgi

OPTIONS = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]


class Authority:
    """Signs certificates, with openssl."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.file = folder / "ca.pem"
        self._key = folder / "ca.key"
        openssl("req", "-x509", *OPTIONS, "-subj", f"/CN={folder.name}", "-keyout", self._key, "-out", self.file)

    def sign(self, name: str) -> tuple[Path, Path]:
        """A certificate for that name, and its key."""
        file = self.folder / f"{name}.pem"
        key, request, more = file.with_suffix(".key"), file.with_suffix(".csr"), file.with_suffix(".ext")
        more.write_text(f"subjectAltName=DNS:{name}\n")
        openssl("req", *OPTIONS, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        openssl(
            "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-CAcreateserial",
            "-days", "2", "-extfile", more, "-out", file,
        )  # fmt: skip
        return file, key


def openssl(*arguments: "str | Path") -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    yield Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture
def pair(authority: Authority, tmp_path: Path) -> "tuple[Path, Path]":
    """A certificate for localhost that the test may change."""
    certificate, key = authority.sign("localhost")
    return Path(shutil.copy(certificate, tmp_path / "c.pem")), Path(shutil.copy(key, tmp_path / "k.pem"))


def client(trusted: Authority, *shown: Path) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(trusted.file))
    if shown:
        context.load_cert_chain(*map(str, shown))
    return httpx.Client(http1=False, http2=True, timeout=PATIENCE, trust_env=False, verify=context)


def pem(file: Path) -> str:
    text = file.read_text()
    return text[text.index("-----BEGIN") :]


def test_a_server_and_its_sessions(authority: Authority, pair: "tuple[Path, Path]") -> None:
    seen: list[Any] = []

    async def hello(request: goaway.Request) -> None:
        seen.append((request.tls, server.sessions()[0].tls))
        await request.respond(200, (request.header("x") or "").encode())

    server = goaway.Server(tls=goaway.Tls(*pair))
    server.register("GET /", hello)

    async def main() -> None:
        async with server.listen("127.0.0.1:0"):
            url = f"https://localhost:{server.port}/"
            response = await asyncio.to_thread(lambda: client(authority).get(url, headers={"x": "y"}))
            assert (response.http_version, response.text) == ("HTTP/2", "y")
        await server.wait_closed()

    asyncio.run(main())
    ((of_request, of_session),) = seen
    assert of_request == of_session
    assert (of_request.version, of_request.version_number, of_request.alpn) == ("TLSv1.3", 0x0304, "h2")
    assert of_request.cipher.startswith("TLS_") and of_request.server_name == "localhost"
    assert of_request.certificates == () and not of_request.is_resumed


def test_the_end_of_a_handshake_is_told_to_who_listens(authority: Authority, pair: "tuple[Path, Path]") -> None:
    """Though the client says no word of HTTP."""
    told: list[Any] = []
    secured = threading.Event()

    def on_session(event: goaway.SessionEvent) -> None:
        told.append(event.kind)
        if event.kind == "secured":
            told.append(goaway.tls_info(event.session))
            secured.set()

    server = goaway.ThreadedServer(tls=goaway.Tls(*pair))
    server.on_session = on_session
    context = ssl.create_default_context(cafile=str(authority.file))
    context.set_alpn_protocols(["h2"])
    with (
        server.listen("127.0.0.1:0"),
        socket.create_connection(("127.0.0.1", server.port), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname="localhost"),
    ):
        assert secured.wait(PATIENCE)
    opened, kind, info = told[:3]
    assert (opened, kind, info.alpn, info.server_name) == ("opened", "secured", "h2", "localhost")


def test_a_server_without_a_loop_and_certificates_from_memory(authority: Authority, pair: "tuple[Path, Path]") -> None:
    certificate, key = (file.read_bytes() for file in pair)
    shown, shown_key = authority.sign("friend")
    tls = goaway.Tls(certificate, key, clients="required", ca_certs=authority.file.read_bytes(), min_version="1.3")
    server = goaway.ThreadedServer()
    told: list[Any] = []

    def hello(request: goaway.ThreadedRequest) -> None:
        told.append(request.tls)
        request.respond(200, b"hello")

    server.register("GET /", hello)
    with server.listen("127.0.0.1:0", tls=tls):
        url = f"https://localhost:{server.port}/"
        assert client(authority, shown, shown_key).get(url).text == "hello"
        with pytest.raises((httpx.TransportError, ssl.SSLError)):
            client(authority).get(url)
    # OpenSSL shows the authority's behind the client's own.
    assert told[0].certificates[0] == ssl.PEM_cert_to_DER_cert(pem(shown))


def test_what_cannot_be_used_is_named(authority: Authority, pair: "tuple[Path, Path]", tmp_path: Path) -> None:
    certificate, key = pair
    with pytest.raises(goaway.Error, match=r"missing\.pem.*No such file") as caught:
        goaway.Tls(tmp_path / "missing.pem")
    assert caught.value.code == "GOAWAY_ERR_IO"
    with pytest.raises(goaway.Error, match=r"k\.pem.*only a private key") as caught:
        goaway.Tls(key, certificate)
    assert caught.value.code == "GOAWAY_ERR_TLS"
    with pytest.raises(TypeError, match="both"):
        goaway.Tls(certificate, key.read_bytes())
    with pytest.raises(ValueError, match="clients"):
        goaway.Tls(clients="some")
    with pytest.raises(goaway.Error, match="no certificate"):
        goaway.Server(tls=goaway.Tls()).listen("127.0.0.1:0")


def test_an_encrypted_key(authority: Authority, pair: "tuple[Path, Path]") -> None:
    certificate, key = pair
    locked = key.with_name("locked.key")
    openssl("pkcs8", "-topk8", "-in", key, "-out", locked, "-passout", "pass:sésame")
    goaway.Tls(certificate, locked, "sésame")
    with pytest.raises(goaway.Error, match="the password does not fit"):
        goaway.Tls(certificate, locked, "other")


def test_replacing_what_came_from_memory(authority: Authority, pair: "tuple[Path, Path]", tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    tls = goaway.Tls(*(file.read_bytes() for file in pair))
    server = goaway.ThreadedServer(tls=tls)
    server.register("GET /", lambda request: request.respond(204))
    with server.listen("127.0.0.1:0"):
        url = f"https://localhost:{server.port}/"
        assert client(authority).get(url).status_code == 204
        tls.replace(goaway.Tls(*other.sign("localhost")))
        assert client(other).get(url).status_code == 204
        with pytest.raises(httpx.ConnectError):
            client(authority).get(url)


def test_what_an_asgi_application_is_told(authority: Authority, pair: "tuple[Path, Path]") -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    async def main() -> None:
        tls = goaway.Tls(*pair, clients="optional", ca_certs=authority.file)
        config = goaway.Config(bind=["127.0.0.1:0"], lifespan="off", tls=tls)
        application = goaway.asgi.Application(app, config)
        await application.start()
        url = f"https://localhost:{application.ports[0]}/"
        await asyncio.to_thread(lambda: client(authority).get(url))
        await asyncio.to_thread(lambda: client(authority, *authority.sign("friend")).get(url))
        application.begin_close()
        await application.wait_closed()

    asyncio.run(main())
    nobody, friend = (scope["extensions"]["tls"] for scope in scopes)
    assert scopes[0]["scheme"] == "https"
    assert (nobody["tls_version"], nobody["client_cert_chain"]) == (0x0304, [])
    assert friend["cipher_suite"] in (0x1301, 0x1302, 0x1303)
    assert friend["client_cert_chain"][0] == pem(authority.folder / "friend.pem")


def command(pair: "tuple[Path, Path]", *more: str) -> Command:
    return Command("plain:app", "--certfile", str(pair[0]), "--ssl-keyfile", str(pair[1]), *more)


def test_the_command_reads_them_again_at_hup(authority: Authority, pair: "tuple[Path, Path]", tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    with command(pair) as served:
        url = f"https://localhost:{served.port}/"
        assert client(authority).get(url).text == "Hello, World!"
        certificate, key = other.sign("localhost")
        shutil.copy(certificate, pair[0])
        served.signal(signal.SIGHUP)
        served.log.find(
            "the certificates were not reloaded, the old ones stay in use: .*the key is not that of the certificate"
        )
        assert client(authority).get(url).status_code == 200
        shutil.copy(key, pair[1])
        served.signal(signal.SIGHUP)
        served.log.find("the certificates were reloaded")
        assert client(other).get(url).status_code == 200
        served.close()


def test_the_command_reads_them_again_when_they_change(
    authority: Authority, pair: "tuple[Path, Path]", tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    with command(pair, "--ssl-reload", "--workers", "2") as served:
        url = f"https://localhost:{served.port}/"
        assert client(authority).get(url).status_code == 200
        for new, old in zip(other.sign("localhost"), pair):
            shutil.copy(new, old)
        served.log.find("the certificates were reloaded")
        served.close()


def test_wsgi_is_told_https(authority: Authority, pair: "tuple[Path, Path]") -> None:
    with Command("plain:scheme", "--certfile", str(pair[0]), "--keyfile", str(pair[1])) as served:
        assert client(authority).get(f"https://localhost:{served.port}/").text == "https"
        served.close()


def test_the_command_names_what_it_cannot_use(pair: "tuple[Path, Path]") -> None:
    with command((pair[1], pair[0])) as refused:
        assert refused.wait() == 1
        refused.log.find("k.pem.*there is no certificate in it, only a private key")
