"""One CMS release from archive to published version: the whole line, in the order data flows."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from pfsetl.declared import assumed, calendar, contracts, labels, quarters, registry
from pfsetl.declared.contracts import Contract
from pfsetl.declared.registry import Release
from pfsetl.errors import UsageError, during, proposing
from pfsetl.parsing import identity, parity
from pfsetl.parsing import read as reading
from pfsetl.parsing.parity import FormatDifference
from pfsetl.parsing.parse import Parsed, parse
from pfsetl.parsing.read import RawTable, read, read_others
from pfsetl.publication import elsewhere, loss, neighbours, parquet, publish, record, revision, separation, version
from pfsetl.publication.publish import StagedRelease
from pfsetl.publication.runs import current, recorded, step
from pfsetl.publication.store import Store
from pfsetl.publication.version import Version
from pfsetl.source import members
from pfsetl.source.archive import Archive, open_archive, other_bytes
from pfsetl.tables import agreement, compare, completeness, derive, descriptors, since, unplaced, work_index
from pfsetl.tables.check import Report, check
from pfsetl.tables.normalize import Accounting, Tables, normalize

ACCEPTABLE = {
    "loss": "a new revision that lacks rows, localities or files of the published one",
    "differences": "differences between an archive's formats that change prices and that nothing explains",
}


@dataclass(frozen=True, slots=True)
class Build:
    """What a build did: the version that holds the release, whether it is a new one, and what was found."""

    release: str
    version: Version
    published: bool
    record: dict[str, Any]

    def __repr__(self) -> str:
        at = f"version {self.version.number} of {self.version.store}"
        return f"<Build of {self.release}: {'published as' if self.published else 'unchanged,'} {at}>"


@dataclass(frozen=True, slots=True)
class Examined:
    """An archive read, derived and checked, with nothing written."""

    tables: Tables
    report: Report
    findings: dict[str, Any]


def build(
    label: str,
    *,
    store: Store,
    archive: Path,
    url: str | None = None,
    all_formats: bool = False,
    sample: bool = False,
    accept: Collection[str] = (),
    descriptors_store: Store | None = None,
) -> Build:
    """Publish one CMS release; does nothing if its content is already in the newest version.

    `archive` is CMS's zip or a folder of its members; with `all_formats` its workbooks are compared too. A `sample`
    is a deliberate part of a release: no rule asks whether it's whole. `accept` publishes what would be refused:
    `loss` (rows, localities or files that the published revision has) and `differences` (formats that disagree in
    what prices are made of). The descriptors, licensed text, go to `descriptors_store` when it's given. Raises a
    PfsetlError that says what to do; the previous version stays as it was.
    """
    if descriptors_store is not None:
        separation.refuse_overlap(store, descriptors_store)
    doing = f"building {label} from {archive}"
    with (
        recorded(store, "build", release=label, archive=str(archive)) as run,
        during(doing),
        proposing(label.upper(), archive),
    ):
        result = _build(
            label, store, archive, url, descriptors_store, all_formats=all_formats, sample=sample, accept=accept
        )
        run.version, run.outcome = result.version.number, "published" if result.published else "unchanged"
    return result


def _build(
    label: str,
    store: Store,
    archive: Path,
    url: str | None,
    descriptors_store: Store | None,
    *,
    all_formats: bool,
    sample: bool,
    accept: Collection[str],
) -> Build:
    refuse_unknown(accept)
    release = labels.to_build(label)
    base = _base(store, contracts.load())
    texts = None if descriptors_store is None else _base(descriptors_store, contracts.descriptors())
    with step("open", release.label):
        opened = open_archive(archive, quarters.first_day(release.year, release.quarter))
    before = base.releases.get(release.label, {})
    all_formats = all_formats or bool(before.get("all_formats"))  # what was compared once stays compared
    texts = None if texts and is_built(release, opened, texts, sample=sample) else texts
    result = Build(release.label, base, published=False, record=before)
    built = is_built(release, opened, base, all_formats=all_formats, sample=sample)
    if built:
        publish.shown(base)  # which a build that was killed may have left undone
        known = before.get("notices", [])
        said = [n for n in _other_bytes(release, opened, sample=sample) if n not in known]
        result = replace(result, record=before | {"notices": [*known, *said]})  # the same files, repacked
    if built and texts is None:
        return result
    parsed = parsed_members(release, opened)
    if not built:
        staged = stage(
            release,
            opened,
            parsed,
            store=store,
            base=base,
            records=base.releases,
            url=url,
            all_formats=all_formats,
            sample=sample,
            accept=accept,
        )
        with step("commit", release.label):
            committed = publish.commit(store, [staged], base, contracts.load())
        # NOTE: another build may have raised the number meanwhile, or published the same.
        published = before.get("content") != staged.content and committed.run == current()
        result = Build(release.label, committed, published=published, record=staged.record)
    if texts:
        made_of = result.record | record.source(opened, url, release, texts)
        _publish_descriptors(release, parsed, texts, made_of)
    return result


def refuse_unknown(accept: Collection[str]) -> None:
    """Raise UsageError for a word that isn't in `ACCEPTABLE`."""
    if isinstance(accept, str) or set(accept) - set(ACCEPTABLE):
        raise UsageError(f"accept {accept!r}: give a list of words among {', '.join(ACCEPTABLE)}.")


def _base(store: Store, contract: Contract) -> Version:
    base = version.open_version(store)
    separation.refuse_other_class(base, contract)
    return base


def _publish_descriptors(release: Release, parsed: list[Parsed], base: Version, made_of: dict[str, Any]) -> None:
    contract = contracts.descriptors()
    # NOTE: first, so that no descriptor is ever there without it.
    base.store.put_new("README.md", f"# {contract.title}\n\n{contract.usage}\n".encode())
    with step("descriptors", release.label) as done:
        table = descriptors.descriptor(parsed, release)
        staged = publish.stage(base.store, release.label, {descriptors.TABLE: table}, made_of, contract)
        done.rows = table.height
        publish.commit(base.store, [staged], base, contract)


def parsed_members(release: Release, archive: Archive) -> list[Parsed]:
    """Read and type every member of an archive, from the format that is believed."""
    with step("read", release.label) as done:
        parsed = _parsed(release, archive)
        done.rows = sum(p.frame.height for p in parsed)
    return parsed


def _parsed(release: Release, archive: Archive) -> list[Parsed]:
    raws = read(archive)
    identity.held(archive.files, raws, release)  # first: a file of another release breaks other rules too
    return [parse(raw) for raw in raws]


def stage(
    release: Release,
    archive: Archive,
    parsed: list[Parsed] | None = None,
    *,
    store: Store,
    base: Version,
    records: Mapping[str, Mapping[str, Any]],
    url: str | None = None,
    all_formats: bool = False,
    sample: bool = False,
    accept: Collection[str] = (),
) -> StagedRelease:
    """Read, normalize, derive, check and write one release; the result is what `publish.commit` needs.

    `parsed` are the archive's members where they have been read. `records` are those of the releases known so far,
    published or staged, for the check against the neighbour. `sample` and `accept` are those of `build`.
    """
    contract = contracts.load()
    parsed = parsed_members(release, archive) if parsed is None else parsed
    with step("normalize", release.label) as done:
        tables, accounts = normalize(parsed, release, contract)
        done.rows = sum(table.height for table in tables.values())
    made_of = record.source(archive, url, release, base)
    with store.scratch() as target, ThreadPoolExecutor(1) as writer:
        # NOTE: half of a build is writing this table, so it goes on beside the rest; only what passes is stored.
        indices = work_index.by_law(tables["gpci"], calendar.formula_day(release))
        payments = derive.payment_locality(tables["rvu"], indices, release)
        under_way = writer.submit(parquet.write, payments, contract.tables["payment_locality"], target)
        near = record.neighbour(release, {} if sample else records)
        with step("derive and check", release.label):
            examined = _examined(
                release,
                archive,
                parsed,
                tables,
                accounts,
                near,
                base,
                all_formats=all_formats,
                sample=sample,
                accept=accept,
            )
            examined.report.raise_if_bad()
            made_of |= {**elsewhere.hashes(tables["rvu"]), "sample": sample}
            examined.findings["notices"] += elsewhere.notices(
                release.label, made_of | examined.findings, records, store
            )
        complete = examined.tables | {"releases": record.releases_table(release, made_of, base)}
        with step("write", release.label) as done:
            staged = publish.stage(
                store,
                release.label,
                complete,
                made_of | examined.findings | {"all_formats": all_formats, "accepted": sorted(accept)},
                contract,
                {"payment_locality": under_way},
            )
            done.rows, done.bytes = (sum(r[what] for r in staged.resources) for what in ("rows", "bytes"))
        return staged


def examine(
    label: str,
    archive: Path,
    *,
    records: Mapping[str, Mapping[str, Any]],
    base: Version | None = None,
    all_formats: bool = False,
    sample: bool = False,
    accept: Collection[str] = (),
) -> Examined:
    """Read, derive and check an archive without publishing anything.

    `records` are those of the published releases; `base` is the version that a build would start from, None for an
    empty store. `sample` and `accept` are those of `build`.
    """
    refuse_unknown(accept)
    with during(f"checking {label} in {archive}"), proposing(label.upper(), archive):
        return _examine(label, archive, records, base, all_formats=all_formats, sample=sample, accept=accept)


def _examine(
    label: str,
    archive: Path,
    records: Mapping[str, Mapping[str, Any]],
    base: Version | None,
    *,
    all_formats: bool,
    sample: bool,
    accept: Collection[str],
) -> Examined:
    release = labels.to_build(label)
    opened = open_archive(archive, quarters.first_day(release.year, release.quarter))
    parsed = _parsed(release, opened)
    tables, accounts = normalize(parsed, release, contracts.load())
    near = record.neighbour(release, {} if sample else records)
    examined = _examined(
        release,
        opened,
        parsed,
        tables,
        accounts,
        near,
        base,
        all_formats=all_formats,
        sample=sample,
        accept=accept,
    )
    made_of = {
        "archive": {"name": opened.name, "content": opened.content},
        **elsewhere.hashes(tables["rvu"]),
        "sample": sample,
    }
    at = base.store if base else "output"
    examined.findings["notices"] += elsewhere.notices(release.label, made_of | examined.findings, records, at)
    return examined


def is_built(
    release: Release, archive: Archive, base: Version, *, all_formats: bool = False, sample: bool = False
) -> bool:
    """Return whether the newest version was built from this archive by this software, and is all there.

    A release that was published as a sample isn't built as a whole one, and the other way round.
    """
    known = base.releases.get(release.label)
    if not known or known["fingerprint"] != record.fingerprint(archive) or (all_formats and not known["all_formats"]):
        return False
    if known["sample"] != sample:
        return False
    mine = [r for r in base.resources if r["release"] == release.label]
    return all(base.store.size(r["path"]) == r["bytes"] and base.store.exists(r["schema"]) for r in mine)


def _examined(
    release: Release,
    archive: Archive,
    parsed: list[Parsed],
    tables: Tables,
    accounts: list[Accounting],
    neighbour: pl.DataFrame,
    base: Version | None,
    *,
    all_formats: bool,
    sample: bool,
    accept: Collection[str],
) -> Examined:
    others = read_others(archive, all_formats=all_formats)
    raws = [*(p.raw for p in parsed), *others]
    told = identity.held(archive.files, raws, release)
    complete = tables | _derived(tables, release)
    report = check(release.label, complete, contracts.load(), {"neighbour": neighbour}, sample=sample)
    agreed, found = agreement.agreements(complete, release, members.participants(archive.missing))
    found += [] if sample else completeness.floors(complete, calendar.formula_day(release))
    found += [] if sample else completeness.known(complete, release)
    if base:
        found += loss.lost(release, complete, base, sample=sample)
        beside_it = (release, complete, base.store, base.releases, base.resources)
        found += [] if sample else [*neighbours.moved(*beside_it), *neighbours.repeated(*beside_it)]
    found += [*unplaced.findings(complete), *work_index.findings(complete["gpci"], release)]
    report = replace(report, findings=unplaced.excused([*report.findings, *found], complete)).accepting(accept)
    differences = _differences(release, archive, parsed, others)
    parity.refuse_unexplained(release.label, differences, accepted="differences" in accept)
    findings = record.findings(archive, accounts, differences, report, told, agreed)
    findings["notices"] += [*_other_bytes(release, archive, sample=sample), *reading.notices(raws)]
    findings["since"] = _since(release, complete, None if sample else base)
    findings["since_revision"] = revision.since_revision(release, complete, base, archive.content, sample=sample)
    findings["not_published"] = since.not_published(
        parsed, {n: list(t.schema) for n, t in contracts.load().tables.items()}
    )
    findings["notices"] += parity.uncompared(raws, findings["not_published"])
    beside = registry.undeclared_beside(release, base.releases if base else {})
    findings["notices"] += assumed.notices(release, complete["release_calendar"], beside)
    findings["rounded"] = {raw.file: raw.rounded for raw in raws if raw.rounded}
    return Examined(complete, report, findings)


def _other_bytes(release: Release, archive: Archive, *, sample: bool) -> list[str]:
    """Say that a zip isn't the known one; a sample can't be, and a folder of members has no bytes of its own."""
    if sample or archive.sha256 == archive.content:
        return []
    return other_bytes(release, archive.name, archive.sha256)


def _since(release: Release, tables: Tables, base: Version | None) -> dict[str, Any]:
    """Say what changed against the last release in force; a sample is a part, and compared with none."""
    if base is None:
        return since.compared(tables, None)
    return neighbours.since(release, tables, base.store, base.releases, base.resources)


def _derived(tables: Tables, release: Release) -> Tables:
    contract = contracts.load()
    factors = (
        tables["rvu"]
        .group_by("release", "participant")
        .agg(pl.col("conversion_factor").first())
        .with_columns(effective_from=pl.lit(release.effective_from), effective_to=pl.lit(release.effective_to))
    )
    national = derive.payment_national(tables["rvu"], release)
    stats, comparison = compare.compare(tables["rvu"], national)
    derived = {
        "conversion_factor": factors,
        "payment_national": national,
        "section_stats": stats,
        "code_comparison": comparison,
        "release_calendar": calendar.release_calendar(
            release, dict(factors.select("participant", pl.col("conversion_factor").cast(pl.String)).rows())
        ),
    }
    return {
        name: frame.select(pl.col(c).cast(dtype) for c, dtype in contract.tables[name].schema.items()).sort(
            contract.tables[name].key
        )
        for name, frame in derived.items()
    }


def _differences(
    release: Release, archive: Archive, parsed: list[Parsed], others: list[RawTable]
) -> list[FormatDifference]:
    """Compare each member with its other formats; a file that can't be read as that member is an error too."""
    believed = {(p.raw.member, p.raw.participant): p for p in parsed}
    found: list[FormatDifference] = []
    compared: set[tuple[str, str]] = set()
    for raw in others:
        found += parity.differences(believed[raw.member, raw.participant], parse(raw))
        compared.add((raw.member, raw.format))
    return parity.explained(release.label, archive.content, compared, found)
