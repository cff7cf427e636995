"""Where the declarations live: `schemas/`, inside the wheel or beside the source tree, and a folder laid over it.

`PFSETL_SCHEMAS` (`--schemas`) names a folder of your own with files of the same names and columns. Its rows take the
place of the shipped rows with the same key, others are added. Rows come in the order of their keys, so their order in a
file means nothing, and they're read and checked once in a process.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, cast

import polars as pl

from pfsetl.declared import clashes, records, references
from pfsetl.declared.files import Declaration, read
from pfsetl.declared.records.sheet import Key, Row, Sheet, cell
from pfsetl.errors import ContractError, PfsetlError, UsageError

VARIABLE = "PFSETL_SCHEMAS"
OWN = "schemas: "  # begins what is said of the rows of your own


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
    for file in own_files(path):
        if file in names():
            continue
        if file.endswith(".yaml"):
            raise UsageError(f"{path / file}: a contract can't be laid over the shipped one, rows of csv files can.")
        raise UsageError(
            f"{path / file}: no declaration has this name. A folder of your own may hold {', '.join(names())}; move "
            "other files out of it."
        )
    return path


def own_files(path: Path) -> list[str]:
    """Return the files of a folder of declarations, relative to it; what begins with a dot isn't one.

    Raises UsageError for a folder that can't be read, which would say nothing.
    """

    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename}: {error.strerror}. Let this user read the folder of your declarations.")

    inside = (Path(at, name) for at, _, names in os.walk(path, onerror=refuse) for name in names)
    found = (p.relative_to(path) for p in inside if p.is_file())
    return sorted(p.as_posix() for p in found if not any(part.startswith(".") for part in p.parts))


def rows(sheet: Sheet[Row]) -> tuple[Row, ...]:
    """Return the rows of a file as records, in the order of their keys: the shipped ones, and your own over them.

    Raises ContractError with file and line for what isn't right in a row, for rows that can't be right together and for
    one that names what isn't declared; UsageError where the row is your own.
    """
    return cast("tuple[Row, ...]", _rows(sheet.name))


def rows_on(sheet: Sheet[Row], day: date) -> Iterator[Row]:
    """Yield the rows of a file that hold on a day, by its columns of the first and last day."""
    first, last = sheet.days or ("", "")
    for row in rows(sheet):
        if (cell(row, first) or date.min) <= day <= (cell(row, last) or date.max):
            yield row


def texts(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of one file as they're written, e.g. of `layouts/pprrvu.csv`, every cell a string."""
    return tuple(_holding(name, key).texts[key] for key in _checked(name))


@cache
def _rows(name: str) -> tuple[Any, ...]:
    return tuple(_checked(name).values())


@cache
def _checked(name: str) -> Mapping[Key, Any]:
    sheet, found = records.sheet(name), _merged(name)
    for key, said in references.dangling(sheet, found, _words, lambda key: is_own(name, *key)):
        raise wrong_row(name, *key, said=said)
    for one, other, said in clashes.clashes(sheet, found, rows):
        # NOTE: of a shipped row and one of your own, yours is the one to change.
        beside, mine = sorted((one, other), key=lambda key: is_own(name, *key))
        raise wrong_row(name, *mine, said=said if one == other else f"{said} The other is {line_of(name, *beside)}.")
    return found


@cache
def _merged(name: str) -> Mapping[Key, Any]:
    shipped, mine = _shipped(name).by_key, _mine(name)
    found = shipped | mine.by_key if mine else shipped
    return {key: found[key] for key in sorted(found)}


@cache
def _words(name: str, column: str, of: tuple[str, str] | None = None) -> frozenset[str]:
    """Return the words of one column of a file, as they're written; with a column and value `of`, of rows with it."""
    rows_ = (_holding(name, key).texts[key] for key in _merged(name))
    written = (row[column] for row in rows_ if of is None or row[of[0]] == of[1])
    return frozenset(word for text in written for word in (text, *text.split()))


@cache
def code_lists() -> Mapping[str, pl.DataFrame]:
    """Return CMS's indicator lists by indicator (`status`, `pctc`, ...), every cell a string."""
    lists = [name for name in names() if name.startswith("codes/")]
    return {
        name.removeprefix("codes/").removesuffix(".csv"): pl.DataFrame(
            texts(name), schema=dict.fromkeys(columns(name), pl.String)
        )
        for name in lists
    }


def columns(name: str) -> tuple[str, ...]:
    """Return the columns of one declaration file."""
    return _shipped(name).columns


def named(*names: str) -> str:
    """Return how a message names files that rows can be added to, and their columns; an installed one isn't edited.

    A file that isn't there yet is made with these columns as its first line.
    """
    mine = own() or (folder() if folder().parent == Path(__file__).parents[3] else None)
    told = [f"{_seen(mine / name) if mine else name} (first line {','.join(columns(name))})" for name in names]
    return " and ".join(told) + ("" if mine else f" in a folder of your own, which --schemas or {VARIABLE} names")


def listed(name: str) -> str:
    """Return where a file can be read: the shipped one, and the rows of your own that are laid over it."""
    mine = _mine(name)
    return " and ".join(_seen(one.path) for one in (mine, _shipped(name)) if one)


def where(texts: Iterable[str]) -> list[str]:
    """Return where rows can be added to the files that texts name.

    What is kept in a manifest names a file alone (`releases.csv`), because a path holds on one machine only.
    """
    said = "\n".join(texts)
    return [named(name) for name in names() if re.search(rf"(?<![\w/.-]){re.escape(name)}\b", said)]


def line_of(name: str, *key: str) -> str:
    """Return where a row stands, as a message names it: the file and its line."""
    one = _holding(name, key)
    return f"{one.path} line {one.lines[key]}"


def is_own(name: str, *key: str) -> bool:
    """Return whether a row is one of your own."""
    return _holding(name, key) is not _shipped(name)


def wrong_row(name: str, *key: str, said: str) -> PfsetlError:
    """Return the error for a row that can't be right, with its file and line: one of your own is a wrong request."""
    kind = UsageError if is_own(name, *key) else ContractError
    return kind(f"{line_of(name, *key)}: {said}")


def own_rows() -> dict[str, int]:
    """Return how many rows of each file are your own, e.g. `{"codes/status.csv": 1}`."""
    found = {name: _mine(name) for name in own_files(path)} if (path := own()) else {}
    return {name: len(mine.by_key) for name, mine in found.items() if mine and _checked(name)}


def own_notices() -> list[str]:
    """Say which declarations are your own, if any."""
    return [f"{OWN}{count} of the rows of {name} your own" for name, count in own_rows().items()]


def _seen(path: Path) -> str:
    """Return a path as it's typed from here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


@cache
def names() -> tuple[str, ...]:
    """Return the name of every file of declarations."""
    return tuple(sorted(p.relative_to(folder()).as_posix() for p in folder().rglob("*.csv")))


def _holding(name: str, key: Key) -> Declaration[Any]:
    mine = _mine(name)
    return mine if mine and key in mine.by_key else _shipped(name)


@cache
def _shipped(name: str) -> Declaration[Any]:
    return read(folder() / name, records.sheet(name))


@cache
def _mine(name: str) -> Declaration[Any] | None:
    path = own()
    if path is None or not (path / name).is_file():
        return None
    try:
        return read(path / name, records.sheet(name))
    except ContractError as error:  # what the user gave can't be right; the shipped ones are our fault
        raise UsageError(str(error)) from error
