"""An opened archive read, derived and checked, with nothing written."""

from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from pfsetl.checks import agreement, completeness, unplaced, work_index
from pfsetl.checks.check import Finding, Report, check
from pfsetl.declared import assumed, calendar, contracts, registry
from pfsetl.errors import during, proposing
from pfsetl.parsing import identity, parity
from pfsetl.parsing import read as reading
from pfsetl.parsing.parity import FormatDifference
from pfsetl.parsing.parse import Parsed, many_repeated, parse
from pfsetl.parsing.read import RawTable, read, read_others
from pfsetl.pipeline.request import Opened, Request, opened
from pfsetl.publication import loss, neighbours, one_label, recording, revision, version
from pfsetl.publication.json_records import record_of
from pfsetl.publication.release_record import ReleaseRecord, Since
from pfsetl.publication.version import Version
from pfsetl.source import members
from pfsetl.source.archive import other_bytes
from pfsetl.storage.folder import LocalStore
from pfsetl.tables import columns, since
from pfsetl.tables.derived import derived
from pfsetl.tables.normalize import Accounting, Tables, normalize


@dataclass(frozen=True, slots=True)
class Members:
    """The members of an archive as values, from the format that is believed, and the files that repeat them as text."""

    parsed: list[Parsed]
    others: list[RawTable]


@dataclass(frozen=True, slots=True)
class Examined:
    """The tables of a release, what its checks say, and its record as far as it's known before publication."""

    tables: Tables
    report: Report
    record: ReleaseRecord


def examine(
    label: str,
    archive: Path,
    *,
    records: Mapping[str, ReleaseRecord],
    base: Version | None = None,
    all_formats: bool = False,
    sample: bool = False,
    accept: Collection[str] = (),
) -> Examined:
    """Read, derive and check an archive without publishing anything.

    `records` are those of the published releases; `base` is the version that a build would start from, None for an
    empty store. `all_formats`, `sample` and `accept` are those of a `Request`.
    """
    request = Request(label, archive, None, all_formats, sample, accept)
    with during(f"checking {label} in {archive}"), proposing(label.upper(), archive):
        one = opened(request, base or version.empty(LocalStore(Path("output"))), records)
        there = members_of(one)
        with ThreadPoolExecutor(1) as beside:
            compared = beside.submit(differences, one, there)
            tables, accounts = normalize(there.parsed, one.release, contracts.load())
            complete = tables | derived(tables, one.release, contracts.load())
            return examined(one, there, complete, accounts, compared)


def members_of(one: Opened, *, compared: bool = True) -> Members:
    """Read and type every member of an archive, and beside that read its other formats, if they are to be compared."""
    with ThreadPoolExecutor(1) as beside:
        others = beside.submit(read_others, one.archive, all_formats=one.all_formats) if compared else None
        raws = read(one.archive)
        identity.held(one.archive.files, raws, one.release)  # first: a file of another release breaks other rules too
        return Members([parse(raw) for raw in raws], others.result() if others else [])


def examined(
    one: Opened,
    there: Members,
    complete: Tables,
    accounts: list[Accounting],
    compared: Future[list[FormatDifference]],
) -> Examined:
    """Check the source tables of a release and those derived of them; `compared` are the `differences` under way.

    Raises ArchiveError for what is published elsewhere.
    """
    raws = [*(p.raw for p in there.parsed), *there.others]
    told = identity.held(one.archive.files, raws, one.release)
    agreed, found = agreement.agreements(complete, one.release, members.participants(one.archive.missing))
    report = _report(one, complete, found)
    parity.refuse_unexplained(one.label, compared.result(), accepted="differences" in one.request.accept)
    made = recording.source(one.archive, one.request.url, one.release, one.base, sample=one.request.sample)
    made = recording.with_findings(made, one.archive, accounts, compared.result(), report, told, agreed)
    made = _with_notices(one, made, complete, there.parsed, raws)
    return Examined(complete, report, _held_elsewhere(one, made, complete))


def _report(one: Opened, complete: Tables, agreed: list[Finding]) -> Report:
    """Run the contract's rules and all checks that ask other members, other releases or the store."""
    base, release, sample = one.base, one.release, one.request.sample
    near = neighbours.rows_before(release, {} if sample else one.known)
    report = check(one.label, complete, contracts.load(), {"neighbour": near}, sample=sample)
    found = [*agreed, *loss.lost(release, complete, base, sample=sample)]
    if not sample:
        found += completeness.floors(complete, calendar.formula_day(release)) + completeness.known(complete, release)
        found += neighbours.moved(release, complete, base) + neighbours.repeated(release, complete, base)
        found += neighbours.kept(release, complete, base)
    found += [*unplaced.findings(complete), *work_index.findings(complete["gpci"], release)]
    findings = unplaced.excused([*report.findings, *found], complete)
    return replace(report, findings=findings).accepting(one.request.accept)


def _with_notices(
    one: Opened, made: ReleaseRecord, complete: Tables, parsed: list[Parsed], raws: list[RawTable]
) -> ReleaseRecord:
    """Add what is said of the archive beside its checks: notices, what changed since, what isn't published."""
    schemas = {name: table.schema for name, table in contracts.load().tables.items()}
    unpublished = columns.not_published(parsed, {name: list(schema) for name, schema in schemas.items()})
    there = {label: (r.year, r.quarter) for label, r in one.base.releases.items()}
    beside = registry.undeclared_beside(one.release, there)
    sample = one.request.sample
    return msgspec.structs.replace(
        made,
        notices=(
            *made.notices,
            *other_bytes_of(one),
            *reading.notices(raws),
            *many_repeated(parsed),
            *columns.rounded(parsed, schemas),
            *parity.uncompared(raws, unpublished),
            *assumed.notices(one.release, complete["release_calendar"], beside),
        ),
        since=_since(one, complete),
        since_revision=revision.since_revision(one.release, complete, one.base, one.archive.content, sample=sample),
        not_published={member: tuple(names) for member, names in unpublished.items()},
        rounded={raw.file: raw.rounded for raw in raws if raw.rounded},
        all_formats=one.all_formats,
        accepted=tuple(sorted(one.request.accept)),
    )


def _held_elsewhere(one: Opened, made: ReleaseRecord, complete: Tables) -> ReleaseRecord:
    """Refuse an archive that is published under another label; say what is the same as elsewhere."""
    made = msgspec.structs.replace(made, **one_label.hashes(complete["rvu"]))
    notices = one_label.notices(one.label, made, one.known, one.base.store)
    return msgspec.structs.replace(made, notices=(*made.notices, *notices))


def other_bytes_of(one: Opened) -> list[str]:
    """Say that a zip isn't the known one; a sample can't be, and a folder of members has no bytes of its own."""
    if one.request.sample or one.archive.sha256 == one.archive.content:
        return []
    return other_bytes(one.release, one.archive.name, one.archive.sha256)


def _since(one: Opened, tables: Tables) -> Since:
    """Say what changed against the last release in force; a sample is a part, and compared with none."""
    if one.request.sample or not one.base.number:
        return record_of(Since, since.compared(tables, None))
    return neighbours.since(one.release, tables, one.base)


def differences(one: Opened, there: Members) -> list[FormatDifference]:
    """Compare each member with its other formats; a file that can't be read as that member is an error too."""
    believed = {(p.raw.member, p.raw.participant): p for p in there.parsed}
    found: list[FormatDifference] = []
    compared: set[tuple[str, str]] = set()
    for raw in there.others:
        first = believed[raw.member, raw.participant]
        found += parity.differences(first, parse(raw, like=first))
        compared.add((raw.member, raw.format))
    return parity.explained(one.label, one.archive.content, compared, found)
