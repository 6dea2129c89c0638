"""marimo, reactive notebooks: a page with its files, and a kernel behind a WebSocket."""

import json
import re
from typing import Any

from application import UVICORN, WEBSOCKET, Application, asgi
from compare import Rule
from talks import PATIENCE
from visitor import Visitor
from websockets.sync.client import ClientConnection


def operations(socket: ClientConnection) -> list[str]:
    """The kinds of messages of a kernel until it has run the notebook."""
    kinds: set[str] = set()
    while "completed-run" not in kinds:
        message: dict[str, Any] = json.loads(socket.recv(PATIENCE))
        kinds.add(message["op"])
    return sorted(kinds)


def visit(user: Visitor) -> None:
    page = user.get("/")
    user.head("/")
    user.get("/", "gzip", headers={"accept-encoding": "gzip"})
    script = re.search(r'src="\./(assets/[^"]+\.js)"', page.text)
    asset = "/" + (script[1] if script else "missing.js")
    user.get(asset)
    user.head(asset)
    user.revalidate(asset)
    user.part(asset)
    user.part(asset, "bytes=0-1,5-6")
    user.part(asset, "bytes=99999999-")
    user.get("/health")
    user.get("/api/status")
    user.get("/api/version")
    user.get("/nothing", "404")
    user.post("/", "405")
    user.post("/api/kernel/run", "401 or 400", json={})
    user.websocket(f"/ws?session_id={'s_bbbbbb' if user.second else 's_aaaaaa'}", operations)


APPLICATION = Application(
    name="marimo",
    requirements=("marimo==0.25.2", *UVICORN, *WEBSOCKET),
    files=("marimo_notebook.py", "marimo_site.py"),
    visit=visit,
    rules=(Rule("what parts the parts is random", pattern=r"(?:boundary=|--)([0-9a-f]{26})"),),
    servers=asgi("marimo_site:app"),
)
