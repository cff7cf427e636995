"""How prices and claims look on a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from pfsetl.cli.render import table


def price(out: Console, answer: Mapping[str, Any]) -> None:
    """Print a price: the service, every step, and where its numbers came from."""
    names = " ".join([answer["hcpcs"], *answer["modifiers"]])
    place = (
        f"{answer['state']}/{answer['locality']} {answer['locality_name'].title()}" if answer["state"] else "national"
    )
    out.print(f"[bold]{names}[/bold] on {answer['date']}, {place}, {answer['setting']}")
    until = f"{answer['effective_from']} to {answer['effective_to']}"
    out.print(f"{answer['release']}, in force {until}; version {answer['version']}\n")
    out.print(table("", ("step", "", "value"), [(s["step"], s["detail"], s["value"]) for s in answer["steps"]]))
    if answer["allowed"] is not None:
        limit = answer["limiting_charge"]
        out.print(
            f"\nnon-participating ${answer['nonparticipating_amount']:,.2f}, "
            f"{'no limiting charge' if limit is None else f'limiting charge ${limit:,.2f}'}; "
            f"sequestration takes ${answer['sequestration']:,.2f} off Medicare's "
            f"{'80 %' if answer['medicare_pays'] is None else 'part'}"
        )
    if answer["medicare_pays"] is not None:
        out.print(f"Medicare pays ${answer['medicare_pays']:,.2f} of it, the patient ${answer['patient_pays']:,.2f}")
    for note in answer["notes"]:
        out.print(f"[yellow]note[/yellow]  {escape(note)}")
    for rule in answer["likely"]:
        out.print(f"likely, not certain by its source: {rule}", markup=False)
    out.print("")
    for s in answer["sources"]:
        line = f" line {s['line']}" if s["line"] else ""
        held = f" in {s['archive']}" if s["archive"] else ""
        checksum = f", sha256 {s['sha256'][:16]}" if s["sha256"] else ""
        out.print(f"{s['what']} from {s['file']}{line}{held}{checksum}", markup=False)


def claim(out: Console, answer: Mapping[str, Any]) -> None:
    """Print the lines of a claim, what each rule did, and the total."""
    columns = ("line", "date", "code", "modifiers", "units", "where", "release", "amount", "allowed", "rules")
    rows = [
        (
            line["line"],
            line["date"],
            line["hcpcs"],
            " ".join(line["modifiers"]),
            line["units"],
            f"{line['state']}/{line['locality']}" if line["state"] else "national",
            line["release"],
            line["amount"],
            line["allowed"],
            "; ".join(_detail(s) for s in line["steps"] if "source" in s) or (line["reason"] or "").replace("_", " "),
        )
        for line in answer["lines"]
    ]
    out.print(table("", columns, rows))
    said: dict[str, dict[str, list[int]]] = {"notes": {}, "likely": {}}
    for line in answer["lines"]:
        for kind, by_text in said.items():
            for text in line[kind]:
                by_text.setdefault(text, []).append(line["line"])
    for note, lines in said["notes"].items():
        out.print(f"[yellow]note[/yellow]  {_lines(lines)}: {escape(note)}")
    for rule, lines in said["likely"].items():
        out.print(f"likely, not certain by its source, {_lines(lines)}: {rule}", markup=False)
    for one in answer["warnings"]:
        out.print(f"[bold]edit[/bold]  {_lines(one['lines'])}: {escape(one['warning'])}")
    for used in answer["edits"]:
        out.print(f"[yellow]edits[/yellow]  {escape(used)}")
    out.print(
        f"\nallowed ${answer['allowed']:,.2f}; sequestration takes ${answer['sequestration']:,.2f} off Medicare's part"
    )


def _lines(numbers: Sequence[int]) -> str:
    return f"line{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _detail(step: Mapping[str, Any]) -> str:
    return step["detail"] if step["certainty"] == "certain" else f"{step['detail']} ({step['certainty']})"
