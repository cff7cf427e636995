"""What the tables of a release are made of besides its archive: the code that makes them, and what is declared of it.

A build is "unchanged" while this is. Prices, commands and flows are none of it, nor what is declared for them or for
other releases.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pfsetl
from pfsetl.declared import calendar, declarations, work_floor
from pfsetl.declared.records.archives import CORRECTIONS, CorrectionRow
from pfsetl.declared.records.calendar import FACTORS, INDEX_UPDATES, FactorRow, IndexUpdateRow
from pfsetl.declared.records.rules import REDUCTIONS
from pfsetl.declared.records.services import IMAGING, NO_COINSURANCE
from pfsetl.declared.registry import Release

CODE = (
    "declared", "parsing", "tables", "checks", "pipeline", "source/archive.py", "source/members.py",
    "publication/digest.py", "publication/parquet.py", "publication/recording.py",
)  # fmt: skip
# Read for prices, places, claims, looks at CMS and tables made at commit alone; every other file may decide what a
# table of a release holds.
ELSEWHERE = frozenset({
    "claim_columns.csv", "counties.csv", "county_names.csv", "known_from.csv",
    "modifier_conflicts.csv", "modifiers.csv", "places_of_service.csv",
    "pair_modifiers.csv", "practitioner_modifiers.csv", "rate_columns.csv", "rate_terms.csv", "same_day.csv",
    "service_groups.csv",
    "watch/deadlines.csv", "watch/known_problems.csv", "words/titles.csv", "words/values.csv", "zip_counties.csv",
})  # fmt: skip
BY_RELEASE = frozenset({
    "conversion_factors.csv", "corrections.csv", "imaging_services.csv", "index_updates.csv", "no_coinsurance.csv",
    "payable_rows.csv", "reductions.csv", "releases.csv", "work_index_floor.csv",
})  # fmt: skip
# Words, and where CMS posts a file: none decides what a table of a release holds.
FOR_PEOPLE = frozenset({
    "note", "source", "meaning", "why", "what", "example", "valid_for", "certainty", "page", "address", "gate",
})  # fmt: skip


def fingerprint(content: str, release: Release) -> str:
    """Return the identity of all that a release's tables are made of; `content` is that of its archive."""
    parts = (content, code(), _of_all(), *_of(release))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def code() -> str:
    """Return a hash of the modules that make the tables."""
    root = Path(pfsetl.__file__).parent
    files = sorted(file for name in CODE for file in _modules(root / name))
    told = (f"{file.relative_to(root).as_posix()} {_sha256(file.read_bytes())}" for file in files)
    return _sha256("\n".join(told).encode())


def _modules(place: Path) -> Iterator[Path]:
    return place.rglob("*.py") if place.is_dir() else iter((place,))


@cache
def _of_all() -> str:
    """Return a hash of what is declared for every release: files without their words for people, and the contract."""
    contract = _sha256((declarations.folder() / "pfs.odcs.yaml").read_bytes())
    read = (name for name in declarations.names() if name not in ELSEWHERE | BY_RELEASE)
    return _sha256("\n".join([contract, *map(of_file, read)]).encode())


def of_file(name: str) -> str:
    """Return the name of a file of declarations and a hash of its rows, without their words for people."""
    rows = (",".join(f"{c}={v}" for c, v in row.items() if c not in FOR_PEOPLE) for row in declarations.texts(name))
    return f"{name} {_sha256(chr(10).join(rows).encode())}"


def _of(release: Release) -> Iterable[str]:
    """Yield what is declared of one release: its row, days and factors, its corrections, and the law of its days."""
    yield repr(replace(release, page=None))
    yield repr(calendar.release_calendar(release).rows())
    odd = (row for row in declarations.rows(CORRECTIONS) if fnmatchcase(release.label, row.release))
    yield _unsourced(replace(row, what="") for row in odd)
    years = (release.year, release.year + 1)
    yield _unsourced(row for row in declarations.rows(INDEX_UPDATES) if row.year in years)
    last = date(release.year, 12, 31)
    begun = [row for row in declarations.rows(FACTORS) if (row.from_ or last) <= last]
    yield _unsourced(row for row in begun if (row.to or last).year >= release.year)
    day = calendar.formula_day(release)
    law = work_floor.in_force(day)
    yield repr(law and replace(law, act="", certainty="", source=""))
    yield from _of_modifiers(day)


@cache
def _of_modifiers(day: date) -> tuple[str, ...]:
    """Return what is declared of modifiers' payments on a day."""
    reductions = [replace(row, source="") for row in declarations.rows_on(REDUCTIONS, day)]
    no_coinsurance = [replace(row, source="") for row in declarations.rows_on(NO_COINSURANCE, day)]
    imaging = [replace(row, source="") for row in declarations.rows(IMAGING)]
    return repr(reductions), repr(no_coinsurance), repr(imaging)


def _unsourced(rows: Iterable[CorrectionRow | IndexUpdateRow | FactorRow]) -> str:
    """Return rows without their source, which no table takes from them: that of a factor is in the calendar."""
    return repr([replace(row, source="") for row in rows])


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
