import marimo

app = marimo.create_asgi_app(quiet=True).with_app(path="", root="marimo_notebook.py").build()
