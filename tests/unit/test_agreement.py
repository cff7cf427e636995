"""What an archive says twice is compared: cap amounts, contractors. Amounts are worked out by hand from the formula."""

from pathlib import Path

import polars as pl
import pytest

from pfsetl.checks import agreement
from pfsetl.checks.check import Report
from pfsetl.declared import registry
from pfsetl.declared.records.archives import CORRECTIONS, CorrectionRow
from pfsetl.errors import ChecksFailed
from pfsetl.pipeline.examine import Examined, examine
from tests import declared
from tests import synthetic as s

RELEASE = registry.find("RVU25A")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """The tables of a synthetic archive whose capped amounts follow from its RVUs, indices and factor."""
    archive = s.write_zip(tmp_path_factory.mktemp("archive") / "RVU25A.zip", s.release("RVU25A"))
    return examine("RVU25A", archive, records={}).tables


def judged(tables: dict[str, pl.DataFrame], **changes: pl.DataFrame):
    (told, (finding, *_)), *_ = agreement.opps_cap(tables | changes, RELEASE)
    return told, finding


def with_cell(frame: pl.DataFrame, column: str, value: str, **where: str) -> pl.DataFrame:
    here = pl.all_horizontal(pl.col(name) == wanted for name, wanted in where.items())
    cell = pl.lit(value).cast(frame.schema[column])
    return frame.with_columns(pl.when(here).then(cell).otherwise(column).alias(column))


# (1.00 x 1.000 + 3.10 x 0.875 + 0.15 x 0.566) x 33.4000 = 126.8332, below the uncapped amount of 153.51
def test_amounts_that_follow_from_the_members_beside_them_agree(tables):
    told, finding = judged(tables)
    assert (told.compared, told.agree, finding.violations) == (8, 8, 0)


def test_a_cent_of_difference_is_named_by_service_and_place(tables):
    told, finding = judged(
        tables, opps_cap=with_cell(tables["opps_cap"], "nonfacility_amount", "81.00", state="AL", modifier="TC")
    )
    assert (told.compared - told.agree, finding.severity) == (1, "warn")
    assert finding.examples == ("G9902 TC in AL/00",)


def test_a_wrong_index_is_named_by_its_locality(tables):
    told, finding = judged(tables, gpci=with_cell(tables["gpci"], "pe_gpci", "1.178", state="CA", locality="18"))
    assert (told.agree, finding.severity, finding.examples) == (6, "warn", ("CA/18: 2 of 2",))


def test_members_of_another_release_stop_the_build(tables):
    told, finding = judged(
        tables, gpci=tables["gpci"].with_columns(pl.col("pe_gpci") + pl.lit("0.011").cast(pl.Decimal(6, 3)))
    )
    assert (told.agree, finding.severity) == (0, "error")
    assert "another release" in finding.description


def test_a_member_that_cms_computed_from_other_figures_is_published_with_the_reason(tables, monkeypatch):
    row = CorrectionRow(release="RVU25A", member="opps_cap", action="stale", what="still the member of RVU24D")
    declared.only(monkeypatch, CORRECTIONS, row)
    told, finding = judged(
        tables, gpci=tables["gpci"].with_columns(pl.col("pe_gpci") + pl.lit("0.011").cast(pl.Decimal(6, 3)))
    )
    assert (finding.severity, told.explained) == ("warn", "still the member of RVU24D")


def test_before_the_formula_was_ever_compared_a_difference_only_warns(tables):
    (_, (finding, *_)), *_ = agreement.opps_cap(
        tables | {"gpci": tables["gpci"].with_columns(pe_gpci=pl.col("mp_gpci"))}, registry.find("RVU08AR")
    )
    assert (finding.violations, finding.severity) == (8, "warn")


# --- one locality, one service ----------------------------------------------------------------------------------

IMAGES = [s.changed(s.SCAN_IMAGE, hcpcs=f"G991{n}", modifier="") for n in range(5)]
READINGS = [
    s.changed(s.SCAN_IMAGE, hcpcs=f"G992{n}", modifier="", work="1.00") for n in range(4)
]  # the only ones with work, as about half of CMS's
MORE = (
    s.place("05102", "IA", "00", "IOWA", "1.000 1.000 0.900 0.400", "19.80 19.90", area="STATEWIDE", state_name="IOWA"),
)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """Eleven capped services in five localities, of which four have work."""
    members = s.release("RVU25A", [*s.CODES, *IMAGES, *READINGS], [*s.PLACES, *MORE])
    archive = s.write_zip(tmp_path_factory.mktemp("archive") / "RVU25A.zip", members)
    return examine("RVU25A", archive, records={}).tables


def stopped(tables: dict[str, pl.DataFrame], release: str = "RVU25A") -> dict[str, tuple[str, ...]]:
    (_, findings), *_ = agreement.opps_cap(tables, registry.find(release))
    return {f.check: f.examples for f in findings if f.violations and f.severity == "error"}


def test_an_archive_whose_localities_and_services_all_agree_is_not_stopped(many):
    assert stopped(many) == {}


@pytest.mark.parametrize("index", ["pe_gpci", "mp_gpci"])
def test_a_wrong_index_of_one_locality_stops_the_build_and_names_it(many, index):
    wrong = many | {"gpci": with_cell(many["gpci"], index, "1.178", state="CA", locality="18")}
    assert stopped(wrong) == {"recomputed_locality": ("CA/18: 0 of 11 agree",)}


def test_a_wrong_work_index_stops_it_too_though_services_without_work_agree(many):
    wrong = many | {"gpci": with_cell(many["gpci"], "work_gpci", "1.020", state="AL", locality="00")}
    assert stopped(wrong) == {"recomputed_locality": ("AL/00: 6 of 11 agree",)}


def test_caps_of_one_locality_of_another_release_stop_the_build(many):
    caps = many["opps_cap"]
    raised = [pl.when(state="IA").then(pl.col(c) + 1).otherwise(c).cast(caps.schema[c]) for c in amounts(caps)]
    assert stopped(many | {"opps_cap": caps.with_columns(raised)}) == {"recomputed_locality": ("IA/00: 0 of 11 agree",)}


def test_wrong_rvus_of_one_service_stop_the_build_and_name_it(many):
    wrong = many | {"rvu": with_cell(many["rvu"], "opps_nonfacility_pe_rvu", "2.71", hcpcs="G9913")}
    assert stopped(wrong) == {"recomputed_service": ("G9913: 0 of 5 agree",)}


def test_a_service_listed_at_its_opps_amount_though_its_fee_is_lower_is_no_reason_to_stop(many):
    # CMS's own: 92287 in RVU13A. A practice expense of 0.01 puts the fee below the OPPS amount.
    low = with_cell(many["rvu"], "nonfacility_pe_rvu", "0.01", hcpcs="G9913")
    assert stopped(many | {"rvu": with_cell(low, "facility_pe_rvu", "0.01", hcpcs="G9913")}) == {}


def test_a_single_wrong_amount_is_no_reason_to_stop(many):
    cell = {"state": "AL", "hcpcs": "G9913"}
    assert stopped(many | {"opps_cap": with_cell(many["opps_cap"], "nonfacility_amount", "81.00", **cell)}) == {}


def test_a_locality_that_cms_computed_so_is_published_with_the_reason(many):
    """RVU23D: Puerto Rico and the Virgin Islands have other indices than their caps."""
    wrong = many | {"gpci": with_cell(many["gpci"], "pe_gpci", "1.178", state="CA", locality="18")}
    (_, findings), *_ = agreement.opps_cap(wrong, registry.find("RVU23D"))
    report = Report("RVU23D", tuple(findings)).accepting(())
    (told,) = (f for f in report.warnings if f.check == "recomputed_locality")
    assert (report.errors, "Puerto Rico" in told.description, told.examples[0][:5]) == ((), True, "CA/18")


def test_the_build_of_such_an_archive_says_how_cms_s_own_is_published(many):
    wrong = many | {"gpci": with_cell(many["gpci"], "pe_gpci", "1.178", state="CA", locality="18")}
    (_, findings), *_ = agreement.opps_cap(wrong, RELEASE)
    with pytest.raises(ChecksFailed, match=r"(?s)CA/18: 0 of 11 agree.*action breaks.*corrections\.csv"):
        Report("RVU25A", tuple(findings)).raise_if_bad()


def amounts(caps: pl.DataFrame) -> list[str]:
    return [name for name in caps.columns if name.endswith("_amount")]


# --- contractors ------------------------------------------------------------------------------------------------


def examined(folder: Path, **members: bytes) -> Examined:
    names = {"gpci": "GPCI2025.csv", "locco": "25LOCCO.csv", "anes": "ANES2025.csv"}
    changed = {names[name]: content for name, content in members.items()}
    return examine("RVU25A", s.write_zip(folder / "RVU25A.zip", s.release("RVU25A") | changed), records={})


def test_the_contractor_of_most_members_is_published_and_the_odd_member_named(tmp_path):
    """10112 is Alabama's contractor in LOCCO and ANES; 10111 has its structure, and isn't."""
    right = s.release("RVU25A")["GPCI2025.csv"]
    found = examined(tmp_path, gpci=right.replace(b"10112", b"10111"))
    assert found.tables["gpci"].filter(state="AL")["mac"].to_list() == ["10112"]
    (odd,) = (f for f in found.report.warnings if f.check == "contractor_of_the_others")
    assert (odd.table, odd.examples) == ("gpci", ("AL/00 under 10111, in the others 10112",))


def test_contractors_that_agree_are_no_finding(tmp_path):
    assert not [f for f in examined(tmp_path).report.warnings if f.check == "contractor_of_the_others"]


def test_the_contractors_that_are_named_of_a_place_are_the_same_ones_every_time() -> None:
    rows = pl.DataFrame({"mac": [f"0{number}" for number in range(1999, 1000, -1)]}).with_columns(
        state=pl.lit("CA"), locality=pl.lit("18"), macs=pl.lit("01182")
    )
    found = agreement.odd_contractors("opps_cap", rows)
    assert found.examples == tuple(f"CA/18 under 01182, in the others 0100{number}" for number in range(1, 6))
