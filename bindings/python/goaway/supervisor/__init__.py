"""Several worker processes, started and replaced by one supervisor."""
