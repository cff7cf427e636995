"""What goes with a code: its parts, its endoscopic family, add-ons and primaries, and the codes nearest to it in work.

Every relation is one of a code (`hcpcs`) to another (`other`), as CMS's columns of the release say it or NCCI's list
of add-on codes beside it; only what is nearest is derived (docs/decisions/0046-what-a-code-is.md).
"""

from collections.abc import Mapping

import polars as pl

from pfsetl.declared import calendar, registry
from pfsetl.tables.exact import decimal, scaled

Tables = Mapping[str, pl.DataFrame]
NEAREST = 5
NEAREST_IN_WORK = "nearest_in_work"
BY_CONTRACTOR = "CCCCC"  # in the place of a primary code: the contractor decides
COMPANIONS = ("add_on",)
OF_RVU = (
    "release", "participant", "hcpcs", "modifier", "section", "subsection", "work_rvu", "endoscopic_base",
)  # fmt: skip
_PART_OF = {"26": "professional_part", "TC": "technical_part", "53": "discontinued"}
_NAMES = ("release", "hcpcs", "relation", "other")


def code_relation(_before: Tables | None, now: Tables) -> pl.DataFrame:
    """Return what goes with each code of a release."""
    rows = of_everyone(now["rvu"])
    found = said(rows, now)
    texts = (rows["hcpcs"], found["hcpcs"], found["other"])
    codes = pl.Enum(pl.concat(text.unique() for text in texts).unique().sort())
    kinds = pl.Enum(sorted({*found["relation"].unique(), NEAREST_IN_WORK}))
    nearest = _nearest(rows, codes).with_columns(relation=pl.lit(NEAREST_IN_WORK, kinds))
    numbered = found.with_columns(pl.col("hcpcs", "other").cast(codes), pl.col("relation").cast(kinds))
    both = pl.concat([numbered, nearest], how="diagonal")
    more = {} if "companion_from" in both.columns else {"companion_from": pl.lit(None, pl.Date)}
    return both.with_columns(pl.col("release").cast(pl.Enum(rows["release"].unique())), **more)


def said(rows: pl.DataFrame, now: Tables) -> pl.DataFrame:
    """Return the relations that CMS says of codes, of rows as `of_everyone` returns them and of what is loaded."""
    return pl.concat([_parts(rows), _endoscopies(rows), _add_ons(rows, now.get("add_on"))], how="diagonal")


def add_ons_of(release: str, add_on: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of NCCI's add-on codes that hold on the first day of a release."""
    day = pl.lit(calendar.formula_day(registry.find_or_infer(release)))
    goes_on = (pl.col(name).is_null() | (pl.col(name) >= day) for name in ("valid_to", "add_on_to", "primary_to"))
    return add_on.filter(pl.col("valid_from") <= day, *goes_on)


def of_everyone(rvu: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each code and modifier: that of everyone's file, or of another participant's without one."""
    names = rvu["participant"].unique().sort()
    if names.len() < 2:
        return rvu
    order = sorted(names, key=lambda name: (not registry.is_everyone(name), name))
    parts = [rvu.filter(participant=name) for name in order]
    found = parts[0]
    for part in parts[1:]:
        found = pl.concat([found, part.join(found, on=["hcpcs", "modifier"], how="anti")])
    return found


def _parts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each code's rows with a modifier as parts of itself."""
    relation = pl.col("modifier").replace_strict(_PART_OF, default=None, return_dtype=pl.String)
    return rows.select("release", "hcpcs", relation.alias("relation"), other="hcpcs").drop_nulls("relation")


def _endoscopies(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the base of each endoscopy, the endoscopies of each base, and those that share one."""
    of_base = rows.select("release", "hcpcs", base="endoscopic_base").drop_nulls("base").unique()
    base = of_base.select("release", "hcpcs", pl.lit("endoscopic_base").alias("relation"), other="base")
    member = of_base.select("release", pl.lit("endoscopy").alias("relation"), hcpcs="base", other="hcpcs")
    pairs = of_base.join(of_base.select("base", other="hcpcs"), on="base").filter(pl.col("hcpcs") != pl.col("other"))
    sibling = pairs.select("release", "hcpcs", pl.lit("endoscopic_sibling").alias("relation"), "other")
    return pl.concat([base, member.select(_NAMES), sibling])


def _add_ons(rows: pl.DataFrame, add_on: pl.DataFrame | None) -> pl.DataFrame:
    """Return the primary codes of each add-on code of the release, and the add-ons of each primary code."""
    if add_on is None or rows.is_empty():
        return rows.select(_NAMES[:2]).clear()
    release = rows["release"][0]
    held = add_ons_of(release, add_on).filter(pl.col("primary") != BY_CONTRACTOR)
    listed = rows["hcpcs"].unique().implode()
    pairs = held.select("add_on", "primary", companion_from="effective_from").unique()
    ends = (("add_on", "primary", "primary"), ("primary", "add_on", "add_on"))
    return pl.concat(
        pairs.filter(pl.col(code).is_in(listed)).select(
            pl.lit(release).alias("release"),
            pl.lit(relation).alias("relation"),
            "companion_from",
            hcpcs=code,
            other=other,
        )
        for code, other, relation in ends
    )


def _nearest(rows: pl.DataFrame, codes: pl.Enum) -> pl.DataFrame:
    """Return the codes of the same subsection whose work RVU is nearest, the nearest first, with the difference.

    The population and the value of a code are those of `section_stats`. Of equal distances those nearer in the order
    of work and code come first, and of these the lower.
    """
    import numpy as np

    of_code = rows.select(pl.col("hcpcs").cast(codes), "section", "subsection", work=scaled("work_rvu"))
    values = of_code.group_by("hcpcs").agg(pl.col("section", "subsection").first(), pl.col("work").max())
    known = values.filter(pl.col("work") > 0, pl.col("section").is_not_null())
    ordered = known.sort("section", "subsection", "work", "hcpcs").select(
        "hcpcs", "work", group=pl.struct("section", "subsection").rle_id()
    )
    work, group = ordered["work"].to_numpy(), ordered["group"].to_numpy()
    here = np.arange(ordered.height)
    steps = [step for far in range(1, NEAREST + 1) for step in (-far, far)]
    there = np.clip(here[:, None] + steps, 0, max(ordered.height - 1, 0))
    gap = work[there] - work[:, None]
    alike = (there == here[:, None] + steps) & (group[there] == group[:, None])
    first = np.argsort(np.where(alike, np.abs(gap), np.iinfo(np.int64).max), axis=1, kind="stable")[:, :NEAREST]
    row, rank = np.nonzero(np.take_along_axis(alike, first, axis=1))
    turn = first[row, rank]
    return pl.DataFrame(
        {
            "hcpcs": ordered["hcpcs"][row],
            "other": ordered["hcpcs"][there[row, turn]],
            "rank": (rank + 1).astype(np.int32),
            "gap": gap[row, turn],
        }
    ).select(
        "hcpcs", "other", "rank",
        release=pl.lit(rows["release"].first()),
        work_rvu_difference=decimal(pl.col("gap"), pl.Decimal(9, 2)),
    )  # fmt: skip
