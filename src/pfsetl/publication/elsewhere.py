"""One archive has one label: what is published under a label isn't published under another as well."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from pfsetl.declared import registry
from pfsetl.declared.registry import Release
from pfsetl.errors import ArchiveError

TOLD_BY = (
    "hcpcs",
    "modifier",
    "status",
    "work_rvu",
    "nonfacility_pe_rvu",
    "facility_pe_rvu",
    "mp_rvu",
    "conversion_factor",
)


def rvu_hashes(rvu: pl.DataFrame) -> dict[str, str]:
    """Return a hash of each participant's relative values, the same whatever format and label they came under."""
    parts = rvu.select("participant", *TOLD_BY).partition_by("participant", as_dict=True, include_key=False)
    return {
        str(participant): hashlib.sha256(part.sort(TOLD_BY[:2]).write_csv().encode()).hexdigest()
        for (participant,), part in sorted(parts.items())
    }


def notices(label: str, made: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say which relative values are those of a correction of the same quarter, which CMS may repeat.

    `made` is the record of what is built: its archive, members, `rvu_hashes`; `records` are those of the releases
    published or staged. Raises ArchiveError where the archive, or one of its PPRRVU files, is that of another label.
    Other members stay the same through a year. Parts of two quarters may be equal, so of a sample the archive alone
    is compared.
    """
    found = []
    for other, record in records.items():
        if other == label:
            continue
        if record["archive"].get("content") == made["archive"]["content"]:
            raise _refusal(label, made["archive"]["name"], other)
        files = [] if made.get("sample") or record["sample"] else _shared(made, record)
        if files and not _corrects(label, other):
            raise _refusal(label, f"{made['archive']['name']}/{files[0]}", other)
        found += [f"{file}: the same relative values as {other}" for file in files]
    return found


def _shared(made: Mapping[str, Any], record: Mapping[str, Any]) -> Sequence[str]:
    """Return the PPRRVU files whose bytes or rows a record has too."""
    theirs = {member["sha256"] for member in _rvu_members(record)} | set(record.get("rvu_hashes", {}).values())
    return [
        member["file"]
        for member in _rvu_members(made)
        if {member["sha256"], made.get("rvu_hashes", {}).get(member["participant"])} & theirs
    ]


def _rvu_members(record: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return (member for member in record.get("members", ()) if member["member"] == "pprrvu")


def _corrects(label: str, other: str) -> bool:
    """Return whether two labels are declared for one quarter: a correction may leave the relative values as they were.

    RVU18AR1 corrects the anesthesia factors of RVU18AR (its note in `schemas/releases.csv`).
    """
    one, two = (registry.releases().get(name) for name in (label, other))
    return bool(one and two and _quarter(one) == _quarter(two))


def _quarter(release: Release) -> tuple[int, int]:
    return release.year, release.quarter


def _refusal(label: str, what: str, other: str) -> ArchiveError:
    return ArchiveError(
        f"{what}: this is {other}, published under that label; it isn't published as {label} as well. Give the archive "
        f"of {label}. If {other} was built of a wrong archive, build {other} of its own first, or go back to a version "
        "without it: 'pfsetl versions' shows them, 'pfsetl rollback NUMBER' takes one."
    )
