"""What the manifest says about a release: its archive, revision, members, checks; and the `releases` table."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import version as installed
from typing import Any

import polars as pl

from pfsetl.declared import contracts, declarations, registry
from pfsetl.declared.records.archives import PARTICIPANTS
from pfsetl.declared.registry import Release
from pfsetl.parsing.identity import Identity
from pfsetl.parsing.parity import FormatDifference
from pfsetl.publication.version import Version
from pfsetl.source.archive import Archive
from pfsetl.tables import changes
from pfsetl.tables.check import NEIGHBOUR, Report
from pfsetl.tables.judgement import Agreement
from pfsetl.tables.normalize import Accounting

NEIGHBOUR_QUARTERS = 8


def source(archive: Archive, url: str | None, release: Release, base: Version) -> dict[str, Any]:
    """Return which archive a build is made of, and as which revision of its release.

    The same label with other bytes is the next revision; the same bytes keep theirs.
    """
    before = base.releases.get(release.label)
    same = before is not None and before["archive"]["content"] == archive.content
    revision = 1 if before is None else before["revision"] + (0 if same else 1)
    return {
        "revision": revision,
        "year": release.year,
        "quarter": release.quarter,
        "in_force": {"from": _iso(release.effective_from), "to": _iso(release.effective_to)},
        "archive": {"name": archive.name, "sha256": archive.sha256, "content": archive.content, "url": url},
        "fingerprint": fingerprint(archive),
    }


def findings(
    archive: Archive,
    accounts: Sequence[Accounting],
    differences: Sequence[FormatDifference],
    report: Report,
    told: Identity,
    agreed: Sequence[Agreement],
) -> dict[str, Any]:
    """Return what was found in an archive: where every line went, what is missing, odd, or disagrees."""
    return {
        "members": [asdict(account) for account in accounts],
        "missing": list(archive.missing),
        "ignored": list(archive.ignored),
        "notices": [*archive.notices, *told.notices, *declarations.own_notices()],
        "identity": list(told.files),
        "format_differences": [asdict(d) for d in differences],
        "checks": {f"{f.table}.{f.check}": f.violations for f in report.findings},
        "agreement": [asdict(a) for a in agreed],
        "warnings": [asdict(f) for f in report.warnings],
        "lost": [asdict(f) for f in report.lost],
        "participant_rows": {a.participant: a.published for a in accounts if a.member == "pprrvu"},
        "rvu_rows": sum(a.published for a in accounts if a.member == "pprrvu" and registry.is_everyone(a.participant)),
    }


def neighbour(release: Release, records: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    """Return the rows of each participant in the nearest release before this one that has it, if one is near enough.

    Participants have the names of this release: one that continues another is compared with that one, and one that is
    new with none (`schemas/participants.csv`). Samples are compared with nothing.
    """
    here = 4 * release.year + release.quarter
    quarters = {label: 4 * r["year"] + r["quarter"] for label, r in records.items() if not r["sample"]}
    earlier = sorted((at, label) for label, at in quarters.items() if here - NEIGHBOUR_QUARTERS <= at < here)
    rows: list[tuple[str, str, int]] = []
    compared: set[str] = set()
    for _, label in reversed(earlier):  # farther ones say only what nearer ones, with a file missing, don't
        of_old = {"all": records[label]["rvu_rows"]}  # a record from before participants were counted one by one
        counted = records[label].get("participant_rows", of_old)
        pairs = changes.paired(list(counted), [r.participant for r in declarations.rows(PARTICIPANTS)])
        rows += [(label, mine, counted[theirs]) for mine, theirs in pairs.items() if mine not in compared]
        compared |= pairs.keys()
    return pl.DataFrame(rows, schema=NEIGHBOUR, orient="row")


def releases_table(release: Release, made_of: Mapping[str, Any], base: Version) -> pl.DataFrame:
    """Return one row per revision of the release, earlier ones carried over from the base version."""
    schema = contracts.load().tables["releases"].schema
    row = {
        "release": release.label,
        "revision": made_of["revision"],
        "year": release.year,
        "quarter": release.quarter,
        "kind": release.kind,
        "effective_from": release.effective_from,
        "effective_to": release.effective_to,
        "never_effective": release.never_effective,
        "supersedes": release.supersedes,
        "published_at": release.published_on,
        "archive_name": made_of["archive"]["name"],
        "archive_sha256": made_of["archive"]["sha256"],
        "url": made_of["archive"]["url"],
        "note": release.note,
    }
    now = pl.DataFrame([row], schema=schema)
    if release.label not in base.releases:
        return now
    earlier = base.scan("releases", release.label).filter(pl.col("revision") < made_of["revision"]).collect()
    return pl.concat([earlier, now])


def fingerprint(archive: Archive) -> str:
    """Return the identity of everything a build depends on: archive, software, declarations, shipped and own."""
    return hashlib.sha256(f"{archive.content} {installed('pfsetl')} {declarations.digest()}".encode()).hexdigest()


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
