"""How payers' rates beside Medicare's look on a terminal: what came of them, and the summary by payer and section."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape

from pfsetl.cli.render import table
from pfsetl.payers.answers import BenchmarkAnswer
from pfsetl.payers.rate import REASONS

MOST_CODES = 20
_HEADINGS = ("payer", "section", "contracts", "least", "25%", "median", "75%", "most")
_VALUES = ("contracts", "least", "lower_quartile", "median", "upper_quartile", "most")


def benchmark(out: Console, answer: BenchmarkAnswer) -> None:
    """Print what was compared, what wasn't and why, and what payers pay in percent of Medicare."""
    out.print(
        f"{answer['rates']:,} rates ({answer['format']}) on {answer['date']}, {escape(answer['locality'])}; "
        f"version {answer['version']}"
    )
    out.print(f"{answer['percentages']:,} of {answer['rows']:,} rows have a percentage of Medicare")
    if answer["reasons"]:
        reasons = sorted(answer["reasons"].items(), key=lambda pair: -pair[1])
        out.print(table("", ("rows", "without", ""), [(n, name, REASONS[name]) for name, n in reasons]))
    for why, count in answer["left_out"].items():
        out.print(f"left out, {why}: {count:,}")
    if answer["expired"]:
        out.print(f"{answer['expired']:,} rows are of rates that expired before {answer['date']} (column expires)")
    for note in answer["notes"]:
        out.print(f"[yellow]note[/yellow]  {escape(note)}")
    lines = list(_lines(answer["summary"]))
    if lines:
        out.print("")
        out.print(table("percent of Medicare, by contract", _HEADINGS, lines))
    out.print(f"written: {', '.join(answer['files'])}", markup=False)


def _lines(rows: list[dict[str, Any]]) -> Iterator[tuple[object, ...]]:
    for row in rows:
        if row["level"] != "code":
            what = "all" if row["level"] == "payer" else row["section"] or "no section"
            yield (row["payer"] or "no payer named", what, *(row[name] for name in _VALUES))
