"""The command ``goaway``."""

from __future__ import annotations

import os
import platform
import sys
import threading

from ..error import Error
from ..supervisor import reload, supervisor
from ..worker import env_file, log, single_process
from ..worker.options import Options
from ..worker.worker import FAILED, USAGE
from . import parser


def main(arguments: list[str] | None = None) -> int:
    """Runs the command with its arguments, those of the process by default;
    gives the exit status: 0 after a close, 1 if it cannot serve, 2 for options
    that cannot be, 3 if the application cannot be loaded or does not start."""
    try:
        said = parser.parse(sys.argv[1:] if arguments is None else arguments, version=_version)
    except SystemExit as end:
        return int(end.code or 0)
    if threading.current_thread() is not threading.main_thread():
        return _refuse(
            "the command takes care of signals, which only the main thread can; call goaway.asgi.serve", FAILED
        )
    try:
        for file in said.env_files:
            env_file.read(file)
        if said.reload:
            reload.check()
        _check_config(said)
        log.configure(said.log_level, said.access_log, said.log_config)
    except (env_file.EnvError, reload.ReloadError) as error:
        return _refuse(str(error))
    except log.ConfigError as error:
        return _refuse(f"--log-config {said.log_config}: {error}")
    except Error as error:
        return _refuse(error.text)
    except ImportError as error:
        return _refuse(str(error), FAILED)
    except OSError as error:
        return _refuse(f"--access-log {said.access_log}: {error.strerror}")
    if said.umask is not None:
        os.umask(said.umask)
    return supervisor.run(said) if said.supervised else single_process.run(said)


def _refuse(text: str, status: int = USAGE) -> int:
    print(f"goaway: {text}", file=sys.stderr)
    return status


def _check_config(said: Options) -> None:
    """Asks the library, which knows which limits and features there are, and what each may be."""
    from .._native import Core
    from ..application.config import check_limits

    core = Core()
    try:
        check_limits(said.limits)
        for name, value in said.limits.items():
            core.set_limit(name, value)
        for name, enabled in said.features.items():
            core.set_feature(name, enabled)
    finally:
        core.free()


def _version() -> str:
    from .._native import version

    return f"goaway {version()}, {platform.python_implementation()} {platform.python_version()}"
