"""MLflow, records of experiments: FastAPI over Flask (WSGI in ASGI), uploads and downloads of artifacts, a page."""

from typing import Any

from application import UVICORN, Application, asgi
from compare import Rule, is_compressed
from visitor import Visitor

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


def visit(user: Visitor) -> None:
    name = "two" if user.second else "one"
    page = user.get("/")
    user.head("/")
    if "static-files/" in page.text:
        asset = "/static-files/" + page.text.split("static-files/")[1].split('"')[0]
        user.get(asset)
        user.get(asset, "gzip", headers={"accept-encoding": "gzip"})
        user.head(asset)
        user.revalidate(asset)
        user.part(asset)
    user.get("/health")
    user.get("/version")
    user.post(f"{API}/experiments/create", json={"name": f"größer {name}"})
    user.post(f"{API}/experiments/create", "again", json={"name": f"größer {name}"})
    user.post(f"{API}/experiments/create", "without a name", json={})
    user.post(f"{API}/experiments/create", "not JSON", content="{", headers={"content-type": "application/json"})
    user.get(f"{API}/experiments/get-by-name?experiment_name=Default")
    user.get(f"{API}/experiments/get-by-name?experiment_name=none", "404")
    user.post(f"{API}/experiments/search", json={"max_results": 5})
    created: dict[str, Any] = user.post(f"{API}/runs/create", json={"experiment_id": "0", "run_name": "run"}).json()
    run = created["run"]["info"]["run_id"]
    user.post(f"{API}/runs/log-metric", json={"run_id": run, "key": "loss", "value": 0.5, "timestamp": 1})
    user.post(f"{API}/runs/search", json={"experiment_ids": ["0"], "max_results": 1})
    path = f"{ARTIFACTS}/{name}/model.bin"
    user.send("PUT", path, content=bytes(range(256)) * 4000)
    user.get(path)
    user.head(path)
    user.part(path)
    user.get(f"{ARTIFACTS}?path={name}")
    user.send("DELETE", path)
    user.get(path, "deleted")
    user.get(f"{ARTIFACTS}/../mlflow.db", "outside")
    user.get(
        "/ajax-api/2.0/mlflow/experiments/get?experiment_id=0",
        "of another origin",
        headers={"origin": "https://example.org"},
    )
    user.send("PUT", f"{API}/runs/create", "405")
    user.get("/nothing", "404")


APPLICATION = Application(
    name="mlflow",
    requirements=("mlflow==3.17.2", *UVICORN),
    prepare=(("{bin}/mlflow", "db", "upgrade", "sqlite:///mlflow.db"),),
    environment={
        # What `mlflow server` sets for its uvicorn.
        "_MLFLOW_SERVER_FILE_STORE": "sqlite:///mlflow.db",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": "artifacts",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    },
    visit=visit,
    rules=(
        Rule("ids and times are in it", field="content-length", where=is_compressed),
        Rule("the time of the response", field="expires"),
        Rule("when it was uploaded", field="last-modified", where=lambda exchange: "artifacts" in exchange.check),
        Rule("when it was uploaded", pattern=r'etag: "(\d+\.\d+)-'),
        Rule("ids are random", pattern=r"\b([0-9a-f]{32})\b"),
        Rule("the time of the change", pattern=r"\b(1[789]\d{11})\b"),
    ),
    # Over HTTP/2 uvicorn never gives Flask's adapter the end of a GET request.
    servers=asgi("mlflow.server.fastapi_app:app", http2=False),
)
