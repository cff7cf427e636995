"""What the manifest says about a release: its archive, revision, members, checks; and the `releases` table."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

import msgspec
import polars as pl

from pfsetl.checks.check import Report
from pfsetl.checks.judgement import Agreement
from pfsetl.declared import contracts, declarations, registry
from pfsetl.declared.registry import Release
from pfsetl.errors import StoreError
from pfsetl.parsing.identity import Identity
from pfsetl.parsing.parity import FormatDifference
from pfsetl.publication import version
from pfsetl.publication.fingerprint import fingerprint
from pfsetl.publication.json_records import record_of
from pfsetl.publication.release_record import (
    AgreementRecord,
    ArchiveRecord,
    FileIdentity,
    FindingRecord,
    FormatDifferenceRecord,
    InForce,
    MemberRecord,
    ReleaseRecord,
)
from pfsetl.publication.version import Version
from pfsetl.source.archive import Archive
from pfsetl.tables.normalize import Accounting


def source(archive: Archive, url: str | None, release: Release, base: Version | None, *, sample: bool) -> ReleaseRecord:
    """Return the record of a build that isn't made yet: of which archive, as which revision of its release.

    The same label with other bytes is the next revision; the same bytes keep theirs.
    """
    before = base.releases.get(release.label) if base else None
    same = before is not None and before.archive.content == archive.content
    revision = 1 if before is None else before.revision + (0 if same else 1)
    return ReleaseRecord(
        revision=revision,
        year=release.year,
        quarter=release.quarter,
        in_force=InForce(first=_iso(release.effective_from), last=_iso(release.effective_to)),
        archive=ArchiveRecord(name=archive.name, sha256=archive.sha256, content=archive.content, url=url),
        fingerprint=fingerprint(archive.content, release),
        content="",  # what its tables make of it
        all_formats=False,
        sample=sample,
        rvu_rows=0,
    )


def with_findings(
    made: ReleaseRecord,
    archive: Archive,
    accounts: Sequence[Accounting],
    differences: Sequence[FormatDifference],
    report: Report,
    told: Identity,
    agreed: Sequence[Agreement],
) -> ReleaseRecord:
    """Add what was found in the archive: where every line went, what is missing, odd, or disagrees."""
    rvu = [a for a in accounts if a.member == "pprrvu"]
    return msgspec.structs.replace(
        made,
        members=tuple(record_of(MemberRecord, asdict(a)) for a in accounts),
        missing=tuple(archive.missing),
        ignored=tuple(archive.ignored),
        notices=(*archive.notices, *told.notices, *declarations.own_notices()),
        identity=tuple(record_of(FileIdentity, file) for file in told.files),
        format_differences=tuple(record_of(FormatDifferenceRecord, asdict(d)) for d in differences),
        checks={f"{f.table}.{f.check}": f.violations for f in report.findings},
        agreement=tuple(record_of(AgreementRecord, asdict(a)) for a in agreed),
        warnings=tuple(record_of(FindingRecord, asdict(f)) for f in report.warnings),
        lost=tuple(record_of(FindingRecord, asdict(f)) for f in report.lost),
        participant_rows={a.participant: a.published for a in rvu},
        rvu_rows=sum(a.published for a in rvu if registry.is_everyone(a.participant)),
    )


def releases_table(release: Release, made_of: ReleaseRecord, base: Version) -> pl.DataFrame:
    """Return one row per revision of the release, earlier ones carried over from the base version."""
    schema = contracts.load().tables["releases"].schema
    row = {
        "release": release.label,
        "revision": made_of.revision,
        "year": release.year,
        "quarter": release.quarter,
        "kind": release.kind,
        "effective_from": release.effective_from,
        "effective_to": release.effective_to,
        "never_effective": release.never_effective,
        "supersedes": release.supersedes,
        "published_at": release.published_on,
        "archive_name": made_of.archive.name,
        "archive_sha256": made_of.archive.sha256,
        "url": made_of.archive.url,
        "note": release.note,
    }
    now = pl.DataFrame([row], schema=schema)
    if release.label not in base.releases or made_of.revision == 1:  # the base's row may be what is to be restored
        return now
    return pl.concat([_earlier_rows(release.label, made_of.revision, base), now])


def _earlier_rows(label: str, revision: int, base: Version) -> pl.DataFrame:
    """Return the rows of a release's earlier revisions, by an earlier version where the base lost them."""
    try:
        return base.scan("releases", label).filter(pl.col("revision") < revision).collect()
    except StoreError:
        for number in version.numbers(base.store):
            at = version.open_version(base.store, number)
            if number < base.number and label in at.releases and at.releases[label].revision == revision - 1:
                return at.scan("releases", label).collect()
        raise


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
