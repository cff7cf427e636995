"""All that a version says of one release: what it was made of, what was odd, what it changed."""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from pfsetl.declared import registry
from pfsetl.declared.registry import Release
from pfsetl.publication.json_records import Count, Later, Record


class ArchiveRecord(Record, frozen=True):
    """The archive that a release was built of; `content` is the identity of its members, however they were packed."""

    name: str
    sha256: str
    content: str
    url: str | None = None


class InForce(Record, frozen=True):
    """The first and the last day of a release as it was published, ISO, None where there is none."""

    first: str | None = msgspec.field(name="from")
    last: str | None = msgspec.field(name="to")


class MemberRecord(Record, frozen=True):
    """Where the lines of one source file went: lines = not data + published + merged + rejected."""

    file: str
    member: str
    participant: str
    layout: str
    sha256: str
    lines: Count
    not_data: Mapping[str, Count]
    records: Count
    published: Count
    merged: Count
    rejected: Count


class FormatDifferenceRecord(Record, frozen=True):
    """One field in which two formats of a member differ."""

    member: str
    participant: str
    believed: str
    other: str
    other_format: str
    field: str
    cells: Count
    examples: tuple[str, ...]
    explained: str | None = None
    differs: str | Later = UNSET


class FindingRecord(Record, frozen=True):
    """A check that didn't hold, and what was published all the same."""

    table: str
    check: str
    severity: str
    description: str
    violations: Count
    examples: tuple[str, ...] = ()
    dimension: str | Later = UNSET
    counted: bool | Later = UNSET


class AgreementRecord(Record, frozen=True):
    """How far a member agrees with the others."""

    member: str
    what: str
    compared: Count
    agree: Count
    examples: tuple[str, ...] = ()
    explained: str | None = None


class Statement(Record, frozen=True):
    """What one place of a file says of the file."""

    where: str
    says: tuple[str, ...]


class FileIdentity(Record, frozen=True):
    """What a file says of itself: year, month, participant, day of release."""

    file: str
    member: str
    year: tuple[Statement, ...]
    month: tuple[Statement, ...]
    participant: tuple[Statement, ...]
    released: tuple[Statement, ...]


class Factor(Record, frozen=True):
    """A participant's conversion factor now and in the release compared with."""

    participant: str
    now: str
    was: str | None
    percent: float | None


class Places(Record, frozen=True):
    """Localities that only one of two releases has."""

    added: tuple[str, ...]
    gone: tuple[str, ...]


class CodeCount(Record, frozen=True):
    """How many codes, and the first of them."""

    count: Count
    first: tuple[str, ...]


class Codes(Record, frozen=True):
    """Codes that only one of two releases has."""

    added: CodeCount
    gone: CodeCount


class NewValues(Record, frozen=True):
    """Values of an indicator that the release compared with doesn't have; `listed` are those of `schemas/codes`."""

    column: str
    values: tuple[str, ...]
    listed: tuple[str, ...]


class Since(Record, frozen=True):
    """What a release brings and drops against the last one in force before it."""

    release: str | None
    new_values: tuple[NewValues, ...]
    not_compared: tuple[str, ...]
    factors: tuple[Factor, ...] = ()
    localities: Places | None = None
    codes: Codes | None = None
    unread: str | None = None


class ChangedColumn(Record, frozen=True):
    """How many cells of a column a new revision changed, and the first rows with one."""

    cells: Count
    first: tuple[str, ...]


class ChangedTable(Record, frozen=True):
    """What a new revision changed in a table."""

    added: Count
    removed: Count
    changed: Count
    first_added: tuple[str, ...]
    first_removed: tuple[str, ...]
    columns: Mapping[str, ChangedColumn]


class SinceRevision(Record, frozen=True):
    """What a new revision of a release changes against the one that was published; `unread` where that isn't known."""

    revision: Count
    version: Count
    same_files: bool
    unread: str | None = None
    tables: Mapping[str, ChangedTable] = {}
    unchanged: tuple[str, ...] = ()
    factors: tuple[Factor, ...] = ()
    localities: Places | None = None
    codes: Codes | None = None
    new_values: tuple[NewValues, ...] = ()
    not_compared: tuple[str, ...] = ()


class ReleaseRecord(Record, frozen=True):
    """All that a version says of one release: what it was made of, where every line went, what was odd."""

    revision: Count
    year: int
    quarter: int
    archive: ArchiveRecord
    fingerprint: str
    content: str
    all_formats: bool
    sample: bool
    rvu_rows: Count
    members: tuple[MemberRecord, ...] = ()
    missing: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    format_differences: tuple[FormatDifferenceRecord, ...] = ()
    checks: Mapping[str, Count] = {}
    warnings: tuple[FindingRecord, ...] = ()
    in_force: InForce | Later = UNSET
    identity: tuple[FileIdentity, ...] | Later = UNSET
    agreement: tuple[AgreementRecord, ...] | Later = UNSET
    lost: tuple[FindingRecord, ...] | Later = UNSET
    accepted: tuple[str, ...] | Later = UNSET
    participant_rows: Mapping[str, Count] | Later = UNSET
    rvu_hashes: Mapping[str, str] | Later = UNSET
    relative_hashes: Mapping[str, str] | Later = UNSET
    since: Since | Later = UNSET
    since_revision: SinceRevision | Later | None = UNSET
    not_published: Mapping[str, tuple[str, ...]] | Later = UNSET
    rounded: Mapping[str, Mapping[str, Count]] | Later = UNSET


def release_of(label: str, record: ReleaseRecord) -> Release:
    """Return a published release as it's declared, or as it was published where it isn't."""
    days = (record.in_force.first, record.in_force.last) if record.in_force else None
    return registry.releases().get(label) or registry.inferred(label, record.year, record.quarter, days)
