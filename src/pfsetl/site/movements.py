"""What each release changed against the one in force before it: how many codes, by which cause, which moved most."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from pfsetl.declared import declarations
from pfsetl.declared.records.archives import PARTICIPANTS
from pfsetl.publication.version import Version
from pfsetl.tables.exact import scaled

CAUSES = ("work", "pe", "mp", "factor")
TABLES = ("code_history", "code_events")
MOST = 15
FIRST = 60  # codes that are new or gone, by name


def movements(version: Version) -> Mapping[str, Mapping[str, Any]]:
    """Return by release the changes of national non-facility amounts of whole services that Medicare pays in both.

    Services that CMS marks NA outside a facility in one of the two are left out, since their amounts are nominal. Each
    code counts once, whatever is billed of it. Sums are in millionths of a dollar, amounts in cents. Empty for a
    version that was made before these tables were.
    """
    if not set(TABLES) <= {one.table for one in version.resources}:
        return {}
    paid = version.scan("code_history").filter(
        pl.col("reason").is_null(),
        pl.col("nonfacility_na").not_(),
        pl.col("participant").is_in(list(_first_lines())),
        modifier="",
    )
    before = paid.select(hcpcs="hcpcs", previous_release="release").unique()
    rows = (
        paid.filter(pl.col("not_compared").is_null())
        .join(before, on=["hcpcs", "previous_release"], how="semi")
        .select(
            "release",
            "hcpcs",
            "previous_release",
            scaled("nonfacility_amount").cast(pl.Int32).alias("now"),
            scaled("nonfacility_change").cast(pl.Int32).alias("change"),
            *(scaled(f"nonfacility_change_{cause}").alias(cause) for cause in CAUSES),
        )
        .collect()
    )
    came = version.scan("code_events").filter(pl.col("previous_release").is_not_null(), modifier="").collect()
    return {str(label): _of(one, came.filter(release=label)) for (label,), one in rows.group_by("release")}


def _of(rows: pl.DataFrame, came: pl.DataFrame) -> dict[str, Any]:
    was = (pl.col("now") - pl.col("change")).alias("was")
    moved = rows.select("hcpcs", was, "now").filter(pl.col("was") > 0, pl.col("was") != pl.col("now"))
    order = moved.sort(pl.col("now") / pl.col("was"), "hcpcs")
    return {
        "before": rows["previous_release"][0],
        "codes": rows.height,
        "up": rows.filter(pl.col("change") > 0).height,
        "down": rows.filter(pl.col("change") < 0).height,
        "sums": {cause: int(rows[cause].sum()) for cause in CAUSES},
        "fell": order.filter(pl.col("now") < pl.col("was")).head(MOST).rows(),
        "rose": order.filter(pl.col("now") > pl.col("was")).reverse().head(MOST).rows(),
        "new": _named(came.filter(pl.col("event") != "gone")),
        "gone": _named(came.filter(event="gone")),
    }


def _first_lines() -> Iterator[str]:
    """Yield everyone, and who continues everyone from the day there were more than one."""
    for row in declarations.rows(PARTICIPANTS):
        if row.continues or not row.pricing_indicator:
            yield row.participant


def _named(came: pl.DataFrame) -> dict[str, Any]:
    found = came["hcpcs"].unique().sort()
    return {"count": found.len(), "first": found.head(FIRST).to_list()}
