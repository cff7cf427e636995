"""Load a file that CMS publishes beside the releases: read, checked, and kept with the day from which it holds."""

import hashlib
import io
import json
import re
from collections.abc import Collection
from dataclasses import asdict
from datetime import date
from pathlib import Path, PurePosixPath

import polars as pl

from pfsetl.declared import contracts, declarations
from pfsetl.declared.quarters import first_day
from pfsetl.declared.records.archives import COMPANIONS
from pfsetl.errors import UsageError, ValueRefused
from pfsetl.parsing.parse import Parsed, parse
from pfsetl.parsing.read import read_member
from pfsetl.publication.companions import Companion, loaded
from pfsetl.source.archive import open_companion
from pfsetl.storage.store import Store
from pfsetl.tables import companions as tables
from pfsetl.tables import completeness
from pfsetl.tables.check import Finding, Report

_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")


def load(
    store: Store,
    path: Path,
    effective_from: date | None = None,
    *,
    sample: bool = False,
    accept: Collection[str] = (),
) -> Companion:
    """Read a companion file and keep it in the store; the same file again changes nothing.

    The first day it holds is read from the file (ZIP: the quarter of its records; base units: the year of its
    header or name) unless it is given. Raises ChecksFailed for a file that isn't whole (`schemas/floors.csv`) or lacks
    codes that a loaded file of the same day has; a `sample` is a part and says so, and with `loss` among `accept` it's
    kept, and its record says what is missing.
    """
    archive = open_companion(path)
    parsed = parse(read_member(archive, archive.files[0]))
    kind = parsed.raw.member
    day = effective_from or _effective_from(parsed, path)
    frame = tables.table(parsed)
    _refuse_twice(frame, kind, parsed.raw.file)
    _refuse_other_quarters(parsed, path)
    lost = _lost(store, kind, day, frame, parsed.raw.sha256, sample=sample)
    Report(f"{parsed.raw.file} from {day}", tuple(lost)).accepting(accept).raise_if_bad()
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    name = f"companions/{kind}/{day}-{parsed.raw.sha256[:16]}"
    missing = tuple(f.description for f in lost if f.violations)
    path_of, data = f"{name}.parquet", buffer.getvalue()
    if not store.put_new(path_of, data):
        data = store.get(path_of)
    content = hashlib.sha256(data).hexdigest()
    companion = Companion(
        kind, day, parsed.raw.file, parsed.raw.sha256, frame.height, path_of, sample, missing, content
    )
    told = {field: value for field, value in asdict(companion).items() if field not in ("sample", "lost") or value}
    record = json.dumps(told, indent=1, default=str) + "\n"
    store.put_new(f"{name}.json", record.encode())
    return companion


def _lost(store: Store, kind: str, day: date, frame: pl.DataFrame, sha256: str, *, sample: bool) -> list[Finding]:
    """Say what a file lacks: of what every whole one has, and of what is loaded for the same day."""
    before = [c for c in loaded(store, kind) if c.effective_from == day and not c.sample and c.sha256 != sha256]
    if sample:
        return [completeness.replaced_by_sample(f"{c.file} from {day}", c.rows, kind) for c in before]
    found = completeness.floors({kind: frame}, day)
    return found + [completeness.codes_lost(kind, c.frame(store), frame, f"{c.file} from {day}") for c in before]


def _refuse_other_quarters(parsed: Parsed, path: Path) -> None:
    """Refuse a ZIP file with records of several quarters, or of another one than its name says."""
    if "quarter" not in parsed.frame.columns:
        return
    quarters = parsed.frame["quarter"].unique().sort().to_list()
    if len(quarters) > 1:
        odd = parsed.frame.filter(pl.col("quarter") != parsed.frame["quarter"].mode().sort()[0])
        raise ValueRefused(
            f"{parsed.raw.file}: records of {len(quarters)} quarters ({', '.join(map(str, quarters))}), line "
            f"{odd['line'][0]} has {odd['quarter'][0]}. A file holds one quarter. Download it again."
        )
    (pattern,) = (row.quarter for row in declarations.rows(COMPANIONS) if row.companion == parsed.raw.member)
    for name in (PurePosixPath(parsed.raw.file).stem, path.stem):
        if pattern and quarters and (named := pattern.search(name.upper())):
            said = f"{named['year']}{['JAN', 'APR', 'JUL', 'OCT'].index(named['month']) + 1}"
            if said != str(quarters[0]):
                raise ValueRefused(
                    f"{name}: its name says quarter {said[4]} of {said[:4]}, its records {quarters[0][4]} of "
                    f"{quarters[0][:4]}. One of them is of another file. Get it from CMS again, or correct its name."
                )


def _refuse_twice(frame: pl.DataFrame, kind: str, file: str) -> None:
    key = contracts.companions().tables[kind].key
    twice = frame.filter(frame.select(key).is_duplicated())
    if twice.height:
        first = twice.row(0, named=True)
        lines = ", ".join(str(line) for line in twice.filter(**{c: first[c] for c in key})["line"])
        named = ", ".join(f"{c} {first[c]}" for c in key)
        raise ValueRefused(f"{file}: lines {lines}: {named} stands there more than once. Download the file again.")


def _effective_from(parsed: Parsed, path: Path) -> date:
    if "quarter" in parsed.frame.columns:
        quarters = parsed.frame["quarter"].unique().to_list()
        if len(quarters) == 1:
            year, quarter = int(quarters[0][:4]), int(quarters[0][4])
            return first_day(year, quarter)
    for text in (parsed.raw.banner, PurePosixPath(parsed.raw.file).stem, path.stem):
        years = set(_YEAR.findall(text))
        if len(years) == 1:
            return date(int(years.pop()), 1, 1)
    raise UsageError(
        f"{path}: neither its content nor its name says from when it holds. Say it: --effective-from 2022-01-01."
    )
