"""How changes and origins look on a terminal: what CMS posted, what was run, what differs, where a row is from."""

import csv
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from pfsetl.cli.render import moment, table, whom
from pfsetl.cli.terminal import plain
from pfsetl.declared import declarations
from pfsetl.plural import count
from pfsetl.publication.diff import Diff
from pfsetl.publication.trace import Origin

if TYPE_CHECKING:
    from pfsetl.source.discover import Posting

_STATES = {"new_label": "new", "new_zip": "re-posted", "vanished": "vanished", "unreachable": "not read"}
RELEASES_NAMED = 3
_MOVED = {"work_rvu": "Work RVU", "nonfacility_payment": "National payment, non-facility,"}


def postings(found: Sequence["Posting"], rows: Sequence[dict[str, str]]) -> None:
    """Print what CMS has posted that isn't known, and the rows that declare its new releases."""
    news = [p for p in found if p.state != "known"]
    for posting in news:
        print(plain(f"{_STATES[posting.state]:<10} {posting.label:<12} {posting.url or posting.page or ''}".rstrip()))
        if posting.note and posting.state != "unreachable":  # the error at the end says why
            print(plain(f"{'':<23} {posting.note}"))
    if not news:
        print(f"nothing new: CMS lists {count(len(found), 'release')}, all known")
    if rows:
        print(f"\nto add to {declarations.named('releases.csv')}, when the dates are right:")
        csv.DictWriter(sys.stdout, rows[0], lineterminator="\n").writerows(rows)


def runs(out: Console, records: Sequence[dict[str, Any]]) -> None:
    """Print one line per run and its longest steps."""
    rows = []
    for run in records:
        steps = sorted(run["steps"], key=lambda s: -s["seconds"])[:3]
        longest = ", ".join(f"{s['release'] or ''} {s['step']} {s['seconds']:.2f} s".strip() for s in steps)
        asked = " ".join(_asked(name, value) for name, value in run["asked"].items() if value)
        rows.append(
            (moment(run["started"]), run["command"], asked, run["outcome"], run["version"], run["error"] or longest)
        )
    out.print(table("", ("started", "run", "of", "outcome", "version", "longest steps, or what went wrong"), rows))


def _asked(name: str, value: object) -> str:
    """Return one thing that a run was asked for; of many releases the first ones."""
    if isinstance(value, list):
        more = f" and {len(value) - RELEASES_NAMED} more" if len(value) > RELEASES_NAMED else ""
        return ", ".join(map(str, value[:RELEASES_NAMED])) + more
    return f"since {value}" if name == "since" else str(value)


def origins(out: Console, found: Sequence[Origin]) -> None:
    """Print where rows come from, each with its line when the archive is available."""
    for origin in found:
        out.print(f"[bold]{origin.table}[/bold] {origin.release}  {' '.join(v for v in origin.key.values() if v)}")
        out.print(
            f"  {origin.file}, line {origin.line}, layout {origin.layout}, sha256 {origin.file_sha256}", markup=False
        )
        out.print(
            f"  in {origin.archive}, sha256 {origin.archive_sha256}{', ' + origin.url if origin.url else ''}",
            markup=False,
        )
        if origin.text is not None:
            out.out(origin.text, highlight=False)


def diff(out: Console, result: Diff) -> None:
    """Print what changed between two versions or releases: rows by table, columns, and the largest movers."""
    differ = f"{len(result.tables)} tables differ, {result.unchanged} don't"
    out.print(f"[bold]{result.old}[/bold] to [bold]{result.new}[/bold]: {differ}")
    for mine, other in result.participants.items():
        out.print(f"{mine} of {result.new} is compared with {other} of {result.old}")
    for note in result.notes:
        out.print(note, markup=False)
    rows = [(t.table, t.release, t.rows_before, t.rows_after, t.added, t.removed, t.changed) for t in result.tables]
    if rows:
        out.print(table("", ("table", "release", "rows before", "after", "added", "removed", "changed"), rows))
    for t in result.tables:
        if t.columns:
            most = sorted(t.columns.items(), key=lambda item: -item[1])
            out.print(f"{t.table} {t.release}: {', '.join(f'{name} {count:,}' for name, count in most)}")
    for measure, release in dict.fromkeys((m["measure"], m["release"]) for m in result.movers):
        moved = [m for m in result.movers if (m["measure"], m["release"]) == (measure, release)]
        title = f"\n{_MOVED[measure]} of {release}: what moved most in each section"
        out.print(table(title, ("section", "code", "for", "old", "new", "change", "%"), map(_mover, moved)))


def _mover(m: dict[str, Any]) -> Sequence[object]:
    code = "-".join(part for part in (m["hcpcs"], m["modifier"]) if part)
    percent = "" if m["percent"] is None else f"{m['percent']:+.1f}"
    who = whom(m["participant"])
    return m["section"], code, who, f"{m['old']:,}", f"{m['new']:,}", f"{m['change']:+,}", percent
