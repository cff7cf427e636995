"""What codes paid in every published release, and what moved that: `code_history` for some codes, sorted by time."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl

from pfsetl.declared import calendar, declarations, registry
from pfsetl.declared.records.archives import PARTICIPANTS
from pfsetl.errors import UsageError
from pfsetl.near import beside, did_you_mean
from pfsetl.pricing.given import code_of, several, text_of
from pfsetl.publication.published import labels_in_order, published
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.story import local
from pfsetl.story.answers import HistoryAnswer
from pfsetl.tables.row_changes import EVERYONE

TABLE = "code_history"
YEARS = range(1992, 2100)  # of Medicare's fee schedule
_CODE = re.compile(r"([0-9A-Z]{5})(?:[-\s:]?([0-9A-Z]{2}))?")


@dataclass(frozen=True, slots=True)
class History:
    """The story of some codes: `frame` has a row for each code, modifier, participant and release, in CMS's order.

    `place` is the locality, empty for the nation; `unpublished` are releases in force between the first asked for and
    the last published that the version lacks, so that a change may go over several of them. `unknown` are the codes
    asked for that no release has; they have no row. `samples` are the releases of which a part is published, so that
    a code without a row may be in CMS's.
    """

    version: int
    place: str
    unpublished: tuple[str, ...]
    frame: pl.DataFrame
    unknown: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()

    def __repr__(self) -> str:
        codes = self.frame["hcpcs"].unique().sort().to_list()
        lacking = f", without {', '.join(self.unknown[:3])}{'...' * (len(self.unknown) > 3)}" if self.unknown else ""
        return f"<History of {', '.join(codes[:3])}{'...' * (len(codes) > 3)}{lacking}: {self.frame.height} rows>"

    @property
    def rows(self) -> list[HistoryAnswer]:
        """Every row as a dictionary with typed keys."""
        return cast(list[HistoryAnswer], self.frame.to_dicts())


def history(
    codes: str | Iterable[str],
    *,
    modifier: str | None = None,
    participant: str | None = None,
    locality: str | None = None,
    since: int | str | None = None,
    output: str | Path | Version = "output",
) -> History:
    """Return what codes paid in every published release, and what moved that, from the table `code_history`.

    `modifier` is `26`, `TC`, `53` or empty; None has every row of a code. `participant` is `qp` or `non_qp`, whose
    series begin with the years of one factor for all; None has both. With a `locality` (`CA/18`, as `price` takes it)
    amounts and changes are those of the place, and its indices are a cause of their own. `since` is a year.
    Codes that no release has are `unknown`; raises UsageError, with what is near, where no release has any of them, and
    for what else isn't known.

    >>> pfsetl.history(["97761", "99213"], since=2020).frame  # doctest: +SKIP
    """
    version = published(output)
    year = _year(since)
    wanted = [_wanted(code, modifier) for code in several(codes)]
    _refuse_absent(version)
    places = {label: number for number, label in enumerate(labels_in_order(version))}
    found = version.scan(TABLE).filter(pl.col("hcpcs").is_in([code for code, _ in wanted])).collect()
    unknown = _unknown(version, [code for code, _ in wanted], found)
    codes_there = set(found["hcpcs"])
    wanted = [(code, its) for code, its in wanted if code in codes_there]
    found = found.filter(pl.col("hcpcs").is_in([code for code, its in wanted if its is None]) | _row_of(wanted))
    there = set(found.select("hcpcs", "modifier").rows())
    for code, its in wanted:
        if its is not None and (code, its) not in there:
            _refuse_modifier(code, its, version)
    whose = series_of(participant) if participant is not None else []
    found = found.filter(pl.col("participant").is_in(whose)) if whose else found
    later = [label for label in places if version.releases[label].year >= (year or 0)]
    found = found.filter(pl.col("release").is_in(later))
    found = found.sort("hcpcs", "modifier", pl.col("release").replace_strict(places), "participant")
    place, found = ("", found) if locality is None or found.is_empty() else local.placed(version, found, locality)
    samples = tuple(label for label in later if version.releases[label].sample)
    return History(version.number, place, _unpublished(version, year), found, unknown, samples)


def _row_of(wanted: Sequence[tuple[str, str | None]]) -> pl.Expr:
    """Return whether a row is that of a code and the modifier that it's asked for with."""
    return pl.concat_str("hcpcs", "modifier").is_in([f"{code}{its}" for code, its in wanted if its is not None])


def _year(since: int | str | None) -> int | None:
    if since is None:
        return None
    text = str(since).strip()
    if not text.isascii() or not text.isdecimal() or int(text) not in YEARS:
        raise UsageError(f"from {text}: no year of the fee schedule. Give one such as 2015, from {YEARS[0]} on.")
    return int(text)


def _wanted(code: str, modifier: str | None) -> tuple[str, str | None]:
    """Return a code and a modifier as CMS writes them; `99213-26` names both."""
    match = _CODE.fullmatch(code_of(text_of("code", code)))
    if match is None:
        raise UsageError(
            f"{code.strip() or 'an empty code'}: no code. Codes have five characters, like 99213 or G0101."
        )
    own = None if modifier is None else text_of("modifier", modifier).strip().upper()
    if match[2] and own not in (None, match[2]):
        raise UsageError(f"{code.strip()} with modifier {own}: two modifiers. Give one.")
    return match[1], match[2] or own


def _refuse_absent(version: Version) -> None:
    """Raise UsageError for a version without the table."""
    if TABLE not in {r.table for r in version.resources}:
        raise UsageError(
            f"{version.store}: version {version.number} has no table {TABLE}; the next build of a whole release makes "
            f"it: {command(f'build {labels_in_order(version)[-1]} --again', version.store)}."
        )


def _unknown(version: Version, codes: Sequence[str], found: pl.DataFrame) -> tuple[str, ...]:
    """Return the codes that no release has; raises UsageError where none has any of them."""
    there = set(found["hcpcs"])
    missing = tuple(code for code in dict.fromkeys(codes) if code not in there)
    if missing and found.is_empty():
        known = version.scan(TABLE).select(pl.col("hcpcs").unique().sort()).collect()["hcpcs"].to_list()
        close = beside(missing[0], known)
        hint = f" Near: {', '.join(close)}." if close else ""
        more = f" Nor are {', '.join(missing[1:])}." if missing[1:] else ""
        raise UsageError(f"{missing[0]}: in no release of version {version.number} ({len(known):,} codes).{hint}{more}")
    return missing


def _refuse_modifier(code: str, modifier: str, version: Version) -> None:
    rows = version.scan(TABLE).filter(pl.col("hcpcs") == code).select(pl.col("modifier").unique().sort()).collect()
    there = ", ".join(one or "no modifier" for one in rows["modifier"])
    asked = modifier or "no modifier"
    raise UsageError(f"{code} with {asked}: no release has such a row. It has rows with {there}.")


def series_of(participant: str) -> list[str]:
    """Return the participants of a series: one that follows another has that one's rows of before.

    >>> series_of("QP"), series_of("all")
    (['qp', 'all'], ['all'])
    """
    follows = {r.participant: r.follows for r in declarations.rows(PARTICIPANTS)}
    name = text_of("participant", participant).strip().lower().replace("-", "_")
    if name not in follows:
        raise UsageError(
            f"participant {participant}: not known.{did_you_mean(name, follows)} There are {', '.join(follows)}."
        )
    return [name, *([EVERYONE] if follows[name] else [])]


def _unpublished(version: Version, since: int | None) -> tuple[str, ...]:
    """Return the releases in force, from a year or the first published on, that the version lacks, in CMS's order."""
    labels = labels_in_order(version)
    first, last = version.releases[labels[0]], version.releases[labels[-1]]
    begins = (since, 1) if since else (first.year, first.quarter)
    return tuple(
        label
        for label, release in registry.releases().items()
        if label not in version.releases
        and begins <= (release.year, release.quarter) <= (last.year, last.quarter)
        and calendar.days_of(release)
    )
