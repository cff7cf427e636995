"""Commands that tell the story of codes: what they paid since when, and what moved that."""

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from pfsetl.cli import render, render_story, terminal
from pfsetl.cli.options import DEFAULT_OUTPUT, AtLeastNone, Json, Output
from pfsetl.errors import UsageError
from pfsetl.pricing.given import one_of
from pfsetl.publication import version
from pfsetl.publication.published import find_release
from pfsetl.story import explain as explaining
from pfsetl.story import history as stories
from pfsetl.tables.derive import SETTINGS

CODE = 5  # characters


def history(
    hcpcs: str,
    *,
    modifier: str = "",
    locality: str | None = None,
    participant: str | None = None,
    setting: str = "nonfacility",
    since: Annotated[str | None, Parameter(name="--from")] = None,
    csv: Annotated[bool, Parameter(negative="")] = False,
    output: Output = DEFAULT_OUTPUT,
    at: int | None = None,
    json: Json = False,
) -> None:
    """Show what a code paid in every published release, and what moved that.

    Parameters
    ----------
    hcpcs
        A CPT or HCPCS code, e.g. 97761; 71046-26 has its modifier.
    modifier
        26, TC or 53; default the whole service.
    locality
        CA/18, a ZIP code or a county, as 'pfsetl price' takes it; its indices are then a cause too.
    participant
        From 2026: non_qp (default) or qp; before, everyone's rows.
    setting
        nonfacility or facility.
    since
        The first year, e.g. 2015.
    csv
        Print every column as CSV.
    at
        A version number; default the newest.
    """
    if csv and json:
        raise UsageError("--csv and --json: give one of them.")
    where = one_of("setting", setting, SETTINGS)
    own = modifier or (None if len(hcpcs.strip()) > CODE else "")  # a longer one names its modifier
    found = stories.history(
        hcpcs, modifier=own, participant=participant or "non_qp", locality=locality, since=since,
        output=version.open_version(output, at),
    )  # fmt: skip
    if json:
        print(render.as_json(render_story.data(found)))
    elif csv:
        terminal.print_csv(found.frame.write_csv())
    else:
        render_story.history(render.console(), found, where)


def explain(
    old: str,
    new: str,
    *,
    section: str | None = None,
    participant: str | None = None,
    setting: str = "nonfacility",
    top: AtLeastNone = 3,
    output: Output = DEFAULT_OUTPUT,
    at: int | None = None,
    json: Json = False,
) -> None:
    """Show what moved payments from one release to another, by section and code: RVUs, conversion factor, rounding.

    Parameters
    ----------
    old
        A published release, e.g. RVU25D.
    new
        The release it moved to, e.g. RVU26A.
    section
        One section alone, e.g. Medicine.
    participant
        From 2026: non_qp (default) or qp.
    setting
        nonfacility or facility.
    top
        How many codes of each section to name, those that moved most dollars first.
    at
        A version number; default the newest.
    """
    opened = version.open_version(output, at)
    found = explaining.explain(
        opened, find_release(opened, old), find_release(opened, new), section=section, participant=participant,
        setting=one_of("setting", setting, SETTINGS), top=top,
    )  # fmt: skip
    if json:
        print(render.as_json(asdict(found)))
    else:
        render_story.explanation(render.console(), found)
