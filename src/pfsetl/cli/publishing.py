"""Commands on the versions of a store."""

from pathlib import Path

from pfsetl.cli import catalog, render
from pfsetl.cli.card import find_release
from pfsetl.cli.options import DEFAULT_OUTPUT, Json, Output, app
from pfsetl.errors import ChecksFailed
from pfsetl.publication import runs as history
from pfsetl.publication import version
from pfsetl.publication.store import open_store


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
def runs(*, last: int = 20, output: Output = DEFAULT_OUTPUT, json: Json = False) -> None:
    """List what was run against a store: when, what came of it, and how long each step took.

    Parameters
    ----------
    last: How many runs, the newest first.
    """
    records = history.runs(open_store(output), last)
    if json:
        print(render.as_json(records))
    elif not records:
        print(f"{output}: no run is recorded there. 'pfsetl build' and 'pfsetl backfill' record theirs.")
    else:
        render.runs(render.console(), records)


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
