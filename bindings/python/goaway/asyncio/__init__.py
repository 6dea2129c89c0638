"""`goaway.Server`: handlers are coroutines in the running event loop."""
