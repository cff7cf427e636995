"""docs/api.md: every public name of pfsetl, from its signature, its docstring and the types of its answers."""

import ast
import inspect
import textwrap
import types
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Annotated, Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pfsetl
from pfsetl import errors
from pfsetl.pricing.service import NOT_SAID

_PREFACE = """\
# Python

```python
import pfsetl

version = pfsetl.open("output")  # the newest version of a store
version.scan("rvu", "RVU26A").collect()  # a table as a polars LazyFrame
answer = pfsetl.price("99213", "2026-02-01", locality="CA/18", output=version)
answer["allowed"], [step["detail"] for step in answer["steps"]]
```

The package has types (`py.typed`): `mypy --strict` knows every answer. `import pfsetl` itself imports no library; each
name does when it's used. Several threads may call all of it, also with one `Version`. Worker processes are to be
spawned (`multiprocessing.get_context("spawn")`): in a fork of a process that has used polars, polars waits for ever.

The columns of the tables are in [tables.md](tables.md), other readers (DuckDB, pandas, Spark) in
[consumers.md](consumers.md), the terms in [glossary.md](glossary.md). `make docs` writes this page from signatures and
docstrings.
"""


def page() -> str:
    """Return the page, in Markdown."""
    public = {name: getattr(pfsetl, name) for name in pfsetl.__all__}
    parts = [_PREFACE]
    parts += [_function(f"pfsetl.{name}", one) for name, one in public.items() if inspect.isfunction(one)]
    parts += [_record(name, one) for name, one in public.items() if is_dataclass(one)]
    answers = {name: one for name, one in public.items() if is_typeddict(one)}
    parts += ["## Answers\n\nPlain dictionaries. Amounts are `Decimal` dollars, days are `datetime.date`.\n"]
    parts += [_answer(name, one, answers) for name, one in answers.items()]
    parts += [f"## `PfsetlError`\n\n{_told(pfsetl.PfsetlError)}"]
    parts += [f"```\n{inspect.getdoc(errors)}\n```\n"]
    return "\n".join(parts)


def _function(name: str, function: Any, level: str = "##") -> str:
    told = f"{level} `{name}`\n\n```python\n{_signature(name, function)}\n```\n\n{_told(function)}"
    rows = [f"| `{key}` | {_cells(kind)} |" for key, kind in _unpacked(function).items()]
    return "\n".join([told, "| argument | type | meaning |\n|---|---|---|", *rows, ""]) if rows else told


def _record(name: str, record: Any) -> str:
    attributes = [f"* `{field}: {kind}`" for field, kind in _fields(record)]
    public = {n: m for n, m in vars(record).items() if not n.startswith("_")}
    properties = [
        f"* `{n}: {ast.unparse(_tree(m.fget).returns)}`: {' '.join((inspect.getdoc(m) or '').split())}"
        for n, m in public.items()
        if isinstance(m, property)
    ]
    methods = [_function(f"{name}.{n}", m, "###") for n, m in public.items() if inspect.isfunction(m)]
    listed = "\n".join([*attributes, *properties])
    return "\n".join([f"## `{name}`\n\n{_told(record)}\n{listed}\n", *methods])


def _answer(name: str, answer: Any, answers: dict[str, Any]) -> str:
    keys = get_type_hints(answer, include_extras=True)
    held = [other for other in answers if keys.keys() > get_type_hints(answers[other]).keys()]
    known = set(get_type_hints(answers[held[0]])) if held else set()
    also = f"\nEvery key of [`{held[0]}`](#{held[0].lower()}), and:\n" if held else ""
    rows = [f"| `{key}` | {_cells(kind)} |" for key, kind in keys.items() if key not in known]
    return "\n".join([f"### `{name}`\n\n{_told(answer)}{also}", "| key | type | meaning |\n|---|---|---|", *rows, ""])


def _cells(kind: Any) -> str:
    optional = get_origin(kind) is NotRequired
    told, meaning = get_args(get_args(kind)[0] if optional else kind)
    shown = _named(told).replace("|", r"\|")
    return f"`{shown}`{', may be absent' if optional else ''} | {meaning}"


def _named(kind: Any) -> str:
    if get_origin(kind) in (Union, types.UnionType):
        return " | ".join(_named(one) for one in get_args(kind))
    if get_origin(kind) is Annotated:
        return _named(get_args(kind)[0])
    if get_origin(kind):
        return f"{kind.__origin__.__name__}[{', '.join(_named(one) for one in get_args(kind))}]"
    return "None" if kind is types.NoneType else str(kind.__name__)


def _tree(function: Any) -> Any:
    return ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]


def _signature(name: str, function: Any) -> str:
    tree = _tree(function)
    parameters = [p for p in _parameters(tree.args) if p != "self"]
    parameters += [
        f"{key}: {_named(kind)} = {_shown(dict(NOT_SAID)[key])}" for key, kind in _unpacked(function).items()
    ]
    returned = f" -> {ast.unparse(tree.returns)}"
    line = f"{name}({', '.join(parameters)}){returned}"
    return line if len(line) <= 100 else f"{name}(\n" + "".join(f"    {p},\n" for p in parameters) + f"){returned}"


def _unpacked(function: Any) -> dict[str, Any]:
    """Return the keyword arguments that a function takes as `**billed: Unpack[Billed]`, with their types."""
    kind = getattr(function, "__annotations__", {}).get("billed")
    return get_type_hints(get_args(kind)[0], include_extras=True) if kind else {}


def _shown(default: object) -> str:
    return repr(default).replace("'", '"')


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    none: list[ast.expr | None] = [None]
    defaults = none * (len(arguments.args) - len(arguments.defaults)) + arguments.defaults
    yield from map(_parameter, arguments.args, defaults)
    if arguments.kwonlyargs:
        yield "*"
        yield from map(_parameter, arguments.kwonlyargs, arguments.kw_defaults)


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    kind = f": {ast.unparse(argument.annotation)}" if argument.annotation else ""
    return f"{argument.arg}{kind}{f' = {_literal(default)}' if default else ''}"


def _literal(default: ast.expr) -> str:
    return ast.unparse(default).replace("'", '"')


def _fields(record: Any) -> list[tuple[str, str]]:
    return [
        (ast.unparse(node.target), ast.unparse(node.annotation))
        for node in _tree(record).body
        if isinstance(node, ast.AnnAssign)
    ]


def _told(documented: Any) -> str:
    """Return a docstring as Markdown, its examples as code."""
    paragraphs = (inspect.getdoc(documented) or "").replace("  # doctest: +SKIP", "").split("\n\n")
    return "\n\n".join(f"```python\n{p}\n```" if p.startswith(">>>") else p for p in paragraphs) + "\n"
