"""pypiserver, an index of Python packages: Bottle, static files, uploads with a password."""

from application import GUNICORN, Application, wsgi
from compare import Rule
from visitor import Visitor

ALICE = ("alice", "secret")
UPLOAD = {":action": "file_upload", "protocol_version": "1"}


def visit(user: Visitor) -> None:
    name = f"fresh-{2 if user.second else 1}.0.tar.gz"
    user.get("/")
    user.get("/simple", "redirect")
    user.get("/simple/")
    user.get("/simple/", "JSON", headers={"accept": "application/vnd.pypi.simple.v1+json"})
    user.get("/simple/shop/")
    user.get("/simple/Other.Thing/", "redirect to the normal name")
    user.get("/simple/nothing/", "404")
    user.get("/shop", "redirect")
    user.get("/shop/json")
    user.get("/packages/shop-1.0.tar.gz")
    user.head("/packages/shop-1.0.tar.gz")
    user.revalidate("/packages/shop-1.0.tar.gz")
    user.part("/packages/shop-1.0.tar.gz")
    user.part("/packages/shop-1.0.tar.gz", "bytes=999999-")
    user.get("/packages/../passwords", "outside")
    user.get("/packages/nothing.tar.gz", "404")
    user.send("PUT", "/simple/", "405")
    user.get("/health")
    # Over HTTP/2 no more than a window: behind one that is closed httpx waits, and sees no RST_STREAM.
    size = 30_000 if user.second else 3_000_000
    large = {"content": ("large-1.0.tar.gz", b"x" * size)}
    user.post("/", "upload without a password", data=UPLOAD, files=large)
    user.renew()  # what was not read may have ended the connection
    user.get("/simple/", "after the refused upload")
    user.post("/", "upload with a wrong password", data=UPLOAD, files=large, auth=("alice", "wrong"))
    user.renew()
    user.post("/", "upload", data=UPLOAD, files={"content": (name, b"y" * 100_000)}, auth=ALICE)
    user.post("/", "upload of a file that is there", data=UPLOAD, files={"content": (name, b"z")}, auth=ALICE)
    user.post("/", "no action", data={"a": "b"}, auth=ALICE)
    user.get(f"/packages/{name}", "what was uploaded")
    user.get("/simple/fresh/")
    search = "<?xml version='1.0'?><methodCall><methodName>search</methodName></methodCall>"
    user.post("/RPC2", "XML-RPC", content=search, headers={"content-type": "text/xml"})


APPLICATION = Application(
    name="pypiserver",
    requirements=("pypiserver[passlib]==2.4.2", *GUNICORN),
    files=("pypiserver_make.py", "pypiserver_site.py"),
    prepare=(("{tool}", "pypiserver_make.py"),),
    visit=visit,
    rules=(Rule("when it was uploaded", field="last-modified", where=lambda exchange: "uploaded" in exchange.check),),
    servers=wsgi("pypiserver_site:app"),
)
