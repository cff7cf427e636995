"""Commands that build and check releases."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pfsetl.checks.check import Finding
from pfsetl.cli import render, render_build, samples, terminal
from pfsetl.cli.options import (
    DEFAULT_OUTPUT,
    DEMO_OUTPUT,
    AcceptDifferences,
    AcceptLoss,
    AllFormats,
    Cache,
    DemoOutput,
    Descriptors,
    DescriptorsOutput,
    Json,
    Offline,
    Output,
    Sample,
    Strict,
    accepted,
)
from pfsetl.declared import contracts, labels, registry
from pfsetl.errors import ChecksFailed, SourceUnavailable, UsageError
from pfsetl.pipeline import archive_folder
from pfsetl.pipeline.backfill import backfill as run_backfill
from pfsetl.pipeline.backfill import find_releases
from pfsetl.pipeline.build import build as run_build
from pfsetl.pipeline.examine import examine
from pfsetl.plural import count
from pfsetl.publication import licensing, revision, version
from pfsetl.publication.json_records import plain
from pfsetl.publication.published import find_release
from pfsetl.publication.runs import recorded
from pfsetl.source import cache as kept
from pfsetl.source.opening import open_cache
from pfsetl.storage.opening import open_store
from pfsetl.storage.store import Store


def demo(*, output: DemoOutput = DEMO_OUTPUT) -> None:
    """Publish the bundled sample (Level II codes of RVU25D and RVU26A) and show how to read it. No network.

    It goes to a store of its own, because it would replace the real releases of the same names.
    """
    out = render.console()
    for path in samples.archives():
        with terminal.watching(f"building {path.stem}"):
            result = run_build(path.stem, store=open_store(output), archive=path, sample=True)
        render_build.build(out, result)
    out.print("\n[bold]Next[/bold]: the card of a code, a query in polars, a query in DuckDB\n")
    for line in samples.next_steps(output):
        out.print(f"  {line}", markup=False)
    out.print("\n[bold]To look at it[/bold], a page for every code:\n")
    out.print(f"  {samples.to_look_at(output)}", markup=False)


def build(
    release: str,
    *,
    archive: Path | None = None,
    output: Output = DEFAULT_OUTPUT,
    cache: Cache = None,
    offline: Offline = False,
    all_formats: AllFormats = False,
    sample: Sample = False,
    accept_loss: AcceptLoss = False,
    accept_differences: AcceptDifferences = False,
    again: Annotated[
        bool, Parameter(name="--again", negative="", help="Make it anew, though nothing that it's made of changed.")
    ] = False,
    with_descriptors: Descriptors = False,
    descriptors_output: DescriptorsOutput = None,
    json: Json = False,
) -> None:
    """Publish one release from CMS, from a zip, or from a folder of its members.

    Parameters
    ----------
    release
        A label such as RVU26A; a new one such as RVU27A works with --archive.
    archive
        CMS's zip or a folder of its members; default: what CMS serves at the address in releases.csv.
    """
    store = open_store(output)
    texts = _descriptors_store(store, with_descriptors, descriptors_output)
    if archive is None:  # a slip in what was asked isn't a run
        known, place = registry.find(release), open_cache(cache, output)
    else:
        labels.to_build(release)
    with recorded(store, "build", release=release) as run:
        url = None
        if archive is None:
            fetched = terminal.fetched(known, place, offline=offline)
            archive, url = fetched.path, fetched.url
        run.asked["archive"] = str(archive)
        with terminal.watching(f"building {release.upper()}"):
            result = run_build(
                release,
                store=store,
                archive=archive,
                url=url,
                all_formats=all_formats,
                sample=sample,
                accept=accepted(loss=accept_loss, differences=accept_differences),
                again=again,
                descriptors_store=texts,
            )
    if texts:
        print(f"descriptors in {descriptors_output}. {contracts.descriptors().usage}", file=sys.stderr)
    if json:
        outcome = {"release": result.release, "version": result.version.number, "published": result.published}
        said = {"record": plain(result.record), "rows_go_into": render_build.rows_go_into(result.record)}
        print(render.as_json(outcome | said))
    else:
        render_build.build(render.console(), result)


def backfill(
    wanted: str,
    *,
    archives: Path | None = None,
    output: Output = DEFAULT_OUTPUT,
    cache: Cache = None,
    offline: Offline = False,
    sample: Sample = False,
    accept_loss: AcceptLoss = False,
    accept_differences: AcceptDifferences = False,
    strict: Strict = False,
    json: Json = False,
) -> None:
    """Build every wanted release, all into one version; run it again to resume.

    Parameters
    ----------
    wanted
        A range of years (2009..2026), a year, or labels separated by commas.
    archives
        Folder of zips or folders named after their label; default: the cache, and CMS for what is missing there.
    """
    urls: dict[str, str] = {}
    unfetched: dict[str, str] = {}
    if archives is not None:
        found = archive_folder.find_archives(archives, wanted)
    else:
        brought, urls, unfetched, notices = _brought(wanted, open_cache(cache, output), offline=offline)
        absent = archive_folder.absent(wanted, {*brought, *unfetched})
        found = archive_folder.InFolder(brought, {}, absent, tuple(notices))
    with terminal.counting("backfill", len(found.archives)) as step:
        accept = accepted(loss=accept_loss, differences=accept_differences)
        result = run_backfill(
            found.archives, store=open_store(output), report=step, urls=urls, sample=sample, accept=accept,
            unfetched=unfetched,
        )  # fmt: skip
    failed = result.failed
    again = {label: told for label in result.published if (told := result.version.releases[label].since_revision)}
    if not sample:
        found = replace(found, notices=(*found.notices, *archive_folder.other_bytes(found.archives)))
    if json:
        outcome = {"published": result.published, "unchanged": result.unchanged, "failed": failed}
        said = {"unused": found.unused, "absent": found.absent, "notices": found.notices}
        print(render.as_json({"version": result.version.number, **outcome, **said, "since_revision": plain(again)}))
    else:
        print(
            f"version {result.version.number}: {len(result.published)} published, {len(result.unchanged)} unchanged, "
            f"{len(failed)} failed"
        )
        for label, told in again.items():
            print(f"{label} {revision.summary(told)}")
        render_build.folder(render.console(), found)
    if failed:
        kind = ChecksFailed if failed.keys() - unfetched.keys() else SourceUnavailable
        raise kind("\n".join(f"{label}: {error}" for label, error in failed.items()))
    if strict:
        archive_folder.refuse_incomplete(found.absent, found.unused)


def _brought(
    wanted: str, cache: kept.Cache, *, offline: bool
) -> tuple[dict[str, Path], dict[str, str], dict[str, str], list[str]]:
    """Take the wanted archives from the cache, and fetch those it lacks or has damaged.

    Returns paths, addresses and failures by label, and notices.
    """
    paths, urls, failed, notices = {}, {}, {}, []
    for release in find_releases(wanted):
        try:
            held, said = kept.usable(cache, release.label)
            notices += said
            one = held or terminal.fetched(release, cache, offline=offline)
            paths[release.label], urls[release.label] = one.path, one.url
        except SourceUnavailable as error:
            failed[release.label] = str(error)
    return paths, urls, failed, notices


def check(
    release: str,
    *,
    archive: Path | None = None,
    all_formats: AllFormats = False,
    sample: Sample = False,
    output: Output = DEFAULT_OUTPUT,
    json: Json = False,
) -> None:
    """Print the checks of a published release, or check an archive without publishing it.

    Parameters
    ----------
    release
        A label such as RVU26A.
    archive
        A zip or a folder of members to check; default: the record of the published release.
    """
    if archive is None:
        opened = version.open_version(output)
        findings = opened.releases[find_release(opened, release)]
        errors: tuple[Finding, ...] = ()
    else:
        base = version.open_version(output)
        examined = examine(release, archive, records=base.releases, base=base, all_formats=all_formats, sample=sample)
        findings, errors = examined.record, examined.report.errors
    if json:
        told = {name: said for name, said in plain(findings).items() if archive is None or name != "content"}
        print(render.as_json(told | {"rows_go_into": render_build.rows_go_into(findings)}))
    else:
        render_build.findings(render.console(), findings)
    if errors:
        raise ChecksFailed(
            "\n".join(f"{f.table}.{f.check}: {count(f.violations, 'row')}, {f.description}" for f in errors)
        )


def _descriptors_store(store: Store, wanted: bool, address: str | None) -> Store | None:
    if wanted != (address is not None):
        raise UsageError(
            "--with-descriptors and --descriptors-output go together: licensed text has its own "
            "store. Give both, or neither."
        )
    if address is None:
        return None
    texts = open_store(address)
    licensing.refuse_overlap(store, texts)
    return texts
