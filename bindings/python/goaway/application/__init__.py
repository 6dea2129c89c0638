"""What the servers of ASGI and WSGI applications have in common."""
