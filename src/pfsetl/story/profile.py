"""What codes are in one release: `code_profile` for some codes, with what goes with each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import polars as pl

from pfsetl.declared import calendar
from pfsetl.errors import UsageError
from pfsetl.near import beside
from pfsetl.pricing.given import code_of, several, text_of
from pfsetl.pricing.lookup import elsewhere, in_part
from pfsetl.publication import companions
from pfsetl.publication.published import find_release, published
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.story.answers import ProfileAnswer
from pfsetl.tables.profile import COMPANIONS

TABLE, RELATIONS = "code_profile", "code_relation"
PAIRS, NONE = "ptp", "9"  # NCCI's pairs, and the indicator of what is no edit


@dataclass(frozen=True, slots=True)
class Profile:
    """What some codes are in a release: `frame` has a row for each code, `relations` one for each that goes with it.

    `edits` has a row for each code that isn't paid beside it, or that it isn't paid beside, by NCCI's pairs that hold
    on the release's first day; it's None where none are loaded. `samples` are the kinds of files beside the release of
    which just a part is loaded, so that they say nothing of the codes they don't name. `unknown` are the codes asked
    for that the release lacks; they have no row.
    """

    version: int
    release: str
    frame: pl.DataFrame
    relations: pl.DataFrame
    edits: pl.DataFrame | None
    samples: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __repr__(self) -> str:
        codes = self.frame["hcpcs"].to_list()
        lacking = f", without {', '.join(self.unknown[:3])}{'...' * (len(self.unknown) > 3)}" if self.unknown else ""
        return f"<Profile of {', '.join(codes[:3])}{'...' * (len(codes) > 3)} in {self.release}{lacking}>"

    @property
    def rows(self) -> list[ProfileAnswer]:
        """Every row as a dictionary with typed keys, `related` among them: what goes with the code."""
        related = _by_code(self.relations.drop("release"))
        edits = None if self.edits is None else _by_code(self.edits)
        more = (
            {
                "related": related.get(code, []),
                "edits": None if edits is None else edits.get(code, []),
                "samples": [*self.samples],
            }
            for code in self.frame["hcpcs"]
        )
        rows = zip(self.frame.to_dicts(), more, strict=True)
        return cast(list[ProfileAnswer], [row | beside_it for row, beside_it in rows])


def _by_code(frame: pl.DataFrame) -> dict[str, list[dict[str, object]]]:
    parts = frame.partition_by("hcpcs", as_dict=True, include_key=False, maintain_order=True)
    return {str(code): part.to_dicts() for (code,), part in parts.items()}


def profile(
    codes: str | Iterable[str], release: str | None = None, *, output: str | Path | Version = "output"
) -> Profile:
    """Return what codes are in a release, the latest published without one, from `code_profile` and `code_relation`.

    Each code has one row, however often it's asked for, in the order of the codes. NCCI's pairs come from `ptp`, where
    it's loaded. The column `missing` names the other files beside the release that aren't loaded. Codes that the
    release lacks are `unknown`; raises UsageError, with what is near, where it lacks all, and for another release.

    >>> pfsetl.profile(["97761", "G0101"]).frame  # doctest: +SKIP
    """
    version = published(output)
    label = _release(version, release)
    wanted = [code_of(text_of("code", code)) for code in several(codes)]
    found = version.scan(TABLE, label).filter(pl.col("hcpcs").is_in(wanted)).collect().sort("hcpcs")
    unknown = _unknown(version, label, wanted, found)
    edits = _edits(version, label, wanted)
    samples = companions.in_part(version.store, (*COMPANIONS, PAIRS), calendar.formula_day(version.release(label)))
    return Profile(version.number, label, found, _relations(version, label, wanted), edits, samples, unknown)


def _relations(version: Version, label: str, codes: Sequence[str]) -> pl.DataFrame:
    """Return what goes with codes: what CMS says in the order of the codes, then what is nearest, the nearest first."""
    found = version.scan(RELATIONS, label).filter(pl.col("hcpcs").is_in(codes)).collect()
    return found.sort("hcpcs", pl.col("rank").is_not_null(), "relation", "rank", "other")


def _edits(version: Version, label: str, codes: Sequence[str]) -> pl.DataFrame | None:
    """Return NCCI's pairs of codes in the order of the codes, those of which the code is paid first."""
    if not companions.loaded(version.store, PAIRS):
        return None
    day = pl.lit(calendar.formula_day(version.release(label)))
    holds = (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day))
    sides = []
    for table, hcpcs, other in ((PAIRS, "column_1", "column_2"), (f"{PAIRS}_by_column_2", "column_2", "column_1")):
        rows = version.scan(table, label).filter(
            pl.col(hcpcs).is_in(codes), holds, pl.col("modifier_indicator") != NONE
        )
        said = rows.select("modifier_indicator", "rationale", "valid_from", "valid_to", companion_from="effective_from",
                           hcpcs=pl.col(hcpcs).cast(pl.String), other=pl.col(other).cast(pl.String),
                           is_paid=pl.lit(hcpcs == "column_1"))  # fmt: skip
        sides.append(said.collect())
    order = ("hcpcs", "other", "is_paid", "modifier_indicator", "rationale", "valid_from", "valid_to", "companion_from")
    return pl.concat(sides, how="vertical_relaxed").select(order).sort("hcpcs", pl.col("is_paid").not_(), "other")


def _release(version: Version, release: str | None) -> str:
    """Return the label of a release whose profiles the version has; raises UsageError for another one."""
    label = find_release(version, None if release is None else text_of("release", release))
    if not {TABLE, RELATIONS} <= {r.table for r in version.resources if r.release == label}:
        raise UsageError(
            f"{version.store}: version {version.number} has no table {TABLE} of {label}, which an older pfsetl "
            f"published. Make it: {command(f'build {label} --again', version.store)}."
        )
    return label


def _unknown(version: Version, label: str, codes: Sequence[str], found: pl.DataFrame) -> tuple[str, ...]:
    """Return the codes that a release lacks; raises UsageError where it lacks all of them."""
    there = set(found["hcpcs"])
    missing = tuple(code for code in dict.fromkeys(codes) if code not in there)
    if missing and found.is_empty():
        known = version.scan(TABLE, label).select("hcpcs").collect()["hcpcs"].to_list()
        close = beside(missing[0], known)
        hint = f"Near: {', '.join(close)}." if close else "Codes have five characters, like 99213 or G0101."
        hint = elsewhere(version, label, missing[0]) or f"{hint} {in_part(version, label)}".rstrip()
        more = f" Nor are {', '.join(missing[1:])}." if missing[1:] else ""
        raise UsageError(
            f"{missing[0] or 'an empty code'}: not in {label} (version {version.number}, {len(known):,} codes). "
            f"{hint}{more}"
        )
    return missing
