"""An application that cannot be imported."""


def connect():
    raise OSError("no database")


connect()
