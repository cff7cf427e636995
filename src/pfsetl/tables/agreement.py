"""What an archive says twice: its OPPSCAP amounts and anesthesia factors, computed again from the members beside them.

Where too few agree, a member is of another release and the build stops (`schemas/thresholds.csv`); a few that differ
are named.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from pfsetl.declared import registry
from pfsetl.declared.registry import Release
from pfsetl.tables import derive
from pfsetl.tables.anesthesia import anesthesia
from pfsetl.tables.check import Finding
from pfsetl.tables.code_order import out_of_order
from pfsetl.tables.judgement import EXAMPLES, PLACE, Agreement, Judged, judged
from pfsetl.tables.locality_names import unknown_names

_SETTINGS = ("nonfacility", "facility")
_PLACED = ("gpci", "locality_county", "anesthesia", "opps_cap")


def agreements(
    tables: Mapping[str, pl.DataFrame], release: Release, lacks: Sequence[str] = ()
) -> tuple[list[Agreement], list[Finding]]:
    """Recompute what can be recomputed of one release; return the agreements, and what they mean for publication.

    `lacks` are the participants whose file is missing from the archive.
    """
    told: list[Agreement] = []
    findings: list[Finding] = []
    for agreement, found in (*opps_cap(tables, release, lacks), *anesthesia(tables, release)):
        told.append(agreement)
        findings += found
    contractors = [odd_contractors(name, tables[name]) for name in _PLACED if name in tables]
    return told, findings + contractors + unknown_names(tables) + out_of_order(tables)


def odd_contractors(name: str, rows: pl.DataFrame) -> Finding:
    """Say which localities have a contractor (`mac`) by the other members that this member doesn't name for them."""
    odd = rows.filter(~pl.col("macs").str.split(",").list.contains(pl.col("mac"))).unique([*PLACE, "macs", "mac"])
    examples = odd.sort(*PLACE).head(EXAMPLES).select(*PLACE, "macs", "mac").rows()
    return Finding(
        name, "contractor_of_the_others", "warn",
        "a locality stands under another contractor than in most members, whose contractor is published as `mac`",
        odd.height,
        tuple(f"{state}/{place} under {own}, in the others {theirs}" for state, place, own, theirs in examples),
    )  # fmt: skip


def opps_cap(tables: Mapping[str, pl.DataFrame], release: Release, lacks: Sequence[str] = ()) -> list[Judged]:
    """Recompute every OPPSCAP amount from RVUs, indices and factor of the same archive.

    Status `C`: the OPPS amount; else the lower of the amount and the OPPS amount (CMS's members of 13 releases agree
    completely, docs/accuracy.md). Nothing where the archive has no OPPSCAP, or no indices. Where the file of a
    participant is missing, the amounts may have been computed with its factor, so nothing stops the build.
    """
    caps = tables["opps_cap"]
    if caps.is_empty() or tables["gpci"].is_empty():
        return []
    key = ["hcpcs", "modifier"]
    # NOTE: by code, because a carrier-priced whole service has the work of its professional component.
    services = tables["rvu"].join(caps.select("hcpcs").unique(), on="hcpcs", how="semi")
    amounts = derive.payment(services, tables["gpci"], release)
    lower = (pl.min_horizontal(f"{s}_amount", f"{s}_opps_amount").alias(f"{s}_lower") for s in _SETTINGS)
    ours = amounts.select("participant", *key, *PLACE, *(f"{s}_opps_amount" for s in _SETTINGS), *lower)
    same = pl.all_horizontal(
        pl.col(f"{s}_amount")
        == pl.when(pl.col("status") == "C").then(pl.col(f"{s}_opps_amount")).otherwise(pl.col(f"{s}_lower"))
        for s in _SETTINGS
    )
    # NOTE: from 2026 on there are two factors and one OPPSCAP; it may have been computed with either.
    compared = (
        caps.join(ours, on=[*key, *PLACE], how="left")
        .select(*key, *PLACE, same=same.fill_null(value=False))
        .group_by(*key, *PLACE)
        .agg(pl.col("same").any())
    )
    off = compared.filter(~pl.col("same"))
    agree = compared.height - off.height
    least = registry.thresholds()["opps_cap_agree_at_least"]
    told = Agreement("opps_cap", "amounts recomputed", compared.height, agree, _most_off(off, compared))
    said = f"{agree:,} of {compared.height:,} capped amounts follow from the archive's own RVUs, indices and factor"
    remedy = "less than half do so when the cap file or the indices are of another release"
    crossed = least if agree < least.value * compared.height else None
    if crossed and lacks:
        said += f"; they may have been computed with the factor of {' and '.join(lacks)}, whose file is missing"
    return [judged(told, release, "recomputed", said, remedy, None if lacks else crossed)]


def _most_off(off: pl.DataFrame, compared: pl.DataFrame) -> tuple[str, ...]:
    """Name what the differing amounts have in common: whole localities, whole services, else single amounts."""
    examples: list[str] = []
    for by in (PLACE, ["hcpcs", "modifier"]):
        counts = compared.group_by(by).agg(n=pl.len()).join(off.group_by(by).agg(wrong=pl.len()), on=by)
        whole = counts.filter(pl.col("wrong") * 2 > pl.col("n")).sort("wrong", *by, descending=[True, False, False])
        joint = "/" if by == PLACE else " "
        examples += [f"{joint.join(row[:2]).strip()}: {row[3]} of {row[2]}" for row in whole.head(EXAMPLES).rows()]
        off = off.join(whole, on=by, how="anti")
    single = off.sort("hcpcs", "modifier", *PLACE).head(max(0, EXAMPLES - len(examples)))
    rows = single.select("hcpcs", "modifier", *PLACE).rows()
    return (
        *examples,
        *(f"{hcpcs} {modifier}".strip() + f" in {state}/{place}" for hcpcs, modifier, state, place in rows),
    )
