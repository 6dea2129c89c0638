"""Flask: routes, JSON, an upload, a stream."""

import time

from flask import Flask, Response, jsonify, request, send_file

app = Flask(__name__)


@app.get("/")
def hello():
    return "Hello, World!"


@app.post("/echo")
def echo():
    return jsonify(body=request.get_data(as_text=True), query=request.args, length=request.content_length)


@app.post("/upload")
def upload():
    return str(len(request.files["file"].read()))


@app.get("/stream")
def stream():
    def chunks():
        for number in range(5):
            yield f"{number}\n"
            time.sleep(0.01)

    return Response(chunks(), mimetype="text/plain")


@app.get("/slow")
def slow():
    time.sleep(1)
    return "slow"


@app.get("/environ")
def environ():
    names = [
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "PATH_INFO",
        "QUERY_STRING",
        "SERVER_PROTOCOL",
        "wsgi.url_scheme",
        "HTTP_X_TEST",
    ]
    return jsonify({name: request.environ.get(name) for name in names})


@app.get("/file")
def file():
    return send_file(__file__)


@app.get("/fails")
def fails():
    raise RuntimeError("on purpose")
