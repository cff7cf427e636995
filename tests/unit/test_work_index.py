"""The work index that a price and a release are made with: that of the law, where CMS prints it with and without floor.

Indices are CMS's of 2026 (GPCI2026), amounts are worked out here by CMS's formula.
"""

import json
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

import pfsetl
from pfsetl.pipeline.backfill import backfill
from pfsetl.pipeline.examine import examine
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.present import present
from tests.unit.test_declarations import pfsetl as command

pytestmark = pytest.mark.long

RVUS = ("1.21", "1.40", "0.09")
FLOORED, BELOW = ("1.000", "0.875", "0.566"), ("0.988", "0.875", "0.566")
FACTORS = {"RVU26A": "33.4009", "RVU27A": "33.4000"}


def amount(indices: tuple[str, ...], factor: str) -> Decimal:
    total = sum(Decimal(r) * Decimal(g) for r, g in zip(RVUS, indices, strict=True)) * Decimal(factor)
    return total.quantize(Decimal("0.01"), ROUND_HALF_UP)


def alone(label: str, work: str) -> s.Members:
    """A release that prints one work index; `work` is Alabama's, the lowest."""
    members = s.release(label)
    gpci = s.gpci_csv("GPCI7", ({**s.ALABAMA, "work": work}, *s.PLACES[1:]), year=f"20{label[3:5]}")
    return members | {f"GPCI20{label[3:5]}.csv": gpci}


def published(folder: Path, releases: Mapping[str, s.Members]) -> pfsetl.Version:
    """A version of these releases, each a part."""
    archives = {label: s.write_zip(folder / f"{label}.zip", members) for label, members in releases.items()}
    return backfill(archives, store=LocalStore(folder / "store"), sample=True).version


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> pfsetl.Version:
    """Releases that print the index with the floor and without, and one whose day of posting isn't known."""
    releases = {"RVU18AR1": s.release("RVU18A"), "RVU26A": s.release("RVU26A"), "RVU27A": s.release("RVU27A")}
    return published(tmp_path_factory.mktemp("both"), releases)


# What Alabama's index is printed as, in releases that print one.
AGAINST_THE_LAW = {"RVU25A": "0.988", "RVU25D": "1.000", "RVU27A": "1.000"}
OTHERS = {"RVU18A": "0.979", "RVU27A": "0.988"}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], pfsetl.Version]:
    """Versions that hold releases which print one index, by release and Alabama's index."""
    found = {}
    for printed in (AGAINST_THE_LAW, OTHERS):
        releases = {label: alone(label, work) for label, work in printed.items()}
        at = published(tmp_path_factory.mktemp("one"), releases)
        found.update(dict.fromkeys(printed.items(), at))
    return found


def warned(record: ReleaseRecord) -> dict[str, int]:
    return {w.check: w.violations for w in record.warnings if w.check.startswith("work_")}


@pytest.mark.parametrize(
    ("label", "day", "as_of", "indices", "floored"),
    [
        ("RVU26A", "2026-01-15", None, FLOORED, True),
        ("RVU26A", "2026-02-01", None, FLOORED, True),
        ("RVU26A", "2026-02-01", "2026-02-01", BELOW, False),  # restored on 2026-02-03
        ("RVU26A", "2026-02-01", "2026-02-03", FLOORED, True),
        ("RVU27A", "2027-01-15", None, BELOW, False),
    ],
)
def test_a_price_takes_the_index_of_the_law_on_its_day(both: pfsetl.Version, label, day, as_of, indices, floored):
    found = pfsetl.price("G9901", day, locality="AL/00", as_of=as_of, output=both)
    factor = FACTORS[label]
    assert found["allowed"] == amount(indices, factor)
    index = present(found["work_index"])
    assert (index["floor_in_force"], index["used"]) == (floored, Decimal(indices[0]))
    assert (index["with_floor"], index["without_floor"]) == (Decimal("1.000"), Decimal("0.988"))
    assert index["amount_with_floor"] == amount(FLOORED, factor)
    assert index["amount_without_floor"] == amount(BELOW, factor)
    assert index["source"]
    assert index["act"]


def test_the_steps_and_a_note_name_the_index_the_act_and_its_source(both: pfsetl.Version):
    found = pfsetl.price("G9901", "2027-01-15", locality="AL/00", output=both)
    assert found["steps"][0]["detail"] == "1.21 x 0.988"
    (note,) = [note for note in found["notes"] if note.startswith("work index")]
    assert "0.988, without the floor: the law of 2027-01-15 has no floor; it ended on 2026-12-31" in note
    assert "section 6208" in note
    assert any(rule.startswith("work index floor: H.R. 7148") for rule in found["likely"])


def test_an_index_above_the_floor_has_one_amount_and_no_note(both: pfsetl.Version):
    found = pfsetl.price("G9901", "2027-01-15", locality="CA/18", output=both)
    index = present(found["work_index"])
    assert index["amount_with_floor"] == index["amount_without_floor"] == found["allowed"]
    assert not [note for note in found["notes"] if note.startswith("work index")]


def test_alaska_keeps_its_own_floor(both: pfsetl.Version):
    found = pfsetl.price("G9901", "2027-01-15", locality="AK/01", output=both)
    assert found["allowed"] == amount(("1.500", "1.065", "0.551"), "33.4000")


def test_the_national_amount_has_no_index(both: pfsetl.Version):
    assert pfsetl.price("G9901", "2027-01-15", output=both)["work_index"] is None


def test_a_line_of_a_claim_takes_it_too(both: pfsetl.Version):
    line = {"hcpcs": "G9901", "date": "2027-01-15", "locality": "AL/00"}
    (found,) = pfsetl.claim([line], output=both)["lines"]
    assert found["allowed"] == amount(BELOW, "33.4000")


@pytest.mark.parametrize(("label", "indices"), [("RVU26A", FLOORED), ("RVU27A", BELOW)])
def test_payment_locality_pays_by_the_law_of_the_first_day(both: pfsetl.Version, label, indices):
    payments = both.scan("payment_locality", label)
    row = payments.filter(hcpcs="G9901", state="AL", participant="non_qp").select("nonfacility_payment").collect()
    assert row.item() == amount(indices, FACTORS[label])


def test_an_index_that_is_printed_alone_is_paid_as_printed_and_the_law_is_said(
    one: dict[tuple[str, str], pfsetl.Version],
):
    # RVU18A printed Alabama's without the floor, which was restored later.
    at = one["RVU18A", "0.979"]
    assert warned(at.releases["RVU18A"])["work_index_against_law"] == 1
    found = pfsetl.price("G9901", "2018-01-15", locality="AL/00", as_of="2018-02-01", output=at)
    assert found["steps"][0]["detail"] == "1.21 x 0.979"
    assert not [note for note in found["notes"] if note.startswith("work index")]


@pytest.mark.parametrize(
    ("label", "work", "day", "as_of", "said"),
    [
        ("RVU25A", "0.988", "2025-01-15", None, "0.988 is printed below the floor"),
        ("RVU25D", "1.000", "2025-10-15", "2025-10-20", "1.000 is printed at the floor"),
        ("RVU25D", "1.000", "2025-10-15", None, ""),
        ("RVU27A", "1.000", "2027-01-15", None, "1.000 is printed at the floor"),
        ("RVU27A", "0.988", "2027-01-15", None, ""),
    ],
)
def test_a_printed_index_against_the_law_changes_nothing_and_is_noted(
    one: dict[tuple[str, str], pfsetl.Version], label, work, day, as_of, said
):
    found = pfsetl.price("G9901", day, locality="AL/00", as_of=as_of, output=one[label, work])
    assert found["steps"][0]["detail"] == f"1.21 x {work}"
    notes = [note for note in found["notes"] if note.startswith("work index")]
    assert [said in note for note in notes] == ([True] if said else [])


@pytest.mark.parametrize(
    ("label", "work", "checks"),
    [
        ("RVU26A", None, {"work_index_printed_twice", "work_floor_ends_within"}),
        ("RVU27A", None, {"work_index_printed_twice"}),
        ("RVU27A", "0.988", set()),
        ("RVU27A", "1.000", {"work_index_against_law"}),
        ("RVU25A", "0.988", {"work_index_against_law"}),
    ],
)
def test_a_build_warns_of_what_the_law_says_otherwise(
    both: pfsetl.Version, one: dict[tuple[str, str], pfsetl.Version], label, work, checks
):
    at = both if work is None else one[label, work]
    assert warned(at.releases[label]).keys() == checks


def test_a_build_has_nothing_to_warn_of_where_one_index_is_at_the_floor_of_the_law(tmp_path):
    archive = s.write_zip(tmp_path / "RVU25A.zip", s.release("RVU25A"))
    assert warned(examine("RVU25A", archive, records={}, sample=True).record) == {}


def test_check_shows_the_warnings(both: pfsetl.Version):
    code, out, told = command("check", "RVU26A", "--output", both.store, "--json")
    assert code == 0, told
    named = {w["check"] for w in json.loads(out)["warnings"]}
    assert {"work_index_printed_twice", "work_floor_ends_within"} <= named


def test_no_act_is_asked_for_where_the_floor_that_ended_was_restored(both: pfsetl.Version):
    code, out, _ = command("check", "RVU26A", "--output", both.store, "--json")
    assert (code, [row for row in json.loads(out)["rows_go_into"] if "work_index_floor" in row]) == (0, [])


def test_an_act_of_your_own_restores_the_floor(both: pfsetl.Version, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    header = "act,from,to,floor,enacted_on,certainty,source"
    row = "P.L. 120-1,2027-01-01,2027-12-31,1.000,2027-01-10,certain,a test"
    (own / "work_index_floor.csv").write_text(f"{header}\n{row}\n")
    asked = ("price", "G9901", "--date", "2027-01-15", "--locality", "AL/00", "--json", "--output", both.store)
    code, out, told = command(*asked, "--schemas", own)
    assert code == 0, told
    assert json.loads(out)["allowed"] == float(amount(FLOORED, "33.4000"))
    assert json.loads(out)["work_index"]["act"] == "P.L. 120-1"


@pytest.mark.parametrize("column", ["work", "work_without_floor"])
def test_caps_computed_with_either_index_agree_with_the_archive(column, tmp_path):
    # Which of the two CMS computes OPPSCAP with isn't known: no release at hand has both.
    places = [{**place, "work": place[column]} for place in s.all_places("2027")]
    members = s.whole("RVU27A") | {"OPPSCAP_JAN.csv": s.opps_cap_csv("OPPSCAP7FN", s.caps(places))}
    record = examine("RVU27A", s.write_zip(tmp_path / "RVU27A.zip", members), records={}).record
    assert not [w for w in record.warnings if w.check.startswith("recomputed")]


def test_a_price_as_known_on_a_day_says_where_the_day_of_posting_isnt_known(both: pfsetl.Version):
    found = pfsetl.price("G9901", "2018-02-01", locality="AL/00", as_of="2018-02-20", output=both)
    assert any("CMS's day of posting RVU18AR1 isn't known; not before 2018-02-09" in note for note in found["notes"])
