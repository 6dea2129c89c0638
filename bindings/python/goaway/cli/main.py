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
    """Runs the command. `arguments`: by default those of the process.

    Returns the exit status: 0 after a close, 1 if it cannot serve, 2 for an invalid
    option, 3 if the application cannot be loaded or does not start."""
    try:
        options = parser.parse(sys.argv[1:] if arguments is None else arguments, version=_version)
    except SystemExit as end:
        return int(end.code or 0)
    if threading.current_thread() is not threading.main_thread():
        return _refuse(
            "the command handles signals, which needs the main thread; in another thread call goaway.asgi.serve or goaway.wsgi.serve",
            FAILED,
        )
    try:
        for file in options.env_files:
            env_file.read(file)
        if options.reload:
            reload.check()
        _check_config(options)
        log.configure(options.log_level, options.access_log, options.log_config)
    except (env_file.EnvError, reload.ReloadError) as error:
        return _refuse(str(error))
    except log.ConfigError as error:
        return _refuse(f"--log-config {options.log_config}: {error}")
    except Error as error:
        return _refuse(error.text)
    except ImportError as error:
        return _refuse(str(error), FAILED)
    except OSError as error:
        return _refuse(f"--access-log {options.access_log}: {error.strerror}")
    if options.umask is not None:
        os.umask(options.umask)
    return supervisor.run(options) if options.supervised else single_process.run(options)


def _refuse(text: str, status: int = USAGE) -> int:
    print(f"goaway: {text}", file=sys.stderr)
    return status


def _check_config(options: Options) -> None:
    """Has the library check the limits, features and proxies. Raises Error."""
    from .._native import Core
    from ..application.config import apply

    core = Core()
    try:
        apply(core, options.limits, options.features)
        if options.forwarded_allow_ips or options.forwarded_fields:
            core.set_forwarded(options.forwarded_allow_ips or None, options.forwarded_fields)
    finally:
        core.free()


def _version() -> str:
    from .._native import version

    return f"goaway {version()}, {platform.python_implementation()} {platform.python_version()}"
