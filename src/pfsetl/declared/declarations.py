"""Where the declarations live: `schemas/`, inside the wheel or beside the source tree, and a folder laid over it.

`PFSETL_SCHEMAS` (`--schemas`) names a folder of your own with files of the same names and columns. Its rows come first,
and take the place of the shipped rows with the same key (`schemas/keys.csv`). They are read once in a process.
"""

import hashlib
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import polars as pl

from pfsetl.declared.files import Declaration, read, rule_of
from pfsetl.errors import ContractError, UsageError

VARIABLE = "PFSETL_SCHEMAS"


@cache
def folder() -> Path:
    """Return the folder of the shipped declarations (`releases.csv`, `layouts/`, `pfs.odcs.yaml`, ...)."""
    package = Path(__file__).parents[1]
    for candidate in (package / "schemas", package.parents[1] / "schemas"):
        if (candidate / "releases.csv").is_file():
            return candidate
    raise ContractError(f"{package}: the folder 'schemas' is missing. Reinstall pfsetl.")


@cache
def own() -> Path | None:
    """Return the folder that is laid over the shipped declarations, None where `PFSETL_SCHEMAS` names none.

    Raises UsageError for a folder that isn't there, and for a file in it that isn't one of the shipped declarations.
    """
    named = os.environ.get(VARIABLE, "")
    if not named:
        return None
    path = Path(named).expanduser().absolute()
    if not path.is_dir():
        raise UsageError(f"{path}: no such folder. --schemas and {VARIABLE} name a folder of declarations of your own.")
    known = sorted(p.relative_to(folder()).as_posix() for p in folder().rglob("*.csv") if p.name != "keys.csv")
    for file in own_files(path):
        if file in known:
            continue
        if file.endswith(".yaml"):
            raise UsageError(f"{path / file}: a contract can't be laid over the shipped one, rows of csv files can.")
        raise UsageError(
            f"{path / file}: no declaration has this name. A folder of your own may hold {', '.join(known)}; move "
            "other files out of it."
        )
    return path


def own_files(path: Path) -> list[str]:
    """Return the files of a folder of declarations, relative to it; what begins with a dot isn't one."""
    found = (p.relative_to(path) for p in path.rglob("*") if p.is_file())
    return sorted(p.as_posix() for p in found if not any(part.startswith(".") for part in p.parts))


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of one declaration file, e.g. `layouts/pprrvu.csv`, every cell a string; own rows come first.

    Raises ContractError, with file and line, for a row that isn't one or a key that stands twice.
    """
    shipped = _shipped(name)
    mine = _mine(name)
    if mine is None:
        return tuple(shipped.by_key.values())
    if mine.columns != shipped.columns:
        missing = [c for c in shipped.columns if c not in mine.columns]
        unknown = [c for c in mine.columns if c not in shipped.columns]
        wrong = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"{', '.join(unknown)} unknown"] * bool(unknown)
        raise ContractError(
            f"{mine.path} line 1: {'; '.join(wrong) or 'columns in another order'}. Its columns are "
            f"{','.join(shipped.columns)}, as in {shipped.path}."
        )
    return (*mine.by_key.values(), *(row for key, row in shipped.by_key.items() if key not in mine.by_key))


@cache
def code_lists() -> Mapping[str, pl.DataFrame]:
    """Return CMS's indicator lists by indicator (`status`, `pctc`, ...), every cell a string."""
    names = sorted(path.name for path in (folder() / "codes").glob("*.csv"))
    return {
        name.removesuffix(".csv"): pl.DataFrame(
            rows(f"codes/{name}"), schema=dict.fromkeys(_shipped(f"codes/{name}").columns, pl.String)
        )
        for name in names
    }


def columns(name: str) -> tuple[str, ...]:
    """Return the columns of one declaration file."""
    return _shipped(name).columns


def named(name: str) -> str:
    """Return how a message names the file that a row can be added to: an installed one isn't to be edited."""
    if mine := own():
        return str(mine / name)
    if folder().parent == Path(__file__).parents[3]:
        return f"schemas/{name}"
    return f"{name} in a folder of your own, which --schemas or {VARIABLE} names"


def own_rows() -> dict[str, int]:
    """Return how many rows of each file are your own, e.g. `{"codes/status.csv": 1}`."""
    found = {name: _mine(name) for name in own_files(path)} if (path := own()) else {}
    return {name: len(mine.by_key) for name, mine in found.items() if mine and rows(name)}


def own_notices() -> list[str]:
    """Say which declarations are your own, if any."""
    return [f"schemas: {count} of the rows of {name} your own" for name, count in own_rows().items()]


@cache
def digest() -> str:
    """Return a hash of the declarations that archives are read by; those of `watch/` change nothing of what is read."""
    shipped = ((p.relative_to(folder()).as_posix(), p) for p in folder().rglob("*") if p.is_file())
    mine = [(f"own/{name}", path / name) for name in own_files(path)] if (path := own()) else []
    reading = [(name, p) for name, p in [*sorted(shipped), *mine] if p.parent.name != "watch"]
    files = (f"{name} {hashlib.sha256(p.read_bytes()).hexdigest()}" for name, p in reading)
    return hashlib.sha256("\n".join(files).encode()).hexdigest()


@cache
def _shipped(name: str) -> Declaration:
    return read(folder() / name, rule_of(name, folder() / "keys.csv"))


@cache
def _mine(name: str) -> Declaration | None:
    path = own()
    return read(path / name, rule_of(name, folder() / "keys.csv")) if path and (path / name).is_file() else None
