"""Serves ASGI 3 applications."""

from ..error import ShutdownError, StartupError
from .application import Application, serve

__all__ = ["Application", "ShutdownError", "StartupError", "serve"]
