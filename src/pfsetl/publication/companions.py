"""Files that CMS publishes beside the releases: ZIP code to locality, and anesthesia base units.

They belong to no release and change by their own rhythm, so no version holds them. Each loaded file stays as its
own object, with the day it holds from and its sha256; a price says which one it used.
"""

import hashlib
import io
import json
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from pfsetl.declared.quarters import first_day
from pfsetl.document import read_json
from pfsetl.errors import StoreError, UsageError, ValueRefused
from pfsetl.parsing.parse import Parsed, parse
from pfsetl.parsing.read import read_member
from pfsetl.source.archive import open_companion
from pfsetl.storage.store import Store
from pfsetl.tables import companions as tables
from pfsetl.tables import completeness
from pfsetl.tables.check import Finding, Report

_MONTH = re.compile(r"(?P<month>JAN|APR|JUL|OCT)[A-Z]*[ _-]*(?P<year>20\d\d)(?!\d)")
_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")


@dataclass(frozen=True, slots=True)
class Companion:
    """One loaded file: its kind, the day from which it holds, where it came from, and its object in the store.

    A `sample` is a deliberate part; `lost` says what was missing when it was loaded all the same. `sha256` is that of
    CMS's file, `content` that of the object, "" where an older pfsetl loaded it.
    """

    kind: str
    effective_from: date
    file: str
    sha256: str
    rows: int
    path: str
    sample: bool = False
    lost: tuple[str, ...] = ()
    content: str = ""

    def frame(self, store: Store) -> pl.DataFrame:
        """Return its rows; `line` is the line in CMS's file."""
        return pl.read_parquet(store.get(self.path))


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
    _refuse_twice(frame, parsed.raw.file)
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


def find(store: Store, kind: str, day: date) -> Companion | None:
    """Return the file of a kind that holds on a day: the latest that had begun, else the first to begin later."""
    return holding(loaded(store, kind), day)


def holding(files: Iterable[Companion], day: date) -> Companion | None:
    """Return which of the files of a kind holds on a day: the latest that had begun, else the first to begin later."""
    known = sorted(files, key=lambda c: (c.effective_from, c.sha256))
    begun = [c for c in known if c.effective_from <= day]
    return begun[-1] if begun else known[0] if known else None


def loaded(store: Store, kind: str) -> list[Companion]:
    """Return every loaded file of a kind."""
    names = [n for n in store.names(f"companions/{kind}") if n.endswith(".json")]
    return [read(store, name) for name in names]


def read(store: Store, name: str) -> Companion:
    """Return what the record of a loaded file says; raises StoreError when it isn't one, or names another's file."""
    try:
        record: dict[str, Any] = read_json(store.get(name))
        day, lost = date.fromisoformat(record["effective_from"]), tuple(record.get("lost", ()))
        found = Companion(**{**record, "effective_from": day, "lost": lost})
        texts = (found.kind, found.file, found.sha256, found.path, found.content, *found.lost)
        if not all(isinstance(text, str) for text in texts) or type(found.rows) is not int or found.rows < 0:
            raise ValueError("a field of another type")
        # NOTE: the record's own name says which file it is of; a path in it is never followed elsewhere.
        if found.path != f"{name.removesuffix('.json')}.parquet" or found.kind != name.split("/")[1]:
            raise ValueError("its file isn't the one beside it")
        if not name.endswith(f"/{found.effective_from}-{found.sha256[:16]}.json"):
            raise ValueError("its name isn't that of its day and file")
        return found
    except (ValueError, KeyError, TypeError) as error:
        said = str(error).rstrip(".")
        raise StoreError(
            f"{store}/{name}: not a readable record ({said}). Remove it and load the file again."
        ) from error


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
    for name in (PurePosixPath(parsed.raw.file).stem, path.stem):
        named = _MONTH.search(name.upper())
        if named and quarters:
            said = f"{named['year']}{['JAN', 'APR', 'JUL', 'OCT'].index(named['month']) + 1}"
            if said != str(quarters[0]):
                raise ValueRefused(
                    f"{name}: its name says quarter {said[4]} of {said[:4]}, its records {quarters[0][4]} of "
                    f"{quarters[0][:4]}. One of them is of another file. Get it from CMS again, or correct its name."
                )


def _refuse_twice(frame: pl.DataFrame, file: str) -> None:
    key = frame.columns[0]
    twice = frame.filter(pl.col(key).is_duplicated())
    if twice.height:
        lines = ", ".join(str(line) for line in twice.filter(pl.col(key) == twice[key][0])["line"])
        raise ValueRefused(
            f"{file}: lines {lines}: {key} {twice[key][0]} stands there more than once. Download the file again."
        )


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
