"""The first release of a year that nothing is declared of: every table and every command say the same of its days.

Quarters are CMS's: RVU27A is January to March. The synthetic archives of 2027 print 33.4000 and 33.5000.
"""

import json
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from msgspec import UNSET
from msgspec.structs import replace

import pfsetl
from pfsetl.declared import calendar, declarations, registry
from pfsetl.errors import UsageError
from pfsetl.pipeline.backfill import backfill
from pfsetl.pipeline.examine import examine
from pfsetl.publication import manifest, version
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from tests import declared
from tests import synthetic as s
from tests.copied import copied

pytestmark = pytest.mark.long

Command = Callable[..., tuple[int, str, str]]
PRINTED = {"non_qp": Decimal("33.4000"), "qp": Decimal("33.5000")}
QUARTERS = {
    "RVU27A": (date(2027, 1, 1), date(2027, 3, 31)),
    "RVU27B": (date(2027, 4, 1), date(2027, 6, 30)),
    "RVU28D": (date(2028, 10, 1), date(2028, 12, 31)),
}


def built(label: str, store: Path, tmp_path: Path, members: s.Members | None = None) -> pfsetl.Build:
    archive = s.write_zip(tmp_path / f"{label}.zip", members or s.release(label))
    return pfsetl.build(label, store=LocalStore(store), archive=archive, sample=True)


@pytest.fixture(scope="module")
def quarters(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """A version of several quarters that nothing is declared of."""
    folder = tmp_path_factory.mktemp("quarters")
    archives = {label: s.write_zip(folder / f"{label}.zip", s.release(label)) for label in QUARTERS}
    return backfill(archives, store=LocalStore(folder / "store"), sample=True).version


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> pfsetl.Build:
    """RVU27A, built into a store of its own, with its archive beside the store."""
    folder = tmp_path_factory.mktemp("january")
    return built("RVU27A", folder / "store", folder)


@pytest.mark.parametrize("label", QUARTERS)
def test_five_places_give_one_answer(label: str, quarters: Version, run: Command) -> None:
    first, last = QUARTERS[label]
    at, store = quarters, quarters.store
    days = at.scan("release_calendar", label).sort("participant").collect()
    assert days["certainty"].unique().to_list() == ["by the quarter rule"]
    answers = [days, at.scan("conversion_factor", label).sort("participant").collect()]
    for table in answers:
        assert dict(table.select("participant", "conversion_factor").rows()) == PRINTED
        assert {row[:2] for row in table.select("effective_from", "effective_to").rows()} == {(first, last)}
    assert at.scan("releases", label).select("effective_from", "effective_to").collect().row(0) == (first, last)
    listed = next(row for row in json.loads(run("list", "--json", "--output", store)[1]) if row["release"] == label)
    assert (listed["effective_from"], listed["effective_to"]) == (str(first), str(last))
    for day in (first, last):
        for participant, factor in PRINTED.items():
            price = pfsetl.price("G9901", day, participant=participant, output=at)
            assert (price["release"], price["conversion_factor"]) == (label, factor)
            assert any("by the quarter rule" in note for note in price["notes"])


def test_the_build_warns_once_and_names_what_to_add(january: pfsetl.Build) -> None:
    (notice,) = [n for n in january.record.notices if "releases.csv" in n]
    assert notice.startswith("RVU27A: in force 2027-01-01 to 2027-03-31 by the quarter rule")
    assert "non_qp 33.4000, qp 33.5000" in notice
    assert "the factors in conversion_factors.csv" in notice


def test_a_declared_release_has_no_such_notice_and_the_certainty_of_its_factor(tmp_path: Path) -> None:
    archive = s.write_zip(tmp_path / "RVU26A.zip", s.release("RVU26A"))
    one = examine("RVU26A", archive, records={}, sample=True)
    assert not [n for n in one.record.notices if "conversion_factors.csv" in n]
    assert set(one.tables["release_calendar"]["certainty"]) == {"certain"}


def test_the_notice_is_on_screen_and_in_json(january: pfsetl.Build, run: Command) -> None:
    store = Path(str(january.version.store))
    to = ("--archive", store.with_name("RVU27A.zip"), "--output", store, "--sample")
    assert "notice   RVU27A: in force 2027-01-01 to 2027-03-31 by the quarter rule" in run("build", "RVU27A", *to)[1]
    told = json.loads(run("build", "RVU27A", *to, "--json")[1])
    assert any("by the quarter rule" in n for n in told["record"]["notices"])
    assert "by the quarter rule" in run("check", "RVU27A", "--output", store)[1]


def test_as_known_before_its_first_day_it_prices_nothing(january: pfsetl.Build) -> None:
    with pytest.raises(UsageError, match="2027-02-01"):
        pfsetl.price("G9901", "2027-02-01", as_of="2026-12-01", output=january.version)


def test_a_day_that_nothing_prices_is_told_beside_the_days_of_what_is_published(january: pfsetl.Build) -> None:
    with pytest.raises(UsageError, match=r"2027-05-01: no release .* too: 2027-01-01 to 2027-03-31 by RVU27A\.$"):
        pfsetl.price("G9901", "2027-05-01", output=january.version)


def test_two_undeclared_releases_of_one_quarter_are_named_with_the_one_that_prices(
    january: pfsetl.Build, tmp_path: Path
) -> None:
    store = copied(Path(str(january.version.store)), tmp_path / "store")
    changed = s.release("RVU27AR", [s.changed(s.VISIT, work="2.00"), *s.CODES[1:]])
    record = built("RVU27AR", store, tmp_path, changed).record
    (notice,) = [n for n in record.notices if "RVU27A has the same days" in n]
    assert "prices are taken from RVU27AR" in notice
    assert pfsetl.price("G9901", "2027-02-01", output=store)["release"] == "RVU27AR"


@pytest.fixture
def declare(tmp_path: Path) -> Iterator[Callable[[str, list[dict[str, str]]], None]]:
    """Add rows to a declaration, as someone who declares a new release does."""
    own = tmp_path / "own"
    own.mkdir()

    def add(name: str, more: list[dict[str, str]]) -> None:
        declared.write(own, name, *more)
        declared.forget()

    with declared.laid_over(own):
        yield add


RVU27A = dict.fromkeys(declarations.texts("releases.csv")[0], "") | {
    "release": "RVU27A", "year": "2027", "quarter": "1", "kind": "initial", "effective_from": "2027-01-01",
    "effective_to": "2027-03-14", "never_effective": "false",
}  # fmt: skip


def test_a_declared_release_without_a_declared_factor_has_the_printed_one_and_says_so(declare, tmp_path):
    declare("releases.csv", [RVU27A])
    one = built("RVU27A", tmp_path / "store", tmp_path)
    days = one.version.scan("release_calendar", "RVU27A").sort("participant").collect()
    assert dict(days.select("participant", "conversion_factor").rows()) == PRINTED
    assert set(days["certainty"]) == {"as printed"}
    assert set(days["effective_to"]) == {date(2027, 3, 14)}
    (notice,) = [n for n in one.record.notices if "conversion_factors.csv" in n]
    assert "releases.csv" not in notice


def test_days_that_a_store_was_published_with_stay_when_the_declaration_is_gone(declare, tmp_path, run):
    declare("releases.csv", [RVU27A])
    built("RVU27A", tmp_path / "store", tmp_path)
    declare("releases.csv", [])
    listed = json.loads(run("list", "--json", "--output", tmp_path / "store")[1])
    assert next(row for row in listed if row["release"] == "RVU27A")["effective_to"] == "2027-03-14"
    with pytest.raises(UsageError, match="2027-03-15"):
        pfsetl.price("G9901", "2027-03-15", output=tmp_path / "store")


def test_a_factor_that_is_declared_for_a_part_of_the_days_leaves_the_rest_as_printed() -> None:
    # CMS, 2015: 35.7547 to June; of a release that ran on from May nothing would be declared for qp.
    release = registry.find("RVU15C")
    days = calendar.release_calendar(release, {"all": "30.0000", "qp": "31.0000"}).sort("participant")
    assert days.select("participant", "conversion_factor", "certainty").rows() == [
        ("all", "35.9335", "certain"),
        ("qp", "31.0000", "as printed"),
    ]


def test_a_release_that_was_never_in_force_prices_no_day_whatever_it_prints() -> None:
    assert calendar.release_calendar(registry.find("RVU11A"), {"all": "25.5217"}).is_empty()


def test_an_older_store_without_days_in_its_records_has_those_of_the_rule(january: pfsetl.Build) -> None:
    at = january.version
    of_before = replace(at.releases["RVU27A"], in_force=UNSET)
    older = Version(at.store, at.number, manifest.about(at.manifest, releases={"RVU27A": of_before}))
    assert older.release("RVU27A").effective_to == date(2027, 3, 31)
    assert version.open_version(at.store).scan("releases").select(pl.len()).collect().item() == 1
