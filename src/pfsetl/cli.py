"""The command line: one function per command. Exit 0 done, 1 data refused, 2 usage, 3 source unavailable."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from pfsetl import catalog, pipeline, registry, render, samples, terminal, version
from pfsetl import fetch as fetching
from pfsetl.backfill import backfill as run_backfill
from pfsetl.backfill import find_archives
from pfsetl.card import card, find_release
from pfsetl.check import Finding
from pfsetl.errors import ChecksFailed, PfsetlError
from pfsetl.store import open_store

Output = Annotated[Path, Parameter(name=["--output", "-o"], help="The store: the folder of published versions.")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print data for machines.")]

AllFormats = Annotated[
    bool,
    Parameter(name="--all-formats", negative="", help="Compare the workbooks too; takes as long as the build itself."),
]

app = App(
    name="pfsetl",
    help="Medicare Physician Fee Schedule releases as versioned Parquet, with exact payments.",
    result_action="return_value",
)
DEMO_OUTPUT = Path("output/demo")
DEFAULT_OUTPUT = Path("output")


@app.command
def demo(*, output: Output = DEMO_OUTPUT) -> None:
    """Publish the bundled sample (Level II codes of RVU25D and RVU26A) and show how to read it. No network.

    It has a store of its own, because the sample would take the place of the real releases of the same names.
    """
    out = render.console()
    for path in samples.archives():
        with terminal.watching(f"building {path.stem}"):
            result = pipeline.build(path.stem, store=open_store(output), archive=path, sample=True)
        render.build(out, result)
    out.print("\n[bold]Next[/bold]: the card of a code, a query in polars, a query in DuckDB\n")
    for line in samples.next_steps(output):
        out.print(f"  {line}", markup=False)


@app.command(name="list")
def list_(*, output: Output = DEFAULT_OUTPUT, json: Json = False) -> None:
    """List every known CMS release, with what is published."""
    rows = catalog.releases(version.open_version(output))
    if json:
        print(render.as_json(rows))
        return
    columns = ("release", "kind", "effective_from", "effective_to", "never_effective", "supersedes", "published")
    render.console().print(render.table("", columns, [[row[c] for c in columns] for row in rows]))


@app.command
def fetch(release: str, *, cache: Path | None = None) -> None:
    """Download a release's archive from CMS into the cache and print its path.

    Parameters
    ----------
    release: A label such as RVU26A.
    cache: Folder of downloaded archives; default PFSETL_CACHE or the user's cache folder.
    """
    print(terminal.fetched(registry.find(release), cache))


@app.command
def build(
    release: str,
    *,
    archive: Path | None = None,
    output: Output = DEFAULT_OUTPUT,
    cache: Path | None = None,
    all_formats: AllFormats = False,
    json: Json = False,
) -> None:
    """Publish one release from CMS, from a zip, or from a folder of its members.

    Parameters
    ----------
    release: A label such as RVU26A; a new one such as RVU27A works with --archive.
    archive: CMS's zip or a folder of its members; default: what CMS serves at the address in releases.csv.
    cache: Folder of downloaded archives; default PFSETL_CACHE or the user's cache folder.
    """
    url = None
    if archive is None:
        known = registry.find(release)
        archive, url = terminal.fetched(known, cache), fetching.source_url(known)
    with terminal.watching(f"building {release.upper()}"):
        result = pipeline.build(release, store=open_store(output), archive=archive, url=url, all_formats=all_formats)
    if json:
        record = {"release": result.release, "version": result.version.number, "published": result.published}
        print(render.as_json(record | {"record": result.record}))
    else:
        render.build(render.console(), result)


@app.command
def backfill(wanted: str, *, archives: Path, output: Output = DEFAULT_OUTPUT, json: Json = False) -> None:
    """Build every wanted release found in a folder, all into one version; run it again to resume.

    Parameters
    ----------
    wanted: A range of years (2009..2026), a year, or labels separated by commas.
    archives: Folder of zips or folders named after their label.
    """
    found = find_archives(archives, wanted)
    with terminal.counting("backfill", len(found)) as step:
        result = run_backfill(found, store=open_store(output), report=step)
    if json:
        outcome = {"published": result.published, "unchanged": result.unchanged, "failed": result.failed}
        print(render.as_json({"version": result.version.number, **outcome}))
    else:
        print(
            f"version {result.version.number}: {len(result.published)} published, {len(result.unchanged)} unchanged, "
            f"{len(result.failed)} failed"
        )
    if result.failed:
        raise ChecksFailed("\n".join(f"{label}: {error}" for label, error in result.failed.items()))


@app.command
def check(
    release: str,
    *,
    archive: Path | None = None,
    all_formats: AllFormats = False,
    output: Output = DEFAULT_OUTPUT,
    json: Json = False,
) -> None:
    """Print what was checked of a release: of a published one, or of an archive without publishing it.

    Parameters
    ----------
    release: A label such as RVU26A.
    archive: A zip or a folder of members to check; default: the record of the published release.
    """
    if archive is None:
        opened = version.open_version(output)
        findings = opened.releases[find_release(opened, release)]
        errors: tuple[Finding, ...] = ()
    else:
        known = version.open_version(output).releases
        examined = pipeline.examine(release, archive, records=known, all_formats=all_formats)
        findings, errors = examined.findings, examined.report.errors
    if json:
        print(render.as_json(findings))
    else:
        render.findings(render.console(), findings)
    if errors:
        raise ChecksFailed("\n".join(f"{f.table}.{f.check}: {f.violations} rows, {f.description}" for f in errors))


@app.command
def code(
    hcpcs: str,
    *,
    release: str | None = None,
    output: Output = DEFAULT_OUTPUT,
    at: int | None = None,
    json: Json = False,
) -> None:
    """Show the card of a code: RVUs by setting, national payment, and how it compares in its section.

    Parameters
    ----------
    hcpcs: A CPT or HCPCS code, e.g. 97761.
    release: A published release; default the latest.
    at: A version number; default the newest.
    """
    data = card(version.open_version(output, at), hcpcs, release)
    if json:
        print(render.as_json(data))
    else:
        render.card(render.console(), data)


@app.command
def versions(*, output: Output = DEFAULT_OUTPUT, json: Json = False) -> None:
    """List the published versions and the releases each one holds."""
    rows = catalog.versions(open_store(output))
    if json:
        print(render.as_json(rows))
    elif not rows:
        print(f"{output}: nothing is published there. Run 'pfsetl demo' or 'pfsetl build' first.")
    else:
        cells = [[", ".join(v) if isinstance(v, list) else v for v in row.values()] for row in rows]
        render.console().print(render.table("", list(rows[0]), cells))


@app.command
def verify(*, output: Output = DEFAULT_OUTPUT, at: int | None = None, json: Json = False) -> None:
    """Rehash every published file and compare with the manifest; exit 1 when one differs.

    Parameters
    ----------
    at: A version number; default all versions.
    """
    store = open_store(output)
    find_release(version.open_version(store, at), None)
    wanted = version.numbers(store) if at is None else [at]
    results: dict[str, str] = {}
    for number in wanted:
        results.update(version.open_version(store, number).verify())
    bad = {name: problem for name, problem in results.items() if problem}
    if json:
        print(render.as_json({"versions": wanted, "files": len(results), "bad": bad}))
    else:
        print(f"{len(results)} files of {len(wanted)} versions: {len(results) - len(bad)} as published, {len(bad)} not")
    if bad:
        raise ChecksFailed("\n".join(f"{output}/{name}: {problem}" for name, problem in bad.items()))


@app.command
def export(folder: Path, *, output: Output = DEFAULT_OUTPUT, at: int | None = None) -> None:
    """Copy one version into a new folder, as Parquet with a datapackage.json.

    Parameters
    ----------
    folder: Where to write; must be new or empty.
    at: A version number; default the newest.
    """
    opened = version.open_version(output, at)
    find_release(opened, None)
    written = opened.export(folder)
    print(f"version {opened.number}: {len(written)} files in {folder}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; no error reaches the user as a traceback unless --debug asks for it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    try:
        app([a for a in arguments if a != "--debug"], exit_on_error=False, print_error=False)
    except PfsetlError as error:
        _fail(error, error.exit_code, debug)
    except CycloptsError as error:
        _fail(error, 2, debug)
    except BrokenPipeError:
        sys.stderr.close()
    except OSError as error:
        _fail(
            PfsetlError(f"{error.filename or 'output'}: {error.strerror or error}. Check path and space."),
            1,
            debug,
            error,
        )
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        # NOTE: the last resort, so that what nobody foresaw is still an error with a place and a remedy.
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        _fail(PfsetlError(f"{what}. This wasn't foreseen; --debug shows where it happened."), 1, debug, error)


def _fail(error: Exception, exit_code: int, debug: bool, cause: Exception | None = None) -> None:
    if debug:
        raise cause or error
    print(f"pfsetl: {error}", file=sys.stderr)
    sys.exit(exit_code)
