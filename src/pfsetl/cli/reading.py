"""Commands that answer from what is published."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pfsetl.cli import card_story, card_words, holdings, render, render_card, render_changes
from pfsetl.cli.card import card
from pfsetl.cli.options import DEFAULT_OUTPUT, AtLeastOne, Json, Output
from pfsetl.declared import quarters
from pfsetl.errors import UsageError
from pfsetl.publication import diff as comparing
from pfsetl.publication import trace as tracing
from pfsetl.publication import version
from pfsetl.publication.published import find_release
from pfsetl.remedies import command
from pfsetl.source.archive import open_archive


def list_(
    *,
    published: Annotated[bool, Parameter(negative="", help="Only releases that are published.")] = False,
    output: Output = DEFAULT_OUTPUT,
    json: Json = False,
) -> None:
    """List every known CMS release, with what is published."""
    rows = [row for row in holdings.releases(version.open_version(output)) if row["published"] or not published]
    if json:
        print(render.as_json(rows))
        return
    columns = ("release", "kind", "effective_from", "effective_to", "never_effective", "supersedes", "published")
    parts = [[*(["a sample"] if row["sample"] else []), *(f"without {m}" for m in row["missing"])] for row in rows]
    cells = [[*(row[c] for c in columns), ", ".join(part)] for row, part in zip(rows, parts, strict=True)]
    render.console().print(render.table("", (*columns, "part"), cells))


def code(
    hcpcs: str,
    *,
    release: str | None = None,
    output: Output = DEFAULT_OUTPUT,
    at: int | None = None,
    json: Json = False,
) -> None:
    """Show the card of a code: RVUs, payment, comparison, indicators, modifiers, what it is, what moved its amount.

    Parameters
    ----------
    hcpcs
        A CPT or HCPCS code, e.g. 97761.
    release
        A published release; default the latest.
    at
        A version number; default the newest.
    """
    opened = version.open_version(output, at)
    data = card(opened, hcpcs, release)
    data |= card_story.story(opened, data["hcpcs"], data["release"])
    told = card_words.words(opened, data["hcpcs"], data["release"])
    data |= told | {"not_told": [*data["not_told"], *told["not_told"]]}
    if json:
        print(render.as_json(data))
    else:
        render_card.card(render.console(), data)


def diff(
    old: str,
    new: str,
    *,
    at: int | None = None,
    top: AtLeastOne = 3,
    output: Output = DEFAULT_OUTPUT,
    json: Json = False,
) -> None:
    """Show what changed between two versions (diff 3 4) or two releases (diff RVU25D RVU26A).

    Parameters
    ----------
    old
        A version number, or a published release.
    new
        The version or release to compare it with.
    at
        For releases, the version they are read from; default the newest.
    top
        How many codes of each section to show, those that changed most first.
    """
    if old.isdecimal() != new.isdecimal() or (old.isdecimal() and at is not None):
        raise UsageError(f"{old} and {new}: give two version numbers, or two releases (and --at for their version).")
    if old.isdecimal():
        result = comparing.between_versions(
            version.open_version(output, int(old)), version.open_version(output, int(new)), top=top
        )
    else:
        opened = version.open_version(output, at)
        result = comparing.between_releases(opened, find_release(opened, old), find_release(opened, new), top=top)
    if json:
        print(render.as_json(asdict(result)))
    else:
        render_changes.diff(render.console(), result)


def trace(
    release: str,
    hcpcs: str | None = None,
    *,
    table: str = "rvu",
    modifier: str | None = None,
    participant: str | None = None,
    state: str | None = None,
    locality: str | None = None,
    archive: Path | None = None,
    with_descriptors: Annotated[bool, Parameter(negative="")] = False,
    output: Output = DEFAULT_OUTPUT,
    at: int | None = None,
    json: Json = False,
) -> None:
    """Show where a published row comes from: archive, file and line, and with --archive the line itself.

    Parameters
    ----------
    release
        A published release.
    hcpcs
        A code, e.g. 97761.
    table
        The table of the row: rvu, gpci, locality_county, anesthesia or opps_cap.
    modifier
        Only rows with this modifier; '' for those without one.
    participant
        Only rows for all, non_qp or qp.
    state
        Only rows of this state, e.g. CA.
    locality
        Only rows of this locality, e.g. 18.
    archive
        The zip or folder that was published, to print the line exactly as CMS wrote it.
    with_descriptors
        Print descriptors too, which are licensed text; they are blanked otherwise.
    at
        A version number; default the newest.
    """
    given = {"state": state, "locality": locality, "hcpcs": hcpcs, "participant": participant, "modifier": modifier}
    wanted = {name: value.strip() for name, value in given.items() if value is not None}
    wanted |= {name: wanted[name].upper() for name in ("state", "hcpcs", "modifier") if name in wanted}
    if not wanted:
        give = (
            f"{command(f'trace {shlex.quote(release)} CODE', output)}, or --table gpci --state CA instead of the code"
        )
        raise UsageError(f"Which row? Give a code: {give}.")
    opened = version.open_version(output, at)
    label = find_release(opened, release)
    origins = tracing.trace(opened, label, table, wanted)
    if archive:
        record = opened.releases[label]
        found = open_archive(archive, quarters.first_day(record.year, record.quarter))
        content = record.archive.content
        origins = tracing.with_text(origins, found, content, descriptors=with_descriptors)
    if json:
        print(render.as_json([asdict(origin) for origin in origins]))
    else:
        render_changes.origins(render.console(), origins)
