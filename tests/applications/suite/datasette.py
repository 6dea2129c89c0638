"""datasette: pages, JSON, streamed CSV, downloads, CSRF tokens, static files."""

from application import UVICORN, Application, asgi
from compare import Rule
from visitor import Visitor


def visit(user: Visitor) -> None:
    user.get("/")
    user.get("/shop/goods")
    user.get("/shop/goods?_size=2&name__contains=%C3%A4")
    user.get("/shop/goods.json?_shape=array&_size=1000")
    user.get("/shop/goods.json", "gzip", headers={"accept-encoding": "gzip"})
    user.get("/shop/goods.csv?_stream=1&_size=max", "streamed")
    user.get("/shop?sql=select+1+as+one")
    user.get("/shop.db", "download")
    user.head("/shop/goods")
    user.head("/-/static/app.css")
    user.get("/-/static/app.css")
    user.revalidate("/-/static/app.css")
    user.part("/-/static/app.css")
    user.get("/static/shop.db", "static mount")
    user.get("/-/versions.json")
    user.get("/shop/", "redirect")
    user.get("/nothing", "404")
    user.send("DELETE", "/shop/goods", "405")
    user.send("OPTIONS", "/shop/goods.json")
    page = user.get("/-/messages")
    token = page.text.split('name="csrftoken" value="')[1].split('"')[0]
    user.post("/-/messages", "without a token", data={"message": "hello"})
    user.post("/-/messages", "sets a cookie", data={"message": "hello", "message_type": "INFO", "csrftoken": token})
    user.get("/", "shows the message")


APPLICATION = Application(
    name="datasette",
    requirements=("datasette==0.65.5", *UVICORN),
    files=("datasette_make.py", "datasette_site.py"),
    prepare=(("{tool}", "datasette_make.py"),),
    visit=visit,
    rules=(
        Rule("a CSRF token is random", pattern=r'csrftoken" value="([^"]+)"'),
        Rule("a CSRF token is random", pattern=r"ds_csrftoken=([^;]+)"),
        Rule("how long the query took", pattern=r"Queries took ([\d.]+)ms"),
        Rule("how long the query took", pattern=r'"query_ms": ([\d.]+)'),
    ),
    servers=asgi("datasette_site:app"),
)
