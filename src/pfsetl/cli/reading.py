"""Commands that answer from what is published."""

from pfsetl.cli import catalog, render
from pfsetl.cli.card import card
from pfsetl.cli.options import DEFAULT_OUTPUT, Json, Output, app
from pfsetl.publication import version


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
