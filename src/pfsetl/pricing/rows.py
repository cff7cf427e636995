"""The `rvu` rows that services are priced from, each with its source line and what the formula needs of it."""

from collections.abc import Collection
from typing import NamedTuple

import polars as pl

from pfsetl.declared.registry import Release
from pfsetl.publication.version import Version
from pfsetl.tables import derive
from pfsetl.tables.derive import Parts
from pfsetl.tables.exact import scaled

Key = tuple[str, str]  # code and modifier


class Row(NamedTuple):
    """One `rvu` row as printed; RVUs and shares are x 100, the conversion factor is x 10,000."""

    participant: str
    hcpcs: str
    modifier: str
    status: str
    work_rvu: int
    nonfacility_na: bool
    facility_na: bool
    conversion_factor: int
    calculation_flag: str | None
    multiple_procedure: str | None
    bilateral: str | None
    assistant_surgeon: str | None
    co_surgeons: str | None
    team_surgery: str | None
    imaging_family: str | None
    pctc: str | None
    global_days: str | None
    endoscopic_base: str | None
    preoperative: int | None
    intraoperative: int | None
    postoperative: int | None
    file: str
    line: int
    parts: Parts

    @property
    def key(self) -> Key:
        """Its code and modifier."""
        return self.hcpcs, self.modifier


_KEY = ("participant", "hcpcs", "modifier")
_LINE = ("file", "line")
_DECIMALS = ("work_rvu", "conversion_factor", "preoperative", "intraoperative", "postoperative")
_PRINTED = [name for name in Row._fields if name not in (*_LINE, "parts")]
_READ = list(dict.fromkeys([*_PRINTED, *derive.USED]))
_COLUMNS = [scaled(name) if name in _DECIMALS else pl.col(name) for name in _PRINTED]


def read(version: Version, release: Release, codes: Collection[str] | None = None) -> pl.DataFrame:
    """Return the rows of a release, or of some codes of it, in the order of the table, as columns of `Row` and `Parts`.

    Some codes are read by the statistics of the files.
    """
    some = pl.lit(value=True) if codes is None else pl.col("hcpcs").is_in(sorted(codes))
    lines = version.scan("source_lines", release.label).filter(pl.col("table") == "rvu", some).select(*_KEY, *_LINE)
    rvu, places = pl.collect_all([version.scan("rvu", release.label).filter(some).select(_READ), lines])
    placed = rvu.select(_COLUMNS).join(places, on=_KEY, how="left", maintain_order="left")
    return pl.concat([placed, derive.parts_of(rvu, release)], how="horizontal")


def by_code(frame: pl.DataFrame, codes: Collection[str]) -> dict[str, tuple[Row, ...]]:
    """Return the rows of some codes; a code without rows has none."""
    found: dict[str, list[Row]] = {code: [] for code in codes}
    own = len(Row._fields) - 1
    for values in frame.filter(pl.col("hcpcs").is_in(sorted(codes))).rows():
        one = Row._make((*values[:own], Parts._make(values[own:])))
        found[one.hcpcs].append(one)
    return {code: tuple(rows) for code, rows in found.items()}
