"""Load a file that CMS publishes beside the releases: read, checked, and kept with the day from which it holds."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from pfsetl.declared import registry
from pfsetl.declared.contracts import Table
from pfsetl.declared.records.archives import CompanionRow
from pfsetl.errors import ValueRefused
from pfsetl.loading import first_day
from pfsetl.loading.write import Loaded, write
from pfsetl.loading.zip_places import unknown_places
from pfsetl.parsing.parse import parse
from pfsetl.parsing.pieces import read_in_pieces
from pfsetl.parsing.read import notices
from pfsetl.plural import count
from pfsetl.publication import companions
from pfsetl.publication.companions import Companion, in_turn, loaded, made_of
from pfsetl.remedies import command
from pfsetl.source.companion import open_companion, part_of
from pfsetl.source.members import MemberFile
from pfsetl.storage.store import Store
from pfsetl.tables import check, completeness
from pfsetl.tables import companions as tables
from pfsetl.tables.check import Finding, Report
from pfsetl.tables.judgement import PLACE

_MOST_SAID = 3


@dataclass(frozen=True, slots=True)
class _Part:
    """One file as rows of its table, with what it says of itself."""

    name: str
    number: int
    sha256: str
    title: str
    quarters: tuple[str, ...]
    rows: pl.DataFrame
    said: tuple[str, ...]


def load(
    store: Store,
    path: Path | Sequence[Path],
    effective_from: date | None = None,
    *,
    sample: bool = False,
    accept: Collection[str] = (),
) -> Companion:
    """Read a companion file, or the files that are its parts, and keep it in the store.

    The same file again changes nothing. The first day it holds is what it says itself (`schemas/companions.csv`) unless
    it is given. Raises ChecksFailed for a file that isn't whole (`schemas/floors.csv`) or lacks codes that a loaded
    file of the same day has; a `sample` is a part and says so, and with `loss` among `accept` it's kept, and its record
    says what is missing.
    """
    return keep(store, path, effective_from, sample=sample, accept=accept).companion


def keep(
    store: Store,
    path: Path | Sequence[Path],
    effective_from: date | None = None,
    *,
    sample: bool = False,
    accept: Collection[str] = (),
) -> Loaded:
    """Load a file as `load` does, and say whether the store had it."""
    paths = [path] if isinstance(path, Path) else list(path)
    files = open_companion(*paths)
    row = registry.companion_kinds()[files[0].member]
    parts = [_read(row, file, _place(file, paths)) for file in files]
    told = first_day.first_day(
        row, [p.name for p in parts], paths, {q for p in parts for q in p.quarters}, [p.title for p in parts]
    )
    _refuse_same_part(parts)
    day = effective_from or told
    if day is None:
        raise first_day.refuse_undated(paths[0])
    if row.begins:
        for part in parts:
            first_day.refuse_later(part.rows, row.begins, day, part.name)
    named = parts[0].name + (f" and {len(parts) - 1} more" if len(parts) > 1 else "")
    digests = [part.sha256 for part in parts]
    sha256 = digests[0] if len(parts) == 1 else hashlib.sha256("".join(f"{d}\n" for d in digests).encode()).hexdigest()
    frame, told_of_all = tables.finished(pl.concat([part.rows for part in parts]), row.companion, named)
    placed = unknown_places(store, frame, day, named) if {"zip", *PLACE} <= {*frame.columns} else []
    said = (*(text for part in parts for text in part.said), *told_of_all, *placed)
    if not effective_from:
        said = (*said, *first_day.other_years(row, [p.name for p in parts], paths, [p.title for p in parts]))
    if effective_from and told and told != effective_from:
        said = (*said, f"loaded from {effective_from} on, as asked; the file itself says {told}")
    of_parts = tuple(f"{part.name} {part.sha256}" for part in parts) if len(parts) > 1 else ()
    kept: list[Loaded] = []
    missing: tuple[str, ...] = ()
    for table in tables.tables_of(row.companion):
        frame = tables.in_order(frame, table)
        if not kept:
            _refuse_empty(frame, table, named)
            _refuse_twice(frame, table, named)
            lost = _parts_lost(row, parts, sample=sample) + _lost(store, table.name, day, frame, sha256, sample=sample)
            lost += [] if sample else _fewer(store, row, day, frame.height)
            report = Report(f"{named} from {day}", (*lost, *check.rules_of(frame, table))).accepting(accept)
            report.raise_if_bad(of_file=True)
            missing = tuple(f.description for f in lost if f.violations)
            said = (*said, *(_warned(f) for f in report.warnings if f not in lost and f.dimension != check.WHOLE))
        before = loaded(store, table.name)
        others = [c for c in before if c.effective_from == day and c.sha256 != sha256]
        one = Companion(
            table.name, day, named, sha256, frame.height, f"companions/{table.name}/{day}-{sha256[:16]}.parquet",
            sample, missing, parts=of_parts,
            notices=(*said, *_same_bytes(before, day, sha256, store), *_replaces(others)),
            turn=max((c.turn + 1 for c in others), default=0),
        )  # fmt: skip
        kept.append(write(store, one, frame, table))
    return kept[0]


def _place(file: MemberFile, paths: Sequence[Path]) -> str:
    """Return how a message names a file: by its name, and one in a zip that was given alone with the zip's."""
    return f"{paths[0].name}/{file.name}" if len(paths) == 1 and paths[0].name != file.name else file.name


def _same_bytes(files: Sequence[Companion], day: date, sha256: str, store: Store) -> list[str]:
    """Say from which other days on the same file holds: its name may be wrong, or a day that was given."""
    return [
        f"the same bytes are loaded from {c.effective_from} on, as {c.file}. If that day is wrong, take it back: "
        f"{command(f'unload {made_of(c.kind)} {c.effective_from}', store)}"
        for c in files
        if c.sha256 == sha256 and c.effective_from != day
    ]


def _replaces(others: Sequence[Companion]) -> list[str]:
    """Say which file of the same first day doesn't hold any more."""
    before = in_turn(others)[-1:]
    return [f"from {c.effective_from} on it holds instead of {c.file} (sha256 {c.sha256[:8]})" for c in before]


def _read(row: CompanionRow, file: MemberFile, place: str) -> _Part:
    number = part_of(row, file.name)
    rows: list[pl.DataFrame] = []
    found: dict[str, None] = {}
    said: dict[str, None] = {}
    aside: list[tuple[int, str]] = []
    for raw in read_in_pieces(file, place, row.most_lines):
        parsed = parse(raw)
        first_day.refuse_two_quarters(parsed.frame, raw.file)
        if "quarter" in parsed.frame.columns:
            found |= dict.fromkeys(parsed.frame["quarter"].unique().to_list())
        rows.append(tables.rows(parsed, number))
        aside += parsed.rejects.select("line", "reason").rows()
        said |= dict.fromkeys(notices([raw]))
    if aside:
        lines = "; ".join(f"line {line} {reason}" for line, reason in aside[:_MOST_SAID])
        more = f"; and {len(aside) - _MOST_SAID} more" if len(aside) > _MOST_SAID else ""
        said[f"{raw.file}: set aside: {lines}{more}"] = None
    return _Part(raw.file, number, raw.sha256, raw.banner, tuple(found), pl.concat(rows), tuple(said))


def _parts_lost(row: CompanionRow, parts: Sequence[_Part], *, sample: bool) -> list[Finding]:
    """Say which parts of a file in parts weren't given; a sample is asked for none."""
    there = {part.number for part in parts}
    gone = [str(number) for number in range(1, row.parts + 1) if number not in there]
    if sample or not gone:
        return []
    return [completeness.parts_lost(row.companion, row.parts, gone)]


def _lost(store: Store, kind: str, day: date, frame: pl.DataFrame, sha256: str, *, sample: bool) -> list[Finding]:
    """Say what a file lacks: of what every whole one has, and of what is loaded for the same day."""
    before = [c for c in loaded(store, kind) if c.effective_from == day and not c.sample and c.sha256 != sha256]
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


def _refuse_same_part(parts: Sequence[_Part]) -> None:
    """Raise ValueRefused for a part that is another one under its name: rows would count twice, and others lack."""
    first: dict[str, str] = {}
    for part in parts:
        if (same := first.setdefault(part.sha256, part.name)) != part.name:
            raise ValueRefused(f"{part.name}: the same bytes as {same}. Each part has its own: download it again.")


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
