"""One CMS release from archive to published version: the whole line, in the order data flows."""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import polars as pl

from pfsetl import banner, check, compare, contracts, declarations, derive, publish, registry, version
from pfsetl.archive import Archive, open_archive
from pfsetl.check import Report
from pfsetl.normalize import Accounting, Tables, normalize
from pfsetl.publish import StagedRelease
from pfsetl.read import read
from pfsetl.registry import Release
from pfsetl.store import LocalStore
from pfsetl.version import Version


@dataclass(frozen=True, slots=True)
class Build:
    """What a build did: the version that holds the release, and whether it is a new one."""

    release: str
    version: Version
    published: bool

    @property
    def record(self) -> dict[str, Any]:
        """The release's record in the manifest: members, missing, checks, warnings."""
        return self.version.releases[self.release]


def build(label: str, *, store: LocalStore, archive: Path, url: str | None = None) -> Build:
    """Publish one CMS release; does nothing if its content is already in the newest version.

    `archive` is CMS's zip or a folder of its members. Raises a PfsetlError that says what to do; the previous
    version stays as it was.
    """
    release = registry.find_or_infer(label)
    base = version.open_version(store)
    opened = open_archive(archive)
    if is_built(release, opened, base):
        return Build(release.label, base, published=False)
    staged = stage(release, opened, store=store, base=base, url=url)
    committed = publish.commit(store, [staged], base, contracts.load())
    return Build(release.label, committed, published=committed.number > base.number)


def stage(release: Release, archive: Archive, *, store: LocalStore, base: Version, url: str | None) -> StagedRelease:
    """Read, normalize, derive, check and write one release; the result is what `publish.commit` needs."""
    contract = contracts.load()
    raws = read(archive)
    notices = banner.notices(raws, release)
    tables, accounts = normalize(raws, release, contract)
    source = _source(release, archive, url, base)
    with store.scratch() as target, ThreadPoolExecutor(1) as writer:
        # NOTE: half of a build is writing this table, so it goes on beside the rest; only what passes is stored.
        payments = derive.payment_locality(tables["rvu"], tables["gpci"], release)
        under_way = writer.submit(publish.write, payments, contract.tables["payment_locality"], target)
        complete = tables | _derived(tables, release, source, base)
        report = check.check(release.label, complete, contract).raise_if_bad()
        record = source | _record(archive, accounts, report, notices)
        return publish.stage(store, release.label, complete, record, contract, {"payment_locality": under_way})


def is_built(release: Release, archive: Archive, base: Version) -> bool:
    """Return whether the newest version was built from this archive by this software, and is all there."""
    record = base.releases.get(release.label)
    if not record or record["fingerprint"] != _fingerprint(archive):
        return False
    return all(base.store.exists(r["path"]) for r in base.resources if r["release"] == release.label)


def _derived(tables: Tables, release: Release, source: Mapping[str, Any], base: Version) -> Tables:
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
        "releases": _releases(release, source, base),
    }
    return {
        name: frame.select(pl.col(c).cast(dtype) for c, dtype in contract.tables[name].schema.items()).sort(
            contract.tables[name].key
        )
        for name, frame in derived.items()
    }


def _releases(release: Release, source: Mapping[str, Any], base: Version) -> pl.DataFrame:
    """One row per revision of the release, earlier ones carried over from the base version."""
    schema = contracts.load().tables["releases"].schema
    row = {
        "release": release.label,
        "revision": source["revision"],
        "year": release.year,
        "quarter": release.quarter,
        "kind": release.kind,
        "effective_from": release.effective_from,
        "effective_to": release.effective_to,
        "never_effective": release.never_effective,
        "supersedes": release.supersedes,
        "published_at": release.published_on,
        "archive_name": source["archive"]["name"],
        "archive_sha256": source["archive"]["sha256"],
        "url": source["archive"]["url"],
        "note": release.note,
    }
    now = pl.DataFrame([row], schema=schema)
    if release.label not in base.releases:
        return now
    earlier = base.scan("releases", release.label).filter(pl.col("revision") < source["revision"]).collect()
    return pl.concat([earlier, now])


def _source(release: Release, archive: Archive, url: str | None, base: Version) -> dict[str, Any]:
    before = base.releases.get(release.label)
    same = before is not None and before["archive"]["sha256"] == archive.sha256
    revision = 1 if before is None else before["revision"] + (0 if same else 1)
    return {
        "revision": revision,
        "archive": {"name": archive.name, "sha256": archive.sha256, "url": url},
        "fingerprint": _fingerprint(archive),
    }


def _record(archive: Archive, accounts: list[Accounting], report: Report, notices: list[str]) -> dict[str, Any]:
    return {
        "members": [asdict(account) for account in accounts],
        "missing": list(archive.missing),
        "ignored": list(archive.ignored),
        "notices": notices,
        "checks": {f"{f.table}.{f.check}": f.violations for f in report.findings},
        "warnings": [asdict(f) for f in report.warnings],
    }


def _fingerprint(archive: Archive) -> str:
    return hashlib.sha256(f"{archive.sha256} {installed('pfsetl')} {_declarations_digest()}".encode()).hexdigest()


@cache
def _declarations_digest() -> str:
    folder = declarations.folder()
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    lines = (f"{p.relative_to(folder)} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
