"""Loading the application, and detecting its interface."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

import pytest

from goaway.worker import loader


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "web_under_test", raising=False)
    return tmp_path


def load(folder: Path, source: str, target: str = "web_under_test:app", *, factory: bool = False) -> Any:
    (folder / "web_under_test.py").write_text(source)
    return loader.load(target, app_dir=str(folder), factory=factory)


def failure(
    folder: Path, source: str, target: str = "web_under_test:app", *, factory: bool = False
) -> loader.LoadError:
    with pytest.raises(loader.LoadError) as error:
        load(folder, source, target, factory=factory)
    return error.value


def test_the_application_is_an_attribute(folder: Path) -> None:
    assert load(folder, "def app(): return 1\n")() == 1


def test_the_attribute_may_lie_deeper(folder: Path) -> None:
    source = "class site:\n    @staticmethod\n    def app(): return 2\n"
    assert load(folder, source, "web_under_test:site.app")() == 2


def test_a_factory_makes_it(folder: Path) -> None:
    source = "def make():\n    def app(): return 3\n    return app\n"
    assert load(folder, source, "web_under_test:make", factory=True)() == 3


def test_no_such_module(folder: Path) -> None:
    with pytest.raises(loader.LoadError, match='there is no module "no_such_module"') as error:
        loader.load("no_such_module:app", app_dir=str(folder), factory=False)
    assert str(folder) in str(error.value)
    assert error.value.trace == ""


def test_no_such_attribute(folder: Path) -> None:
    assert str(failure(folder, "")) == 'module "web_under_test" has no "app"'


def test_not_callable(folder: Path) -> None:
    assert str(failure(folder, "app = 5")) == '"web_under_test:app" is not callable: it is of type int'


def test_what_the_module_raises_is_told_with_its_own_traceback(folder: Path) -> None:
    error = failure(folder, "def deep():\n    raise KeyError('lost')\ndeep()\n")
    assert str(error) == "cannot import \"web_under_test\": KeyError: 'lost'"
    lines = error.trace.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "web_under_test.py" in lines[1], "the first frame is the application's"
    assert lines[-1] == "KeyError: 'lost'"
    assert "importlib" not in error.trace
    assert "loader.py" not in error.trace


def test_a_module_that_the_application_lacks_is_its_own_error(folder: Path) -> None:
    error = failure(folder, "import no_such_dependency\n")
    assert "cannot import" in str(error)
    assert "no_such_dependency" in error.trace


def test_a_syntax_error_is_shown(folder: Path) -> None:
    error = failure(folder, "def app(:\n")
    assert "SyntaxError" in error.trace
    assert "def app(:" in error.trace


def test_a_module_that_ends_the_program(folder: Path) -> None:
    assert "exits (SystemExit 4)" in str(failure(folder, "import sys\nsys.exit(4)\n"))


def test_a_factory_that_fails(folder: Path) -> None:
    error = failure(folder, "def make():\n    raise ValueError('no')\n", "web_under_test:make", factory=True)
    assert str(error) == 'the factory "web_under_test:make" failed: ValueError: no'
    assert "web_under_test.py" in error.trace.splitlines()[1]


def test_a_factory_that_makes_nothing(folder: Path) -> None:
    error = failure(folder, "def make(): pass\n", "web_under_test:make", factory=True)
    assert "returned NoneType, which is not an application" in str(error)


async def _asgi(scope: Any, receive: Any, send: Any) -> None: ...


def _asgi_of_another_kind(scope: Any, receive: Any, send: Any) -> Any: ...


def _wsgi(environ: Any, start_response: Any) -> Any: ...


class _AsyncObject:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class _WsgiObject:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...


class _Endpoint:
    def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...


class _Iterable:
    def __init__(self, environ: Any, start_response: Any) -> None: ...


@pytest.mark.parametrize(
    "app", [_asgi, _asgi_of_another_kind, _AsyncObject(), _Endpoint, functools.partial(_asgi), _AsyncObject().__call__]
)
def test_asgi_is_seen(app: Any) -> None:
    assert loader.interface(app) == "asgi"


@pytest.mark.parametrize("app", [_wsgi, _WsgiObject(), _Iterable, functools.partial(_wsgi)])
def test_wsgi_is_seen(app: Any) -> None:
    assert loader.interface(app) == "wsgi"


def test_what_may_be_both_or_is_neither() -> None:
    with pytest.raises(loader.LoadError, match="use --interface"):
        loader.interface(lambda *anything: None)
    with pytest.raises(loader.LoadError, match="--factory"):
        loader.interface(lambda: None)


def test_a_module_alone_has_an_application_of_the_usual_name(folder: Path) -> None:
    assert load(folder, "def app(): return 1\n", "web_under_test")() == 1
    sys.modules.pop("web_under_test")
    source = "def app(): return 1\ndef application(): return 2\n"
    assert load(folder, source, "web_under_test")() == 2
    sys.modules.pop("web_under_test")
    told = str(failure(folder, "", "web_under_test"))
    assert told == "module \"web_under_test\" has neither 'application' nor 'app'; use web_under_test:ATTRIBUTE"


def test_a_factory_may_be_called_with_literals(folder: Path) -> None:
    source = "class site:\n    @staticmethod\n    def make(*a, **k): return lambda: (a, k)\n"
    target = "web_under_test:site.make('shop', [1, 2.5], debug=True, none=None)"
    assert load(folder, source, target)() == (("shop", [1, 2.5]), {"debug": True, "none": None})
    assert load(folder, source, "web_under_test:site.make()", factory=True)() == ((), {})


def test_a_factory_that_refuses_its_arguments_is_told_of(folder: Path) -> None:
    told = failure(folder, "def make(): return print\n", "web_under_test:make(1)")
    assert 'the factory "web_under_test:make(1)" failed: TypeError: make() takes 0 positional arguments' in str(told)
