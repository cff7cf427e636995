"""The card of one code in one release, as code pages show it: RVUs, national payment, and how it compares."""

import re
from collections.abc import Iterator
from typing import Any

import polars as pl

from pfsetl.declared import calendar, declarations, registry
from pfsetl.declared.records.services import STATUS
from pfsetl.errors import UsageError
from pfsetl.near import beside
from pfsetl.pricing.given import code_of
from pfsetl.pricing.lookup import elsewhere, in_part
from pfsetl.publication.json_records import plain
from pfsetl.publication.published import find_release, labels_in_order
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.source import members

EVENTS = "code_events"
SETTINGS = {"nonfacility": "Non-facility", "facility": "Facility"}
MEASURES = {
    "work_rvu": "work RVU",
    "nonfacility_total_rvu": "non-facility total RVU",
    "facility_total_rvu": "facility total RVU",
    "nonfacility_amount": "non-facility amount",
    "facility_amount": "facility amount",
}


def card(version: Version, hcpcs: str, release: str | None = None) -> dict[str, Any]:
    """Return what a release says about a code, read from the published Parquet.

    Without a release the latest published one is taken. Raises UsageError for an unknown code or release, with
    near ones.
    """
    label = find_release(version, release)
    code = code_of(hcpcs)
    rows = version.scan("rvu", label).filter(pl.col("hcpcs") == code).collect()
    if rows.is_empty():
        raise UsageError(_unknown_code(version, code, label))
    payments = version.scan("payment_national", label).filter(pl.col("hcpcs") == code).collect()
    comparison = version.scan("code_comparison", label).filter(pl.col("hcpcs") == code).collect()
    stats = version.scan("section_stats", label).select("participant", "section", "measure", "max_hcpcs").collect()
    facts = version.scan("releases", label).sort("revision").collect().row(-1, named=True)
    first = rows.row(0, named=True)
    meanings = {row.code: row.meaning for row in declarations.rows(STATUS)}
    return {
        "hcpcs": code,
        "release": label,
        "revision": version.releases[label].revision,
        "sample": version.releases[label].sample,
        "version": version.number,
        "effective_from": facts["effective_from"],
        "effective_to": facts["effective_to"],
        "superseded_by": superseded_by(version.release(label)),
        "section": first["section"],
        "subsection": first["subsection"],
        "status": first["status"],
        "status_meaning": meanings.get(first["status"]),
        "rows": list(_rows(rows, payments)),
        "comparison": comparison.join(stats, on=["participant", "section", "measure"]).to_dicts(),
        "archive": plain(version.releases[label].archive),
        "missing_participants": members.participants(version.releases[label].missing),
    }


def superseded_by(release: registry.Release) -> str | None:
    """Return the correction that prices the days of a release whose days are known and not its own, else None.

    >>> [superseded_by(registry.find(label)) for label in ("RVU18A", "RVU24A", "RVU03A")]
    ['RVU18AR1', None, None]
    """
    if release.effective_from is None or release.effective_to is None or calendar.days_of(release):
        return None
    return calendar.pricing_release(release.effective_from).label


def comparison_sentence(row: dict[str, Any]) -> str:
    """Say in one sentence where a code stands in its section.

    >>> comparison_sentence({"measure": "work_rvu", "value": 0.5, "n": 737, "section": "Medicine",
    ...     "percentile": 34.33, "section_median": 0.78, "ratio_to_median": 0.641, "section_max": 23.92,
    ...     "max_hcpcs": "90951"})
    'work RVU 0.50: 34th percentile among 737 Medicine codes, 1.6x below the median 0.78, highest 23.92 (90951)'
    """
    ratio = row["ratio_to_median"]
    stands = (
        "at the median"
        if ratio == 1
        else f"{ratio:.1f}x the median"
        if ratio > 1
        else f"{1 / ratio:.1f}x below the median"
    )
    median = f"{row['section_median']:.4f}".rstrip("0")
    median = median if len(median.partition(".")[2]) > 1 else f"{row['section_median']:.2f}"
    return (
        f"{MEASURES[row['measure']]} {row['value']:.2f}: {_ordinal(round(row['percentile']))} percentile among "
        f"{row['n']} {row['section']} codes, {stands} {median}, highest {row['section_max']:.2f} ({row['max_hcpcs']})"
    )


def _rows(rvu: pl.DataFrame, payments: pl.DataFrame) -> Iterator[dict[str, Any]]:
    joined = rvu.join(payments, on=["participant", "hcpcs", "modifier"], how="left", maintain_order="left")
    for row in joined.iter_rows(named=True):
        yield {
            "participant": row["participant"],
            "modifier": row["modifier"],
            "status": row["status"],
            "reason": row["reason"],
            "conversion_factor": row["conversion_factor"],
            "settings": {setting: _setting(row, setting) for setting in SETTINGS},
            "global_days": row["global_days"],
            "pctc": row["pctc"],
            "multiple_procedure": row["multiple_procedure"],
        }


def _setting(row: dict[str, Any], setting: str) -> dict[str, Any]:
    return {
        "work_rvu": row["work_rvu"],
        "pe_rvu": row[f"{setting}_pe_rvu"],
        "mp_rvu": row["mp_rvu"],
        "total_rvu": row[f"{setting}_total_rvu"],
        "na": row[f"{setting}_na"],
        "amount": row[f"{setting}_amount"],
        "opps_amount": row[f"{setting}_opps_amount"],
        "payment": row[f"{setting}_payment"],
        "nonparticipating_amount": row[f"{setting}_nonparticipating_amount"],
        "limiting_charge": row[f"{setting}_limiting_charge"],
    }


def _unknown_code(version: Version, code: str, label: str) -> str:
    known = version.scan("rvu", label).select(pl.col("hcpcs").unique().sort()).collect()["hcpcs"].to_list()
    said = f"{code}: not in {label} (version {version.number}, {len(known):,} codes)."
    if (whole := re.split(r"[\s.-]", code)[0]) in known:
        return f"{said} The card of {whole} has every modifier: {command(f'code {whole}', version.store)}."
    if gone := _gone(version, code, label):
        return f"{said} {gone}"
    close = beside(code, known)
    hint = f" Near: {', '.join(close)}." if close else " Codes have five characters, like 99213 or G0101."
    lacks = members.participants(version.releases[label].missing)
    hint += f" The file of {' and '.join(lacks)} is missing from {label}, and may list it." if lacks else ""
    return f"{said}{hint} {in_part(version, label)}".rstrip()


def _gone(version: Version, code: str, label: str) -> str:
    """Say when a code ended or begins, what appeared when it went, and how to see it; "" where it never was."""
    told = elsewhere(version, label, code)
    if not told:
        return ""
    if any(resource.table == EVENTS for resource in version.resources):
        last = version.scan(EVENTS).filter(hcpcs=code, modifier="", event="gone").collect().tail(1)
        for appeared, count in last.select("appeared_when_gone", "appeared_when_gone_count").iter_rows():
            what = "1 code" if count == 1 else f"{count} codes"
            told += (
                f" When it went, {what} of its subsection appeared, nearest by number {appeared}." if appeared else ""
            )
    held = set(version.scan("rvu").filter(hcpcs=code).select("release").collect()["release"])
    last_held = [label for label in labels_in_order(version) if label in held][-1]
    return f"{told} {command(f'code {code} --release {last_held}', version.store)} shows it."


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
