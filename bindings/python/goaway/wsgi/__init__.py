"""Serves WSGI applications (PEP 3333)."""

from .application import Application, serve

__all__ = ["Application", "serve"]
