"""Raw tables to the typed source tables of one release: rvu, gpci, locality_county, anesthesia, opps_cap."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pfsetl import places, sections
from pfsetl.contracts import Contract
from pfsetl.errors import ValueRefused
from pfsetl.read import RawTable
from pfsetl.registry import Release
from pfsetl.values import typed

Tables = dict[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Accounting:
    """Where the lines of one source file went; nothing may vanish."""

    file: str
    member: str
    participant: str
    layout: str
    sha256: str
    not_data: dict[str, int]
    records: int
    published: int
    merged: int
    rejected: int


def normalize(raws: Sequence[RawTable], release: Release, contract: Contract) -> tuple[Tables, list[Accounting]]:
    """Type every member of a release and bring it into the contract's source tables.

    A member that the archive lacks leaves its table empty. Raises ValueRefused naming file, line and remedy.
    """
    parsed = {(raw.member, raw.participant): (raw, typed(raw)) for raw in raws}
    told = places.known_states(
        *(parsed[member, "all"][1] if (member, "all") in parsed else None for member in ("gpci", "locality_county"))
    )
    parts: dict[str, list[pl.DataFrame]] = {}
    accounts: list[Accounting] = []
    contractors: pl.DataFrame | None = None
    for (member, participant), (raw, frame) in parsed.items():
        if member == "pprrvu":
            table, rows = "rvu", _rvu(raw, frame, participant)
            published = rows.height
        elif member == "anesthesia":
            table, rows = member, _anesthesia(raw, places.with_state(frame, told, raw.file))
            published = rows.select("state", "locality").n_unique()
        else:
            table, rows = member, _by_locality(raw, places.with_state(_split_code(frame), told, raw.file))
            published = rows.height
        if table == "gpci":
            contractors = rows.select("state", "locality", gpci_mac="mac")
        elif contractors is not None and "mac" in rows.columns:
            rows = _contractor_of_state(rows, contractors)
        parts.setdefault(table, []).append(rows)
        accounts.append(_account(raw, published))
    tables = {
        name: _as_contract(pl.concat(parts[name], how="diagonal") if name in parts else None, name, release, contract)
        for name in ("rvu", "gpci", "locality_county", "anesthesia", "opps_cap")
    }
    return tables, accounts


def _rvu(raw: RawTable, frame: pl.DataFrame, participant: str) -> pl.DataFrame:
    frame = _without_doubles(raw, frame, ["hcpcs", "modifier"])
    return sections.with_sections(frame).with_columns(participant=pl.lit(participant)).drop("description")


def _without_doubles(raw: RawTable, frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Drop exact repetitions of a record (RVU09A has 3491F twice); two records that differ are an error."""
    if frame.select(key).is_unique().all():
        return frame
    distinct = frame.unique(subset=[c for c in frame.columns if c != "line"], keep="first", maintain_order=True)
    double = distinct.filter(distinct.select(key).is_duplicated()).sort(*key, "line")
    if double.height:
        one, two = double.row(0, named=True), double.row(1, named=True)
        named = ", ".join(f"{name} {one[name]!r}" for name in key)
        columns = [c for c in frame.columns if c != "line" and one[c] != two[c]]
        raise ValueRefused(
            f"{raw.file}: lines {one['line']} and {two['line']} both have {named} but differ in {', '.join(columns)}. "
            "A key must occur once; get a corrected archive, or say in schemas/corrections.csv which line holds."
        )
    return distinct


def _split_code(frame: pl.DataFrame) -> pl.DataFrame:
    if "hcpcs_modifier" not in frame.columns:
        return frame
    glued = pl.col("hcpcs_modifier")
    return frame.with_columns(hcpcs=glued.str.slice(0, 5), modifier=glued.str.slice(5)).drop("hcpcs_modifier")


def _by_locality(raw: RawTable, frame: pl.DataFrame) -> pl.DataFrame:
    if raw.member == "locality_county":
        key, same = ["state", "locality", "counties"], ["fee_schedule_area"]
    elif raw.member == "opps_cap":
        key = ["hcpcs", "modifier", "state", "locality"]
        same = ["status", "nonfacility_amount", "facility_amount"]
    else:
        key = ["state", "locality"]
        same = [c for c in frame.columns if c.endswith(("_gpci", "_floor"))]
    return places.merged(frame, key, same, raw.file)


def _anesthesia(raw: RawTable, frame: pl.DataFrame) -> pl.DataFrame:
    factors = [c for c in frame.columns if c.startswith("anesthesia_factor")]
    merged = places.merged(frame, ["state", "locality"], factors, raw.file)
    return pl.concat(
        merged.select("state", "locality", "mac", "macs", "line", conversion_factor=factor).with_columns(
            participant=pl.lit(factor.removeprefix("anesthesia_factor").lstrip("_") or "all")
        )
        for factor in factors
    )


def _contractor_of_state(rows: pl.DataFrame, contractors: pl.DataFrame) -> pl.DataFrame:
    return (
        rows.join(contractors, on=["state", "locality"], how="left", maintain_order="left")
        .with_columns(mac=pl.coalesce("gpci_mac", "mac"))
        .drop("gpci_mac")
    )


def _account(raw: RawTable, published: int) -> Accounting:
    not_data = {name: count for name, count in raw.counts.items() if name != "records" and count}
    records = raw.counts["records"]
    return Accounting(
        raw.file, raw.member, raw.participant, raw.layout, raw.sha256, not_data, records, published,
        records - published, 0,
    )  # fmt: skip


def _as_contract(frame: pl.DataFrame | None, name: str, release: Release, contract: Contract) -> pl.DataFrame:
    """Bring a table to the contract's columns, types and order; what a layout doesn't have is null."""
    table = contract.tables[name]
    if frame is None:
        return table.empty()
    frame = frame.with_columns(release=pl.lit(release.label))
    absent = [c for c in table.schema if c not in frame.columns]
    return (
        frame.with_columns(pl.lit(None).alias(c) for c in absent)
        .select(pl.col(c).cast(dtype) for c, dtype in table.schema.items())
        .sort(table.key)
    )
