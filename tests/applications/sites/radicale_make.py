"""Makes the password of "alice"."""

from pathlib import Path

Path("users").write_text("alice:secret\n")
