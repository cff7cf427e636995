"""One archive has one label: what is published under a label isn't published under another as well."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from pfsetl.declared import registry
from pfsetl.declared.registry import Release
from pfsetl.errors import ArchiveError
from pfsetl.publication.release_record import MemberRecord, ReleaseRecord
from pfsetl.remedies import command

_RELATIVE = ("hcpcs", "modifier", "status", "work_rvu", "nonfacility_pe_rvu", "facility_pe_rvu", "mp_rvu")
# By key of a release's record. Records of older stores have the hashes with the factor alone.
_HASHED = {"rvu_hashes": (*_RELATIVE, "conversion_factor"), "relative_hashes": _RELATIVE}


def hashes(rvu: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Return for a release's record a hash of each participant's relative values, with its factor and without it.

    They are the same whatever format and label the values came under.
    """
    held = rvu.select("participant", *_RELATIVE, "conversion_factor").sort("hcpcs", "modifier")
    parts = sorted(held.partition_by("participant", as_dict=True).items())
    return {
        key: {
            str(participant): hashlib.sha256(part.select(columns).write_csv().encode()).hexdigest()
            for (participant,), part in parts
        }
        for key, columns in _HASHED.items()
    }


def notices(label: str, made: ReleaseRecord, records: Mapping[str, ReleaseRecord], store: object) -> list[str]:
    """Say which relative values are those of a correction of the same quarter, which CMS may repeat.

    `made` is the record of what is built: its archive, members, `hashes`; `records` are those of the releases
    published in `store` or staged. Raises ArchiveError where the archive, or one of its PPRRVU files, is that of
    another label, whatever factor is printed in it: 14 archives of 2009 to 2026 all have other relative values. Other
    members stay the same through a year. Parts of two quarters may be equal, so of a sample the archive alone is
    compared.
    """
    found = []
    before = [x for x, r in records.items() if x != label and not r.sample and not r.relative_hashes]
    if before and not made.sample:
        found.append(
            f"{', '.join(before)}: published before relative values were compared without the conversion factor, so "
            "compared by bytes and with it; built again, they are compared without"
        )
    for other, record in records.items():
        if other == label:
            continue
        if record.archive.content == made.archive.content:
            raise _refusal(label, made.archive.name, other, store)
        files = [] if made.sample or record.sample else _shared(made, record)
        if files and not _corrects(label, other):
            but = "" if _shared(made, record, ("rvu_hashes",)) else ", but for its conversion factor"
            raise _refusal(label, f"{made.archive.name}/{files[0]}", other, store, but)
        found += [f"{file}: the same relative values as {other}" for file in files]
    return found


def _shared(made: ReleaseRecord, record: ReleaseRecord, keys: Iterable[str] = tuple(_HASHED)) -> Sequence[str]:
    """Return the PPRRVU files whose bytes or rows a record has too; `keys` are the hashes compared."""
    theirs = {member.sha256 for member in _rvu_members(record)}
    theirs |= {told for key in keys for told in _hashes(record, key).values()}
    return [
        member.file
        for member in _rvu_members(made)
        if {member.sha256, *(_hashes(made, key).get(member.participant) for key in keys)} & theirs
    ]


def _hashes(record: ReleaseRecord, key: str) -> Mapping[str, str]:
    return getattr(record, key) or {}


def _rvu_members(record: ReleaseRecord) -> Iterable[MemberRecord]:
    return (member for member in record.members if member.member == "pprrvu")


def _corrects(label: str, other: str) -> bool:
    """Return whether two labels are declared for one quarter: a correction may leave the relative values as they were.

    RVU18AR1 corrects the anesthesia factors of RVU18AR (its note in `schemas/releases.csv`).
    """
    one, two = (registry.releases().get(name) for name in (label, other))
    return bool(one and two and _quarter(one) == _quarter(two))


def _quarter(release: Release) -> tuple[int, int]:
    return release.year, release.quarter


def _refusal(label: str, what: str, other: str, store: object, but: str = "") -> ArchiveError:
    return ArchiveError(
        f"{what}: this is {other}{but}, published under that label; it isn't published as {label} as well. Give the "
        f"archive of {label}. If {other} was built of a wrong archive, build {other} of its own first, or go back to a "
        f"version without it: {command('versions', store)} shows them, {command('rollback NUMBER', store)} takes one."
    )
