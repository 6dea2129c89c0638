"""Header fields of trusted proxies, in ASGI, WSGI and the command. Behind nginx the scope is
the same as on uvicorn."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import httpx
import pytest
from peers import in_thread, run
from serving import Command, environment, eventually

import goaway
from goaway import asgi, wsgi

SAID = {
    "host": "origin",
    "x-forwarded-for": "203.0.113.9, 192.0.2.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "shop.example",
    "x-forwarded-port": "8443",
    "x-forwarded-prefix": "/a%20b/",
}
ALL = "x-forwarded-for,x-forwarded-proto,x-forwarded-host,x-forwarded-port,x-forwarded-prefix"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


async def app(scope: Dict[str, Any], receive: Any, send: Any) -> None:
    shown = {name: scope[name] for name in ("scheme", "client", "root_path", "path", "type")}
    shown["raw_path"] = scope["raw_path"].decode()
    shown["host"] = [value.decode() for name, value in scope["headers"] if name == b"host"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(shown).encode()})


def wsgi_app(environ: Dict[str, Any], start_response: Any) -> List[bytes]:
    names = ("REMOTE_ADDR", "REMOTE_PORT", "wsgi.url_scheme", "SCRIPT_NAME", "PATH_INFO", "HTTP_HOST")
    start_response("200 OK", [])
    return [json.dumps([environ[name] for name in names]).encode()]


def ask(kind: str, headers: Dict[str, str], **options: Any) -> Any:
    """What the application sees."""
    config = goaway.Config(bind=["127.0.0.1:0"], lifespan="off", **options)

    async def main() -> Any:
        server = asgi.Application(app, config) if kind == "asgi" else wsgi.Application(wsgi_app, config)
        await server.start()
        try:
            url = f"http://127.0.0.1:{server.ports[0]}/x"
            return (await in_thread(lambda: httpx.get(url, headers=headers))).json()
        finally:
            server.begin_close(0)
            await server.wait_closed()

    return run(main())


def test_nobody_is_trusted_unless_it_is_said() -> None:
    seen = ask("asgi", SAID)
    assert seen["client"][0] == "127.0.0.1" and seen["scheme"] == "http" and seen["host"] == ["origin"]
    assert ask("asgi", SAID, forwarded_allow_ips="10.0.0.0/8") == {
        **seen,
        "client": ["127.0.0.1", pytest.approx(1, abs=65536)],
    }


def test_the_scope_is_what_the_proxy_says() -> None:
    seen = ask("asgi", SAID, forwarded_allow_ips="127.0.0.1")
    assert (seen["client"], seen["scheme"], seen["root_path"], seen["host"]) == (
        ["192.0.2.1", 0],
        "https",
        "",
        ["origin"],
    )
    seen = ask("asgi", SAID, forwarded_allow_ips="127.0.0.1, 192.0.2.1", forwarded_fields=ALL, root_path="/app")
    assert seen == {
        "type": "http", "scheme": "https", "client": ["203.0.113.9", 0], "root_path": "/a b/app", "path": "/a b/app/x",
        "raw_path": "/a%20b/app/x", "host": ["shop.example:8443"],
    }  # fmt: skip


def test_the_environ_is_what_the_proxy_says() -> None:
    seen = ask("wsgi", SAID, forwarded_allow_ips="127.0.0.1")
    assert seen == ["192.0.2.1", "0", "https", "", "/x", "origin"]
    seen = ask("wsgi", SAID, forwarded_allow_ips="*", forwarded_fields=ALL, root_path="/app")
    assert seen == ["203.0.113.9", "0", "https", "/a b/app", "/x", "shop.example:8443"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"forwarded_allow_ips": "localhost"}, "localhost"),
        ({"forwarded_allow_ips": "*", "forwarded_fields": "x-real-ip"}, "x-real-ip"),
    ],
)
def test_a_bad_list_is_refused(options: Dict[str, Any], why: str) -> None:
    with pytest.raises(goaway.Error, match=why):
        ask("asgi", SAID, **options)


@pytest.mark.parametrize(
    ("arguments", "variables", "client"),
    [
        ([], {}, "192.0.2.1"),
        (["--no-proxy-headers"], {}, "127.0.0.1"),
        (["--forwarded-allow-ips", "10.0.0.0/8"], {}, "127.0.0.1"),
        (["--forwarded-allow-ips", "*"], {}, "203.0.113.9"),
        ([], {"FORWARDED_ALLOW_IPS": "*"}, "203.0.113.9"),
        ([], {"FORWARDED_ALLOW_IPS": ""}, "127.0.0.1"),
        (["--forwarded-allow-ips", "127.0.0.1"], {"FORWARDED_ALLOW_IPS": "*"}, "192.0.2.1"),
        (["--workers", "2"], {}, "192.0.2.1"),
    ],
)
def test_the_command_trusts_this_machine(
    tmp_path: Path, arguments: List[str], variables: Dict[str, str], client: str
) -> None:
    write_app(tmp_path)
    with Command("scope:app", *arguments, folder=tmp_path, **variables) as command:
        assert httpx.get(command.url, headers=SAID).json()["client"][0] == client


def test_the_command_refuses_a_bad_list(tmp_path: Path) -> None:
    write_app(tmp_path)
    for arguments, variables in (
        (["--forwarded-allow-ips", "localhost"], {}),
        (["--forwarded-fields", "localhost"], {}),
        ([], {"FORWARDED_ALLOW_IPS": "localhost"}),
    ):
        with Command("scope:app", *arguments, folder=tmp_path, **variables) as command:
            assert command.wait() == 2
            command.log.find("localhost")


# Behind nginx.

CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
events {{ }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https;
    }}
  }}
}}
"""


def write_app(folder: Path) -> None:
    source = textwrap.dedent("""
        import json
        async def app(scope, receive, send):
            if scope["type"] != "http":
                raise NotImplementedError
            shown = {name: scope[name] for name in ("type", "http_version", "method", "scheme", "path", "root_path", "client")}
            shown["raw_path"], shown["query"] = scope["raw_path"].decode(), scope["query_string"].decode()
            shown["headers"] = sorted([name.decode(), value.decode()] for name, value in scope["headers"])
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": json.dumps(shown).encode()})
    """)
    (folder / "scope.py").write_text(source)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def process(command: List[str], folder: Path, port: int) -> Iterator[None]:
    with subprocess.Popen(command, cwd=folder, env=environment(), stderr=subprocess.DEVNULL) as child:
        try:
            eventually(lambda: listens(port), f"{command[0]} listens")
            yield
        finally:
            child.terminate()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
@pytest.mark.parametrize("claimed", [None, "203.0.113.9", "203.0.113.9, 127.0.0.1", "unknown", "[2001:db8::1]:47"])
def test_behind_nginx_the_scope_is_that_of_uvicorn(tmp_path: Path, claimed: Optional[str]) -> None:
    write_app(tmp_path)
    headers = {"host": "shop.example"} if claimed is None else {"host": "shop.example", "x-forwarded-for": claimed}
    seen = []
    for server in ("uvicorn", "goaway"):
        upstream, port = free_port(), free_port()
        (tmp_path / "nginx.conf").write_text(CONFIGURATION.format(folder=tmp_path, port=port, upstream=upstream))
        arguments = ["scope:app", "--host", "127.0.0.1", "--port", str(upstream), "--proxy-headers"]
        assert NGINX is not None
        # A client at 127.0.0.1 is trusted by both: what it claims is read on.
        with (
            process([sys.executable, "-m", server, *arguments], tmp_path, upstream),
            process([NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")], tmp_path, port),
        ):
            seen.append(httpx.get(f"http://127.0.0.1:{port}/a%20b?c=d", headers=headers).json())
    uvicorn, ours = seen
    if claimed in ("unknown", "[2001:db8::1]:47"):
        # uvicorn takes the text as it is for a host. Here it is no address, or one with its port.
        expected = {"unknown": ["127.0.0.1", 0], "[2001:db8::1]:47": ["2001:db8::1", 47]}[claimed]
        assert ours["client"] == expected
        uvicorn["client"] = ours["client"]
    assert ours == uvicorn and ours["scheme"] == "https"
