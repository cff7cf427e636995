"""A release held against those before and after it: indices, factors and work RVUs that moved as they never do.

Nothing here stops a build: CMS may do what it never did. What is out of line is a warning, by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pfsetl.checks.check import Finding
from pfsetl.checks.judgement import EXAMPLES, INDICES, PLACE
from pfsetl.declared import declarations, registry
from pfsetl.declared.records.calendar import INDEX_UPDATES
from pfsetl.declared.registry import Release
from pfsetl.tables import row_changes

RELATIVE = ["work_rvu", "nonfacility_pe_rvu", "facility_pe_rvu", "mp_rvu"]
WORK_FROM = 0.1  # RVUs; CMS moves hundredths manyfold
_FEWEST = 1000  # rows with relative values; a schedule of CMS has 8,000 and more, and of a few nothing follows


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A published release beside another, on the side `before` or `after`, and what of it is compared."""

    side: str
    label: str
    year: int
    gpci: pl.DataFrame
    conversion_factor: pl.DataFrame


def drift(tables: Mapping[str, pl.DataFrame], release: Release, neighbours: list[Neighbour]) -> list[Finding]:
    """Say what moved between a release and its neighbours farther, or less, than CMS ever moved it."""
    found: list[Finding] = []
    for near in neighbours:
        found += _indices(tables["gpci"], release, near) if tables["gpci"].height and near.gpci.height else []
        found.append(factors(tables["conversion_factor"], near.side, near.label, near.conversion_factor))
    return found


def _indices(gpci: pl.DataFrame, release: Release, near: Neighbour) -> list[Finding]:
    """Hold each index against the neighbor's: the law changes them in some years only (`schemas/index_updates.csv`)."""
    both = gpci.join(near.gpci, on=PLACE, suffix="_near").sort(*PLACE)
    updated = _updated(release.year, near.year)
    exempt = pl.lit(value=True) if "" in updated else pl.col("state").is_in(sorted(updated))
    moved = pl.any_horizontal(_moved(name) for name in INDICES)
    unexpected = both.filter(~exempt & moved)
    far = both.filter(exempt & pl.any_horizontal(_far(name) for name in INDICES))
    still = both.height if "" in updated and not both.select(moved.any()).item() else 0
    return [
        Finding(
            "gpci", f"indices_unchanged_{near.side}", "warn",
            f"an index differs from {near.label}'s, though no law updated the indices in between "
            "(index_updates.csv)",
            unexpected.height, _shown(unexpected),
        ),
        Finding(
            "gpci", f"indices_moved_{near.side}", "warn",
            f"an index moved farther from {near.label}'s than any did between two releases",
            far.height, _shown(far),
        ),
        Finding(
            "gpci", f"indices_updated_{near.side}", "warn",
            f"every index is still {near.label}'s, though an update was due in between (index_updates.csv)",
            still,
        ),
    ]  # fmt: skip


def _updated(one: int, other: int) -> set[str]:
    """Return the states whose indices were updated after the earlier year, up to the later; "" stands for all."""
    first, last = sorted((one, other))
    return {row.state or "" for row in declarations.rows(INDEX_UPDATES) if first < row.year <= last}


def _moved(name: str) -> pl.Expr:
    """Whether an index differs; the work floor of 1.000 comes and goes by acts of its own."""
    one, other = pl.col(name), pl.col(f"{name}_near")
    if name != "work_gpci":
        return one != other
    floored = pl.min_horizontal(one, other) < 1
    return (one != other) & ~(floored & (pl.max_horizontal(one, other) == 1))


def _far(name: str) -> pl.Expr:
    one, other = pl.col(name).cast(pl.Float64), pl.col(f"{name}_near").cast(pl.Float64)
    return (pl.max_horizontal(one, other) / pl.min_horizontal(one, other) - 1) > _bound(f"{name}_moves_at_most")


def _shown(rows: pl.DataFrame) -> tuple[str, ...]:
    shown = []
    for row in rows.head(EXAMPLES).iter_rows(named=True):
        moves = (f"{name} {row[f'{name}_near']} to {row[name]}" for name in INDICES if row[name] != row[f"{name}_near"])
        shown.append(f"{row['state']}/{row['locality']} {', '.join(moves)}")
    return tuple(shown)


def factors(printed: pl.DataFrame, side: str, label: str, there: pl.DataFrame) -> Finding:
    """Hold the conversion factors against another release's; a new participant's against the one's that it follows."""
    theirs = dict(there.select("participant", "conversion_factor").iter_rows())
    pairs = row_changes.followed(theirs, printed["participant"])
    off, most = [], _bound("conversion_factor_moves_at_most")
    for participant, factor in printed.select("participant", "conversion_factor").iter_rows():
        other = theirs.get(pairs.get(participant, ""))
        if other and abs(float(factor / other) - 1) > most:
            off.append(f"{participant} {other} to {factor}")
    return Finding(
        "conversion_factor", f"moved_{side}", "warn",
        f"the conversion factor is more than {100 * most:g} % away from {label}'s", len(off), tuple(off),
    )  # fmt: skip


def repeated(rvu: pl.DataFrame, side: str, label: str, there: pl.DataFrame) -> Finding:
    """Hold the relative values against those of a release of another year, of which CMS repeats few.

    Both frames have participant, code, modifier and `RELATIVE`; rows without relative values don't count.
    """
    pairs = row_changes.paired(there["participant"].unique(), rvu["participant"].unique())
    was, now = row_changes.with_pairs(there.lazy(), rvu.lazy(), pairs)
    now = now.filter(pl.any_horizontal(pl.col(name) > 0 for name in RELATIVE))
    same = now.join(was, on=["participant", "hcpcs", "modifier", *RELATIVE], how="semi")
    rows, equal = (frame.select(pl.len()).collect().item() for frame in (now, same))
    odd = rows >= _FEWEST and equal > _bound("relative_values_repeated_at_most") * rows
    return Finding(
        "rvu", f"values_repeated_{side}", "warn",
        f"{equal:,} of {rows:,} rows have the relative values of {label}, a release of another year, as when its files "
        "were taken for this one's (thresholds.csv)",
        equal * odd, counted=True,
    )  # fmt: skip


def work(rvu: pl.DataFrame, side: str, label: str, there: pl.DataFrame) -> Finding:
    """Hold the work RVUs against another release's, of which CMS moves none tenfold as a slipped point does.

    Both frames have participant, code, modifier and `work_rvu`; values below `WORK_FROM` don't count.
    """
    key = ["participant", "hcpcs", "modifier"]
    pairs = row_changes.paired(there["participant"].unique(), rvu["participant"].unique())
    was, now = row_changes.with_pairs(there.lazy(), rvu.lazy(), pairs)
    one, other = pl.col("work_rvu").cast(pl.Float64), pl.col("work_rvu_near").cast(pl.Float64)
    least, most = pl.min_horizontal(one, other), pl.max_horizontal(one, other)
    both = now.select(*key, "work_rvu").join(was.select(*key, "work_rvu"), on=key, suffix="_near")
    far = both.filter(least >= WORK_FROM, most > _bound("work_rvu_moves_at_most") * least).sort(key).collect()
    shown = far.head(EXAMPLES).select("hcpcs", "modifier", "work_rvu_near", "work_rvu").rows()
    return Finding(
        "rvu", f"work_moved_{side}", "warn",
        f"the work RVU moved farther from {label}'s than any did between two releases, as when its point slipped "
        "(thresholds.csv)",
        far.height, tuple(f"{code} {modifier}".strip() + f" {was} to {now}" for code, modifier, was, now in shown),
    )  # fmt: skip


def _bound(name: str) -> float:
    return registry.thresholds()[name].value
