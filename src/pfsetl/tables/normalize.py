"""Parsed members to the source tables of one release: rvu, gpci, locality_county, anesthesia, opps_cap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from pfsetl.declared.contracts import Contract, Table
from pfsetl.declared.registry import Release
from pfsetl.errors import ValueRefused
from pfsetl.parsing.parse import Parsed
from pfsetl.parsing.read import RawTable
from pfsetl.tables import columns, level_two, places, sections
from pfsetl.tables.key_order import in_order
from pfsetl.tables.set_aside import set_aside

Tables = dict[str, pl.DataFrame]
_SOURCE_KEYS = ("participant", "hcpcs", "modifier", "state", "locality", "counties")


@dataclass(frozen=True, slots=True)
class Accounting:
    """Where the lines of one source file went: lines = not data + published + merged + rejected.

    `merged` are records that CMS lists under a second contractor; the published row names both in `macs`.
    """

    file: str
    member: str
    participant: str
    layout: str
    sha256: str
    lines: int
    not_data: dict[str, int]
    records: int
    published: int
    merged: int
    rejected: int


def normalize(parsed: Sequence[Parsed], release: Release, contract: Contract) -> tuple[Tables, list[Accounting]]:
    """Bring every parsed member of a release into the contract's source tables, and account for its lines.

    A member that the archive lacks leaves its table empty. Lines of a place in no known state are set aside, but for
    GPCI's (`set_aside`). Raises ValueRefused naming file, line and remedy.
    """
    members = {(p.raw.member, p.raw.participant): p for p in parsed}
    told = places.known_states(
        *(members[name, "all"].frame if (name, "all") in members else None for name in ("gpci", "locality_county"))
    )
    members = set_aside(members, told)
    parts: dict[str, list[pl.DataFrame]] = {"rejects": [], "source_lines": []}
    accounts: list[Accounting] = []
    placed = {key: _rows(one, told) for key, one in members.items()}
    contractors = places.contractors([rows for (_, rows) in placed.values() if "macs" in rows.columns])
    for (member, _), one in members.items():
        raw = one.raw
        table, rows = placed[member, raw.participant]
        # NOTE: one row of the anesthesia member is a factor for each participant.
        published = rows.select("state", "locality").n_unique() if member == "anesthesia" else rows.height
        if "macs" in rows.columns:
            rows = _contractor_of_state(rows, contractors)
        parts.setdefault(table, []).append(rows)
        keys = [c for c in _SOURCE_KEYS if c in rows.columns]
        parts["source_lines"].append(rows.select(*keys, "line", table=pl.lit(table), file=pl.lit(raw.file)))
        parts["rejects"].append(one.rejects.with_columns(file=pl.lit(raw.file), member=pl.lit(member)))
        accounts.append(_account(one, published))
    columns.refuse_unfilled(contract)
    layouts = {
        name: [p.raw.layout for p in parsed if p.raw.member == columns.MEMBER_OF[name]] for name in columns.MEMBER_OF
    }
    tables = {
        name: _as_contract(
            pl.concat(parts[name], how="diagonal") if name in parts else None, release, contract.tables[name], layouts
        )
        for name in (*columns.MEMBER_OF, "rejects", "source_lines")
    }
    tables["code_text"] = level_two.code_text(parsed, release, contract.tables["code_text"])
    return tables, accounts


def _rows(one: Parsed, told: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    """Return the table that a member belongs to, and its rows in it."""
    raw = one.raw
    if raw.member == "pprrvu":
        return "rvu", _rvu(raw, one.frame, raw.participant)
    placed = places.with_state(one.frame, told, raw.file)
    return raw.member, _anesthesia(raw, placed) if raw.member == "anesthesia" else _by_locality(raw, placed)


def _rvu(raw: RawTable, frame: pl.DataFrame, participant: str) -> pl.DataFrame:
    _refuse_doubles(raw, frame, ["hcpcs", "modifier"])
    return sections.with_sections(frame).with_columns(participant=pl.lit(participant)).drop("description")


def _refuse_doubles(raw: RawTable, frame: pl.DataFrame, key: list[str]) -> None:
    doubled = frame[key].is_duplicated()
    if doubled.any():
        one, two = frame.filter(doubled).sort(*key, "line").head(2).rows(named=True)
        named = ", ".join(f"{name} {one[name]!r}" for name in key)
        apart = [c for c in frame.columns if c != "line" and one[c] != two[c]]
        raise ValueRefused(
            f"{raw.file}: lines {one['line']} and {two['line']} both have {named} but differ in {', '.join(apart)}. "
            "A key must occur once; get a corrected archive."
        )


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
        merged.select(
            pl.exclude(factors),
            conversion_factor=factor,
            participant=pl.lit(factor.removeprefix("anesthesia_factor").lstrip("_") or "all"),
        )
        for factor in factors
    )


def _contractor_of_state(rows: pl.DataFrame, contractors: pl.DataFrame) -> pl.DataFrame:
    return rows.join(contractors, on=["state", "locality"], how="left", maintain_order="left").select(
        pl.exclude("mac", "contractor"), mac=pl.coalesce("contractor", "mac")
    )


def _account(parsed: Parsed, published: int) -> Accounting:
    """Say where every line of a file went; raise when that can't be said of one of them."""
    raw = parsed.raw
    not_data = {name: count for name, count in raw.counts.items() if name != "records" and count}
    records, rejected = raw.counts["records"], parsed.rejects.height
    merged = records - rejected - published
    if merged < 0 or (merged and raw.member == "pprrvu"):
        raise ValueRefused(
            f"{raw.file}: {records} records were read, but {published} published and {rejected} rejected. "
            "This is a fault of pfsetl, please report it."
        )
    return Accounting(
        raw.file, raw.member, raw.participant, raw.layout, raw.sha256, sum(raw.counts.values()), not_data, records,
        published, merged, rejected,
    )  # fmt: skip


def _as_contract(
    frame: pl.DataFrame | None, release: Release, table: Table, layouts: Mapping[str, Sequence[str]]
) -> pl.DataFrame:
    """Bring a table to the contract's columns, types and order; what its layouts have no field for is null."""
    if frame is None:
        return table.empty()
    frame = frame.with_columns(release=pl.lit(release.label))
    if table.name in layouts:
        frame = columns.filled(frame, table, layouts[table.name])
    else:  # of several tables, each with keys of its own
        frame = frame.with_columns(pl.lit(None).alias(c) for c in table.schema if c not in frame.columns)
    frame = columns.typed(frame, table.schema)
    if table.name == "source_lines":
        frame = frame.with_columns(pl.col(c for c in table.key if table.schema[c] == pl.String).fill_null(""))
    return in_order(frame, table)
