"""How the card of a code looks on a terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console

from pfsetl.cli import card as cards
from pfsetl.cli import render_profile, render_words
from pfsetl.cli.render import table, whom


def card(out: Console, data: dict[str, Any]) -> None:
    """Print the card of a code."""
    until = f" to {data['effective_to']}" if data["effective_to"] else ""
    days = f"{data['effective_from']}{until}"
    since = f"in force {days}" if data["effective_from"] else "not in force"
    if data["superseded_by"]:
        since = f"superseded: {data['superseded_by']} prices {days}"
    part = ", a sample that holds only some of its services" if data["sample"] else ""
    out.print(f"[bold]{data['hcpcs']}[/bold]  {data['release']}{part}, {since}, version {data['version']}")
    for whose in data["missing_participants"]:
        out.print(f"[yellow]missing[/yellow]  {whom(whose)}: not published, the file is missing from the archive")
    place = " - ".join(part for part in (data["section"], data["subsection"]) if part)
    out.print(f"{place}; status {data['status']}: {data['status_meaning']}")
    for row in data["rows"]:
        name = f"modifier {row['modifier']}" if row["modifier"] else "no modifier"
        title = f"\n{name}, {whom(row['participant'])}, conversion factor {row['conversion_factor']}"
        out.print(table(title, ("", "Work", "PE", "MP", "Total", "NA", "Payment", "Limiting charge"), _settings(row)))
        if row["reason"]:
            out.print(f"no national payment: {row['reason'].replace('_', ' ')}")
    ranked = [c for c in data["comparison"] if c["participant"] == data["rows"][0]["participant"]]
    if ranked:
        out.print("\n[bold]How it compares[/bold]")
    for measure in cards.MEASURES:
        for comparison in (c for c in ranked if c["measure"] == measure):
            out.print(f"  {cards.comparison_sentence(comparison)}")
    render_words.words(out, data)
    render_profile.story(out, data)
    out.print(f"\nfrom {data['archive']['name']}, sha256 {data['archive']['sha256'][:16]}", markup=False)


def _settings(row: dict[str, Any]) -> Iterable[Sequence[object]]:
    for setting, name in cards.SETTINGS.items():
        s = row["settings"][setting]
        paid = None if s["payment"] is None else f"${s['payment']:,.2f}"
        limit = None if s["limiting_charge"] is None else f"${s['limiting_charge']:,.2f}"
        yield name, s["work_rvu"], s["pe_rvu"], s["mp_rvu"], s["total_rvu"], "NA" if s["na"] else "", paid, limit
