"""Kinto, a JSON store: Pyramid, accounts, ETags and preconditions, pages, batches, CORS."""

from application import GUNICORN, Application, wsgi
from compare import Rule
from visitor import Visitor


def visit(user: Visitor) -> None:
    name = "bob" if user.second else "alice"
    auth, bucket = (name, "secret"), f"/v1/buckets/shop-{name}"
    notes = f"{bucket}/collections/notes/records"
    user.get("/", "redirect")
    user.get("/v1", "redirect to the slash")
    user.get("/v1/")
    user.head("/v1/")
    user.get("/v1/__heartbeat__")
    user.get("/v1/buckets", "401")
    user.send("PUT", f"/v1/accounts/{name}", json={"data": {"password": "secret"}})
    user.send("PUT", f"/v1/accounts/{name}", "of somebody else", json={"data": {"password": "x"}})
    user.send("PUT", bucket, auth=auth)
    user.send("PUT", f"{bucket}/collections/notes", auth=auth, json={"data": {"title": "Notizen, größer"}})
    for number in range(3):
        user.send("PUT", f"{notes}/note-{number}", auth=auth, json={"data": {"number": number, "text": "x" * 2000}})
    etag = user.get(f"{notes}/note-1", auth=auth).headers["etag"]
    user.get(f"{notes}/note-1", "if-none-match", auth=auth, headers={"if-none-match": etag})
    user.send("PUT", f"{notes}/note-1", "if-none-match *", auth=auth, json={}, headers={"if-none-match": "*"})
    user.send("PATCH", f"{notes}/note-1", auth=auth, json={"data": {"text": "changed"}})
    user.get(f"{notes}?_sort=number", "a page", auth=auth)
    user.get(f"{notes}?_sort=number", "gzip", auth=auth, headers={"accept-encoding": "gzip"})
    user.head(notes, auth=auth)
    requests = [{"path": f"{notes}/note-0"}, {"path": "/v1/nothing"}, {"method": "DELETE", "path": f"{notes}/note-2"}]
    user.post("/v1/batch", auth=auth, json={"requests": requests})
    user.post(notes, "not JSON", auth=auth, content="{", headers={"content-type": "application/json"})
    user.post(notes, "of another type", auth=auth, content="a=b", headers={"content-type": "text/plain"})
    cors = {"origin": "https://example.org", "access-control-request-method": "PUT"}
    user.send("OPTIONS", f"{notes}/note-1", "preflight", headers=cors)
    user.send("TRACE", notes, "405", auth=auth)
    user.get("/v1/nothing", "404", auth=auth)
    user.send("DELETE", bucket, auth=auth)


APPLICATION = Application(
    name="kinto",
    requirements=("kinto==26.5.0", *GUNICORN),
    files=("kinto.ini", "kinto_site.py"),
    visit=visit,
    rules=(
        Rule("the time of the change", pattern=r"\b(1[789]\d{11})\b"),
        Rule("the time of the change", field="last-modified"),
        Rule("the time of the change", pattern=r"\b(20\d\d-\d\d-\d\dT[\d:.+]+)"),
        Rule("the time of the change", pattern=r'"Last-Modified": ?"([^"]+)"'),
        Rule("the time of the response", field="expires"),
        Rule("a page's token has the time and a random part", pattern=r"_token=([\w%]+)"),
        Rule("a password's hash has a random salt", pattern=r'"password": ?"(\$2b[^"]+)"'),
    ),
    servers=wsgi("kinto_site:application"),
)
