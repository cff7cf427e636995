"""Releases that were staged side by side: held against each other, and published as one version."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial

import msgspec

from pfsetl.checks import continuity
from pfsetl.checks.check import Finding, Report, against_neighbour
from pfsetl.declared import contracts, registry
from pfsetl.declared.registry import order
from pfsetl.errors import Conflict, PfsetlError, during
from pfsetl.publication import manifest, neighbours, next_version, one_label, publish, version
from pfsetl.publication.json_records import record_of
from pfsetl.publication.release_record import FindingRecord
from pfsetl.publication.runs import step
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version

AT_A_TIME = 2  # releases that are held against the others


def publish_staged(staged: Sequence[StagedRelease], base: Version) -> tuple[Version, dict[str, str]]:
    """Make staged releases visible as one version; return it, and why a release was left out.

    Releases that were staged side by side couldn't be held against each other; that is done here, in CMS's order.
    One that another run published with another content meanwhile is left out too, and doesn't stop the others.
    """
    failed: dict[str, str] = {}
    accepted: list[StagedRelease] = []
    for one in sorted(staged, key=lambda one: order(registry.find_or_infer(one.release))):
        try:
            with during(f"holding {one.release} against the others"):
                _refuse_beside(one, _together(base, accepted), [s for s in staged if s.release not in failed])
            accepted.append(one)
        except PfsetlError as error:
            failed[one.release] = str(error)
    if not accepted:
        # NOTE: laid out again, which a run that was killed may have left undone.
        return next_version.shown(version.newest(base.store, base)), failed
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        accepted = [*pool.map(partial(_held_against, _together(base, accepted)), accepted)]
    with step("commit"):
        try:
            with during(f"publishing {', '.join(one.release for one in accepted)}"):
                return publish.commit(base.store, accepted, base, contracts.load()), failed
        except PfsetlError as trouble:
            committed, left_out = _one_by_one(accepted, base)
            if len(left_out) == len(accepted) and not isinstance(trouble, Conflict):
                raise  # it's the store's trouble, not a release's
            return committed, failed | left_out


def _one_by_one(accepted: Sequence[StagedRelease], base: Version) -> tuple[Version, dict[str, str]]:
    """Publish each release by itself, so that only those stay out that are in trouble; return why they did."""
    committed, left_out = base, {}
    for one in accepted:
        try:
            with during(f"publishing {one.release}"):
                committed = publish.commit(base.store, [one], base, contracts.load())
        except PfsetlError as error:
            left_out[one.release] = str(error)
    return committed, left_out


def _together(base: Version, staged: Sequence[StagedRelease]) -> Version:
    """Return the base as it would be with the staged releases in it."""
    names = {one.release for one in staged}
    kept = (r for r in base.resources if r.release not in names)
    resources = (*kept, *(r for one in staged for r in one.resources))
    content = msgspec.structs.replace(base.manifest, resources=resources)
    records = {**base.releases, **{one.release: one.record for one in staged}}
    return Version(base.store, base.number, manifest.about(content, releases=records))


def _refuse_beside(one: StagedRelease, accepted: Version, staged: Sequence[StagedRelease]) -> None:
    """Raise a PfsetlError for a release that those accepted before it, or all that are staged, show not to be whole."""
    release, records, at = registry.find_or_infer(one.release), accepted.releases, _together(accepted, staged)
    rvu = neighbours.read(at, one.release, "rvu", continuity.COLUMNS)
    report = against_neighbour(one.release, rvu, neighbours.rows_before(release, {} if one.record.sample else records))
    report.accepting(one.record.accepted or ()).raise_if_bad()
    if not one.record.sample:
        report = Report(one.release, tuple(neighbours.kept(release, {"rvu": rvu}, at)))
        report.accepting(one.record.accepted or ()).raise_if_bad()
    one_label.notices(one.release, one.record, records, accepted.store)


def _held_against(at: Version, one: StagedRelease) -> StagedRelease:
    """Return a staged release whose record says what moved or is lost against its neighbors, now all known."""
    if one.record.sample:
        return one
    release, tables = registry.find_or_infer(one.release), neighbours.compared_of(at, one.release)
    found = neighbours.moved(release, tables, at) + neighbours.repeated(release, tables, at)
    found += neighbours.kept(release, tables, at)
    report = Report(one.release, tuple(found)).accepting(one.record.accepted or ())
    names = {f"{f.table}.{f.check}": f.violations for f in report.findings}

    def anew(before: Iterable[FindingRecord], now: Iterable[Finding]) -> tuple[FindingRecord, ...]:
        others = (w for w in before if f"{w.table}.{w.check}" not in names)
        return (*others, *(record_of(FindingRecord, asdict(f)) for f in now))

    record = msgspec.structs.replace(
        one.record,
        checks={**one.record.checks, **names},
        warnings=anew(one.record.warnings, (f for f in report.findings if f.violations)),
        lost=anew(one.record.lost or (), report.lost),
        since=neighbours.since(release, tables, at),
    )
    return replace(one, record=record)
