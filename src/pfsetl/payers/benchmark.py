"""What users call: a file of payers' rates beside what Medicare pays, written row by row, with a summary."""

import tempfile
from collections import Counter
from collections.abc import Collection
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from pfsetl.errors import UsageError
from pfsetl.payers import compare, summary, writing
from pfsetl.payers.answers import BenchmarkAnswer
from pfsetl.payers.contracts import Contracts
from pfsetl.payers.few_words import few_words, in_words
from pfsetl.payers.medicare import NATIONAL, Defaults, medicare
from pfsetl.payers.opening import opened
from pfsetl.payers.providers import asked_for
from pfsetl.payers.rate import REASONS, is_code
from pfsetl.payers.reading import Wanted, reading
from pfsetl.payers.spool import Spool
from pfsetl.payers.told import OTHER_CODE, OTHER_PROVIDER, Told
from pfsetl.pricing import lookup
from pfsetl.pricing.given import code_of, several
from pfsetl.pricing.loaded import of_store
from pfsetl.pricing.place import find_place
from pfsetl.pricing.price import uncollected
from pfsetl.pricing.service import day_of
from pfsetl.publication.parquet import ahead
from pfsetl.publication.published import published
from pfsetl.publication.version import Version

TODAY, LAST_DAY = "today", "the last day that the newest release is in force"
OF_NATION = "rates that name no locality are compared with the nation: every GPCI is 1.000"
MOST_SHOWN = 1_000  # rows of a summary in an answer; the file has all


def benchmark(
    rates: str | Path,
    out: str | Path,
    *,
    date: date | str | None = None,
    locality: str | None = None,
    codes: str | Collection[str] = (),
    npis: str | Collection[str] = (),
    tins: str | Collection[str] = (),
    mine: str | Path | None = None,
    summary_out: str | Path | None = None,
    output: str | Path | Version = "output",
) -> BenchmarkAnswer:
    """Write payers' rates beside what Medicare pays for the same service, day, setting and locality.

    `rates` is a CSV, an in-network file (Transparency in Coverage) or a hospital's standard charges, `out` a new .csv
    or .parquet. `date` and `locality` are for rates that don't name theirs: by default today, or the last day that the
    newest release prices, and the nation. `codes`, `npis` and `tins` choose rates; `mine` is a CSV of one's own, which
    the summary places among the others. Raises UsageError.

    >>> pfsetl.benchmark("rates.csv", "percent.csv", locality="CA/18")["reasons"]  # doctest: +SKIP
    {'percentage_of_charge': 2}
    """
    target, beside, groups = _files(Path(out), summary_out)
    version = published(output)
    told = Told()
    asked = _defaults(version, date, locality, told)
    wanted = _codes(codes)
    npis, tins = asked_for(several(npis), several(tins))
    own = _mine(Path(mine), asked, told) if mine else None
    with tempfile.TemporaryDirectory(prefix="pfsetl-") as folder, ExitStack() as stack:
        stack.enter_context(writing.all_or_none(target, beside, groups))
        spool, contracts = Spool(Path(folder)), Contracts(Path(folder))
        with opened(Path(rates)) as file, uncollected():
            read = stack.enter_context(reading(file, told, Wanted(wanted, npis, tins), groups))
            read.fill(spool)
        prices, payers = medicare(asked, read.services(spool.services), told), read.contracts(spool.contracts)
        spool.forget_services()
        if wanted:
            prices = prices.filter(pl.col("code").is_in(sorted(wanted)))
        prices, payers = few_words(prices), few_words(payers)
        found = _Counts()
        with writing.written(target, compare.SCHEMA) as write, uncollected():
            for part in ahead(compare.compared(spool.parts(), prices, payers, read.judged)):
                write(compare.shown(part))
                contracts.add(part)
                found.add(part, asked.day)
        made = summary.summary(contracts, in_words(payers), prices, own)
        with writing.written(beside, summary.SCHEMA) as write:
            write(made)
    if left := spool.rows - found.rates:
        told.leave_out(OTHER_PROVIDER if npis or tins else OTHER_CODE, left)
    return {
        "version": version.number, "format": told.form, "date": asked.day, "locality": asked.locality or NATIONAL,
        "rates": found.rates, "rows": found.rows, "percentages": found.priced,
        "reasons": {name: found.reasons[name] for name in REASONS if found.reasons[name]},
        "left_out": dict(told.left_out), "expired": found.expired, "notes": told.notes,
        "files": [str(path) for path in (target, beside, groups) if path.exists()],
        "summary": made.to_dicts() if made.height <= MOST_SHOWN else made.filter(pl.col("level") != "code").to_dicts(),
    }  # fmt: skip


class _Counts:
    """What the rows of a file came to."""

    def __init__(self) -> None:
        self.rates = self.rows = self.priced = self.expired = 0
        self.reasons: Counter[str] = Counter()

    def add(self, part: pl.DataFrame, day: date) -> None:
        """Count a part of compared rates."""
        self.rows += part.height
        self.rates += int(part["nth"].eq(0).sum())
        self.priced += part["hundredths"].count()
        self.expired += int((part["expires"] < day).sum())
        self.reasons.update(dict(part["reason"].drop_nulls().value_counts().rows()))


def _files(target: Path, summary_out: str | Path | None) -> tuple[Path, Path, Path]:
    """Return the files to write, of rates, summary and providers; raises UsageError where one can't be written."""
    beside = Path(summary_out) if summary_out else target.with_name(f"{target.stem}-summary{target.suffix}")
    groups = target.with_name(f"{target.stem}-providers{target.suffix}")
    for path in (target, beside, groups):
        writing.check(path)
    if len({path.resolve() for path in (target, beside, groups)}) < 3:
        raise UsageError(f"{beside}: the summary needs a file of its own, neither {target} nor {groups}.")
    return target, beside, groups


def _codes(given: str | Collection[str]) -> frozenset[str]:
    wanted = frozenset(code_of(code) for code in several(given))
    if wrong := sorted(code for code in wanted if not is_code(code)):
        raise UsageError(f"code {wrong[0]!r}: a code has five letters or digits, like 99213 or G0101.")
    return wanted


def _defaults(version: Version, day: date | str | None, locality: str | None, told: Told) -> Defaults:
    """Return where and when rates are priced that don't say it, checked; raises UsageError."""
    when = _default_day(version) if day in (None, "") else day_of(day, "date")
    if day in (None, ""):
        told.note(f"rates that name no day are compared on {when}, {TODAY if when == _today() else LAST_DAY}")
    release = lookup.release_in_force(version, when).label
    place = find_place(version, release, locality, when, of_store(version.store))
    for note in [OF_NATION] if place.national else place.notes:
        told.note(note)
    return Defaults(version, when, locality)


def _default_day(version: Version) -> date:
    """Return today where a published release prices it, else the last day that the newest release is in force."""
    today = _today()
    try:
        lookup.release_in_force(version, today)
    except UsageError:
        days = (version.release(label).effective_to for label in version.releases)
        return max((day for day in days if day), default=today)
    return today


def _today() -> date:
    return datetime.now(UTC).date()


def _mine(path: Path, asked: Defaults, all_told: Told) -> pl.DataFrame:
    """Return rates of one's own, compared; say what of them isn't."""
    with tempfile.TemporaryDirectory(prefix="pfsetl-") as folder, opened(path) as file:
        spool, told = Spool(Path(folder)), Told()
        with reading(file, told, Wanted()) as read:
            read.fill(spool)
        parts = list(
            compare.compared(spool.parts(), medicare(asked, spool.services, told), spool.contracts, read.judged)
        )
    if not parts:
        raise UsageError(f"{path}: no rates in it. Give a CSV with code and rate.")
    found = in_words(pl.concat(parts))
    for note in told.notes:
        all_told.note(f"{path.name}: {note}")
    for reason, count in sorted(found["reason"].drop_nulls().value_counts().rows()):
        all_told.note(f"{path.name}: {count:,} of {found.height:,} rows aren't compared: {reason}")
    rates = found.filter(pl.col("hundredths").is_not_null()).group_by(summary.OF_SERVICE, maintain_order=True)
    several = rates.agg(different=pl.col("amount").n_unique()).filter(pl.col("different") > 1)["code"]
    if len(several):
        first = f"{several[0]}{' and others' if len(several) > 1 else ''}"
        all_told.note(
            f"{path.name}: services with several rates: {len(several):,} ({first}). The highest of each counts"
        )
    return found
