"""The core knows nothing of Prefect: flows import pfsetl, never the other way round."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pfsetl

SOURCES = sorted(Path(pfsetl.__file__).parent.rglob("*.py"))
ALL_MODULES = """
import importlib, pkgutil, sys, pfsetl
for module in pkgutil.walk_packages(pfsetl.__path__, "pfsetl."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"prefect", "flows"}))
"""


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_module_of_the_core_imports_prefect_or_the_flows(path: Path) -> None:
    assert {"prefect", "flows"}.isdisjoint(imported(path.read_text()))


def test_importing_every_module_of_the_core_does_not_load_prefect() -> None:
    found = subprocess.run([sys.executable, "-c", ALL_MODULES], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_the_flow_does_load_prefect() -> None:
    assert {"prefect", "pfsetl"} <= set(imported((Path(__file__).parents[2] / "flows" / "build.py").read_text()))
