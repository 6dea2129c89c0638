"""Chainlit, chats with a language model: a login by cookie, uploads, Socket.IO by WebSocket and by polling."""

import json
from typing import Any

from application import UVICORN, WEBSOCKET, Application, asgi
from compare import Rule
from talks import engine_io
from visitor import Visitor

SOCKET = "/chat/ws/socket.io/?EIO=4"


def visit(user: Visitor) -> None:
    session = f"session-{'two' if user.second else 'one'}"
    auth = {"sessionId": session, "clientType": "webapp", "userEnv": "{}", "threadId": ""}
    message: dict[str, Any] = {"message": {"id": session, "type": "user_message", "output": "größer", "name": "alice"}}
    user.get("/")
    user.get("/chat", "redirect to the slash")
    page = user.get("/chat/")
    user.head("/chat/")
    asset = "/chat/assets/" + page.text.split("/assets/")[1].split('"')[0]
    user.get(asset)
    user.revalidate(asset)
    user.part(asset)
    user.get("/chat/auth/config")
    user.get("/chat/project/settings", "401")
    user.get("/chat/project/translations?language=en-US")
    user.websocket(f"{SOCKET}&transport=websocket", engine_io(auth, ("client_message", message), "?"), "nobody")
    user.post("/chat/login", "a wrong password", data={"username": "alice", "password": "wrong"})
    user.post("/chat/login", "login", data={"username": "alice", "password": "secret"})
    user.get("/chat/user")
    user.get("/chat/project/settings")
    user.post("/chat/set-session-cookie", json={"session_id": session})
    user.websocket(f"{SOCKET}&transport=websocket", engine_io(auth, ("client_message", message), "task_end"))
    opened = user.get(f"{SOCKET}&transport=polling")
    sid = json.loads(opened.text[1:])["sid"]
    session_id = {"transport": "polling", "sid": sid, "EIO": "4"}
    user.post("/chat/ws/socket.io/", "polling", params=session_id, content=f"40{json.dumps(auth)}")
    user.get("/chat/ws/socket.io/", "polling", params=session_id)
    user.post(f"{SOCKET}&transport=polling&sid=none", "polling, a session that is not there", content="40")
    files = {"file": ("a.txt", b"x" * 50_000, "text/plain")}
    user.post(f"/chat/project/file?session_id={session}", "upload", files=files)
    user.post("/chat/project/file?session_id=none", "upload without a session", files=files)
    user.post("/chat/logout")
    user.get("/chat/user", "after the logout")
    user.get("/nothing", "404")


APPLICATION = Application(
    name="chainlit",
    requirements=("chainlit==2.12.0", *UVICORN, *WEBSOCKET),
    files=("chainlit_chat.py", "chainlit_site.py"),
    environment={"CHAINLIT_AUTH_SECRET": "a constant of thirty-two letters or more"},
    visit=visit,
    rules=(
        Rule("a login's token has the time", pattern=r"access_token=([^;]+)"),
        Rule("ids are random", pattern=r"sid=?[\": ]+([\w-]{20})"),
        Rule("ids are random", pattern=r"\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22})\b"),
    ),
    # Over HTTP/2 uvicorn never gives engine.io the end of a GET request.
    servers=asgi("chainlit_site:app", http2=False),
)
