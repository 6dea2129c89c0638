"""What a server consists of, whether an event loop or threads run its handlers."""
