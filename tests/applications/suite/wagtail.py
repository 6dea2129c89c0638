"""Wagtail, content management on Django: a login, sessions, forms with CSRF tokens, uploads, pages, static files."""

import re
import struct
import zlib

from application import GUNICORN, Application, wsgi
from compare import Rule, is_compressed
from visitor import Visitor

LOGIN = {"username": "alice", "password": "secret", "next": "/admin/"}


def picture() -> bytes:
    """A PNG of 64 by 64 black pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(64 * (1 + 64)))
    head = struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def token(user: Visitor) -> str:
    return user.client.cookies["csrftoken"]


def visit(user: Visitor) -> None:
    home = user.get("/")
    user.head("/")
    user.get("/", "gzip", headers={"accept-encoding": "gzip"})
    user.get("/nothing/", "404")
    user.get("/search", "redirect to the slash")
    user.get("/search/?query=%C3%BC")
    style = re.search(r'href="(/static/css/shop[^"]*)"', home.text)
    sheet = style[1] if style else "/static/missing"
    user.get(sheet)
    user.head(sheet)
    user.revalidate(sheet)
    user.part(sheet)
    user.get("/admin/", "redirect to the login")
    user.get("/admin/login/?next=/admin/")
    user.post("/admin/login/", "without a token", data=LOGIN)
    wrong = {**LOGIN, "password": "wrong", "csrfmiddlewaretoken": token(user)}
    user.post("/admin/login/", "a wrong password", data=wrong)
    user.post("/admin/login/", "login", data={**LOGIN, "csrfmiddlewaretoken": token(user)})
    user.get("/admin/")
    user.get("/admin/pages/")
    user.get("/admin/images/add/")
    form = {"csrfmiddlewaretoken": token(user), "title": "a picture", "collection": "1"}
    user.post("/admin/images/add/", "upload", data=form, files={"file": ("black.png", picture(), "image/png")})
    user.get("/admin/images/")
    user.get("/documents/1/nothing.pdf", "404")
    user.get("/admin/api/main/pages/?fields=title")
    user.send("PUT", "/admin/login/", "without a token")
    user.post("/admin/logout/", "logout", data={"csrfmiddlewaretoken": token(user)})
    user.get("/admin/", "after the logout")


APPLICATION = Application(
    name="wagtail",
    requirements=("wagtail==8.0.1", "whitenoise==6.12.0", *GUNICORN),
    files=("wagtail_settings.py",),
    prepare=(
        ("{bin}/wagtail", "start", "shop", "."),
        ("{tool}", "manage.py", "migrate"),
        ("{tool}", "manage.py", "createsuperuser", "--noinput"),
        ("{tool}", "manage.py", "collectstatic", "--noinput"),
    ),
    environment={
        "DJANGO_SETTINGS_MODULE": "wagtail_settings",
        "DJANGO_SUPERUSER_USERNAME": "alice",
        "DJANGO_SUPERUSER_PASSWORD": "secret",
        "DJANGO_SUPERUSER_EMAIL": "alice@example.org",
    },
    visit=visit,
    rules=(
        Rule("a CSRF token is random", pattern=r"csrftoken=([^;]+)"),
        Rule("a CSRF token is random", pattern=r'csrfmiddlewaretoken" value="([^"]+)"'),
        Rule("a CSRF token is random", pattern=r'CSRF_TOKEN": "([^"]+)"'),
        Rule("the time of the response", field="expires"),
        Rule("signed with the time", pattern=r"set-cookie: messages=[^:;]*:([^;]+)"),
        Rule("a name that is taken gets random letters", pattern=r"images/black_(\w+)\."),
        Rule("Django makes the length of what it compresses random", field="content-length", where=is_compressed),
        Rule("a session's key is random", pattern=r"sessionid=([^;]+)"),
    ),
    servers=wsgi("shop.wsgi:application"),
)
