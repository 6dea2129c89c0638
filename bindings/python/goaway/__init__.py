"""goaway: an HTTP/2 server that knows how to leave."""
