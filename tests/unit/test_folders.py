"""The folders of `src/pfsetl` are steps: each imports from those before it, never from a later one."""

import ast
from pathlib import Path

import pfsetl

STEPS = [
    "errors", "frugal", "near", "plural", "document", "remedies", "storage", "declared", "source", "parsing",
    "proposing", "tables", "checks", "publication", "upkeep", "loading", "export", "iceberg", "pricing", "payers",
    "story", "site", "pipeline", "watching", "cli", "flows",
]  # fmt: skip
ROOT = Path(pfsetl.__file__).parent


def step_of(module: str) -> int:
    return STEPS.index(module.split(".")[1])


def imported_steps(source: str) -> list[str]:
    """Modules of pfsetl that a source imports: `from pfsetl import x` and `from pfsetl.x... import y`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "pfsetl":
            found += [f"pfsetl.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pfsetl."):
            found.append(node.module)
    return found


def test_a_module_imports_only_from_its_step_and_those_before() -> None:
    wrong = []
    for path in (p for p in sorted(ROOT.rglob("*.py")) if p.name not in ("__init__.py", "__main__.py")):
        module = path.relative_to(ROOT).with_suffix("")
        own = STEPS.index(module.parts[0])
        wrong += [(str(module), name) for name in imported_steps(path.read_text()) if step_of(name) > own]
    assert not wrong, "\n".join(map(str, wrong))


def test_the_rule_sees_an_import_of_a_later_step() -> None:
    assert imported_steps("from pfsetl.cli.card import card\nfrom pfsetl import pipeline") == [
        "pfsetl.cli.card",
        "pfsetl.pipeline",
    ]
