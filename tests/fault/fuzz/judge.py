"""Judge a mutant against the tables of the unmutated archive.

right     every cell of the source tables (rvu, gpci, locality_county, anesthesia, opps_cap) is as unmutated, and the
          label is the archive's own.
refused   a PfsetlError, or a broken rule of severity error: a build publishes nothing.
reported  published and different, and something that isn't said of the unmutated archive points there: a difference
          between formats in a column that changed, a rejected line of the file that was changed, a broken rule or a
          missing member of a table that changed, a notice or an ignored file that names the file; where one is absent,
          a notice that names the column that differs.
silent    published and different, nothing pointing there is said. An archive under another label is silent unless
          refused or noticed.
crashed   any exception that isn't a PfsetlError, or was met as Unexpected; `hung` and `died` are told by whoever runs
          the judge.

Derived tables are functions of these five and the label, so they need no comparison. `rejects` and `source_lines`
tell where a file's lines went, and rightly change with the file.
"""

import math
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from pfsetl.declared import contracts
from pfsetl.errors import PfsetlError, Unexpected
from pfsetl.pipeline.examine import Examined, examine
from tests.fault.fuzz.mutations import Mutant
from tests.fault.fuzz.originals import Source, reduced

OUTCOMES = ("right", "refused", "reported", "silent", "crashed", "hung", "died")
SOURCE_TABLES = ("rvu", "gpci", "locality_county", "anesthesia", "opps_cap")
TABLE_OF = {"pprrvu": "rvu"}
ROWS = "(rows)"
SHOWN = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: `by` is the rule or function that spoke, `columns` what differs, as `table.column`.

    `moved` is the largest change of a number, in the unit of its column.
    """

    outcome: str
    by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: int = 0
    moved: float = 0.0
    told: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """An archive as a build would publish it: its tables, and everything said of it as (what, where, text)."""

    tables: Mapping[str, pl.DataFrame]
    said: frozenset[tuple[str, str, str]]
    errors: tuple[str, ...] = ()
    told: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)


def judge(source: Source, mutant: Mutant) -> Verdict:
    """Build a mutant as far as the commit and return what became of it."""
    try:
        seen = look(mutant.label, mutant.files, part=source.is_part)
    except Unexpected as error:
        cause = error.__cause__ or error.__context__ or error
        return Verdict("crashed", (_raised_in(cause),), told=f"{type(cause).__name__}: {cause}"[:SHOWN])
    except PfsetlError as error:
        return Verdict("refused", (_raised_in(error),), told=str(error)[:SHOWN])
    except BaseException as error:  # polars panics aren't Exceptions
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return Verdict("crashed", (_raised_in(error),), told=f"{type(error).__name__}: {error}"[:SHOWN])
    if seen.errors:
        return Verdict("refused", seen.errors, told=seen.told[:SHOWN])
    sound = unmutated(source.archive, source.formats)
    new = seen.said - sound.said
    if mutant.label != source.label:
        noticed = sorted({what for what, _, _ in new if what in ("notice", "label")})
        return Verdict("reported" if noticed else "silent", tuple(noticed), ("releases.release",), told=_text(new))
    columns, rows, keys, moved = differing(sound.tables, seen.tables)
    if not columns:
        return Verdict("right", told=_text(new))
    pointing = sorted({what for what, where, text in new if _points(what, where, text, mutant, columns, keys)})
    return Verdict("reported" if pointing else "silent", tuple(pointing), columns, rows, moved, _text(new))


@lru_cache(maxsize=4)
def unmutated(archive: str, formats: str) -> Seen:
    """Return an archive as it is published; raises AssertionError where it is refused, and then proves nothing."""
    source = reduced(archive, formats)
    seen = look(source.label, tuple((f.name, f.data) for f in source.files), part=source.is_part)
    assert not seen.errors, f"{source.name} is refused unmutated: {seen.told}"
    return seen


def look(label: str, files: tuple[tuple[str, bytes], ...], *, part: bool) -> Seen:
    """Examine an archive in an empty store; raises what a build raises."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, label)
        archive.mkdir()
        for name, data in files:
            (archive / name).write_bytes(data)
        examined = examine(label, archive, records={}, **_options(part=part))
    tables = {name: examined.tables[name] for name in SOURCE_TABLES}
    errors = tuple(f"{f.table}.{f.check}" for f in examined.report.errors)
    told = "; ".join(f"{f.table}: {f.description} {f.examples}" for f in examined.report.errors)
    return Seen(tables, frozenset(_said(examined)), errors, told)


def _options(*, part: bool) -> dict[str, Any]:
    return {"sample": True} if part and "sample" in examine.__annotations__ else {}


def _said(examined: Examined) -> list[tuple[str, str, str]]:
    """List everything that a build says of an archive, on screen or in the manifest."""
    found = examined.record
    said = [("missing", name.split(" ")[0], name) for name in found.missing]
    said += [("ignored", name, name) for name in found.ignored]
    said += [("notice", "", text) for text in found.notices]
    said += [
        ("format_difference", d.member, f"{d.field} {d.cells} {d.examples}")
        for d in found.format_differences
        if not d.explained
    ]
    said += [(f"{w.table}.{w.check}", w.table, f"{w.violations} {w.description} {w.examples}") for w in found.warnings]
    # NOTE: which line another one repeats is not news; that more of them do is.
    reasons = pl.col("reason").str.replace_all(r"\d+", "")
    rejects = examined.tables["rejects"].group_by("file", reasons).len()
    return said + [("rejected", file, f"{reason}: {count}") for file, reason, count in rejects.rows()]


def _points(what: str, where: str, text: str, mutant: Mutant, columns: tuple[str, ...], keys: frozenset[str]) -> bool:
    tables = {c.partition(".")[0] for c in columns}
    if what == "format_difference":
        names = {c.partition(".")[2] for c in columns}
        lost = text.startswith("(only in") and ROWS in names
        return TABLE_OF.get(where, where) in tables and (lost or any(_named(n, text.split(" ")[0]) for n in names))
    if what in ("rejected", "ignored"):
        return where == mutant.file
    if what == "missing":
        return TABLE_OF.get(where, where) in tables
    if what == "notice":
        of_another_format = mutant.kind == "member.absent" and any(c.partition(".")[2] in text for c in columns)
        return (bool(mutant.file) and mutant.file in text) or of_another_format
    return where in tables or any(key in text for key in keys)


def _named(column: str, cell: str) -> bool:
    """Whether a column of a table is a field of a file: the file has an anesthesia factor a participant."""
    return column in cell or cell in column or (cell.startswith("anesthesia_factor") and column == "conversion_factor")


def differing(
    sound: Mapping[str, pl.DataFrame], found: Mapping[str, pl.DataFrame]
) -> tuple[tuple[str, ...], int, frozenset[str], float]:
    """Return the columns in which tables differ, in how many rows, a few of the rows' keys, and the largest change."""
    columns: list[str] = []
    rows = 0
    keys: set[str] = set()
    moved = 0.0
    for name in SOURCE_TABLES:
        a, b = sound[name], found[name]
        if a.equals(b):
            continue
        key = list(contracts.load().tables[name].key)
        shown = [k for k in key if k in ("hcpcs", "state", "locality")]
        lost, more = (x.join(y, on=key, how="anti", nulls_equal=True) for x, y in ((a, b), (b, a)))
        if lost.height + more.height:
            # NOTE: the text of the counties is part of a key; as many other rows instead is a text that changed.
            reworded = "counties" in key and lost.height == more.height
            columns.append(f"{name}.counties" if reworded else f"{name}.{ROWS}")
            rows += lost.height + more.height
            keys |= _shown(pl.concat([lost, more]), shown)
        both = a.join(b, on=key, how="inner", suffix=" there", nulls_equal=True)
        for column in (c for c in a.columns if c not in key):
            changed = both.filter(pl.col(column).ne_missing(pl.col(f"{column} there")))
            if changed.height:
                columns.append(f"{name}.{column}")
                rows += changed.height
                keys |= _shown(changed, shown)
                moved = max(moved, _moved(changed, column))
    return tuple(columns), rows, frozenset(keys), moved


def _moved(changed: pl.DataFrame, column: str) -> float:
    """Return the largest change of a column; 0 where it has no numbers, infinite where numbers only came or went."""
    if not changed[column].dtype.is_numeric():
        return 0.0
    both = changed.select((pl.col(column).cast(pl.Float64) - pl.col(f"{column} there").cast(pl.Float64)).abs())
    return round(max((v for v in both.to_series() if v is not None), default=math.inf), 6)


def _shown(rows: pl.DataFrame, key: list[str]) -> set[str]:
    """Return a few rows' keys as messages write them: "99213 26", "CA/18"."""
    found = rows.head(20).select(key).unique().rows()
    return {joint.join(row) for row in found for joint in (" ", "/")}


def _raised_in(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/pfsetl/" in f.filename]
    last = frames[-1] if frames else None
    return f"{Path(last.filename).stem}.{last.name}" if last else type(error).__name__


def _text(said: frozenset[tuple[str, str, str]]) -> str:
    return "; ".join(sorted(" ".join(s) for s in said))[:SHOWN]
