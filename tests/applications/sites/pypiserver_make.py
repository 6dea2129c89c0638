"""Makes the index's packages and the password of "alice"."""

import base64
import hashlib
from pathlib import Path

packages = Path("packages")
packages.mkdir()
for name in ("shop-1.0.tar.gz", "shop-1.1-py3-none-any.whl", "other_thing-2.tar.gz"):
    (packages / name).write_bytes(f"{name} has these bytes\n".encode() * 400)
digest = base64.b64encode(hashlib.sha1(b"secret").digest()).decode()
Path("passwords").write_text(f"alice:{{SHA}}{digest}\n")
