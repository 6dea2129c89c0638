"""`goaway.ThreadedServer`: handlers are functions in a pool of threads."""
