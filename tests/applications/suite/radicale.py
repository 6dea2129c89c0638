"""Radicale, calendars and contacts: WebDAV's methods, ETags, preconditions."""

from application import GUNICORN, Application, wsgi
from compare import Rule
from visitor import Visitor

ALICE = ("alice", "secret")
CALENDAR = """<?xml version="1.0"?>
<mkcalendar xmlns="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:">
<D:set><D:prop><D:displayname>Büro</D:displayname></D:prop></D:set></mkcalendar>"""
EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:{name}
DTSTAMP:20260101T000000Z
DTSTART:20260102T100000Z
SUMMARY:Übung
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")
QUERY = """<?xml version="1.0"?>
<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/><C:calendar-data/></D:prop>
<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"/></C:comp-filter></C:filter></C:calendar-query>"""
ALL = '<?xml version="1.0"?><propfind xmlns="DAV:"><allprop/></propfind>'


def visit(user: Visitor) -> None:
    user.get("/", "redirect")
    user.get("/.web/")
    user.get("/.web/css/main.css")
    user.head("/.web/css/main.css")
    user.get("/.well-known/caldav", "redirect")
    user.send("PROPFIND", "/", "no password", content=ALL)
    user.send("PROPFIND", "/", "a wrong password", content=ALL, auth=("alice", "wrong"))
    user.send("PROPFIND", "/alice/", content=ALL, auth=ALICE, headers={"depth": "1"})
    user.send("OPTIONS", "/", auth=ALICE)
    user.send("MKCALENDAR", "/alice/work/", content=CALENDAR, auth=ALICE)
    user.send("MKCALENDAR", "/alice/work/", "again", content=CALENDAR, auth=ALICE)
    for name in ("one", "two"):
        event = EVENT.format(name=name)
        user.send(
            "PUT", f"/alice/work/{name}.ics", content=event, auth=ALICE, headers={"content-type": "text/calendar"}
        )
    user.send("PUT", "/alice/work/bad.ics", content="nonsense", auth=ALICE)
    etag = user.get("/alice/work/one.ics", auth=ALICE).headers["etag"]
    user.head("/alice/work/one.ics", auth=ALICE)
    again = EVENT.format(name="one")
    user.send("PUT", "/alice/work/one.ics", "if-match", content=again, auth=ALICE, headers={"if-match": etag})
    user.send("PUT", "/alice/work/one.ics", "a stale if-match", content=again, auth=ALICE, headers={"if-match": '"x"'})
    user.send("PUT", "/alice/work/one.ics", "if-none-match", content=again, auth=ALICE, headers={"if-none-match": "*"})
    user.send("REPORT", "/alice/work/", content=QUERY, auth=ALICE, headers={"depth": "1"})
    user.get("/alice/work/", auth=ALICE, headers={"accept-encoding": "gzip"})
    to = f"http://127.0.0.1:{user.port}/alice/work/three.ics"
    user.send("MOVE", "/alice/work/two.ics", auth=ALICE, headers={"destination": to})
    user.send("DELETE", "/alice/work/three.ics", auth=ALICE)
    user.send("DELETE", "/alice/work/three.ics", "again", auth=ALICE)
    user.send("PATCH", "/alice/work/", "405", auth=ALICE)
    user.send("DELETE", "/alice/work/", auth=ALICE)


APPLICATION = Application(
    name="radicale",
    requirements=("radicale==3.9.0", *GUNICORN),
    files=("radicale.config", "radicale_make.py"),
    prepare=(("{tool}", "radicale_make.py"),),
    environment={"RADICALE_CONFIG": "radicale.config"},
    visit=visit,
    rules=(Rule("when it was changed", field="last-modified"),),
    servers=wsgi("radicale:application"),
)
