"""How the card of a code looks on a terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from pfsetl.cli import card as cards
from pfsetl.cli import render_profile
from pfsetl.cli.render import table, whom

_WHERE = {"nonfacility": "outside a facility", "facility": "in a facility"}


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
    _words(out, data)
    render_profile.story(out, data)
    out.print(f"\nfrom {data['archive']['name']}, sha256 {data['archive']['sha256'][:16]}", markup=False)


def _settings(row: dict[str, Any]) -> Iterable[Sequence[object]]:
    for setting, name in cards.SETTINGS.items():
        s = row["settings"][setting]
        paid = None if s["payment"] is None else f"${s['payment']:,.2f}"
        limit = None if s["limiting_charge"] is None else f"${s['limiting_charge']:,.2f}"
        yield name, s["work_rvu"], s["pe_rvu"], s["mp_rvu"], s["total_rvu"], "NA" if s["na"] else "", paid, limit


def _words(out: Console, data: Mapping[str, Any]) -> None:
    """Print the indicators of a code in words, and its modifiers with their dollars."""
    if data["indicators"]:
        out.print("\n[bold]Indicators[/bold]")
        for told in data["indicators"]:
            value = "" if told["value"] in ("true", "false") else f"{told['value']}, "
            out.print(f"  {escape(told['title'])}: {escape(value + (told['meaning'] or 'not known in words'))}")
    if data["modifiers"]:
        setting = _usual_setting(data["rows"])
        whose = data["rows"][0]["participant"]
        rows = [m for m in data["modifiers"] if (m["participant"], m["setting"]) == (whose, setting)]
        fitting = [m for m in rows if m["applies"]]
        if fitting:
            title = f"\n[bold]Modifiers that apply, {_WHERE[setting]}[/bold]"
            out.print(title)
            out.print(table("", ("", "pays", "change", "what it is"), [_paid(m) for m in fitting]))
        for line in _others([m for m in rows if not m["applies"]]):
            out.print(f"  {escape(line)}")


def _usual_setting(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the setting whose modifiers are shown: non-facility, unless the service is rarely or never done there."""
    settings = rows[0]["settings"]
    return "facility" if settings["nonfacility"]["na"] and not settings["facility"]["na"] else "nonfacility"


def _paid(told: Mapping[str, Any]) -> tuple[str, str, str, str]:
    name = told["name"] or ""
    if told["payment"] is None:
        return told["modifier"], "", "", f"{name}: no payment, {told['reason'].replace('_', ' ')}"
    change = told["payment_change"]
    moved = "" if change is None else f"{'-' if change < 0 else '+'}${abs(change):,.2f}"
    need = ", once documented" if told["documentation_required"] else ""
    return told["modifier"], f"${told['payment']:,.2f}", moved, f"{name}{need}"


def _others(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say which modifiers don't go with a code, those together that one indicator decides."""
    why: dict[tuple[str, str], list[str]] = {}
    for told in rows:
        said = f"{told['indicator']} {told['indicator_value']}: {told['meaning']}" if told["indicator"] else ""
        why.setdefault((said, told["reason"] or ""), []).append(told["modifier"])
    for (said, reason), modifiers in why.items():
        verb = "don't apply" if len(modifiers) > 1 else "doesn't apply"
        yield f"{', '.join(modifiers)} {verb}, {said or reason.replace('_', ' ')}"
