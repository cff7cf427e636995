"""Where a service is priced: the ways to name a locality, and what is said where a name isn't enough."""

from pathlib import Path

import pytest

import pfsetl
from pfsetl.errors import UsageError
from pfsetl.loading import load as loading
from tests import synthetic as s

pytestmark = pytest.mark.long

DAY = "2025-01-15"
# CMS's own 25LOCCO: Washington's suburbs lie in two other states, whose rows leave them out.
SUBURBS = (
    "DISTRICT OF COLUMBIA; ALEXANDRIA CITY, ARLINGTON, FAIRFAX, FAIRFAX CITY, FALLS CHURCH CITY IN VIRGINIA; "
    "MONTGOMERY AND PRINCE GEORGE'S IN MARYLAND"
)
DC = s.place("12202", "DC", "01", "DC + MD/VA SUBURBS", "1.054 1.054 1.195 1.246", "21.50 21.60", area="DC + SUBURBS",
             counties=SUBURBS, state_name="DISTRICT OF COLUMBIA")  # fmt: skip
MARYLAND = s.place("12302", "MD", "99", "REST OF MARYLAND", "1.010 1.010 1.017 1.065", "20.40 20.50",
                   area="REST OF STATE", state_name="MARYLAND",
                   counties="ALL OTHER COUNTIES EXCEPT MONTGOMERY AND PRINCE GEORGE'S")  # fmt: skip
VIRGINIA = s.place("11302", "VA", "00", "VIRGINIA", "1.000 1.000 0.990 0.880", "20.10 20.20", area="STATEWIDE",
                   counties="ALL COUNTIES, EXCEPT ALEXANDRIA CITY, ARLINGTON, FAIRFAX, FAIRFAX CITY, AND FALLS CHURCH "
                            "CITY", state_name="VIRGINIA")  # fmt: skip
ILLINOIS = s.place("06102", "IL", "12", "EAST ST. LOUIS", "1.000 1.000 0.940 1.700", "20.30 20.40",
                   area="EAST ST. LOUIS", counties="BOND, MONTGOMERY, ST. CLAIR AND WASHINGTON",
                   state_name="ILLINOIS")  # fmt: skip
# Southern California stands under two contractors.
TWICE = {**s.LOS_ANGELES, "mac": "01112", "name": s.LOS_ANGELES["name"] + "*", "state_name": ""}
PLACES = (*s.PLACES, DC, ILLINOIS, MARYLAND, VIRGINIA)


def zip_record(state: str, code: str, mac: str, locality: str, *, plus_four: str = "0", quarter: str = "20251") -> str:
    """CMS's ZIP5 record: state 1-2, ZIP 3-7, carrier 8-12, locality 13-14, lab 16-17, plus-four 21, quarter 76-80."""
    record = f"{state}{code}{mac}{locality} {locality}".ljust(20) + plus_four + " A"
    return record.ljust(75) + quarter + "\r\n"


ZIPS = (
    zip_record("CA", "90012", "01182", "18")
    + zip_record("CA", "94941", "01112", "52", plus_four="1")
    + zip_record("TX", "77001", "04412", "18")
)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places")
    members = {
        **s.release(),
        "GPCI2025.csv": s.gpci_csv("GPCI7", (*PLACES, TWICE)),
        "25LOCCO.csv": s.locco_csv(PLACES),
        "ANES2025.csv": s.anes_csv("ANES4", PLACES),
    }
    for label in ("RVU25A", "RVU24A"):
        own = members if label == "RVU25A" else s.release(label)
        pfsetl.build(
            label, store=pfsetl.open_store(folder / "o"), archive=s.write_zip(folder / f"{label}.zip", own), sample=True
        )
    return folder / "o"


@pytest.fixture(scope="module")
def with_zips(output: Path) -> Path:
    path = output.parent / "ZIP5_JAN2025.txt"
    path.write_text(ZIPS, newline="")
    loading.load(pfsetl.open_store(output), path, sample=True)
    return output


def place(output: Path, locality: str | None, day: str = DAY) -> str:
    answer = pfsetl.price("G9901", day, locality=locality, output=output)
    return f"{answer['state']}/{answer['locality']}"


def notes(output: Path, locality: str, day: str = DAY) -> list[str]:
    return pfsetl.price("G9901", day, locality=locality, output=output)["notes"]


def refusal(output: Path, locality: str) -> str:
    with pytest.raises(UsageError) as refused:
        place(output, locality)
    return str(refused.value)


# --- by number --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["CA/18", "ca/18", "CA18", "CA-18", "CA 18", " CA / 18 ", "CA//18"])
def test_a_state_and_number_are_understood_in_every_spelling(output, written):
    assert place(output, written) == "CA/18"


def test_a_number_may_lack_its_zero(output):
    assert place(output, "AK/1") == "AK/01"


@pytest.mark.parametrize("written", [None, "", "  ", "national", "NATIONAL"])
def test_no_locality_is_the_nation(output, written):
    assert place(output, written) == "None/None"


@pytest.mark.parametrize(
    "written", ["01182/18", "01182-18", "01182 18", "01112/18", "0118218", "118218", "1182/18", "0111218"]
)
def test_a_contractor_and_number_are_understood_under_both_contractors(output, written):
    assert place(output, written) == "CA/18"


@pytest.mark.parametrize("written", ["0000000", "000000", "00000/00"])
def test_cmss_number_of_the_nation_is_the_nation(output, written):
    assert place(output, written) == "None/None"
    assert "0000000 is the nation: every GPCI is 1.000" in notes(output, written)


def test_five_digits_are_a_zip_code_and_no_contractor_that_lost_its_zeros(with_zips):
    assert "ZIP code 11821: not in ZIP5" in refusal(with_zips, "11821")


def test_an_unknown_number_lists_those_of_the_state(output):
    said = refusal(output, "CA/99")
    assert "RVU25A has no locality of this number" in said
    assert "CA/18 Los Angeles" in said
    assert "CA/52 San Francisco" in said


@pytest.mark.parametrize("written", ["CA", "CA/"])
def test_a_state_alone_lists_its_localities(output, written):
    assert "There are CA/18 Los Angeles" in refusal(output, written)


def test_an_unknown_state_names_those_that_are_near(output):
    near = refusal(output, "AX/01").partition("RVU25A has no state AX. Near: ")[2]
    assert {"AK", "AL"} <= set(near.rstrip(".").split(", "))


def test_a_state_like_no_other_lists_all(output):
    assert "There are AK, AL, CA, DC, IL, MD, VA." in refusal(output, "QQ/01")


def test_an_unknown_contractor_names_one_that_is_near(output):
    said = refusal(output, "01183/18")
    assert "contractor 01183, locality 18: not in RVU25A" in said
    assert "01182" in said or "01112" in said


# --- by ZIP code ------------------------------------------------------------------------------------------------


def test_a_zip_code_without_a_loaded_file_says_what_to_load(sampled: Path):
    assert "no ZIP file is loaded in" in refusal(sampled, "90012")
    assert "pfsetl load ZIP5" in refusal(sampled, "90012")


@pytest.mark.parametrize("written", ["90012", "90012-1234", "900121234"])
def test_a_zip_code_is_in_the_locality_of_its_record(with_zips, written):
    assert place(with_zips, written) == "CA/18"


def test_a_zip_code_has_its_line_among_the_sources(with_zips):
    sources = pfsetl.price("G9901", DAY, locality="94941", output=with_zips)["sources"]
    (source,) = [one for one in sources if one["what"] == "ZIP code"]
    assert (source["file"], source["line"]) == ("ZIP5_JAN2025.txt", 2)


def test_a_zip_code_that_its_last_four_digits_divide_is_noted(with_zips):
    assert any("its last four digits decide" in note for note in notes(with_zips, "94941"))


def test_an_undivided_zip_code_isnt_noted(with_zips):
    assert not any("last four digits" in note for note in notes(with_zips, "90012"))


def test_a_day_before_the_file_is_noted(with_zips):
    assert any("holds from 2025-01-01 only" in note for note in notes(with_zips, "90012", "2024-02-01"))


def test_a_day_of_the_file_isnt_noted(with_zips):
    assert not any("holds from" in note for note in notes(with_zips, "90012"))


def test_a_zip_code_that_isnt_in_the_file_is_refused(with_zips):
    assert "ZIP code 00000: not in ZIP5_JAN2025.txt, which has 3" in refusal(with_zips, "00000")


def test_a_zip_code_in_a_locality_that_the_release_lacks_is_refused(with_zips):
    assert "locality TX/18: RVU25A has no state TX" in refusal(with_zips, "77001")


# --- by county --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written", ["CA/Los Angeles", "ca:los angeles", "Los Angeles, CA", "CA/Los Angeles County", "Los Angeles Cnty,CA"]
)  # fmt: skip
def test_a_county_is_in_the_locality_that_names_it(output, written):
    assert place(output, written) == "CA/18"


@pytest.mark.parametrize("written", ["IL/St. Clair", "IL/St Clair", "Washington, IL", "IL/Bond County"])
def test_every_county_of_a_list_is_found(output, written):
    assert place(output, written) == "IL/12"


def test_a_county_without_its_state_is_refused_with_the_state(output):
    said = refusal(output, "Los Angeles")
    assert "LOCCO has it in CA/18. Say the state: CA/Los Angeles." in said


def test_a_county_name_that_several_states_have_shows_all(output):
    assert "LOCCO has it in DC/01, IL/12" in refusal(output, "Montgomery")


@pytest.mark.parametrize(
    "written",
    ["VA/Arlington", "VA/Fairfax City", "Falls Church City, VA", "MD/Montgomery", "MD/Prince George's",
     "MD/Prince Georges", "DC/District of Columbia"],
)  # fmt: skip
def test_a_county_lies_in_the_state_that_its_part_of_the_list_names(output, written):
    assert place(output, written) == "DC/01"


@pytest.mark.parametrize("written", ["MD/Arlington", "DC/Montgomery", "VA/District of Columbia"])
def test_a_county_isnt_that_of_another_state_in_the_same_locality(output, written):
    assert "no county of this name" in refusal(output, written)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("AL/Mobile", "AL/00"), ("AL/DeKalb", "AL/00"), ("AL/Saint Clair County", "AL/00"), ("MD/Baltimore", "MD/99"),
        # These lie in a state of one locality of its own; its suburbs of Washington are in that of DC.
        ("VA/Montgomery", "VA/00"), ("VA/City of Richmond", "VA/00"), ("VA/Salem", "VA/00"),
    ],
)  # fmt: skip
def test_any_county_of_a_state_with_one_locality_is_that_locality(output, written, found):
    assert place(output, written) == found


@pytest.mark.parametrize("written", ["VA/All", "MD/All Other", "AL/Mobil", "VA/Prince George's Town", "AL/Los Angeles"])
def test_what_is_no_county_is_refused_also_in_a_state_with_one_locality(output, written):
    assert "no county of this name is known" in refusal(output, written)


def test_a_zip_code_of_four_digits_is_not_guessed_and_said_to_have_five(output):
    assert "A ZIP code has five digits: 02115, if it lost its zero. Write CA/18" in refusal(output, "2115")


def test_a_misspelt_county_shows_what_is_near(output):
    assert "Near: VA/Fairfax, VA/Fairfax city" in refusal(output, "VA/Farfax")


@pytest.mark.parametrize(
    "written", ["/18", "/", ",", "*", "CA/018", "01182180", "9001", "(", "\u0661\u0668", "CA/\u00e9"]
)
def test_what_is_no_place_shows_how_to_write_one(output, written):
    assert "Write CA/18, a ZIP code, or CA/Los Angeles." in refusal(output, written)


@pytest.mark.parametrize("written", ["01112/18", "0111218", "1112-18", "01102/18", "31146/18"])
def test_a_contractor_that_the_indices_dont_have_for_a_locality_is_answered_with_the_one_they_have(
    sampled: Path, written: str
):
    # 01112 is Northern California's, 01102 its Part B at first, 31146 Los Angeles' before; CMS's OPPSCAP mixes the two.
    with pytest.raises(UsageError, match=r"RVU25A has CA/18 under contractor 01182\. Write CA/18 or 01182/18\."):
        pfsetl.price("G9901", DAY, locality=written, output=sampled)
    assert pfsetl.price("G9901", DAY, locality="01182/18", output=sampled)["state"] == "CA"


def test_a_contractor_whose_state_lacks_the_locality_is_answered_with_those_it_has(output):
    with pytest.raises(UsageError, match=r"CA/99: RVU25A has no locality of this number\. There are CA/18 .*CA/52"):
        pfsetl.price("G9901", DAY, locality="01112/99", output=output)
