"""One process that loads and serves an application, as the command runs it."""
