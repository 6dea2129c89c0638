"""Counts the calls of the library while a server runs: calls.py FILE ARGUMENTS-OF-GOAWAY.

Each function of the library is wrapped before anything else can take hold of
it. The counts are written to FILE, as JSON, when the server has ended.
"""

import json
import sys
from collections import Counter

from goaway import _native
from goaway.cli.main import main

counts = Counter()


def counted(name, function):
    def call(*arguments):
        counts[name] += 1
        return function(*arguments)

    return call


if __name__ == "__main__":
    for name, function in list(vars(_native.lib).items()):
        if callable(function):
            setattr(_native.lib, name, counted(name, function))
    status = main(sys.argv[2:])
    with open(sys.argv[1], "w") as file:
        json.dump(counts, file)
    sys.exit(status)
