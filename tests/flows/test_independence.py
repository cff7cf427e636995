"""The core knows nothing of Prefect: `pfsetl.flows` imports the rest of pfsetl, never the other way round."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pfsetl

ROOT = Path(pfsetl.__file__).parent
TESTS = sorted(Path(__file__).parents[1].rglob("*.py"))
SOURCES = sorted(path for path in ROOT.rglob("*.py") if path.parent.name != "flows")
ALL_MODULES = """
import importlib, pkgutil, sys, pfsetl
for module in pkgutil.walk_packages(pfsetl.__path__, "pfsetl."):
    if not module.name.endswith("__main__") and not module.name.startswith("pfsetl.flows"):
        importlib.import_module(module.name)
print(*sorted(name for name in sys.modules if name == "prefect" or name.startswith("pfsetl.flows.")))
"""


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def of_flows(source: str) -> list[str]:
    """What a source imports of Prefect or of the flows."""
    return [n for n in imported(source) if n.startswith(("prefect", "flows", "pfsetl.flows"))]


def test_no_module_of_the_core_imports_prefect_or_the_flows() -> None:
    found = {path.relative_to(ROOT).as_posix(): of_flows(path.read_text()) for path in SOURCES}
    assert {path: names for path, names in found.items() if names} == {}


def test_importing_every_module_of_the_core_does_not_load_prefect() -> None:
    found = subprocess.run([sys.executable, "-c", ALL_MODULES], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_the_flow_does_load_prefect() -> None:
    assert {"prefect", "pfsetl.pipeline.request"} <= set(imported((ROOT / "flows" / "build.py").read_text()))


def test_collecting_the_tests_does_not_load_prefect() -> None:
    """Each worker collects all tests, and few workers run those of the flows."""

    def at_once(path: Path) -> list[str]:
        statements = ast.parse(path.read_text()).body
        return of_flows(
            "\n".join(ast.unparse(one) for one in statements if isinstance(one, ast.Import | ast.ImportFrom))
        )

    assert [path.name for path in TESTS if at_once(path)] == []
