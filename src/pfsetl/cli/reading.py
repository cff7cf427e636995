"""Commands that answer from what is published."""

from dataclasses import asdict

from pfsetl.cli import catalog, render
from pfsetl.cli.card import card, find_release
from pfsetl.cli.options import DEFAULT_OUTPUT, Json, Output, app
from pfsetl.errors import UsageError
from pfsetl.publication import changes, version


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
def diff(
    old: str,
    new: str,
    *,
    at: int | None = None,
    top: int = 3,
    output: Output = DEFAULT_OUTPUT,
    json: Json = False,
) -> None:
    """Show what changed between two versions (diff 3 4) or two releases (diff RVU25D RVU26A).

    Parameters
    ----------
    old: A version number, or a published release.
    new: The version or release to compare it with.
    at: For releases, the version they are read from; default the newest.
    top: How many codes of each section to show of those that moved most.
    """
    if old.isdigit() != new.isdigit() or (old.isdigit() and at is not None):
        raise UsageError(f"{old} and {new}: give two version numbers, or two releases (and --at for their version).")
    if old.isdigit():
        result = changes.between_versions(
            version.open_version(output, int(old)), version.open_version(output, int(new)), top=top
        )
    else:
        opened = version.open_version(output, at)
        result = changes.between_releases(opened, find_release(opened, old), find_release(opened, new), top=top)
    if json:
        print(render.as_json(asdict(result)))
    else:
        render.diff(render.console(), result)
