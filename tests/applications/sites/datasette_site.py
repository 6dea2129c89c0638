from datasette.app import Datasette

app = Datasette(
    immutables=["shop.db"], memory=True, cors=True, secret="constant", static_mounts=[("static", ".")],
    settings={"max_returned_rows": 5000, "allow_csv_stream": True},
).app()  # fmt: skip
