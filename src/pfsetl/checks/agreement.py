"""What an archive says twice: its OPPSCAP amounts and anesthesia factors, computed again from the members beside them.

Where too few agree, of all amounts or of one locality or service, a member is of another release or damaged and the
build stops (`schemas/thresholds.csv`); a few that differ are named.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from pfsetl.checks import work_index
from pfsetl.checks.anesthesia import anesthesia
from pfsetl.checks.check import Finding
from pfsetl.checks.code_order import out_of_order
from pfsetl.checks.judgement import EXAMPLES, PLACE, Agreement, Judged, judged, stopping
from pfsetl.checks.locality_names import unknown_names
from pfsetl.declared import registry
from pfsetl.declared.registry import Release
from pfsetl.tables import derive

_SERVICE = ["hcpcs", "modifier"]
_PARTS = (
    ("locality", PLACE, "its indices or its caps are of another release or damaged"),
    ("service", _SERVICE, "its RVUs or its caps are of another release or damaged"),
)
_FEWEST = 5  # caps of a locality or service; of fewer, one that differs for a reason of its own says too much
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
    several = rows.filter(pl.col("macs").ne_missing(pl.col("mac")))
    odd = several.filter(~pl.col("macs").str.split(",").list.contains(pl.col("mac")))
    odd = odd.unique([*PLACE, "macs", "mac"]).sort(*PLACE, "macs", "mac") if odd.height else odd
    examples = odd.head(EXAMPLES).select(*PLACE, "macs", "mac").rows()
    return Finding(
        name, "contractor_of_the_others", "warn",
        "a locality stands under another contractor than in most members, whose contractor is published as `mac`",
        odd.height,
        tuple(f"{state}/{place} under {own}, in the others {theirs}" for state, place, own, theirs in examples),
    )  # fmt: skip


def opps_cap(tables: Mapping[str, pl.DataFrame], release: Release, lacks: Sequence[str] = ()) -> list[Judged]:
    """Recompute every OPPSCAP amount from RVUs, indices and factor of the same archive.

    Status `C`: the OPPS amount; else the lower of the amount and the OPPS amount (CMS's members of 13 releases agree
    completely, docs/accuracy.md). One locality or service that disagrees stops the build too. Nothing where the archive
    has no OPPSCAP, or no indices. Where the file of a participant is missing, the amounts may have been computed with
    its factor, so nothing stops the build.
    """
    caps = tables["opps_cap"]
    if caps.is_empty() or tables["gpci"].is_empty():
        return []
    # NOTE: by code, because a carrier-priced whole service has the work of its professional component.
    services = tables["rvu"].join(caps.select("hcpcs").unique(), on="hcpcs", how="semi")
    amounts = pl.concat(derive.payment(services, one, release) for one in work_index.printed(tables["gpci"]))
    lower = (pl.min_horizontal(f"{s}_amount", f"{s}_opps_amount").alias(f"{s}_lower") for s in derive.SETTINGS)
    ours = amounts.select("participant", *_SERVICE, *PLACE, *(f"{s}_opps_amount" for s in derive.SETTINGS), *lower)
    same = pl.all_horizontal(
        pl.col(f"{s}_amount")
        == pl.when(pl.col("status") == "C").then(pl.col(f"{s}_opps_amount")).otherwise(pl.col(f"{s}_lower"))
        for s in derive.SETTINGS
    )
    opps = pl.all_horizontal(pl.col(f"{s}_amount") == pl.col(f"{s}_opps_amount") for s in derive.SETTINGS)
    # NOTE: from 2026 on there are two factors, and may be two work indices, and one OPPSCAP, computed with either.
    compared = (
        caps.join(ours, on=[*_SERVICE, *PLACE], how="left")
        .select(*_SERVICE, *PLACE, same=same.fill_null(value=False), opps=opps.fill_null(value=False))
        .group_by(*_SERVICE, *PLACE)
        .agg(pl.col("same").any(), pl.col("opps").any())
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
    agreement, findings = judged(told, release, "recomputed", said, remedy, None if lacks else crossed)
    parts = [_part(compared, release, *part) for part in _PARTS if not crossed and not lacks]
    return [(agreement, findings + parts)]


def _part(compared: pl.DataFrame, release: Release, part: str, by: list[str], cause: str) -> Finding:
    """Say of which localities, or services, less than a share of the capped amounts can be computed again.

    A cap at the OPPS amount follows from the archive too where the fee is lower: CMS listed 92287 so in RVU13A.
    """
    least = registry.thresholds()[f"opps_cap_of_a_{part}_agree_at_least"]
    counts = compared.group_by(by).agg(n=pl.len(), agree=(pl.col("same") | pl.col("opps")).sum())
    off = counts.filter(pl.col("n") >= _FEWEST, pl.col("agree") < least.value * pl.col("n")).sort("agree", *by)
    stops = stopping(least, release, "opps_cap") and not off.is_empty()
    examples = tuple(
        f"{_joined(row, by)}: {row['agree']} of {row['n']} agree" for row in off.head(EXAMPLES).iter_rows(named=True)
    )
    return Finding(
        "opps_cap", f"recomputed_{part}", "error" if stops else "warn",
        f"of {off.height} {part}(s) less than {least.value:.0%} of the capped amounts follow from the archive's own "
        f"RVUs, indices and factor, as when {cause}",
        off.height * stops, examples, counted=True,
    )  # fmt: skip


def _joined(row: Mapping[str, object], by: Sequence[str]) -> str:
    return ("/" if by == PLACE else " ").join(str(row[name]) for name in by).strip()


def _most_off(off: pl.DataFrame, compared: pl.DataFrame) -> tuple[str, ...]:
    """Name what the differing amounts have in common: whole localities, whole services, else single amounts."""
    if off.is_empty():
        return ()
    examples: list[str] = []
    for by in (PLACE, _SERVICE):
        counts = compared.group_by(by).agg(n=pl.len()).join(off.group_by(by).agg(wrong=pl.len()), on=by)
        whole = counts.filter(pl.col("wrong") * 2 > pl.col("n")).sort("wrong", *by, descending=[True, False, False])
        examples += [
            f"{_joined(row, by)}: {row['wrong']} of {row['n']}" for row in whole.head(EXAMPLES).iter_rows(named=True)
        ]
        off = off.join(whole, on=by, how="anti")
    single = off.sort(*_SERVICE, *PLACE).head(max(0, EXAMPLES - len(examples)))
    rows = single.select(*_SERVICE, *PLACE).rows()
    return (
        *examples,
        *(f"{hcpcs} {modifier}".strip() + f" in {state}/{place}" for hcpcs, modifier, state, place in rows),
    )
