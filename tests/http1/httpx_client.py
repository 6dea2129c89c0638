"""Uploads that nobody reads, by httpx over HTTP/1.1: httpx_client.py URL [CERTIFICATE]."""

import ssl
import sys

import httpx

SHORT = [0, 10, 10_000, 900_000]
# More than is thrown away of a body that nobody reads.
LONG = 3_000_000


def main(url, certificate=None):
    verify = ssl.create_default_context(cafile=certificate) if certificate else True
    one_connection = httpx.Limits(max_connections=1)
    # Nothing from the environment: no proxy stands between.
    with httpx.Client(base_url=url, limits=one_connection, timeout=30, trust_env=False, verify=verify) as client:
        for length in SHORT:
            refused(client, "/nowhere", length, 404)
            refused(client, "/", length, 405)
            hello(client)
        for _ in range(3):
            refused(client, "/nowhere", LONG, 404)
            hello(client)


def refused(client, path, length, status):
    response = client.post(path, content=b"u" * length)
    assert response.http_version == "HTTP/1.1", response.http_version
    assert response.status_code == status, (length, response)
    assert response.content == b"", response.content


def hello(client):
    response = client.get("/")
    assert (response.status_code, response.text) == (200, "Hello, World!"), response


main(*sys.argv[1:])
print("all is well")
