"""Other declarations than the shipped ones, for a test."""

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any

import pytest

from pfsetl.cli import main
from pfsetl.declared import contracts, declarations
from pfsetl.declared.records.sheet import Sheet

Cells = Mapping[str, str]
OF_THE_SHIPPED = (declarations._shipped, declarations.names)  # which a folder that is laid over them doesn't change


def only(monkeypatch: pytest.MonkeyPatch, sheet: Sheet[Any], *rows: Any) -> None:
    """Let these be the rows of one file, and leave the others as they are."""
    shipped = declarations.rows
    monkeypatch.setattr(declarations, "rows", lambda asked: rows if asked == sheet else shipped(asked))


def forget(*kept: object) -> None:
    """Forget what was read of declarations, and what was made of it; `kept` still holds."""
    kept = (contracts.load, declarations.folder, *kept)
    for module in [m for name, m in list(sys.modules.items()) if name.partition(".")[0] == "pfsetl"]:
        for value in list(vars(module).values()):
            if isinstance(value, _lru_cache_wrapper) and value not in kept:
                value.cache_clear()


@contextmanager
def laid_over(at: Path) -> Iterator[None]:
    """Lay a folder over the shipped declarations, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(declarations.VARIABLE, str(at))
        forget(*OF_THE_SHIPPED)
        try:
            yield
        finally:
            patch.undo()
            forget(*OF_THE_SHIPPED)


@contextmanager
def shipped_from(at: Path) -> Iterator[None]:
    """Take another folder for that of the shipped declarations, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(declarations, "folder", lambda: at)
        forget()
        try:
            yield
        finally:
            patch.undo()
            forget()


def command(*arguments: object) -> tuple[int, str, str]:
    """Run the command line in this process, which reads the declarations anew; return exit code, output, errors."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        patch.setenv(declarations.VARIABLE, "")  # which --schemas sets
        forget(*OF_THE_SHIPPED)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            patch.undo()
            forget(*OF_THE_SHIPPED)
    return code, out.getvalue(), err.getvalue()


def write(at: Path, name: str, *rows: Cells) -> None:
    """Write a file of declarations with these rows; cells that aren't given are empty."""
    columns = declarations.columns(name)
    lines = [",".join(columns), *(",".join(f'"{row.get(c, "")}"' for c in columns) for row in rows)]
    (at / name).parent.mkdir(parents=True, exist_ok=True)
    (at / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
