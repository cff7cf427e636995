"""A contractor that nobody knows costs no release: its lines are placed where the archive tells it, else set aside."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pfsetl.errors import ChecksFailed, ValueRefused
from pfsetl.pipeline.build import build
from pfsetl.pipeline.examine import Examined, examine
from pfsetl.storage.folder import LocalStore
from pfsetl.upkeep import recheck
from tests import synthetic as s
from tests.synthetic import Members, Row

pytestmark = pytest.mark.long

Examine = Callable[[Members], Examined]

# Kentucky: CMS's GPCI lists it under 15102; 15101 is the number of its Part A contractor.
KENTUCKY = s.place("15102", "KY", "00", "KENTUCKY", "0.962 1.000 0.873 0.843", "19.53 19.63", area="STATEWIDE",
                   state_name="KENTUCKY")  # fmt: skip
PLACES = (*s.PLACES, KENTUCKY)
SCANS = 2  # services with a cap: the scan and its image
OPPSCAP = "OPPSCAP_JAN.csv"


def members(files: Members | None = None) -> Members:
    return s.release("RVU25A", places=PLACES) | (files or {})


def caps(change: Callable[[Row], list[Row]]) -> bytes:
    """OPPSCAP in which the lines of Kentucky are changed, doubled or dropped."""
    rows = [new for row in s.caps(PLACES) for new in (change(row) if row["mac"] == "15102" else [row])]
    return s.opps_cap_csv("OPPSCAP7FN", rows)


def under(mac: str) -> Callable[[Row], list[Row]]:
    return lambda row: [row | {"mac": mac}]


@pytest.fixture
def examined(tmp_path: Path) -> Examine:
    def of(archive: Members, label: str = "RVU25A") -> Examined:
        folder = s.write_folder(tmp_path / label, archive)
        found = examine(label, folder, records={}, sample=True)
        found.report.raise_if_bad()
        return found

    return of


def warnings(found: Examined) -> dict[str, tuple[str, ...]]:
    return {f"{w.table}.{w.check}": w.examples for w in found.report.warnings}


# --- placed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mac", ["15101", "15182", "15192"])
def test_another_number_of_the_same_state_is_that_state(mac: str, examined: Examine) -> None:
    found = examined(members({OPPSCAP: caps(under(mac))}))
    kentucky = found.tables["opps_cap"].filter(pl.col("state") == "KY")
    assert kentucky.select("locality", "mac", "macs").unique().rows() == [("00", "15102", mac)]
    assert (kentucky.height, found.tables["rejects"].height) == (SCANS, 0)
    assert warnings(found)["opps_cap.contractors_known"] == (f"{mac} in KY/00",)


def test_lines_under_both_numbers_are_one_row_that_names_both(examined: Examine) -> None:
    found = examined(members({OPPSCAP: caps(lambda row: [row, row | {"mac": "15101"}])}))
    kentucky = found.tables["opps_cap"].filter(pl.col("state") == "KY")
    assert kentucky.select("mac", "macs").rows() == [("15102", "15101,15102")] * SCANS


def test_a_jurisdiction_that_nobody_has_seen_is_told_by_the_archive(examined: Examine) -> None:
    # GPCI names the state beside its number; OPPSCAP has the Part A number of the same, unknown jurisdiction
    new = [p | {"mac": "17302"} if p is KENTUCKY else p for p in PLACES]
    found = examined(s.release("RVU25A", places=new) | {OPPSCAP: caps(under("17301"))})
    assert found.tables["opps_cap"].filter(pl.col("macs") == "17301")["state"].unique().to_list() == ["KY"]


def test_anesthesia_under_an_unknown_number_is_told_by_its_name_in_gpci(examined: Examine) -> None:
    rows = [p | {"mac": "99901", "name": "Kentucky, KY"} if p is KENTUCKY else p for p in PLACES]
    found = examined(members({"ANES2025.csv": s.anes_csv("ANES4", rows)}))
    assert found.tables["anesthesia"].filter(pl.col("macs") == "99901")["state"].to_list() == ["KY"]


# --- set aside --------------------------------------------------------------------------------------------------


# A jurisdiction that doesn't exist; a fiscal intermediary of before 2005, whose first digits name no state.
@pytest.mark.parametrize("mac", ["99901", "00160", "00456", "15130"])
def test_lines_that_nothing_places_are_rejects_and_named(mac: str, examined: Examine) -> None:
    many = [s.changed(s.SCAN, hcpcs=f"G98{n:02}") for n in range(40)]
    rows = [*s.CODES, *many]
    odd = s.cap(s.SCAN, KENTUCKY, mac=mac)
    archive = s.release("RVU25A", rows=rows, places=PLACES)
    archive[OPPSCAP] = s.opps_cap_csv("OPPSCAP7FN", [*s.caps(PLACES, rows), odd])
    found = examined(archive)
    reject = found.tables["rejects"].row(0, named=True)
    assert (found.tables["rejects"].height, reject["file"], reject["member"]) == (1, OPPSCAP, "opps_cap")
    assert reject["reason"] == f"in no known state: contractor {mac} locality 00"
    assert reject["text"].startswith(f"{s.SCAN['hcpcs']}||A|{mac}|00|")
    assert warnings(found)["opps_cap.placed"] == (f"contractor {mac} locality 00: 1 lines",)
    account = next(m for m in found.record.members if m.member == "opps_cap")
    assert account.rejected == 1
    assert account.records == account.published + account.merged + account.rejected


def test_a_locality_that_gpci_does_not_have_is_not_guessed(tmp_path: Path) -> None:
    archive = members({OPPSCAP: caps(lambda row: [row, row | {"mac": "15101", "locality": "77"}])})
    found = examine("RVU25A", s.write_folder(tmp_path, archive), records={}, sample=True)
    assert found.tables["rejects"]["reason"].unique().to_list() == ["in no known state: contractor 15101 locality 77"]


@pytest.mark.parametrize("mac", ["15102", "02102"])
def test_a_locality_that_only_oppscap_names_costs_no_release(mac: str, tmp_path: Path) -> None:
    # the contractor is known, the locality is in no other member
    places = s.all_places("2025")
    extra = [row | {"mac": mac, "locality": "77"} for row in s.caps(places) if row["mac"] == "15102"]
    archive = s.whole("RVU25A") | {OPPSCAP: s.opps_cap_csv("OPPSCAP7FN", [*s.caps(places), *extra])}
    found = examine("RVU25A", s.write_folder(tmp_path, archive), records={})
    found.report.raise_if_bad()
    state = {"15102": "KY", "02102": "AK"}[mac]
    assert warnings(found)["opps_cap.placed"] == (f"contractor {mac} locality 77 of {state}: {SCANS} lines",)
    assert found.tables["opps_cap"].filter(pl.col("locality") == "77").is_empty()


def test_a_county_list_that_no_other_member_has_costs_no_release(tmp_path: Path) -> None:
    places = s.all_places("2025")
    odd = next(p for p in places if p["state"] == "KY") | {"locality": "77"}
    archive = s.whole("RVU25A") | {"25LOCCO.csv": s.locco_csv([*places, odd])}
    found = examine("RVU25A", s.write_folder(tmp_path, archive), records={})
    found.report.raise_if_bad()
    assert warnings(found)["locality_county.placed"] == ("contractor 15102 locality 77 of KY: 1 lines",)


def test_a_locality_that_gpci_alone_lacks_still_stops(tmp_path: Path) -> None:
    places = s.all_places("2025")
    rest = [p for p in places if p["state"] != "KY"]
    archive = s.whole("RVU25A") | {"GPCI2025.csv": s.gpci_csv("GPCI7", rest, year="2025")}
    del archive["ANES2025.csv"]  # which is strict by itself
    found = examine("RVU25A", s.write_folder(tmp_path, archive), records={})
    with pytest.raises(ChecksFailed, match=r"opps_cap.same_localities_as_gpci"):
        found.report.raise_if_bad()


def test_a_mass_of_unplaced_lines_stops_the_build(tmp_path: Path) -> None:
    # all lines of one locality of five
    found = examine(
        "RVU25A", s.write_folder(tmp_path, members({OPPSCAP: caps(under("99901"))})), records={}, sample=True
    )
    assert not found.report.accepting(["loss"]).errors
    with pytest.raises(
        ChecksFailed, match=r"opps_cap.placed: 2 lines are in no known state .*contractor 99901 locality 00"
    ):
        found.report.raise_if_bad()


@pytest.mark.parametrize("member", ["opps_cap", "anesthesia", "locality_county"])
def test_one_locality_of_a_whole_release_under_an_unknown_number_costs_no_release(member: str, tmp_path: Path) -> None:
    places = s.all_places("2025")
    odd = next(p for p in places if p["state"] == "KY")
    changed = [p | {"mac": "99901", "name": "Elsewhere", "state_name": "KENTUCKEY"} if p is odd else p for p in places]
    archive = s.whole("RVU25A")
    archive |= {
        "opps_cap": {OPPSCAP: s.opps_cap_csv("OPPSCAP7FN", s.caps(changed))},
        "anesthesia": {"ANES2025.csv": s.anes_csv("ANES4", changed)},
        "locality_county": {
            "25LOCCO.csv": s.locco_csv([{**p, "state_name": p.get("state_name", "")} for p in changed])
        },
    }[member]
    found = examine("RVU25A", s.write_folder(tmp_path, archive), records={})
    found.report.raise_if_bad()
    assert warnings(found)[f"{member}.placed"][0].startswith("contractor 99901 locality")
    assert f"{member}.same_localities_as_gpci" in warnings(found)


def test_one_line_of_a_whole_release_under_an_unknown_number_costs_no_release(tmp_path: Path) -> None:
    places = s.all_places("2025")
    odd = next(row for row in s.caps(places) if row["mac"] == "15102")
    rows = [row | {"mac": "99901"} if row == odd else row for row in s.caps(places)]
    archive = s.whole("RVU25A") | {OPPSCAP: s.opps_cap_csv("OPPSCAP7FN", rows)}
    store = LocalStore(tmp_path / "store")
    built = build("RVU25A", store=store, archive=s.write_folder(tmp_path / "archive", archive))
    told = {f"{w.table}.{w.check}": w.violations for w in built.record.warnings}
    assert (told["opps_cap.placed"], told["opps_cap.every_locality_of_a_service"]) == (1, 1)
    (held,) = recheck.held(built.version)
    assert held.refused == ()


def test_a_locality_that_is_missing_without_a_rejected_line_still_stops(tmp_path: Path) -> None:
    places = s.all_places("2025")
    rest = [p for p in places if p["state"] != "KY"]
    archive = s.whole("RVU25A") | {OPPSCAP: s.opps_cap_csv("OPPSCAP7FN", s.caps(rest))}
    found = examine("RVU25A", s.write_folder(tmp_path, archive), records={})
    with pytest.raises(ChecksFailed, match=r"opps_cap.same_localities_as_gpci"):
        found.report.raise_if_bad()


def test_an_unknown_number_in_gpci_without_a_state_is_refused(tmp_path: Path) -> None:
    # until 2020 GPCI has no State column
    odd = [p | {"mac": "15101"} if p is KENTUCKY else p for p in PLACES]
    archive = {k: v for k, v in s.release("RVU20A", places=PLACES).items() if "GPCI" not in k}
    archive |= {"GPCI2020.csv": s.gpci_csv("GPCI6", odd, year="2020")}
    with pytest.raises(ValueRefused, match=r"GPCI2020.csv: line 8: contractor 15101 locality 00 .*carriers.csv"):
        examine("RVU20A", s.write_folder(tmp_path, archive), records={}, sample=True)


def test_nothing_is_said_where_every_contractor_is_known(examined: Examine) -> None:
    assert not {w for w in warnings(examined(members())) if w.endswith((".placed", ".contractors_known"))}
