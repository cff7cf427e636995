"""Mutate CMS's archives and see what a build makes of it: `python -m tools.fuzz`, or `make fuzz` for the page.

    --count N        how many mutants (2,000)
    --seed S         which ones (1); the same seed and number make the same mutant everywhere; b1 for bytes and
                     digits wherever the dice fall, 1 for every kind, file and column as often
    --release LABEL  of these releases only (may be given again); else all at hand, most of them of one format
    --formats F      csv, txt, csv+txt, xlsx or all; else each in turn
    --workers N      processes beside each other (2)
    --page           write docs/reliability.md from this run, half of it of either draw
    --save FILE      write every result as a line of JSON
    --saved FILE     with --page: judge nothing, and take the results saved there (may be given again)
    --replay NAME    one mutant again, e.g. RVU26A:csv:1:17, with what was said of it
    --without RULE   with --replay: as if this rule weren't there, e.g. rvu.totals_add_up
    --out FOLDER     with --replay: write the mutated archive there

CMS's archives are looked for in $PFSETL_CMS. Where there are none, the bundled sample and synthetic ones are mutated.
The exit code is 1 when a mutant crashed, hung, or was silently published in a way that isn't declared undecidable.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.fault.fuzz import judge, originals
from tests.fault.fuzz.mutations import mutant
from tests.fault.fuzz.run import Result, loaded, names, result, results
from tools import reliability

NEWEST = "RVU26A"  # what people hold most: one format, and no OPPSCAP
NEWEST_SHARE, SEVERAL_SHARE = 0.35, 0.25
PARTS = (
    "sample/RVU25D:csv",
    "sample/RVU25D:txt",
    "sample/RVU26A:csv",
    "synthetic/RVU26A:csv",
    "synthetic/RVU25A:csv+txt",
)


def sources(releases: Sequence[str], formats: str | None) -> list[str]:
    """Return the archives to mutate, as ARCHIVE:FORMATS; those that are refused unmutated are left out, and said."""
    at_hand = list(releases) or originals.at_hand()
    found = [f"{a}:{f}" for a in at_hand for f in ([formats] if formats else originals.one_and_more(a))]
    return [name for name in found or PARTS if _builds(name)]


def _builds(name: str) -> bool:
    archive, formats = name.split(":")
    try:
        judge.unmutated(archive, formats)
    except Exception as error:
        print(f"{name} is left out, because it is refused as it is: {error}", file=sys.stderr)
        return False
    finally:
        judge.unmutated.cache_clear()
    return True


def shares(found: Sequence[str], count: int) -> list[tuple[str, int]]:
    """Divide the mutants among the archives: the newest most, several formats least."""
    newest = [n for n in found if n.startswith(f"{NEWEST}:")]
    several = [n for n in found if n not in newest and n.endswith((":csv+txt", ":all"))]
    rest = [n for n in found if n not in (*newest, *several)]
    weights = dict.fromkeys(newest, NEWEST_SHARE) | dict.fromkeys(several, SEVERAL_SHARE / max(len(several), 1))
    weights |= dict.fromkeys(rest, (1 - NEWEST_SHARE - SEVERAL_SHARE) / max(len(rest), 1))
    total = sum(weights.values())
    return [(name, max(1, round(count * weight / total))) for name, weight in weights.items()]


def replay(name: str, without: str, out: Path | None) -> int:
    """Make one mutant again and print what became of it."""
    archive, formats, seed, number = name.split(":")
    if out:
        made = mutant(originals.reduced(archive, formats), seed, int(number))
        folder = out / made.label
        folder.mkdir(parents=True, exist_ok=True)
        for file, data in made.files:
            (folder / file).write_bytes(data)
        print(f"written to {folder}")
    one = result(name, without)
    for what, value in asdict(one).items():
        print(f"{what:12} {', '.join(map(str, value)) if isinstance(value, tuple) else value}")
    print(f"{'undecidable':12} {one.undecidable or ''}")
    return int(one.forbidden)


def run(arguments: argparse.Namespace) -> int:
    """Judge the mutants, print the counts, and write what was asked for."""
    if arguments.saved:
        reliability.write([loaded(line) for file in arguments.saved for line in file.read_text("utf-8").splitlines()])
        return 0
    seeds = (arguments.seed, f"b{arguments.seed}") if arguments.page else (arguments.seed,)
    plan = shares(sources(arguments.release, arguments.formats), arguments.count // len(seeds))
    counts: Counter[str] = Counter()

    def say(one: Result) -> None:
        counts[one.outcome] += 1
        if one.forbidden:
            print(f"{one.outcome}: {one.name} {one.kind} {one.file} {one.told} -> {', '.join(one.columns)}{one.said}")

    found = results([name for seed in seeds for name in names(plan, seed)], arguments.workers, say)
    if arguments.save:
        arguments.save.write_text("".join(json.dumps(asdict(one)) + "\n" for one in found), encoding="utf-8")
    print(", ".join(f"{counts[o]:,} {o}" for o in judge.OUTCOMES if counts[o]), f"of {len(found):,}")
    if arguments.page:
        reliability.write(found)
        print(f"{reliability.PAGE.relative_to(originals.ROOT)} written")
    return int(any(one.forbidden for one in found))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--release", action="append", default=[])
    parser.add_argument("--formats", choices=("csv", "txt", "csv+txt", "xlsx", "all"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--saved", type=Path, action="append", default=[])
    parser.add_argument("--replay")
    parser.add_argument("--without", default="")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    return replay(given.replay, given.without, given.out) if given.replay else run(given)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
