"""The work index that a price and a release are made with: that of the law, where CMS prints it with and without floor.

Indices are CMS's of 2026 (GPCI2026), amounts are worked out here by CMS's formula.
"""

import json
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

import pfsetl
from pfsetl.publication.release_record import FindingRecord
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.present import present
from tests.unit.test_declarations import pfsetl as command

Built = Callable[..., pfsetl.Build]
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


@pytest.fixture
def built(tmp_path: Path) -> Built:
    def build(label: str, members: s.Members | None = None, **asked: Any) -> pfsetl.Build:
        archive = s.write_zip(tmp_path / f"{label}.zip", members or s.release(label))
        return pfsetl.build(label, store=LocalStore(tmp_path / "store"), archive=archive, **{"sample": True, **asked})

    return build


def warned(build: pfsetl.Build) -> dict[str, FindingRecord]:
    return {w.check: w for w in build.record.warnings if w.check.startswith("work_")}


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
def test_a_price_takes_the_index_of_the_law_on_its_day(built: Built, tmp_path, label, day, as_of, indices, floored):
    built(label)
    found = pfsetl.price("G9901", day, locality="AL/00", as_of=as_of, output=tmp_path / "store")
    factor = FACTORS[label]
    assert found["allowed"] == amount(indices, factor)
    index = present(found["work_index"])
    assert (index["floor_in_force"], index["used"]) == (floored, Decimal(indices[0]))
    assert (index["with_floor"], index["without_floor"]) == (Decimal("1.000"), Decimal("0.988"))
    assert index["amount_with_floor"] == amount(FLOORED, factor)
    assert index["amount_without_floor"] == amount(BELOW, factor)
    assert index["source"]
    assert index["act"]


def test_the_steps_and_a_note_name_the_index_the_act_and_its_source(built: Built, tmp_path):
    built("RVU27A")
    found = pfsetl.price("G9901", "2027-01-15", locality="AL/00", output=tmp_path / "store")
    assert found["steps"][0]["detail"] == "1.21 x 0.988"
    (note,) = [note for note in found["notes"] if note.startswith("work index")]
    assert "0.988, without the floor: the law of 2027-01-15 has no floor; it ended on 2026-12-31" in note
    assert "section 6208" in note
    assert any(rule.startswith("work index floor: H.R. 7148") for rule in found["likely"])


def test_an_index_above_the_floor_has_one_amount_and_no_note(built: Built, tmp_path):
    built("RVU27A")
    found = pfsetl.price("G9901", "2027-01-15", locality="CA/18", output=tmp_path / "store")
    index = present(found["work_index"])
    assert index["amount_with_floor"] == index["amount_without_floor"] == found["allowed"]
    assert not [note for note in found["notes"] if note.startswith("work index")]


def test_alaska_keeps_its_own_floor(built: Built, tmp_path):
    built("RVU27A")
    found = pfsetl.price("G9901", "2027-01-15", locality="AK/01", output=tmp_path / "store")
    assert found["allowed"] == amount(("1.500", "1.065", "0.551"), "33.4000")


def test_the_national_amount_has_no_index(built: Built, tmp_path):
    built("RVU27A")
    assert pfsetl.price("G9901", "2027-01-15", output=tmp_path / "store")["work_index"] is None


def test_a_line_of_a_claim_takes_it_too(built: Built, tmp_path):
    built("RVU27A")
    line = {"hcpcs": "G9901", "date": "2027-01-15", "locality": "AL/00"}
    (found,) = pfsetl.claim([line], output=tmp_path / "store")["lines"]
    assert found["allowed"] == amount(BELOW, "33.4000")


@pytest.mark.parametrize(("label", "indices"), [("RVU26A", FLOORED), ("RVU27A", BELOW)])
def test_payment_locality_pays_by_the_law_of_the_first_day(built: Built, label, indices):
    payments = built(label).version.scan("payment_locality", label)
    row = payments.filter(hcpcs="G9901", state="AL", participant="non_qp").select("nonfacility_payment").collect()
    assert row.item() == amount(indices, FACTORS[label])


def test_an_index_that_is_printed_alone_is_paid_as_printed_and_the_law_is_said(built: Built, tmp_path):
    # RVU18A printed Alabama's without the floor, which was restored later.
    build = built("RVU18A", alone("RVU18A", "0.979"))
    assert warned(build)["work_index_against_law"].violations == 1
    store = tmp_path / "store"
    found = pfsetl.price("G9901", "2018-01-15", locality="AL/00", as_of="2018-02-01", output=store)
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
    built: Built, tmp_path, label, work, day, as_of, said
):
    built(label, alone(label, work))
    found = pfsetl.price("G9901", day, locality="AL/00", as_of=as_of, output=tmp_path / "store")
    assert found["steps"][0]["detail"] == f"1.21 x {work}"
    notes = [note for note in found["notes"] if note.startswith("work index")]
    assert [said in note for note in notes] == ([True] if said else [])


@pytest.mark.parametrize(
    ("label", "members", "checks"),
    [
        ("RVU25A", None, set()),
        ("RVU26A", None, {"work_index_printed_twice", "work_floor_ends_within"}),
        ("RVU27A", None, {"work_index_printed_twice"}),
        ("RVU27A", alone("RVU27A", "0.988"), set()),
        ("RVU27A", alone("RVU27A", "1.000"), {"work_index_against_law"}),
        ("RVU25A", alone("RVU25A", "0.988"), {"work_index_against_law"}),
    ],
)
def test_a_build_warns_of_what_the_law_says_otherwise(built: Built, label, members, checks):
    assert set(warned(built(label, members))) == checks


def test_check_shows_the_warnings(built: Built, tmp_path):
    built("RVU26A")
    code, out, told = command("check", "RVU26A", "--output", tmp_path / "store", "--json")
    assert code == 0, told
    named = {w["check"] for w in json.loads(out)["warnings"]}
    assert {"work_index_printed_twice", "work_floor_ends_within"} <= named


def test_an_act_of_your_own_restores_the_floor(built: Built, tmp_path):
    built("RVU27A")
    own = tmp_path / "own"
    own.mkdir()
    header = "act,from,to,floor,enacted_on,certainty,source"
    row = "P.L. 120-1,2027-01-01,2027-12-31,1.000,2027-01-10,certain,a test"
    (own / "work_index_floor.csv").write_text(f"{header}\n{row}\n")
    asked = ("price", "G9901", "--date", "2027-01-15", "--locality", "AL/00", "--json", "--output", tmp_path / "store")
    code, out, told = command(*asked, "--schemas", own)
    assert code == 0, told
    assert json.loads(out)["allowed"] == float(amount(FLOORED, "33.4000"))
    assert json.loads(out)["work_index"]["act"] == "P.L. 120-1"


@pytest.mark.parametrize("column", ["work", "work_without_floor"])
def test_caps_computed_with_either_index_agree_with_the_archive(built: Built, column):
    # Which of the two CMS computes OPPSCAP with isn't known: no release at hand has both.
    places = [{**place, "work": place[column]} for place in s.all_places("2027")]
    members = s.whole("RVU27A") | {"OPPSCAP_JAN.csv": s.opps_cap_csv("OPPSCAP7FN", s.caps(places))}
    record = built("RVU27A", members, sample=False).record
    assert not [w for w in record.warnings if w.check.startswith("recomputed")]


def test_a_price_as_known_on_a_day_says_where_the_day_of_posting_isnt_known(built: Built, tmp_path):
    built("RVU18AR1", s.release("RVU18A"))
    found = pfsetl.price("G9901", "2018-02-01", locality="AL/00", as_of="2018-02-20", output=tmp_path / "store")
    assert any("CMS's day of posting RVU18AR1 isn't known; not before 2018-02-09" in note for note in found["notes"])
