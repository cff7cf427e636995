"""Everything that CMS published and that is compared: whole files, what each amount is, and which are left out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pfsetl.pipeline.archive_folder import find_archives
from tests.golden.published import PLACE, SETTINGS, member_bytes, ohio_file, opps_cap_member, payment_file
from tests.golden.published import published_amounts as amounts_file

# What an amount is. The lower of two is Medicare's payment, but not of a release that was never in force.
AMOUNT, OPPS, LOWER, THERAPY, INSTITUTIONAL = "amount", "opps_amount", "lower", "therapy", "therapy_institutional"
LIMITING = "limiting_charge"
NATIONAL = "0000000"  # the Look-Up Tool's locality

CAPPED, CEILING = ("A", "R"), "C"
# The one active code on CMS's lists whose facility expense is its own, not copied: CMS prints the OPPS amount in its
# facility column although the facility amount is lower, in all 90 rows.
OWN_FACILITY_EXPENSE = ("RVU13A", "92287")
# Members that CMS computed from other figures than those of the archive they are in.
DISAGREEING = {
    "RVU12A": "computed with preliminary indices: the practice expense index of 74 localities differs",
    "RVU19A": "computed with other indices of 9 Californian localities",
    "RVU21A": "computed at the conversion factor 32.4085, with RVUs scaled to it",
    "RVU21B": "still the member of RVU21A",
    "RVU21D": "still the member of RVU21A",
    "RVU23D": "without the changed indices of Puerto Rico and the Virgin Islands",
    "RVU24C": "still computed at the conversion factor of January to 8 March 2024, 32.7442",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Amounts of one release from one file of CMS: key, setting, `kind` (what it is) and `published` of each."""

    what: str
    release: str
    rule: str
    rows: pl.DataFrame


def sources(oracles: Path, archives: dict[str, Path]) -> Iterator[Source]:
    """Yield what is compared, whole files only; `archives` are those whose OPPSCAP members are compared."""
    yield from ohio(oracles)
    for release, file in (("RVU25C", "pfrev25c/PFREV25C.txt"), ("RVU25D", "pfrev25d/PFREV4.txt")):
        rows = long(payment_file(oracles / file), AMOUNT)
        yield Source(f"payment file PFREV{release[3:]}", release, "the formula", rows)
    yield from samples(oracles)
    for release, archive in archives.items():
        if release not in DISAGREEING and (member := cap_member(release, archive)):
            yield member


def ohio(oracles: Path) -> Iterator[Source]:
    """Yield the 2020 payment file of Ohio; its rows that came or changed in April 2020 are RVU20B's."""
    file = ohio_file(oracles / "mpfs2020_ohio.csv")
    april = amounts_file(oracles / "published_amounts.csv").filter(release="RVU20B")
    key = ["hcpcs", "modifier"]
    name = "payment file of Ohio, 2020"
    capped, therapy = file.filter(opps_indicator="1"), file.filter(pl.col("therapy") > 0, multiple_procedure="5")
    yield Source(f"{name}: fees", "RVU20A", "the formula", long(file.join(april, on=key, how="anti"), AMOUNT))
    yield Source(f"{name}: fees", "RVU20B", "the formula", long(file.join(april, on=key, how="semi"), AMOUNT))
    opps = capped.select(*PLACE, **{setting: f"opps_{setting}" for setting in SETTINGS})
    yield Source(f"{name}: OPPS columns", "RVU20A", "the OPPS amount", long(opps, OPPS))
    for column in (THERAPY, INSTITUTIONAL):
        rows = therapy.select(*PLACE, setting=pl.lit("nonfacility"), kind=pl.lit(column), published=column)
        title = f"{name}: therapy column, {'institutional' if column == INSTITUTIONAL else 'non-institutional'}"
        yield Source(title, "RVU20A", "practice expense of a second therapy unit", rows)


def samples(oracles: Path) -> Iterator[Source]:
    """Yield the published amounts whose whole file isn't at hand: samples of PFALL24A, and of the Look-Up Tool."""
    file = amounts_file(oracles / "published_amounts.csv")
    wanted = (
        ("PFALL24A", "opps cap amount", OPPS, "payment file PFALL24A, a sample: OPPS columns"),
        ("PFALL24A", "therapy mppr 50% of PE", THERAPY, "payment file PFALL24A, a sample: therapy column"),
        ("Look-Up Tool", "mpfs national (GPCI 1)", AMOUNT, "Look-Up Tool, national amounts"),
        ("Look-Up Tool", "limiting charge = 1.0925 x rounded amount", LIMITING, "Look-Up Tool, limiting charges"),
    )
    rules = {
        OPPS: "the OPPS amount", THERAPY: "practice expense of a second therapy unit", AMOUNT: "the formula, indices 1",
        LIMITING: "limiting charge",
    }  # fmt: skip
    for origin, rule, kind, what in wanted:
        rows = file.filter(pl.col("source").str.contains(origin, literal=True), rule=rule)
        (release,) = rows["release"].unique()
        yield Source(
            what, release, rules[kind], rows.select(*PLACE, "setting", kind=pl.lit(kind), published="published")
        )


def cap_member(release: str, archive: Path) -> Source | None:
    """Return the OPPSCAP member of an archive, if it has one: payments, and ceilings of carrier-priced rows."""
    data = member_bytes(archive)
    if data is None:
        return None
    rows = opps_cap_member(data)
    unknown = set(rows["status"]) - {*CAPPED, CEILING}
    if unknown:
        raise ValueError(f"{release}: rows of status {', '.join(sorted(unknown))} in its OPPSCAP member")
    listed = long(rows, pl.when(status=CEILING).then(pl.lit(OPPS)).otherwise(pl.lit(LOWER)))
    if release == OWN_FACILITY_EXPENSE[0]:
        own = (pl.col("hcpcs") == OWN_FACILITY_EXPENSE[1]) & (pl.col("setting") == "facility")
        listed = listed.with_columns(kind=pl.when(own).then(pl.lit(OPPS)).otherwise("kind"))
    return Source("OPPSCAP member", release, "lower of amount and OPPS amount; status C: the OPPS amount", listed)


def long(rows: pl.DataFrame, kind: str | pl.Expr) -> pl.DataFrame:
    """Return one row for each of a row's two prices."""
    kind = pl.lit(kind) if isinstance(kind, str) else kind
    parts = [rows.select(*PLACE, setting=pl.lit(s), kind=kind, published=pl.col(s)) for s in SETTINGS]
    return pl.concat(parts)


def archives_in(folder: Path) -> dict[str, Path]:
    """Return the archives in a folder by label, in CMS's order."""
    return dict(find_archives(folder, "2003..2099").archives)
