"""How results look on a terminal, and as JSON for machines."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.errors import MarkupError
from rich.markup import escape
from rich.table import Table

from pfsetl.archives import Found
from pfsetl.cli import card as cards
from pfsetl.cli import render_since, terminal
from pfsetl.declared import declarations
from pfsetl.declared.declarations import OWN
from pfsetl.pipeline.build import Build
from pfsetl.pipeline.request import ACCEPTABLE
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.source.members import is_of_system, participants

_PARTICIPANTS = {"all": "everyone", "non_qp": "non-QP", "qp": "QP"}

_OWN = re.compile(r"\[(?!/?(?:bold|yellow)\])")  # the tags that this program writes itself are left


class _Console(Console):
    """A console that shows text from archives and stores as it is: it can't steer the terminal, nor be markup."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does, each text made plain."""
        plain = [terminal.plain(o) if isinstance(o, str) else o for o in objects]
        marked = plain if options.get("markup") is False else [_escaped(o) for o in plain]
        try:
            super().print(*marked, **options)
        except MarkupError:  # a name that looks like one of the tags
            super().print(*plain, **options | {"markup": False})


def _escaped(one: Any) -> Any:
    return _OWN.sub(r"\[", one) if isinstance(one, str) else one


def console() -> Console:
    """Return the console for human output; a pipe gets full width and no colour."""
    piped = not sys.stdout.isatty()
    return _Console(highlight=False, soft_wrap=piped, width=200 if piped else None)


def as_json(data: Any) -> str:
    """Return data as JSON: decimals as numbers with their digits, dates as ISO text."""
    text = json.dumps(data, indent=2, ensure_ascii=False, default=_plain)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a plain table; None shows as nothing, and columns of numbers are aligned right."""
    filled = [[_text(cell) for cell in row] for row in rows]
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(columns):
        numbers = all(row[i].replace(",", "").replace(".", "").lstrip("$-+").isdigit() for row in filled if row[i])
        made.add_column(name, justify="right" if numbers and filled else "left", overflow="fold")
    for row in filled:
        made.add_row(*row)
    return made


def whom(participant: str) -> str:
    """Return how a participant is called on a terminal."""
    return _PARTICIPANTS.get(participant, participant)


def build(out: Console, result: Build) -> None:
    """Print what a build published and what is missing or odd."""
    record, number = result.record, result.version.number
    if result.published:
        part = ", a sample," if record.sample else ""
        out.print(f"[bold]{result.release}[/bold] revision {record.revision}{part} published as version {number}.")
    else:
        out.print(f"[bold]{result.release}[/bold] unchanged: version {number} holds this content already.")
    files = [r for r in result.version.resources if r.release == result.release]
    out.print(table("", ("table", "rows", "bytes"), [(f.table, f.rows, f.bytes) for f in files]))
    notices(out, record)
    unexplained = [d for d in record.format_differences if not d.explained]
    for d in unexplained:
        out.print(f"[yellow]differs[/yellow]  {d.believed} and {d.other} in {d.field}, {d.cells} rows")
    for warning in record.warnings:
        rows = "" if warning.counted else f"{warning.violations} rows; "
        examples = f", e.g. {'; '.join(warning.examples)}" if warning.examples else ""
        said = f"{warning.table}.{warning.check}: {rows}{warning.description.rstrip('.')}{examples}"
        out.print(f"[yellow]warning[/yellow]  {escape(said)}")
    since(out, record)


def since(out: Console, record: ReleaseRecord) -> None:
    """Print how a release differs from the last one in force, and from the revision before it."""
    for word, text in (*render_since.lines(record), *render_since.since_revision(record)):
        out.print(f"{word:<8} {escape(text)}")


def findings(out: Console, found: ReleaseRecord) -> None:
    """Print the checks of a release: where every line went, every rule, every difference between formats."""
    columns = ("file", "layout", "lines", "not data", "published", "merged", "rejected")
    out.print(
        table(
            "",
            columns,
            [
                (
                    m.file,
                    m.layout,
                    m.lines,
                    sum(m.not_data.values()),
                    m.published,
                    m.merged,
                    m.rejected,
                )
                for m in found.members
            ],
        )
    )
    described = {(w.table, w.check): w for w in found.warnings}
    rows = []
    for name, violations in found.checks.items():
        table_name, _, check = name.partition(".")
        warning = described.get((table_name, check))
        outcome = "holds" if not violations else "warning" if warning else "BROKEN"
        rows.append((name, outcome, violations, "; ".join(warning.examples) if warning else ""))
    out.print(table("", ("check", "outcome", "rows", "examples"), rows))
    for a in found.agreement or ():
        out.print(f"{a.member}: {a.agree:,} of {a.compared:,} {a.what} agree")
    for d in found.format_differences:
        why = f": {d.explained}" if d.explained else "; not explained in corrections.csv"
        out.print(f"{d.believed} and {d.other} differ in {d.field}, {d.cells} rows{why}")
    notices(out, found)
    since(out, found)


def rows_go_into(found: ReleaseRecord) -> list[str]:
    """Return where the rows go that the notices and warnings of a release ask for."""
    asking = (text for text in found.notices if not text.startswith(OWN))
    texts = [*asking, *(warning.description for warning in found.warnings)]
    if any(not d.explained for d in found.format_differences):
        texts.append("corrections.csv")
    return declarations.where(texts)


def notices(out: Console, found: ReleaseRecord) -> None:
    """Print what is missing or odd about an archive, and which of its files aren't used."""
    if found.sample:
        out.print("[yellow]sample[/yellow]   a deliberate part: whether it's whole wasn't asked")
    for word in found.accepted or ():
        out.print(f"[yellow]accepted[/yellow] {ACCEPTABLE[word]}")
    for member in found.missing:
        what = f"the rows of {whose[0]} aren't published" if (whose := participants([member])) else "its table is empty"
        out.print(f"[yellow]missing[/yellow]  {member}: not in the archive, {what}")
    for notice in found.notices:
        out.print(f"[yellow]notice[/yellow]   {escape(notice)}")
    for place in rows_go_into(found):
        out.print(f"rows go into {escape(place)}")
    of_systems = [name for name in found.ignored if is_of_system(name)]
    said = [name for name in found.ignored if name not in of_systems and not _is_noticed(name, found.notices)]
    said += [f"{len(of_systems)} of the operating system"] if of_systems else []
    if said:
        out.print(f"not used: {escape(', '.join(said))}")


def folder(out: Console, found: Found) -> None:
    """Print what of a folder of archives wasn't used, and which wanted releases it lacks."""
    for notice in found.notices:
        out.print(f"[yellow]notice[/yellow]   {escape(notice)}")
    for name, why in found.unused.items():
        if not is_of_system(name):
            out.print(f"[yellow]not used[/yellow] {escape(name)}: {escape(why)}")
    if found.absent:
        out.print(f"[yellow]absent[/yellow]   {', '.join(found.absent)}: wanted, and no archive is there")


def card(out: Console, data: dict[str, Any]) -> None:
    """Print the card of a code."""
    until = f" to {data['effective_to']}" if data["effective_to"] else ""
    since = f"in force {data['effective_from']}{until}" if data["effective_from"] else "not in force"
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
    out.print(f"\nfrom {data['archive']['name']}, sha256 {data['archive']['sha256'][:16]}")


def _is_noticed(name: str, notices: Iterable[str]) -> bool:
    return any(notice.startswith(f"{name}: ") for notice in notices)


def _settings(row: dict[str, Any]) -> Iterable[Sequence[object]]:
    for setting, name in cards.SETTINGS.items():
        s = row["settings"][setting]
        paid = None if s["payment"] is None else f"${s['payment']:,.2f}"
        limit = None if s["limiting_charge"] is None else f"${s['limiting_charge']:,.2f}"
        yield name, s["work_rvu"], s["pe_rvu"], s["mp_rvu"], s["total_rvu"], "NA" if s["na"] else "", paid, limit


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else escape(terminal.plain(str(cell)))


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
