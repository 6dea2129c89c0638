import pypiserver

app = pypiserver.app(
    root="packages", password_file="passwords", authenticate=["update"], disable_fallback=True,
    backend_arg="simple-dir",
)  # fmt: skip
