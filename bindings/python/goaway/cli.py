"""The command ``goaway``."""

from __future__ import annotations

import platform
import sys

from . import alone, env, log, options, reload, supervisor
from .worker import USAGE


def main(arguments: list[str] | None = None) -> int:
    """Runs the command with its arguments, those of the process by default;
    gives the exit status: 0 after a close, 1 if it cannot serve, 2 for options
    that cannot be, 3 if the application cannot be loaded or does not start."""
    try:
        said = options.parse(sys.argv[1:] if arguments is None else arguments, version=_version)
    except SystemExit as end:
        return int(end.code or 0)
    try:
        for file in said.env_files:
            env.read(file)
        if said.reload:
            reload.check()
        log.configure(said.log_level, said.access_log)
    except (env.EnvError, reload.ReloadError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"--access-log {said.access_log}: {error.strerror}")
    return supervisor.run(said) if said.supervised else alone.run(said)


def _refuse(text: str) -> int:
    print(f"goaway: {text}", file=sys.stderr)
    return USAGE


def _version() -> str:
    from . import __version__

    return f"goaway {__version__}, {platform.python_implementation()} {platform.python_version()}"
