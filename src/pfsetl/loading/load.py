"""Load a file that CMS publishes beside the releases: read, checked, and kept with the day from which it holds."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from pfsetl.checks import check, completeness
from pfsetl.checks.check import Finding, Report
from pfsetl.checks.judgement import PLACE
from pfsetl.declared.contracts import Table
from pfsetl.declared.records.archives import CompanionRow
from pfsetl.errors import ValueRefused
from pfsetl.loading.read import CompanionFile, read
from pfsetl.loading.write import Kept, write
from pfsetl.loading.zip_places import unknown_places
from pfsetl.plural import count
from pfsetl.publication import companions
from pfsetl.publication.companions import Companion, in_turn, loaded, made_of
from pfsetl.remedies import command
from pfsetl.storage.store import Store
from pfsetl.tables import companions as tables


def load(
    store: Store,
    path: Path | Sequence[Path],
    effective_from: date | None = None,
    *,
    sample: bool = False,
    accept: Collection[str] = (),
) -> Kept:
    """Read a companion file, or the files that are its parts, and keep it in the store; say whether it had it.

    The same file again changes nothing. The first day it holds is what it says itself (`schemas/companions.csv`) unless
    it is given. Raises ChecksFailed for a file that isn't whole (`schemas/floors.csv`) or lacks codes that a loaded
    file of the same day has; a `sample` is a part and says so, and with `loss` among `accept` it's kept, and its record
    says what is missing.
    """
    file = read([path] if isinstance(path, Path) else list(path), effective_from)
    placed = unknown_places(store, file.rows, file.day, file.name) if {"zip", *PLACE} <= {*file.rows.columns} else []
    first, *others = tables.tables_of(file.row.companion)
    frame = tables.in_order(file.rows, first)
    missing, warned = _judged(store, file, frame, first, sample=sample, accept=accept)
    said = (*file.said, *placed, *file.said_of_day, *warned)
    one = Companion(
        first.name, file.day, file.name, file.sha256, frame.height, "", sample, missing, parts=file.parts, notices=said
    )
    kept = _keep(store, one, frame, first)
    for table in others:
        frame = tables.in_order(frame, table)
        _keep(store, one, frame, table)
    return kept


def _judged(
    store: Store, file: CompanionFile, frame: pl.DataFrame, table: Table, *, sample: bool, accept: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is missing in a file and accepted, and the warnings on its rows; raises for what isn't accepted."""
    _refuse_empty(frame, table, file.name)
    _refuse_twice(frame, table, file.name)
    lost = _parts_lost(file, sample=sample) + _lost(store, file, frame, sample=sample)
    lost += [] if sample else _fewer(store, file.row, file.day, frame.height)
    report = Report(f"{file.name} from {file.day}", (*lost, *check.rules_of(frame, table))).accepting(accept)
    report.raise_if_bad(of_file=True)
    return (
        tuple(f.description for f in lost if f.violations),
        tuple(_warned(f) for f in report.warnings if f not in lost and f.dimension != check.WHOLE),
    )


def _keep(store: Store, one: Companion, frame: pl.DataFrame, table: Table) -> Kept:
    """Write one table of a file, as the last of those that are loaded for the same day."""
    before = loaded(store, table.name)
    others = [c for c in before if c.effective_from == one.effective_from and c.sha256 != one.sha256]
    one = replace(
        one,
        kind=table.name,
        path=f"companions/{table.name}/{one.effective_from}-{one.sha256[:16]}.parquet",
        notices=(*one.notices, *_far_ahead(one, store), *_same_bytes(before, one, store), *_replaces(others)),
        turn=max((c.turn + 1 for c in others), default=0),
    )
    return write(store, one, frame, table)


def _same_bytes(files: Sequence[Companion], one: Companion, store: Store) -> list[str]:
    """Say from which other days on the same file holds: its name may be wrong, or a day that was given."""
    return [
        f"the same bytes are loaded from {c.effective_from} on, as {c.file}. If that day is wrong, take it back: "
        f"{command(f'unload {made_of(c.kind)} {c.effective_from}', store)}"
        for c in files
        if c.sha256 == one.sha256 and c.effective_from != one.effective_from
    ]


def _far_ahead(one: Companion, store: Store) -> list[str]:
    """Say that a file holds from a year on for which CMS posts none yet: its name may be wrong, or the day given."""
    if one.effective_from.year <= datetime.now(UTC).year + 1:
        return []
    undo = command(f"unload {made_of(one.kind)} {one.effective_from}", store)
    return [f"nothing goes by it before {one.effective_from}. If that year is wrong, take it back: {undo}"]


def _replaces(others: Sequence[Companion]) -> list[str]:
    """Say which file of the same first day doesn't hold any more."""
    before = in_turn(others)[-1:]
    return [f"from {c.effective_from} on it holds instead of {c.file} (sha256 {c.sha256[:8]})" for c in before]


def _parts_lost(file: CompanionFile, *, sample: bool) -> list[Finding]:
    """Say which parts of a file in parts weren't given; a sample is asked for none."""
    row = file.row
    gone = [str(number) for number in range(1, row.parts + 1) if number not in file.numbers]
    if sample or not gone:
        return []
    return [completeness.parts_lost(row.companion, row.parts, gone)]


def _lost(store: Store, file: CompanionFile, frame: pl.DataFrame, *, sample: bool) -> list[Finding]:
    """Say what a file lacks: of what every whole one has, and of what is loaded for the same day."""
    kind, day = file.row.companion, file.day
    before = [c for c in loaded(store, kind) if c.effective_from == day and not c.sample and c.sha256 != file.sha256]
    if sample:
        return [completeness.replaced_by_sample(f"{c.file} from {day}", c.rows, kind) for c in before]
    found = completeness.floors({kind: frame}, day)
    return found + [
        completeness.codes_lost(
            kind, companions.rows(store, c, ", and the new file is held against it"), frame, f"{c.file} from {day}"
        )
        for c in before
    ]


def _fewer(store: Store, row: CompanionRow, day: date, rows: int) -> list[Finding]:
    """Hold a file against the whole one that holds before it, if any is loaded."""
    earlier = [c for c in loaded(store, row.companion) if c.effective_from < day and not c.sample and not c.lost]
    last = max(earlier, key=lambda c: c.effective_from, default=None)
    if last is None:
        return []
    what = f"{last.file} from {last.effective_from}"
    return [completeness.rows_fewer(row.companion, last.rows, rows, row.lost_at_most, what)]


def _warned(finding: Finding) -> str:
    shown = f", e.g. {'; '.join(finding.examples)}" if finding.examples else ""
    return f"{count(finding.violations, 'row')}: {finding.description.rstrip('.')}{shown}"


def _refuse_empty(frame: pl.DataFrame, table: Table, file: str) -> None:
    """Raise ValueRefused for a row without a value where every row has one."""
    for column in table.columns:
        if not column.nullable and frame[column.name].has_nulls():
            line = frame.filter(pl.col(column.name).is_null())["line"].sort()[0]
            raise ValueRefused(
                f"{file}: line {line}: no {column.name}, and every row has one. Download the file again."
            )


def _refuse_twice(frame: pl.DataFrame, table: Table, file: str) -> None:
    """Raise ValueRefused for a key that occurs twice in a frame that is in its order."""
    again = frame.select(same=pl.all_horizontal(pl.col(c) == pl.col(c).shift() for c in table.key))["same"]
    if again.any():
        at = again.arg_true()[0]
        first = frame.row(at, named=True)
        lines = ", ".join(str(line) for line in frame.filter(**{c: first[c] for c in table.key})["line"].sort())
        named = ", ".join(f"{c} {first[c]}" for c in table.key)
        raise ValueRefused(f"{file}: lines {lines}: {named} stands there more than once. Download the file again.")
