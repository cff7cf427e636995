"""What a build says in the end: how its release differs from the last one in force that the store holds."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from msgspec.structs import replace

import pfsetl
from pfsetl.declared import registry
from pfsetl.pipeline import backfill
from pfsetl.pipeline.examine import examine
from pfsetl.publication import manifest, neighbours
from pfsetl.publication.json_records import plain
from pfsetl.publication.manifest import Resource
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from pfsetl.tables import since
from tests import synthetic as s
from tests.present import present

pytestmark = pytest.mark.long

Command = Callable[..., tuple[int, str, str]]
NEW = s.code("G9911", "Synthetic, new", work="0.70", mp="0.02")
ODD = s.code("G9912", "Synthetic, of an indicator that nobody has met", pctc="A", work="0.10", mp="0.01")
NOT_PUBLISHED = {"anesthesia": ["locality_name"], "locality_county": ["state_name"], "pprrvu": ["description"]}


def archive(folder: Path, label: str, rows: list[s.Row] | None = None) -> Path:
    """A part, which is published like a whole release where its loss is accepted."""
    return s.write_zip(folder / f"{label}.zip", s.release(label, rows or (*s.CODES, s.of_quarter(label))))


def later(label: str) -> list[s.Row]:
    """The services of a release after RVU25D: two new ones, one of RVU25D's own gone, and its excluded one."""
    return [row for row in (*s.CODES, NEW, ODD, s.of_quarter(label)) if row is not s.EXCLUDED]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> pfsetl.Build:
    """RVU26A, after RVU25D and a sample of RVU25C."""
    folder = tmp_path_factory.mktemp("since")
    store = LocalStore(folder / "store")
    part = s.write_zip(folder / "RVU25C.zip", s.release("RVU25C"))
    pfsetl.build("RVU25C", store=store, archive=part, sample=True)
    pfsetl.build("RVU25D", store=store, archive=archive(folder, "RVU25D"), accept=["loss"])
    return pfsetl.build("RVU26A", store=store, archive=archive(folder, "RVU26A", later("RVU26A")), accept=["loss"])


def test_the_record_says_what_changed(year: pfsetl.Build) -> None:
    assert year.version.releases["RVU26A"].since == year.record.since
    assert {**plain(year.record.since), "unread": None} == {
        "unread": None,
        "release": "RVU25D",
        # CMS, 2026: 33.4009 and 33.5675; the synthetic archives of 2025 print 33.4000. Nobody was qp before 2026.
        "factors": [
            {"participant": "non_qp", "now": "33.4009", "was": "33.4000", "percent": 0.0},
            {"participant": "qp", "now": "33.5675", "was": None, "percent": None},
        ],
        "localities": {"added": [], "gone": []},
        "codes": {
            "added": {"count": 3, "first": ["G2610", "G9911", "G9912"]},
            "gone": {"count": 2, "first": ["G2540", "G9904"]},
        },
        "new_values": [
            {"column": "pctc", "values": ["A"], "listed": []},
            {"column": "pricing_indicator", "values": ["1", "9"], "listed": ["1", "9"]},
        ],
        "not_compared": ["qp: RVU25D has no rows of it"],
    }
    assert plain(year.record.not_published) == NOT_PUBLISHED


def test_the_screen_says_it_in_a_few_lines(year: pfsetl.Build, run: Command) -> None:
    _, out, _ = run("check", "RVU26A", "--output", year.version.store)
    said = out[out.index("since ") :].splitlines()
    assert said == [
        "since    RVU25D, the last release in force here",
        "factor   non_qp 33.4009, was 33.4000 (+0.00 %); qp 33.5675, new",
        "places   0 added, 0 gone",
        "codes    3 added (G2610, G9911, G9912), 2 gone (G2540, G9904)",
        "values   new in pctc: A; a row for each goes into schemas/codes/pctc.csv (first line "
        "code,meaning,valid_from,valid_to)",
        "values   new in pricing_indicator: 1, 9",
        "alone    qp: RVU25D has no rows of it",
        "columns  read and not published: locality_name (anesthesia), state_name (locality_county), "
        "description (pprrvu)",
    ]


def test_a_build_prints_it_last_and_in_json(tmp_path: Path, run: Command) -> None:
    to = ("--archive", archive(tmp_path, "RVU25A"), "--accept-loss", "--output", tmp_path / "store")
    said = run("build", "RVU25A", *to)[1].splitlines()
    assert said[-2] == "since    nothing to compare with: no earlier release in force is here"
    assert json.loads(run("build", "RVU25A", *to, "--json")[1])["record"]["since"]["release"] is None


def test_releases_that_are_built_side_by_side_are_compared_when_all_are_known(tmp_path: Path) -> None:
    archives = {label: archive(tmp_path, label) for label in ("RVU25A", "RVU25B")}
    done = backfill.backfill(archives, store=LocalStore(tmp_path / "store"), accept=["loss"])
    told = present(done.version.releases["RVU25B"].since)
    assert (told.release, plain(present(told.codes).added)) == ("RVU25A", {"count": 1, "first": ["G2520"]})
    assert present(done.version.releases["RVU25A"].since).release is None


# --- which release is the last in force ---------------------------------------------------------------------------


def beside(year: pfsetl.Build, release: str, *labels: str, factor: str = "33.4000") -> tuple[Any, ...]:
    """RVU25D's tables as those of a release, beside others with the same files."""
    at = year.version
    others = {x: registry.find_or_infer(x) for x in labels}
    records = {x: replace(year.record, year=r.year, quarter=r.quarter, sample=False) for x, r in others.items()}
    files = [replace(r, release=x) for x in labels for r in at.resources if r.release == "RVU25D"]
    tables = {name: at.scan(name, "RVU25D").collect() for name in since.COLUMNS}
    tables["conversion_factor"] = tables["conversion_factor"].with_columns(
        conversion_factor=pl.lit(Decimal(factor), dtype=pl.Decimal(9, 4))
    )
    return registry.find_or_infer(release), tables, holding(at, records, files)


def holding(at: Version, records: dict[str, ReleaseRecord], files: list[Resource]) -> Version:
    return Version(at.store, 1, manifest.about(replace(at.manifest, resources=tuple(files)), releases=records))


def with_files_gone(at: Version) -> Version:
    gone = [replace(r, path="objects/rvu/gone.parquet") for r in at.resources]
    return holding(at, dict(at.releases), gone)


@pytest.mark.parametrize(
    ("release", "others", "last"),
    [
        ("RVU14A", ["RVU12D", "RVU13A"], "RVU12D"),  # RVU13A's factor was never paid
        ("RVU24B", ["RVU24A", "RVU24AR"], "RVU24AR"),  # the correction of March 2024
        ("RVU24A", ["RVU24AR", "RVU24B"], None),
        ("RVU27A", ["RVU09A", "RVU22A"], "RVU22A"),  # however far away
        ("RVU27B", ["RVU27A", "RVU26A"], "RVU27A"),  # not declared, so nothing says that it was never paid
    ],
)
def test_it_is_the_nearest_before_that_was_ever_paid(year: pfsetl.Build, release, others, last):
    assert neighbours.since(*beside(year, release, *others)).release == last


@pytest.mark.parametrize(("factor", "odd"), [("36.7401", 1), ("36.7399", 0), ("30.0599", 1), ("30.0601", 0)])
@pytest.mark.parametrize("last", ["RVU12D", "RVU09A"])
def test_a_factor_a_tenth_away_from_the_last_one_paid_is_a_warning(year: pfsetl.Build, last, factor, odd):
    found = neighbours.moved(*beside(year, "RVU14A", last, "RVU13A", factor=factor))
    (one,) = [f for f in found if (f.table, f.check) == ("conversion_factor", "moved_before")]
    assert (one.severity, one.violations) == ("warn", odd)
    assert f"10 % away from {last}'s" in one.description


def rows_compared(year: pfsetl.Build, release: str, *labels: str) -> list[str]:
    """Which releases' relative values a release is held against, as its findings say."""
    found = neighbours.repeated(*beside(year, release, *labels))
    return [f"{f.check} {f.description.split('values of ')[1].split(',')[0]}" for f in found]


@pytest.mark.parametrize(
    ("others", "held"),
    [
        (
            ["RVU24D", "RVU25A", "RVU25D", "RVU26A", "RVU26B"],
            ["values_repeated_before RVU24D", "values_repeated_after RVU26A"],
        ),
        (["RVU25A", "RVU25D"], []),  # quarters of a year rightly repeat
        (["RVU11A"], ["values_repeated_before RVU11A"]),  # never paid, and however far
    ],
)
def test_relative_values_are_held_against_the_nearest_release_of_another_year(year: pfsetl.Build, others, held):
    assert rows_compared(year, "RVU25C", *others) == held


def test_a_release_whose_values_cannot_be_read_is_said(year: pfsetl.Build):
    release, tables, at = beside(year, "RVU26B", "RVU25A")
    (said,) = neighbours.repeated(release, tables, with_files_gone(at))
    assert (said.severity, said.violations) == ("warn", 1)
    assert said.description.startswith("RVU25A can't be read, so whether its values are repeated isn't known: ")


def test_a_damaged_release_is_said_and_stops_nothing(year: pfsetl.Build):
    release, tables, at = beside(year, "RVU26B", "RVU26A")
    told = neighbours.since(release, tables, with_files_gone(at))
    assert present(told.unread).startswith("RVU26A can't be read: ")


# --- what is compared ---------------------------------------------------------------------------------------------


def frames(codes: dict[str, str], places: str, factors: dict[str, str]) -> dict[str, pl.DataFrame]:
    """Tables of a release: codes by participant, localities, factors by participant."""
    rows = [(participant, code) for participant, named in codes.items() for code in named.split()]
    rvu = pl.DataFrame(rows, schema=["participant", "hcpcs"], orient="row")
    indicators = [pl.lit("", dtype=pl.String).alias(name) for name in since.columns("rvu")[2:]]
    gpci = pl.DataFrame([p.split("/") for p in places.split()], schema=["state", "locality"], orient="row")
    paid = [(p, Decimal(f)) for p, f in factors.items()]
    factor = pl.DataFrame(paid, schema={"participant": pl.String, "conversion_factor": pl.Decimal(9, 4)}, orient="row")
    return {"rvu": rvu.with_columns(indicators), "gpci": gpci.cast(pl.String), "conversion_factor": factor}


BOTH = {"non_qp": "33.4009", "qp": "33.5675"}


def test_localities_that_came_and_went_are_named():
    was = frames({"all": "G0001"}, "CA/18 CA/72 AL/00", {"all": "32.0000"})
    told = since.compared(frames({"all": "G0001"}, "AL/00 CA/18 CA/05", {"all": "33.6000"}), since.Earlier("X", was))
    assert told["localities"] == {"added": ["CA/05"], "gone": ["CA/72"]}
    assert told["factors"] == [{"participant": "all", "now": "33.6000", "was": "32.0000", "percent": 5.0}]


def test_a_missing_file_makes_no_code_come_or_go():
    whole = frames({"non_qp": "G0001 G0002 G0003", "qp": "G0001"}, "AL/00", BOTH)
    lacking = frames({"qp": "G0001 G0004"}, "AL/00", {"qp": "33.5675"})
    told = since.compared(lacking, since.Earlier("X", whole))
    assert told["codes"] == {"added": {"count": 1, "first": ["G0004"]}, "gone": {"count": 0, "first": []}}
    assert told["not_compared"] == ["non_qp: only X has rows of it"]
    told = since.compared(whole, since.Earlier("X", lacking))
    assert (told["codes"]["added"]["count"], told["not_compared"]) == (0, ["non_qp: X has no rows of it"])


def test_without_indices_localities_are_not_compared_and_that_is_said():
    was, now = (frames({"all": "G0001"}, places, {"all": "32.0000"}) for places in ("AL/00", ""))
    told = since.compared(now, since.Earlier("X", was))
    assert (told["localities"], told["not_compared"]) == (None, ["localities: one of the two has no indices"])


def test_a_real_year_brings_what_cms_brought(built: Callable[[str], Version], release_path):
    """RVU25D to RVU26A: 337 codes came and 211 went, counted in CMS's own files by the set of their first columns."""
    before = built("RVU25D")
    found = examine("RVU26A", release_path("RVU26A"), records=before.releases, base=before)
    found.report.raise_if_bad()
    told = present(found.record.since)
    codes = present(told.codes)
    assert (codes.added.count, codes.gone.count) == (337, 211)
    assert [f.percent for f in told.factors] == [3.26, None]
