"""What a test reaches by the names its code uses: the marks `process`, `server` and `real` are set by it."""

import types
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import pytest

BY_MODULE = {
    "subprocess": "process",
    "multiprocessing": "process",
    "tests.forked": "process",
    "tests.flows.processes": "process",
    "tests.cms_server": "server",
    "tests.s3_server": "server",
    "http.server": "server",
    "socketserver": "server",
}
BY_FIXTURE = {"cms": "real", "oracles": "real", "release_path": "real", "built": "real"}
BY_FOLDER = {"flows": "process", "page": "server", "real": "real"}


def marks(item: pytest.Item) -> set[str]:
    """Return the marks of a test: of its folder, its fixtures, and what their code and its own leads to."""
    fixtures = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009
    functions = [getattr(item, "function"), *(one.func for found in fixtures.values() for one in found)]  # noqa: B009
    found = {BY_FIXTURE[name] for name in fixtures if name in BY_FIXTURE}
    found |= {BY_MODULE[name] for name in modules(functions) if name in BY_MODULE}
    return found | {BY_FOLDER[name] for name in [item.path.parent.name] if name in BY_FOLDER}


def modules(functions: Iterable[Callable[..., Any]]) -> set[str]:
    """Return the names of the modules that functions use, also through functions and classes of the tests."""
    return {name for function in functions for name in _modules(_plain(function))}


@cache
def _modules(function: Any) -> frozenset[str]:
    seen: set[Any] = set()
    found: set[str] = set()
    waiting = [function]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for used in _used(one):
            if isinstance(used, types.ModuleType):
                found.add(used.__name__)
            elif isinstance(used, types.FunctionType | type):
                found.add(used.__module__)
                if used.__module__.startswith("tests.") or used.__module__ == one.__module__:
                    waiting.append(_plain(used))
    return frozenset(found)


def _used(one: Any) -> Iterator[Any]:
    """Yield what the names in a function's code, or in a class's methods, stand for."""
    members = vars(one).values() if isinstance(one, type) else [one]
    functions = [member for member in members if isinstance(member, types.FunctionType)]
    for function in functions:
        for code in _codes(function.__code__):
            yield from (function.__globals__[name] for name in code.co_names if name in function.__globals__)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _codes(inner)


def _plain(function: Any) -> Any:
    """Return the function below decorators, such as a context manager's or a fixture's."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function
