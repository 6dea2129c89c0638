"""Finds the application that ``module:attribute`` names, and which interface it speaks."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import sys
import traceback
from types import TracebackType
from typing import Any, NamedTuple


class LoadError(Exception):
    """The application cannot be had; the message says why.

    `trace` has the application's own traceback as text, "" if there is none.
    """

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace


#: The attributes that are looked for where none is named.
USUAL = ("application", "app")


class Target(NamedTuple):
    """What names an application."""

    module: str
    #: Names with dots between; "" if it is one of USUAL.
    attribute: str
    #: The attribute is called, with these arguments.
    is_call: bool = False
    arguments: tuple[Any, ...] = ()
    named: tuple[tuple[str, Any], ...] = ()


def parse(text: str) -> Target:
    """Reads ``module``, ``module:attribute`` or ``module:factory("x", key=1)``,
    whose arguments are literals. Raises LoadError."""
    module, colon, rest = text.partition(":")
    if not re.fullmatch(r"[^\W\d][\w.]*", module) or (colon and not rest):
        raise LoadError(f'"{text}" is not of the form module:attribute, such as shop.web:app')
    if not colon:
        if module.endswith(".py"):
            raise LoadError(f'"{text}" is not of the form module:attribute; say "{module[:-3]}" for that file')
        return Target(module, "")
    if re.fullmatch(r"[^\W\d][\w.]*", rest):
        return Target(module, rest)
    try:
        call = ast.parse(rest.strip(), mode="eval").body
        assert isinstance(call, ast.Call)
        attribute = ast.unparse(call.func)
        assert re.fullmatch(r"[^\W\d][\w.]*", attribute)
    except (SyntaxError, ValueError, AssertionError):
        raise LoadError(f'"{text}" is not of the form module:attribute, such as shop.web:app') from None
    try:
        named = tuple((keyword.arg, ast.literal_eval(keyword.value)) for keyword in call.keywords if keyword.arg)
        arguments = tuple(ast.literal_eval(argument) for argument in call.args)
        assert len(named) == len(call.keywords)
    except (ValueError, AssertionError):
        raise LoadError(f'"{text}": the arguments must be literals, such as "text", 1 or True') from None
    return Target(module, attribute, True, arguments, named)


def load(target: str, *, app_dir: str | None, factory: bool) -> Any:
    """Imports what `target` names, see `parse`, and gives the application.

    Modules are looked for in `app_dir` first, unless that is None. With
    `factory` the attribute is called, without arguments if none are given, and
    what it returns is the application. Raises LoadError.
    """
    if app_dir is not None and app_dir not in sys.path:
        sys.path.insert(0, app_dir)
    parsed = parse(target)
    module = _module(parsed.module, app_dir)
    app = _attribute(module, parsed.module, parsed.attribute or _usual(module, parsed.module))
    if factory or parsed.is_call:
        return _call(app, target, parsed)
    if not callable(app):
        raise LoadError(f'"{target}" cannot be called: it is of type {type(app).__name__}')
    return app


def _module(name: str, app_dir: str | None) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # The module itself, or a package above it; not one that the application imports.
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            where = f" (looked in {app_dir} first; see --app-dir)" if app_dir is not None else ""
            raise LoadError(f'there is no module "{error.name}"{where}') from None
        raise _told(f'cannot import "{name}"', error, name) from error
    except Exception as error:
        raise _told(f'cannot import "{name}"', error, name) from error
    except SystemExit as error:
        raise LoadError(f'cannot import "{name}": it ends the program (SystemExit {error.code})') from None


def _attribute(module: Any, name: str, path: str) -> Any:
    found = module
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise LoadError(f'module "{name}" has no "{path}"') from None
    return found


def _usual(module: Any, name: str) -> str:
    found = next((attribute for attribute in USUAL if hasattr(module, attribute)), None)
    if found is None:
        raise LoadError(f'module "{name}" has neither {" nor ".join(map(repr, USUAL))}; say {name}:ATTRIBUTE')
    return found


def _call(factory: Any, target: str, parsed: Target) -> Any:
    if not callable(factory):
        raise LoadError(f'"{target}" is no factory: it is of type {type(factory).__name__}')
    try:
        app = factory(*parsed.arguments, **dict(parsed.named))
    except Exception as error:
        raise _told(f'the factory "{target}" failed', error) from error
    if not callable(app):
        raise LoadError(f'the factory "{target}" made no application but {type(app).__name__}')
    return app


def _told(message: str, error: BaseException, module: str | None = None) -> LoadError:
    return LoadError(f"{message}: {type(error).__name__}: {error}", trace(error, module))


def trace(error: BaseException, module: str | None = None) -> str:
    """The error's traceback without the frames that led from here to the application.

    `module` is what was imported: the application begins with its first frame,
    or that of a package above it.
    """
    frames = error.__traceback__
    while frames is not None and not _is_applications(frames, module):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def _is_applications(frame: TracebackType, module: str | None) -> bool:
    name = str(frame.tb_frame.f_globals.get("__name__"))
    if module is not None:
        return module == name or module.startswith(f"{name}.")
    return not name.startswith("goaway.") and not name.startswith("asyncio.")


def interface(app: Any) -> str:
    """Which interface an application speaks: "asgi" or "wsgi".

    ASGI takes (scope, receive, send) and is awaited, WSGI takes (environ,
    start_response). Raises LoadError if it looks like neither, or like both.
    """
    if _is_async(app):
        return "asgi"
    asgi, wsgi = _takes(app, 3), _takes(app, 2)
    if asgi != wsgi:
        return "asgi" if asgi else "wsgi"
    if not asgi:
        raise LoadError(
            "the application takes neither (scope, receive, send), as ASGI does, "
            "nor (environ, start_response), as WSGI does; is it a factory (--factory)?"
        )
    raise LoadError("the application may be ASGI or WSGI; say --interface asgi or --interface wsgi")


def _is_async(app: Any) -> bool:
    while isinstance(app, functools.partial):
        app = app.func
    if inspect.iscoroutinefunction(app):
        return True
    # An object with an async __call__; of a class it is the instances that have it.
    return not inspect.isclass(app) and inspect.iscoroutinefunction(getattr(app, "__call__", None))  # noqa: B004


def _takes(app: Any, count: int) -> bool:
    try:
        inspect.signature(app).bind(*[None] * count)
    except (TypeError, ValueError):
        return False
    return True
