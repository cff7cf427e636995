"""Rules of the source code itself: one place multiplies money, and no release or year is named in code."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "pfsetl"
MODULES = sorted(SOURCE.rglob("*.py"))
MONEY = re.compile(r"(_rvu|_gpci|conversion_factor|_amount|_payment|_charge)(_full|_without_floor)?$")
LABEL = re.compile(r"RVU\d\d[A-Z0-9_]*|(19|20)\d\d")
METHODS_THAT_MULTIPLY = {"mul", "dot", "cum_prod", "product", "__mul__", "truediv", "pow"}
METHODS_THAT_COMPARE = {"eq", "ne", "gt", "ge", "lt", "le", "is_in", "is_between", "startswith", "starts_with",
                        "filter", "eq_missing", "ne_missing"}  # fmt: skip


def words(tree: ast.AST) -> Iterator[str]:
    """Return the names and texts that occur in an expression."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Constant(value=str(word)):
                yield word


def multiplied_money(source: str) -> list[int]:
    """Return the lines that multiply or divide a money column."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.BinOp(op=ast.Mult() | ast.Div() | ast.Pow()) | ast.AugAssign(op=ast.Mult() | ast.Div()):
                operands: list[ast.AST] = [node]
            case ast.Call(func=ast.Attribute(attr=name, value=value), args=args) if name in METHODS_THAT_MULTIPLY:
                operands = [value, *args]
            case _:
                continue
        if any(MONEY.search(word) for operand in operands for word in words(operand)):
            found.append(node.lineno)
    return found


def named_releases(source: str) -> list[int]:
    """Return the lines that compare something with a year or a release label written in the code."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Compare(left=left, comparators=others):
                operands: list[ast.AST] = [left, *others]
            case ast.Call(func=ast.Attribute(attr=name), args=args, keywords=keywords) if name in METHODS_THAT_COMPARE:
                operands = [*args, *(k.value for k in keywords)]
            case ast.MatchValue(value=value):
                operands = [value]
            case ast.Dict(keys=keys):
                operands = [key for key in keys if key]
            case ast.Subscript(slice=key):
                operands = [key]
            case _:
                continue
        constants = (c.value for o in operands for c in ast.walk(o) if isinstance(c, ast.Constant))
        if any(not isinstance(c, bool) and LABEL.fullmatch(str(c)) for c in constants):
            found.append(node.lineno)
    return found


def modules_with(search: Callable[[str], list[int]]) -> dict[str, list[int]]:
    """Return the modules in which a search finds lines, and the lines."""
    found = {module.relative_to(SOURCE).as_posix(): search(module.read_text()) for module in MODULES}
    return {module: lines for module, lines in found.items() if lines}


def test_money_is_multiplied_in_one_module_only():
    assert modules_with(multiplied_money).keys() == {"tables/exact.py"}


def test_no_release_or_year_is_compared_in_code():
    assert modules_with(named_releases) == {}


def test_there_are_modules_to_look_at():
    assert {"exact.py", "derive.py", "request.py"} <= {m.name for m in MODULES}


@pytest.mark.parametrize(
    "source",
    [
        'pl.col("work_rvu") * pl.col("work_gpci")',
        'frame["conversion_factor"] * 2',
        "total = row.mp_rvu / 2",
        'pl.col("nonfacility_pe_rvu").mul(1.5)',
        'x *= scaled("pe_gpci")',
        'amount = pl.col("facility_amount") * 0.95',
    ],
)
def test_the_search_finds_multiplied_money(source):
    assert multiplied_money(source) == [1]


@pytest.mark.parametrize(
    "source",
    [
        'if release == "RVU17A": pass',
        "if release.year >= 2013: pass",
        'rows = pl.col("year") < 2026',
        'wide = label in ("RVU09A", "RVU11A")',
        'frame.filter(release="RVU26A")',
        'pl.col("release").is_in(["RVU11A"])',
        'label.startswith("RVU09")',
        'widths = {2009: 206, "x": 171}',
        "match year:\n case 2011: pass",
        'special = known["RVU12AR"]',
    ],
)
def test_the_search_finds_named_releases(source):
    assert len(named_releases(source)) == 1


@pytest.mark.parametrize(
    "source", ["amount_cents(work_rvu, work_gpci)", "2 * count", "release.year == base.year", "date(2000 + yy, 1, 1)"]
)
def test_the_search_leaves_other_code_alone(source):
    assert multiplied_money(source) + named_releases(source) == []
