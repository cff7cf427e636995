"""How what a build made, and what a folder held, look on a terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

from pfsetl.cli import render_since
from pfsetl.cli.render import table
from pfsetl.declared import declarations
from pfsetl.declared.declarations import OWN
from pfsetl.pipeline.archive_folder import InFolder
from pfsetl.pipeline.build import Build
from pfsetl.pipeline.request import ACCEPTABLE
from pfsetl.plural import count
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.source.members import is_of_system, participants


def build(out: Console, result: Build) -> None:
    """Print what a build published and what is missing or odd."""
    record, number = result.record, result.version.number
    if result.published:
        part = ", a sample," if record.sample else ""
        out.print(f"[bold]{result.release}[/bold] revision {record.revision}{part} published as version {number}.")
    else:
        out.print(f"[bold]{result.release}[/bold] unchanged: version {number} holds this content already.")
    files = result.version.files_of(result.release)
    out.print(table("", ("table", "rows", "bytes"), [(f.table, f.rows, f.bytes) for f in files]))
    notices(out, record)
    unexplained = [d for d in record.format_differences if not d.explained]
    for d in unexplained:
        out.print(
            f"[yellow]differs[/yellow]  {escape(f'{d.believed} and {d.other}')} in {d.field}, {count(d.cells, 'row')}"
        )
    for warning in record.warnings:
        rows = "" if warning.counted else f"{count(warning.violations, 'row')}; "
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
        out.print(f"{d.believed} and {d.other} differ in {d.field}, {count(d.cells, 'row')}{why}", markup=False)
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


def folder(out: Console, found: InFolder) -> None:
    """Print what of a folder of archives wasn't used, and which wanted releases it lacks."""
    for notice in found.notices:
        out.print(f"[yellow]notice[/yellow]   {escape(notice)}")
    for name, why in found.unused.items():
        if not is_of_system(name):
            out.print(f"[yellow]not used[/yellow] {escape(name)}: {escape(why)}")
    if found.absent:
        out.print(f"[yellow]absent[/yellow]   {', '.join(found.absent)}: wanted, and no archive is there")


def _is_noticed(name: str, notices: Iterable[str]) -> bool:
    return any(notice.startswith(f"{name}: ") for notice in notices)
