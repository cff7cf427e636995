"""docs/reliability.md, from the results of a run of `tools.fuzz`."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from tests.fault.fuzz import columns
from tests.fault.fuzz.judge import OUTCOMES
from tests.fault.fuzz.mutations import at_random
from tests.fault.fuzz.originals import ROOT
from tests.fault.fuzz.run import Result

PAGE = ROOT / "docs" / "reliability.md"
HEAD = """\
# What happens to damaged archives

pfsetl publishes what CMS's files say. This page says what it does when a file isn't what CMS published: a digit is
wrong, a line is missing, the file is cut, or it belongs to another release. Each archive was changed in one place at
random and built again. Two draws are counted apart: bytes and digits at random, as damage falls; and every kind of
damage, file and column as often, which is harder, as most columns are small and some say a thing nowhere else says.
`make fuzz` writes this page; nothing in it is typed by hand.

* **Right**: every cell of the published tables is as it should be.
* **Refused**: nothing is published, and the message says why.
* **Reported**: the tables differ, and a warning, notice, rejected line or difference between formats points at the file
  or column that differs.
* **Silent**: the tables differ and nothing says so.
* **Undecidable**: silent, but no check can tell: CMS could have printed exactly this, and says it nowhere else in the
  archive. Every kind is listed below with its reason.
"""
FOOT = """\
## Run it yourself

```
make fuzz                                                     # this page, again
python -m tools.fuzz --count 500 --seed 7 --release RVU26A    # your own mutants
python -m tools.fuzz --replay RVU26A:csv:1:17                 # one of them, with what was said of it
```

CMS's archives are looked for in the folder that `$PFSETL_CMS` names. A mutant is made of its archive, formats, seed and
number alone, so it's the same on every machine.
"""


def write(found: Sequence[Result]) -> None:
    """Write the page."""
    PAGE.write_text(page(found), encoding="utf-8")


def page(found: Sequence[Result]) -> str:
    """Return the page's text."""
    archives = sorted({f"{r.archive} ({r.formats})" for r in found})
    draws = {"bytes and digits at random": True, "every kind, file and column as often": False}
    groups = [
        (f"{draw}, {formats}", [r for r in found if at_random(r.seed) == bytes_only and _how_many(r) == formats])
        for draw, bytes_only in draws.items()
        for formats in ("one format", "two formats")
    ]
    most = max((r.megabytes for r in found), default=0)
    middle = sorted(r.seconds for r in found)[len(found) // 2] if found else 0
    parts = [
        HEAD,
        "## In short\n",
        _table("mutants", [*(g for g in groups if g[1]), ("all", found)]),
        f"\nOf columns that money is made of: {_money(found)}.\n",
        f"{len(found):,} mutants, seeds {', '.join(sorted({r.seed for r in found}))}. Half of them took less than "
        f"{middle:.2f} s, and no process took more than {most:,} MB. Every archive was built in an empty store, so "
        f"nothing was held against other releases. Archives and formats: {', '.join(archives)}.\n",
        "## By kind of mutation\n",
        *_grouped("kind", found, lambda r: r.kind),
        "## By file\n",
        *_grouped("file", found, lambda r: f"{r.member or '(label)'}, {_how_many(r)}"),
        "## By archive\n",
        *_grouped("archive", found, lambda r: f"{r.archive}, {r.formats}"),
        "## What can't be decided\n",
        *_undecidable(found),
        "## Silent all the same\n",
        *_silent(found),
        "## What spoke\n",
        *_spoke(found),
        FOOT,
    ]
    return "\n".join(parts)


def _money(found: Sequence[Result]) -> str:
    silent = [r for r in found if r.outcome == "silent" and columns.is_money(r.columns)]
    left = sum(r.undecidable is None for r in silent)
    share = 100 * len(silent) / max(len(found), 1)
    return f"{len(silent):,} silent ({share:.2f} %), {left:,} of them in no way that is listed below"


def _several(one: Result) -> bool:
    return one.formats in ("csv+txt", "all")


def _how_many(one: Result) -> str:
    return "two formats" if _several(one) else "one format"


def _grouped(head: str, found: Sequence[Result], key: Callable[[Result], str]) -> Iterable[str]:
    groups: defaultdict[str, list[Result]] = defaultdict(list)
    for one in found:
        groups[key(one)].append(one)
    yield _table(head, sorted(groups.items())) + "\n"


def _table(head: str, groups: Sequence[tuple[str, Sequence[Result]]]) -> str:
    shown = ("tried", "right", "refused", "reported", "undecidable", "silent", "silent %", "crashed")
    lines = [f"| {head} | {' | '.join(shown)} |", f"| --- |{' ---: |' * len(shown)}"]
    for name, rows in groups:
        counts = Counter(r.outcome for r in rows)
        known = sum(r.undecidable is not None for r in rows)
        silent, broken = counts["silent"] - known, sum(counts[o] for o in OUTCOMES[4:])
        share = f"{100 * silent / len(rows):.2f}" if rows else ""
        cells = (len(rows), counts["right"], counts["refused"], counts["reported"], known, silent, share, broken)
        lines.append(f"| {name} | {' | '.join(c if isinstance(c, str) else f'{c:,}' for c in cells)} |")
    return "\n".join(lines)


def _undecidable(found: Sequence[Result]) -> Iterable[str]:
    reasons = Counter(r.undecidable for r in found if r.undecidable)
    for reason, count in reasons.most_common():
        yield f"* {reason} ({count:,} mutants, {100 * count / len(found):.2f} %)"
    yield "" if reasons else "Nothing was.\n"


def _silent(found: Sequence[Result]) -> Iterable[str]:
    left = [r for r in found if r.outcome == "silent" and not r.undecidable]
    if not left:
        yield "Nothing was.\n"
        return
    yield "| columns | kind | mutants | money | example |\n| --- | --- | ---: | --- | --- |"
    groups: defaultdict[tuple[str, str], list[Result]] = defaultdict(list)
    for one in left:
        groups[", ".join(one.columns), one.kind].append(one)
    for (changed, kind), rows in sorted(groups.items(), key=lambda g: -len(g[1])):
        money = "yes" if columns.is_money(rows[0].columns) else "no"
        yield f"| {changed} | {kind} | {len(rows):,} | {money} | `{rows[0].name}` |"
    yield ""


def _spoke(found: Sequence[Result]) -> Iterable[str]:
    yield "How often each rule or function refused or reported a mutant; several can speak of one.\n"
    yield "| rule | refused | reported |\n| --- | ---: | ---: |"
    refused = Counter(rule for r in found if r.outcome == "refused" for rule in r.by)
    reported = Counter(rule for r in found if r.outcome == "reported" for rule in r.by)
    for rule in sorted({*refused, *reported}, key=lambda r: -(refused[r] + reported[r])):
        yield f"| {rule} | {refused[rule]:,} | {reported[rule]:,} |"
    yield ""
