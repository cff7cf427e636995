"""Every release at hand is built and published, and its tables keep what holds for all of CMS's."""

from decimal import Decimal

import polars as pl
import pytest

from tests.kinds import Built

RELEASES = [
    "RVU09A", "RVU11A", "RVU13A", "RVU14A", "RVU15A", "RVU17A", "RVU18A", "RVU20A", "RVU22A", "RVU24A", "RVU25A",
    "RVU25C", "RVU25D", "RVU26A",
]  # fmt: skip
# RVU09A prints 3491F twice; RVU26A has 19,226 rows for everyone else and 11,811 for qualifying participants.
RVU_ROWS = {
    "RVU09A": 14_856, "RVU11A": 15_017, "RVU13A": 15_617, "RVU14A": 15_866, "RVU15A": 16_083, "RVU17A": 16_478,
    "RVU18A": 16_638, "RVU20A": 17_236, "RVU22A": 17_600, "RVU24A": 18_499, "RVU25A": 18_865, "RVU25C": 19_029,
    "RVU25D": 19_090, "RVU26A": 31_037,
}  # fmt: skip
FACTORS = {
    "RVU09A": "36.0666", "RVU11A": "25.5217", "RVU13A": "25.0008", "RVU14A": "35.8228", "RVU15A": "35.7547",
    "RVU17A": "35.8887", "RVU18A": "35.9996", "RVU20A": "36.0896", "RVU22A": "34.6062", "RVU24A": "32.7442",
    "RVU25A": "32.3465", "RVU25C": "32.3465", "RVU25D": "32.3465",
}  # fmt: skip
# 89 localities since 1997, 112 after California's metropolitan areas came in, 109 from 2024.
LOCALITIES = dict.fromkeys(RELEASES, 109) | dict.fromkeys(RELEASES[:5], 89) | dict.fromkeys(RELEASES[5:9], 112)
# The lowest work index: Congress's floor of 1.000, and the January files of years in which it had lapsed.
LOWEST_WORK_INDEX = dict.fromkeys(RELEASES, "1.000") | {"RVU11A": "0.907", "RVU13A": "0.908", "RVU18A": "0.961"}
STATUSES = set("ABCEIJMNPRTX")


@pytest.fixture(scope="module", params=RELEASES)
def release(request) -> str:
    """Return one release after the other."""
    return request.param


@pytest.fixture(scope="module")
def table(release, built: Built):
    """Return the tables of the release."""
    version = built(release)
    return lambda name: version.scan(name, release)


@pytest.fixture(scope="module")
def rvu(table) -> pl.DataFrame:
    return table("rvu").collect()


def test_every_row_is_published(release, rvu):
    assert rvu.height == RVU_ROWS[release]


def test_every_line_of_every_source_file_is_accounted_for(release, built: Built):
    for member in built(release).releases[release].members:
        assert member.records == member.published + member.merged + member.rejected, member.file


def test_only_the_members_that_the_archive_lacks_are_missing(release, built: Built):
    assert built(release).releases[release].missing == (("opps_cap",) if release == "RVU26A" else ())


def test_the_conversion_factor(release, table):
    factors = dict(table("conversion_factor").select("participant", "conversion_factor").collect().iter_rows())
    expected = {"non_qp": "33.4009", "qp": "33.5675"} if release == "RVU26A" else {"all": FACTORS[release]}
    assert factors == {participant: Decimal(factor) for participant, factor in expected.items()}


def test_totals_are_the_exact_sum_of_their_parts(rvu):
    for setting in ("nonfacility", "facility"):
        total = pl.sum_horizontal("work_rvu", f"{setting}_pe_rvu", "mp_rvu")
        assert rvu.filter(total != pl.col(f"{setting}_total_rvu")).is_empty()


def test_no_rvu_is_negative(rvu):
    numbers = [c for c in rvu.columns if "_rvu" in c]
    assert rvu.filter(pl.any_horizontal(pl.col(numbers) < 0)).is_empty()


def test_technical_components_have_no_work(rvu):
    assert rvu.filter(pl.col("work_rvu") > 0, modifier="TC").is_empty()


def test_components_add_up_to_the_whole_service(rvu):
    parts = ["work_rvu", "nonfacility_pe_rvu", "mp_rvu"]
    whole, professional, technical = (
        rvu.filter(status="A", modifier=m).select("participant", "hcpcs", *parts) for m in ("", "26", "TC")
    )
    sums = whole.join(professional, on=["participant", "hcpcs"], suffix="_26").join(
        technical, on=["participant", "hcpcs"], suffix="_tc"
    )
    wrong = sums.filter(pl.any_horizontal(pl.col(p) != pl.col(f"{p}_26") + pl.col(f"{p}_tc") for p in parts))
    assert (sums.height > 700, wrong.height) == (True, 0)


def test_nonfacility_na_repeats_the_facility_expense(rvu):
    na = rvu.filter("nonfacility_na")
    assert (na.is_empty(), na.filter(pl.col("nonfacility_pe_rvu") != pl.col("facility_pe_rvu")).height) == (False, 0)


def test_facility_na_repeats_the_nonfacility_expense_but_for_three_rows_at_most(rvu):
    na = rvu.filter("facility_na")
    assert (na.is_empty(), na.filter(pl.col("nonfacility_pe_rvu") != pl.col("facility_pe_rvu")).height <= 3) == (
        False, True,
    )  # fmt: skip


def test_statuses_are_cms_s(release, rvu):
    # Q, therapy functional information, was used from 2013 to 2019.
    functional = {"Q"} if release in ("RVU13A", "RVU14A", "RVU15A", "RVU17A", "RVU18A") else set()
    assert set(rvu["status"]) <= STATUSES | functional


def test_number_of_localities(release, table):
    assert table("gpci").select(pl.len()).collect().item() == LOCALITIES[release]


def test_work_index_floor(release, table):
    assert table("gpci").select(pl.col("work_gpci").min()).collect().item() == Decimal(LOWEST_WORK_INDEX[release])


def test_alaska_has_a_work_index_of_one_and_a_half(table):
    assert table("gpci").filter(state="AK").collect()["work_gpci"].to_list() == [Decimal("1.500")]


@pytest.mark.parametrize("name", ["anesthesia", "opps_cap", "payment_locality"])
def test_every_locality_has_its_indices(table, name):
    places = table(name).select("state", "locality").unique()
    assert places.join(table("gpci"), on=["state", "locality"], how="anti").collect().is_empty()


def test_anesthesia_has_a_factor_for_every_locality(release, table):
    rows = table("anesthesia").group_by("participant").len().collect()
    participants = 2 if release == "RVU26A" else 1
    assert rows["len"].to_list() == [LOCALITIES[release]] * participants


def test_anesthesia_factors_are_dollars(table):
    # National factors lay between 15.53 and 22.68, localities around them; some files print cents (2141).
    low, high = (
        table("anesthesia").select(low=pl.min("conversion_factor"), high=pl.max("conversion_factor")).collect().row(0)
    )
    assert (low > 10, high < 35) == (True, True)


def test_files_are_what_the_manifest_says(release, built: Built):
    version = built(release)
    assert {r.table for r in version.resources if r.release == "all"} >= {"code_values", "modifier"}
    assert {r.table for r in version.resources if r.release == release} == {
        "rvu", "gpci", "locality_county", "anesthesia", "opps_cap", "conversion_factor", "payment_national",
        "payment_locality", "section_stats", "section_values", "code_comparison", "code_relation", "code_text",
        "code_modifier", "code_profile", "releases", "rejects", "release_calendar", "source_lines", "release_changes",
    }  # fmt: skip


@pytest.fixture(scope="module")
def new_2026(built: Built):
    version = built("RVU26A")
    return lambda name: version.scan(name, "RVU26A")


def test_47_localities_have_a_work_index_raised_by_the_floor_in_2026(new_2026):
    raised = new_2026("gpci").filter(pl.col("work_gpci") != pl.col("work_gpci_without_floor")).collect()
    assert raised.height == 47


def test_the_rows_of_qualifying_participants_are_those_of_four_statuses(new_2026):
    counts = new_2026("rvu").filter(participant="qp").group_by("status").len().collect()
    assert dict(counts.iter_rows()) == {"A": 9_387, "C": 1_334, "R": 1_082, "T": 8}


def test_participants_share_every_rvu(new_2026):
    columns = ["hcpcs", "modifier", "work_rvu", "nonfacility_pe_rvu", "facility_pe_rvu", "mp_rvu"]
    qp, others = (new_2026("rvu").filter(participant=p).select(columns) for p in ("qp", "non_qp"))
    assert qp.join(others, on=columns, how="anti").collect().is_empty()


def test_149_rows_of_2026_have_rvus_that_medicare_doesnt_use(new_2026):
    rows = new_2026("rvu").filter("not_used", participant="non_qp").collect()
    assert rows.filter(pl.col("work_rvu") + pl.col("nonfacility_pe_rvu") + pl.col("mp_rvu") > 0).height == 149


def test_no_more_than_half_of_a_sections_codes_lie_on_one_side_of_the_medians_bin(release, built: Built):
    version, key = built(release), ["participant", "section", "measure"]
    bins = version.scan("section_values", release).filter(population="valued")
    medians = version.scan("section_stats", release).select(*key, "n", "median")
    sides = bins.join(medians, on=key).group_by(*key, "n").agg(
        below=pl.col("codes").filter(pl.col("upper") <= pl.col("median")).sum(),
        above=pl.col("codes").filter(pl.col("lower") > pl.col("median")).sum(),
    )  # fmt: skip
    assert sides.filter((pl.col("below") * 2 > pl.col("n")) | (pl.col("above") * 2 > pl.col("n"))).collect().is_empty()


@pytest.fixture(scope="module")
def related(new_2026):
    return lambda code, relation: new_2026("code_relation").filter(hcpcs=code, relation=relation).collect()


def test_the_base_of_a_biopsy_by_endoscope_is_the_diagnostic_endoscopy(related):
    assert related("43239", "endoscopic_base")["other"].to_list() == ["43235"]


def test_five_codes_of_physical_medicine_are_nearest_to_97761(related):
    near = related("97761", "nearest_in_work").sort("rank")
    assert near.select("other", "work_rvu_difference").rows() == [
        ("97760", Decimal("0.00")), ("97129", Decimal("0.00")), ("97112", Decimal("0.00")),
        ("97598", Decimal("-0.01")), ("97763", Decimal("-0.02")),
    ]  # fmt: skip  # read in CMS's file: 0.50 four times, 0.49 once, 0.48 six times, and above 0.54


@pytest.fixture(scope="module")
def profile(new_2026):
    return lambda code: new_2026("code_profile").filter(hcpcs=code).collect().row(0, named=True)


@pytest.mark.parametrize(
    ("trait", "codes"),
    # counted in CMS's file: distinct codes with status J, numbers from 70000 and 80000 on, status M, global ZZZ
    [("anesthesia", 276), ("radiology", 662), ("laboratory", 1_667), ("reporting_only", 1_292), ("add_on", 953)],
)
def test_as_many_codes_have_a_trait_as_cms_lists(trait, codes, new_2026):
    assert new_2026("code_profile").filter(pl.col(trait)).collect().height == codes


def test_97761_is_timed_therapy_done_outside_facilities(profile):
    told = profile("97761")
    assert [told[n] for n in ("therapy", "timed", "paid", "in_nonfacility", "in_facility")] == [True] * 4 + [False]


def test_the_words_of_an_own_code_are_cmss(profile):
    assert profile("G0101")["text"] == "Ca screen;pelvic/breast exam"
