"""Imports the application that ``module:attribute`` names, and detects its interface."""

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
    """The application cannot be loaded. The message says why.

    `trace`: the application's own traceback as text; "" if there is none.
    """

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message)
        self.trace = trace


#: The attributes that are tried if none is named.
DEFAULT_ATTRIBUTES = ("application", "app")


class Target(NamedTuple):
    """The parsed name of an application."""

    module: str
    #: A dotted name; "" for the first of DEFAULT_ATTRIBUTES.
    attribute: str
    #: Whether the attribute is called, with the arguments below.
    is_call: bool = False
    arguments: tuple[Any, ...] = ()
    named: tuple[tuple[str, Any], ...] = ()


def parse(text: str) -> Target:
    """Parses ``module``, ``module:attribute`` or ``module:factory("x", key=1)``, whose
    arguments must be literals. Raises LoadError."""
    module, colon, rest = text.partition(":")
    if not re.fullmatch(r"[^\W\d][\w.]*", module) or (colon and not rest):
        raise LoadError(f'"{text}" is not of the form module:attribute, such as shop.web:app')
    if not colon:
        if module.endswith(".py"):
            raise LoadError(f'"{text}" is not of the form module:attribute; use "{module[:-3]}" for this file')
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
    """Imports and returns the application that `target` names; see `parse`.

    `app_dir`: the first folder to import modules from; None: `sys.path` only. `factory`:
    call the attribute, without arguments if none are given, and use what it returns.
    Raises LoadError.
    """
    if app_dir is not None and app_dir not in sys.path:
        sys.path.insert(0, app_dir)
    parsed = parse(target)
    module = _module(parsed.module, app_dir)
    app = _attribute(module, parsed.module, parsed.attribute or _default_attribute(module, parsed.module))
    if factory or parsed.is_call:
        return _call(app, target, parsed)
    if not callable(app):
        raise LoadError(f'"{target}" is not callable: it is of type {type(app).__name__}')
    return app


def _module(name: str, app_dir: str | None) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # The module itself or a package above it, not a module that the application imports.
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            where = f" (searched {app_dir} first; see --app-dir)" if app_dir is not None else ""
            raise LoadError(f'there is no module "{error.name}"{where}') from None
        raise _failure(f'cannot import "{name}"', error, name) from error
    except Exception as error:
        raise _failure(f'cannot import "{name}"', error, name) from error
    except SystemExit as error:
        raise LoadError(f'cannot import "{name}": it exits (SystemExit {error.code})') from None


def _attribute(module: Any, name: str, path: str) -> Any:
    found = module
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise LoadError(f'module "{name}" has no "{path}"') from None
    return found


def _default_attribute(module: Any, name: str) -> str:
    found = next((attribute for attribute in DEFAULT_ATTRIBUTES if hasattr(module, attribute)), None)
    if found is None:
        raise LoadError(
            f'module "{name}" has neither {" nor ".join(map(repr, DEFAULT_ATTRIBUTES))}; use {name}:ATTRIBUTE'
        )
    return found


def _call(factory: Any, target: str, parsed: Target) -> Any:
    if not callable(factory):
        raise LoadError(f'"{target}" is not a factory: it is of type {type(factory).__name__}, which is not callable')
    try:
        app = factory(*parsed.arguments, **dict(parsed.named))
    except Exception as error:
        raise _failure(f'the factory "{target}" failed', error) from error
    if not callable(app):
        raise LoadError(f'the factory "{target}" returned {type(app).__name__}, which is not an application')
    return app


def _failure(message: str, error: BaseException, module: str | None = None) -> LoadError:
    return LoadError(f"{message}: {type(error).__name__}: {error}", trace(error, module))


def trace(error: BaseException, module: str | None = None) -> str:
    """The traceback without the frames that lead to the application.

    `module`: the module that was imported; the application begins with its first frame, or
    that of a package above it.
    """
    frames = error.__traceback__
    while frames is not None and not _belongs_to_application(frames, module):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def _belongs_to_application(frame: TracebackType, module: str | None) -> bool:
    name = str(frame.tb_frame.f_globals.get("__name__"))
    if module is not None:
        return module == name or module.startswith(f"{name}.")
    return not name.startswith("goaway.") and not name.startswith("asyncio.")


def interface(app: Any) -> str:
    """Detects the interface of an application: "asgi" or "wsgi".

    An ASGI application is a coroutine function of (scope, receive, send), a WSGI application
    a function of (environ, start_response). Raises LoadError if it matches neither, or both.
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
    raise LoadError("the application may be ASGI or WSGI; use --interface asgi or --interface wsgi")


def _is_async(app: Any) -> bool:
    while isinstance(app, functools.partial):
        app = app.func
    if inspect.iscoroutinefunction(app):
        return True
    # An object with an async __call__. A class is not async, even if its instances are.
    return not inspect.isclass(app) and inspect.iscoroutinefunction(getattr(app, "__call__", None))  # noqa: B004


def _takes(app: Any, count: int) -> bool:
    try:
        inspect.signature(app).bind(*[None] * count)
    except (TypeError, ValueError):
        return False
    return True
