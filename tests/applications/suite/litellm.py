"""LiteLLM, a proxy for language models, with a model that always says the same: an API with keys, server-sent events."""

from application import Application, asgi
from compare import Rule, is_compressed
from visitor import Visitor

KEY = {"authorization": "Bearer sk-constant"}
CHAT = {"model": "constant", "messages": [{"role": "user", "content": "Which is größer?"}]}


def visit(user: Visitor) -> None:
    user.get("/")
    user.head("/")
    user.get("/health/liveliness")
    user.get("/health/readiness")
    user.get("/v1/models", "401")
    user.get("/v1/models", headers=KEY)
    user.get("/v1/models", "a wrong key", headers={"authorization": "Bearer sk-wrong"})
    user.post("/v1/chat/completions", json=CHAT, headers=KEY)
    user.events("/v1/chat/completions", 100, "streamed", method="POST", json={**CHAT, "stream": True}, headers=KEY)
    user.post("/v1/chat/completions", "no such model", json={**CHAT, "model": "none"}, headers=KEY)
    user.post("/v1/chat/completions", "not JSON", content="{", headers={**KEY, "content-type": "application/json"})
    user.post("/v1/chat/completions", "large", json={**CHAT, "user": "x" * 500_000}, headers=KEY)
    user.post("/utils/token_counter", json={"model": "constant", "prompt": "a b c"}, headers=KEY)
    user.get("/v1/model/info", headers=KEY)
    user.get("/routes", headers=KEY)
    user.get("/openapi.json")
    user.get("/ui/", "page")
    user.get("/swagger/swagger-ui.css")
    user.revalidate("/swagger/swagger-ui.css")
    user.part("/swagger/swagger-ui.css")
    cors = {"origin": "https://example.org", "access-control-request-method": "POST"}
    user.send("OPTIONS", "/v1/chat/completions", "preflight", headers=cors)
    user.send("PUT", "/v1/models", "405", headers=KEY)
    user.get("/nothing", "404")


APPLICATION = Application(
    name="litellm",
    requirements=("litellm[proxy]==1.94.3", "prisma==0.15.0", "wsproto==1.3.2"),
    files=("litellm.yaml",),
    environment={"CONFIG_FILE_PATH": "litellm.yaml", "LITELLM_LOCAL_MODEL_COST_MAP": "true", "LITELLM_LOG": "ERROR"},
    visit=visit,
    rules=(
        Rule("ids and times are in it", field="content-length", where=is_compressed),
        Rule("ids are random", pattern=r"\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22})\b"),
        Rule("the time of the response", pattern=r'"created": ?(\d{10})'),
        Rule("how long it took", pattern=r"x-litellm-(?:response-duration|overhead-duration|[a-z-]*)-ms: ([\d.]+)"),
    ),
    # Over HTTP/2 uvicorn never gives it the end of a GET request.
    servers=asgi("litellm.proxy.proxy_server:app", http2=False),
)
