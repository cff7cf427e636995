"""What moved amounts between two releases, by section and by code: the causes of `code_history`, summed up plainly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import polars as pl

from pfsetl.errors import UsageError
from pfsetl.near import did_you_mean
from pfsetl.publication.version import Version
from pfsetl.story.history import series_of
from pfsetl.story.sentences import moved
from pfsetl.tables.code_history import CAUSES, OF, code_history

NO_SECTION = "no section"
_CENT, _TENTH = Decimal("0.01"), Decimal("0.1")
_ROW = ["participant", "hcpcs", "modifier"]


@dataclass(frozen=True, slots=True)
class Moved:
    """What moved the services of a section, each counted once: means in dollars, causes by name, and per cent."""

    section: str
    services: int
    up: int
    down: int
    mean_before: Decimal
    mean_after: Decimal
    percent: Decimal
    causes: Mapping[str, Decimal]
    most: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What moved amounts between two releases in one setting, and what is left out of the count.

    `sample` is the one of them that is a sample, a part of CMS's release, where the other isn't.
    """

    old: str
    new: str
    setting: str
    participant: str
    compared_with: str
    counted: int
    unpriced: int
    nominal: int
    appeared: int
    gone: int
    sections: tuple[Moved, ...]
    sample: str = ""


def explain(
    version: Version,
    old: str,
    new: str,
    *,
    section: str | None = None,
    participant: str | None = None,
    setting: str = "nonfacility",
    top: int = 3,
) -> Explanation:
    """Return what moved the amounts of every section, or of one, between two published releases.

    Counted are whole services that Medicare pays by the schedule in both, each once whatever its volume. `nominal` are
    left out: CMS marks them NA in the setting in one of the two, so that the amount is hardly ever paid there. `top` is
    how many of each section are named, those that moved most in dollars first. Raises UsageError for one release
    twice, and for a section or participant that isn't there.
    """
    if old == new:
        raise UsageError(f"{old} and {new}: one release moved nothing. Give two, the earlier one first.")
    before, now = _tables(version, old), _tables(version, new)
    rows = code_history(before, now).filter(modifier="")
    there = rows["participant"].unique().sort().to_list()
    whose = next((p for p in series_of(participant or "non_qp") if p in there), None)
    if whose is None:
        raise UsageError(f"participant {participant}: not in {new}. There are {', '.join(there)}.")
    rows = rows.filter(participant=whose)
    sections = now["rvu"].select(*_ROW, pl.col("section").fill_null(NO_SECTION))
    rows = rows.join(sections, on=_ROW, how="left", maintain_order="left")
    other = rows["previous_participant"].drop_nulls()
    earlier = before["payment_national"].filter(modifier="", participant=other[0] if len(other) else "")
    wanted = _section(section, rows)
    if wanted is not None:
        rows = rows.filter(section=wanted)
        kept = before["rvu"].filter(pl.col("section").fill_null(NO_SECTION) == wanted)["hcpcs"]
        earlier = earlier.filter(pl.col("hcpcs").is_in(kept.unique().to_list()))
    both = rows.filter(pl.col("not_compared").is_null())
    priced = earlier.filter(pl.col(f"{setting}_payment").is_not_null())["hcpcs"].to_list()
    paid = both.filter(pl.col(f"{setting}_payment").is_not_null() & pl.col("hcpcs").is_in(priced))
    nominal = before["rvu"].filter(pl.col("modifier") == "", pl.col(f"{setting}_na"))["hcpcs"].unique().to_list()
    counted = paid.filter(~pl.col(f"{setting}_na") & ~pl.col("hcpcs").is_in(nominal))
    parts = counted.partition_by("section", maintain_order=False) if counted.height else []
    found = sorted((_moved(part, setting, top) for part in parts), key=lambda one: one.section)
    samples = [one for one in (old, new) if version.releases[one].sample]
    return Explanation(
        old, new, setting, whose, str(other[0]) if len(other) else "", counted.height, both.height - paid.height,
        paid.height - counted.height,
        rows.height - both.height, earlier.join(rows, on="hcpcs", how="anti").height, tuple(found),
        samples[0] if len(samples) == 1 else "",
    )  # fmt: skip


def _tables(version: Version, label: str) -> dict[str, pl.DataFrame]:
    return {name: version.scan(name, label).collect() for name in OF}


def _section(section: str | None, rows: pl.DataFrame) -> str | None:
    """Return the section that is meant, whatever its capitals."""
    if section is None:
        return None
    known = rows["section"].unique().sort().to_list()
    wanted = section.strip().casefold()
    found = [name for name in known if name.casefold() == wanted]
    if not found:
        hint = did_you_mean(section.strip().title(), known)
        raise UsageError(f"section {section.strip()}: not known.{hint} There are {', '.join(known)}.")
    return str(found[0])


def _moved(rows: pl.DataFrame, setting: str, top: int) -> Moved:
    change = rows[f"{setting}_change"]
    after, total = _sum(rows, f"{setting}_amount"), _sum(rows, f"{setting}_change")
    before, services = after - total, rows.height
    order = [pl.col(f"{setting}_change").abs(), "hcpcs"]
    most = rows.filter(pl.col(f"{setting}_change") != 0).sort(order, descending=[True, False]).head(top)
    return Moved(
        section=rows["section"][0],
        services=services,
        up=int((change > 0).sum()),
        down=int((change < 0).sum()),
        mean_before=_mean(before, services),
        mean_after=_mean(after, services),
        percent=(100 * total / before).quantize(_TENTH, ROUND_HALF_UP) if before else Decimal(0),
        causes={cause: _mean(_sum(rows, f"{setting}_change_{cause}"), services) for cause in CAUSES},
        most=tuple({"hcpcs": r["hcpcs"], "moved": moved(r, setting), **_shown(r, setting)} for r in most.to_dicts()),
    )


def _shown(row: Mapping[str, Any], setting: str) -> dict[str, Any]:
    names: Sequence[str] = ("amount", "change", *(f"change_{cause}" for cause in CAUSES))
    return {name: row[f"{setting}_{name}"] for name in names}


def _sum(rows: pl.DataFrame, column: str) -> Decimal:
    return Decimal(rows[column].sum())


def _mean(total: Decimal, count: int) -> Decimal:
    return (total / count).quantize(_CENT, ROUND_HALF_UP)
