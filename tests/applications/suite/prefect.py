"""Prefect, orchestration of workflows: an API, a page with its files, background services, WebSockets."""

import json

from application import UVICORN, WEBSOCKET, Application, asgi
from compare import Rule, is_compressed
from talks import PATIENCE
from visitor import Visitor
from websockets.sync.client import ClientConnection


def subscribe(socket: ClientConnection) -> list[str]:
    """Prefect's own protocol for those who want its events."""
    socket.send(json.dumps({"type": "auth", "token": None}))
    return [json.loads(socket.recv(PATIENCE))["type"]]


def visit(user: Visitor) -> None:
    name = "two" if user.second else "one"
    user.get("/", "redirect or page")
    page = user.get("/index.html")
    for path in ("/", "/dashboard", "/ui-settings", "/api/health", "/api/admin/version", "/api/ready"):
        user.get(path)
    if "assets/" in page.text:
        asset = "/assets/" + page.text.split("assets/")[1].split('"')[0]
        user.get(asset, "compressed")
        user.get(asset, "not compressed", headers={"accept-encoding": "identity"})
        user.head(asset)
        user.revalidate(asset)
        user.part(asset)
    user.get("/docs")
    user.get("/openapi.json")
    flow = user.post("/api/flows/", json={"name": name, "tags": ["größer"]}).json()["id"]
    user.post("/api/flows/", "again", json={"name": name})
    user.post("/api/flows/", "without a name", json={})
    user.post("/api/flows/", "not JSON", content="{", headers={"content-type": "application/json"})
    user.get(f"/api/flows/name/{name}")
    user.post("/api/flows/filter", json={"limit": 5, "flows": {"name": {"any_": [name]}}})
    user.post("/api/flows/count", json={})
    run = {"flow_id": flow, "name": "run", "state": {"type": "SCHEDULED"}}
    user.post("/api/flow_runs/", json=run)
    user.post("/api/flow_runs/filter", json={"limit": 5})
    user.post("/api/variables/", json={"name": f"variable_{name}", "value": "ü" * 100})
    user.send("PATCH", f"/api/variables/name/variable_{name}", json={"value": "b"})
    user.send("DELETE", f"/api/variables/name/variable_{name}")
    user.send("DELETE", f"/api/variables/name/variable_{name}", "again")
    user.get("/api/flows/00000000-0000-0000-0000-000000000000", "404")
    user.get("/api/flows/none", "422")
    user.send("PUT", "/api/flows/filter", "405")
    cors = {"origin": "https://example.org", "access-control-request-method": "POST"}
    user.send("OPTIONS", "/api/flows/", "preflight", headers=cors)
    user.websocket("/api/events/out", subscribe, subprotocols=["prefect"])


APPLICATION = Application(
    name="prefect",
    requirements=("prefect==3.9.1", *UVICORN, *WEBSOCKET),
    prepare=(("{bin}/prefect", "server", "database", "upgrade", "-y"),),
    environment={
        "PREFECT_HOME": ".",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_API_URL": "http://127.0.0.1/api",
        "DO_NOT_TRACK": "1",
    },
    visit=visit,
    rules=(
        Rule("the time of the change", pattern=r'"(20\d\d-\d\d-\d\dT[^"]+)"'),
        Rule("ids are random", pattern=r"\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22})\b"),
        Rule("ids and times are in it", field="content-length", where=is_compressed),
        Rule("how long it has waited", pattern=r'"estimated_start_time_delta":([\d.]+)'),
    ),
    servers=asgi("prefect.server.api.server:create_app", "--factory"),
)
