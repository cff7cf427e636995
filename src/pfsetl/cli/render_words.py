"""How a terminal shows the indicators of a code in words, and its modifiers with their dollars."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from pfsetl.cli.render import table

_SETTINGS = {"nonfacility": "outside a facility", "facility": "in a facility"}


def words(out: Console, data: Mapping[str, Any]) -> None:
    """Print what the card of a code says of its indicators and modifiers."""
    if data["indicators"]:
        out.print("\n[bold]Indicators[/bold]")
        for told in data["indicators"]:
            value = "" if told["value"] in ("true", "false") else f"{told['value']}, "
            out.print(f"  {escape(told['title'])}: {escape(value + (told['meaning'] or 'not known in words'))}")
    if data["modifiers"]:
        setting = _setting(data["rows"])
        whose = data["rows"][0]["participant"]
        rows = [m for m in data["modifiers"] if (m["participant"], m["setting"]) == (whose, setting)]
        fitting = [m for m in rows if m["applies"]]
        if fitting:
            title = f"\n[bold]Modifiers that apply, {_SETTINGS[setting]}[/bold]"
            out.print(title)
            out.print(table("", ("", "pays", "change", "what it is"), [_paid(m) for m in fitting]))
        for line in _others([m for m in rows if not m["applies"]]):
            out.print(f"  {escape(line)}")


def _setting(rows: Sequence[Mapping[str, Any]]) -> str:
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
