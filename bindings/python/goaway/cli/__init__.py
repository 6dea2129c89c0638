"""The command ``goaway``."""
