"""How the story of a code looks on a terminal, and as data for machines."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from pfsetl.cli.render import table, whom
from pfsetl.story.explain import Explanation, Moved
from pfsetl.story.history import History
from pfsetl.story.sentences import blocks, sentences
from pfsetl.tables.derive import SETTINGS

_NAMED = 8  # unpublished releases; --json has them all
_STANDING = {"never_effective": "never in force", "superseded": "superseded", "days_not_known": "days not known"}
_WORDS = {"nonfacility": "non-facility", "facility": "facility"}


def data(found: History) -> dict[str, Any]:
    """Return a history as plain data, with the sentences of both settings."""
    return {
        "version": found.version,
        "locality": found.place or None,
        "unpublished": list(found.unpublished),
        "samples": list(found.samples),
        "rows": found.rows,
        "sentences": {setting: sentences(found.rows, setting) for setting in SETTINGS},
    }


def history(out: Console, found: History, setting: str) -> None:
    """Print what a code paid in one setting: a line of blocks, a row for each release, and what moved the amount."""
    rows: Sequence[Any] = found.rows
    if not rows:
        out.print("no release of these years is published with such a row; without --from all are shown")
        return
    first = rows[0]
    code = "-".join(part for part in (first["hcpcs"], first["modifier"]) if part)
    out.print(f"[bold]{code}[/bold]  {_WORDS[setting]}, {found.place or 'national'}, version {found.version}")
    if found.unpublished:
        shown = ", ".join(found.unpublished[:_NAMED])
        more = f" and {len(found.unpublished) - _NAMED} more" if len(found.unpublished) > _NAMED else ""
        out.print(f"[yellow]not published here[/yellow]  {shown}{more}: a change may go over several releases")
    if found.samples:
        out.print(
            f"[yellow]samples[/yellow]  {', '.join(found.samples)}: a code without a row there may be in CMS's release"
        )
    amounts = [r[f"{setting}_payment"] for r in rows if r["standing"] == "in_force"]
    if there := [a for a in amounts if a is not None]:
        out.print(f"{blocks(amounts)}  lowest ${min(there):,.2f}, highest ${max(there):,.2f}")
    columns = ("release", "from", "st", "work", "PE", "MP", "total", "factor", "payment")
    out.print(table("", columns, (_cells(row, setting) for row in rows)))
    for whose in sorted({r["participant"] for r in rows} - {"all"}):
        out.print(f"from {next(r['release'] for r in rows if r['participant'] == whose)} on: {whom(whose)}")
    if told := sentences(rows, setting):
        out.print("\n[bold]What moved the amount[/bold]")
        for sentence in told:
            out.print(sentence)


def _cells(row: Any, setting: str) -> Sequence[object]:
    payment = row[f"{setting}_payment"]
    if row["standing"] != "in_force":
        paid = _STANDING[row["standing"]]
    elif payment is not None:
        paid = f"${payment:,.2f}{' NA' if row[f'{setting}_na'] else ''}"
    else:
        paid = (row["reason"] or row["not_compared"] or "").replace("_", " ")
    return (
        row["release"], row["effective_from"], row["status"], row["work_rvu"], row[f"{setting}_pe_rvu"], row["mp_rvu"],
        row[f"{setting}_total_rvu"], row["conversion_factor"], paid,
    )  # fmt: skip


def explanation(out: Console, found: Explanation) -> None:
    """Print what moved amounts between two releases: what is counted, a row for each section, and the largest moves."""
    whose = whom(found.participant)
    out.print(f"[bold]{found.old}[/bold] to [bold]{found.new}[/bold]: {_WORDS[found.setting]} amounts, {whose}")
    if found.compared_with not in ("", found.participant):
        out.print(f"{whose} of {found.new} is held against {whom(found.compared_with)} of {found.old}")
    out.print(
        f"counted: {found.counted:,} services without modifier that Medicare pays by the schedule in both, each once, "
        "whatever its volume"
    )
    out.print(
        f"left out: {found.nominal:,} that are NA there in one of them, {found.unpriced:,} without a national price in "
        f"one of them, {found.appeared:,} that {found.old} lacks, {found.gone:,} that {found.new} lacks"
    )
    if found.sample:
        out.print(f"{found.sample} is a sample: what it lacks may be in CMS's release")
    columns = ("section", "services", "up", "down", "mean", "to", "%", "RVUs", "factor")
    out.print(table("", columns, (_section(one) for one in found.sections)))
    for one in found.sections:
        if one.most:
            out.print(f"\n[bold]{one.section}[/bold]: what moved most")
            for code in one.most:
                out.print(f"{code['hcpcs']}: {code['moved']}")


def _section(one: Moved) -> Sequence[object]:
    rvus = one.causes["work"] + one.causes["pe"] + one.causes["mp"]
    return (
        one.section, one.services, one.up, one.down, f"${one.mean_before:,.2f}", f"${one.mean_after:,.2f}",
        f"{one.percent:+}", f"{rvus:+,.2f}", f"{one.causes['factor']:+,.2f}",
    )  # fmt: skip
