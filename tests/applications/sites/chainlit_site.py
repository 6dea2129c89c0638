from chainlit.utils import mount_chainlit
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def index() -> "dict[str, str]":
    return {"chat": "/chat"}


mount_chainlit(app=app, target="chainlit_chat.py", path="/chat")
