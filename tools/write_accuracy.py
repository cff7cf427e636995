"""Compare every amount at hand that CMS published with ours, to the cent, and write docs/accuracy.md.

Usage: python -m tools.write_accuracy [FOLDER_OF_CMS_ARCHIVES [FOLDER_OF_PUBLISHED_AMOUNTS]]

The folders default to $PFSETL_CMS or ../shared/cms, and $PFSETL_ORACLES or `oracles` beside the archives. A difference
of a cent writes nothing, names the first rows that differ and exits with 1. What is compared, how, and what the wrong
methods are is the specification in tests/golden.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

import pfsetl
from pfsetl import Version
from tests.golden.comparison import beside, differing
from tests.golden.mistakes import MISTAKES, RIGHT, missed, terms
from tests.golden.published import SETTINGS, ohio_file
from tests.golden.sources import (
    DISAGREEING,
    OWN_FACILITY_EXPENSE,
    Source,
    archives_in,
    cap_member,
    sources,
)

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "accuracy.md"
AT_HAND = "Archives at hand: "
BESIDE_THE_FLOOR = "RVU26A"  # the release whose file prints the work index without its floor too
SHOWN = 10

VersionOf = Callable[[str], Version]


@dataclass(frozen=True, slots=True)
class Compared:
    """A source with our amount beside each of its rows, and the terms of each for the wrong methods."""

    source: Source
    rows: pl.DataFrame
    terms: pl.DataFrame

    @property
    def wrong(self) -> pl.DataFrame:
        """Return the rows in which a cent differs."""
        return differing(self.rows)


def compare(oracles: Path, archives: dict[str, Path], version_of: VersionOf) -> list[Compared]:
    """Compare every source whose release is at hand; a release is built when its first source comes."""
    without_floor = indices_without_floor(version_of if BESIDE_THE_FLOOR in archives else None)
    found = []
    for source in sources(oracles, archives):
        if source.release in archives:
            version = version_of(source.release)
            rows = beside(source.rows, version, source.release)
            found.append(Compared(source, rows, terms(rows, version, source.release, without_floor)))
    return found


def indices_without_floor(version_of: VersionOf | None) -> pl.DataFrame:
    columns = {"state": pl.String(), "locality": pl.String(), "work_gpci_without_floor": pl.Decimal(6, 3)}
    if version_of is None:
        return pl.DataFrame(schema=columns)
    return version_of(BESIDE_THE_FLOOR).scan("gpci", BESIDE_THE_FLOOR).select(*columns).collect()


def page(oracles: Path, archives: dict[str, Path], version_of: VersionOf, compared: list[Compared]) -> str:
    """Return docs/accuracy.md."""
    amounts, equal = sum(c.rows.height for c in compared), sum(c.rows.height - c.wrong.height for c in compared)
    checked = [
        (c.source.what, c.source.release, c.source.rule, n(c.rows.height), n(c.rows.height - c.wrong.height))
        for c in compared
    ]
    parts = [
        "# Accuracy",
        "`make accuracy` writes this page: it builds the releases below, sets our amount beside each that CMS itself "
        "computed and published, and fails if one differs by a cent. Every count is measured when the page is written. "
        f"**{n(equal)} of {n(amounts)} amounts are equal.**",
        AT_HAND + ", ".join(archives) + ".",
        "## What was compared",
        table(
            ("published by CMS", "release", "rule", "amounts", "equal"),
            [*checked, ("**all**", "", "", f"**{n(amounts)}**", f"**{n(equal)}**")],
        ),
        "An OPPSCAP member comes inside a release's archive: CMS's own prices of the imaging services under the cap "
        "in every locality, two settings a row. RVU11A and RVU13A were never in force: their amounts are CMS's, and "
        "Medicare paid none of them. The two samples are what of PFALL24A is at hand.",
        "## What was not compared",
        table(("published by CMS", "release", "amounts", "why"), list(left_out(oracles, archives))),
        "## Where CMS's files disagree with each other",
        "These members were computed by CMS from other figures than those in the same archive. They aren't held "
        "against us, and the rows that differ are counted where the archive is at hand.",
        table(("OPPSCAP member of", "why", "prices", "differ"), list(disagreeing(archives, version_of))),
        "\n".join(f"* {line}" for line in oddities(oracles, compared)),
        "## What goes wrong otherwise",
        "The same amounts by methods that look right: in how many of those where the mistake can be made CMS's amount "
        "is missed. The formula and the mistakes are written a second time, apart from the library, for this table.",
        table(("mistake", "among", "amounts", "wrong", "share"), list(mistaken(compared))),
        f"The index without its floor is the one that {BESIDE_THE_FLOOR} prints beside it, the only release at hand "
        "that prints both; it stands in for 1.000 in the localities at 1.000 of releases with a floor. A mistake that "
        "misses nothing here isn't thereby right: these amounts don't tell it from the formula.",
    ]
    return "\n\n".join(parts) + "\n"


def left_out(oracles: Path, archives: dict[str, Path]) -> Iterator[tuple[str, ...]]:
    for source in sources(oracles, {}):
        if source.release not in archives:
            why = f"no archive of {source.release}, whose RVUs these amounts have, is at hand"
            yield source.what, source.release, n(source.rows.height), why
    for release, archive in archives.items():
        if cap_member(release, archive) is None:
            yield "OPPSCAP member", release, "", "not in the files at hand"
    yield "anesthesia factors", "every", "", "published, never recomputed"


def disagreeing(archives: dict[str, Path], version_of: VersionOf) -> Iterator[tuple[str, ...]]:
    for release, why in DISAGREEING.items():
        member = cap_member(release, archives[release]) if release in archives else None
        if member is None:
            yield release, why, "not at hand", ""
        else:
            rows = beside(member.rows, version_of(release), release)
            yield release, why, n(rows.height), n(differing(rows).height)


def oddities(oracles: Path, compared: list[Compared]) -> Iterator[str]:
    """Yield what was compared otherwise than CMS labels it."""
    members = [c for c in compared if c.source.what == "OPPSCAP member"]
    twice = sum(c.rows.filter(pl.col("listed").not_()).height for c in members)
    yield (
        f"{n(twice)} prices of OPPSCAP members are of Californian localities listed a second time, under a contractor "
        "for which the indices don't list them. They were compared by state and locality number, and counted above."
    )
    release, code = OWN_FACILITY_EXPENSE
    for c in members:
        if c.source.release == release:
            rows = c.rows.filter(hcpcs=code, setting="facility").height
            yield (
                f"In {release} CMS lists the OPPS amount as the facility price of {code}, in {n(rows)} rows, although "
                "its facility amount is lower. They were compared with the OPPS amount; Medicare pays the lower."
            )
    capped = ohio_file(oracles / "mpfs2020_ohio.csv").filter(opps_indicator="1")
    above = capped.filter(pl.any_horizontal(pl.col(s) > pl.col(f"opps_{s}") for s in SETTINGS)).height
    yield (
        f"The fees of the Ohio file are before the cap, although CMS's record layout calls them capped: in {n(above)} "
        f"of {n(capped.height)} rows under the cap a fee is above the OPPS amount beside it."
    )


def mistaken(compared: list[Compared]) -> Iterator[tuple[str, ...]]:
    rows = pl.concat([c.terms for c in compared], how="vertical_relaxed")
    for mistake in (RIGHT, *MISTAKES):
        among, wrong = missed(rows, mistake)
        share = f"{100 * wrong / among:.1f} %" if among else "none to measure"
        yield mistake.name, mistake.among_text, n(among), n(wrong), share


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def n(count: int) -> str:
    return f"{count:,}"


def first_differing(compared: list[Compared]) -> Iterator[str]:
    for c in compared:
        if wrong := c.wrong.height:
            yield f"{c.source.what}, {c.source.release}: {n(wrong)} of {n(c.rows.height)} amounts differ"
            for row in c.wrong.head(SHOWN).iter_rows(named=True):
                code = " ".join(filter(None, (row["hcpcs"], row["modifier"])))
                place = f"{row['mac']} {row['locality']}"
                yield f"  {code}, locality {place}, {row['setting']}: ours {row['ours']}, CMS's {row['published']}"


def main(arguments: list[str]) -> int:
    cms = Path(arguments[0] if arguments else os.environ.get("PFSETL_CMS") or ROOT.parent / "shared" / "cms").resolve()
    oracles = Path(arguments[1] if arguments[1:] else os.environ.get("PFSETL_ORACLES") or cms.parent / "oracles")
    if not cms.is_dir() or not oracles.is_dir():
        print(
            f"{cms if not cms.is_dir() else oracles}: no such folder. Name CMS's archives in $PFSETL_CMS and the "
            "amounts that CMS published in $PFSETL_ORACLES.",
            file=sys.stderr,
        )
        return 3
    archives = archives_in(cms)
    with tempfile.TemporaryDirectory() as folder:
        store = pfsetl.open_store(folder)
        versions: dict[str, Version] = {}

        def version_of(release: str) -> Version:
            if release not in versions:
                versions[release] = pfsetl.build(release, store=store, archive=archives[release]).version
            return versions[release]

        compared = compare(oracles, archives, version_of)
        wrong = list(first_differing(compared))
        if wrong:
            print(*wrong, sep="\n", file=sys.stderr)
            return 1
        PAGE.write_text(page(oracles, archives, version_of, compared), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {n(sum(c.rows.height for c in compared))} amounts, all equal")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
