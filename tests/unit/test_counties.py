"""Counties by the names that people use, and ZIP codes before the day from which CMS's ZIP file holds."""

from pathlib import Path

import pytest

import pfsetl
from pfsetl.errors import UsageError
from pfsetl.loading import load as loading
from tests import synthetic as s

NOW, BEFORE = "2025-01-15", "2023-02-01"


def of(mac: str, number: str, name: str, counties: str, state_name: str) -> s.Row:
    indices, factors = "1.000 1.000 1.000 1.000", "20.10 20.20"
    return s.place(mac, number[:2], number[3:], name, indices, factors, area=name, counties=counties,
                   state_name=state_name)  # fmt: skip


# County texts of CMS's 24LOCCO and, for California before its areas were joined, of 22LOCCO.
NEW = (
    of(
        "01112", "CA/05", "SAN FRANCISCO-OAKLAND-BERKELEY", "SAN FRANCISCO/ALAMEDA/CONTRA COSTA/SAN MATEO", "CALIFORNIA"
    ),
    of("01182", "CA/18", "LOS ANGELES-ANAHEIM", "LOS ANGELES /ORAGNGE CNTY", "CALIFORNIA"),
    of("01112", "CA/62", "RIVERSIDE-SAN BERNARDINO", "SAN BERNARDINO, RIVERSIDE", "CALIFORNIA"),
    of("01112", "CA/75", "REST OF CALIFORNIA", "ALL OTHER COUNTIES", "CALIFORNIA"),
    of("09102", "FL/04", "MIAMI", "DADE AND MONROE", "FLORIDA"),
    of("06102", "IL/12", "EAST ST. LOUIS", "BOND, ST. CLAIR AND WASHINGTON", "ILLINOIS"),
    of("06102", "IL/15", "SUBURBAN CHICAGO", "DUPAGE, KANE, LAKE AND WILL", "ILLINOIS"),
    of("06102", "IL/99", "REST OF ILLINOIS", "ALL OTHER COUNTIES", "ILLINOIS"),
    of("07202", "LA/01", "NEW ORLEANS", "JEFFERSON, ORLEANS, PLAQUEMINES AND ST. BERNARD", "LOUISIANA"),
    of("05302", "MO/01", "METROPOLITAN ST. LOUIS", "JEFFERSON, ST. CHARLES, ST. LOUIS AND ST. LOUIS CITY", "MISSOURI"),
    of("12502", "PA/02", "PITTSBURGH", "ALLEGHENY AND BEAVER", "PENNSYLVANIA"),
    of("12502", "PA/99", "REST OF STATE", "ALL OTHER COUNTIES", "PENNSYLVANIA"),
    of("13202", "NY/01", "MANHATTAN", "NEW YORK", "NEW YORK"),
    of(
        "13202", "NY/02", "NYC SUBURBS", "BRONX, KINGS, NASSAU, RICHMOND, ROCKLAND, SUFFOLK AND WESTCHESTER", "NEW YORK"
    ),
)
OLD = (
    of("01112", "CA/05", "SAN FRANCISCO", "SAN FRANCISCO", "CALIFORNIA"),
    of("01112", "CA/06", "SAN MATEO", "SAN MATEO", "CALIFORNIA"),
    of("01112", "CA/07", "OAKLAND", "ALAMEDA AND CONTRA COSTA", "CALIFORNIA"),
    of("01182", "CA/18", "LOS ANGELES", "LOS ANGELES", "CALIFORNIA"),
    of("01182", "CA/26", "ANAHEIM", "ORANGE", "CALIFORNIA"),
    of("01112", "CA/99", "REST OF CALIFORNIA", "ALL OTHER COUNTIES", "CALIFORNIA"),
    of("10112", "AL/00", "ALABAMA", "ALL COUNTIES", "ALABAMA"),
)


def zip_record(code: str, mac: str, locality: str) -> str:
    """CMS's ZIP5 record: state 1-2, ZIP 3-7, carrier 8-12, locality 13-14, plus-four 21, quarter 76-80."""
    return f"CA{code}{mac}{locality} Z9".ljust(20) + "0 A".ljust(55) + "20251\r\n"


# 94601 is in Oakland (Alameda), 94102 in San Francisco, 92801 in Anaheim (Orange), 92501 in Riverside; 94611 lies in
# two counties of which one is Alameda; 95814 is Sacramento's.
ZIPS = (
    zip_record("94601", "01112", "05") + zip_record("94102", "01112", "05") + zip_record("92801", "01182", "18")
    + zip_record("92501", "01112", "62") + zip_record("94611", "01112", "05") + zip_record("95814", "01112", "75")
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("counties")
    for label, places in (("RVU23A", OLD), ("RVU25A", NEW)):
        archive = s.write_zip(folder / f"{label}.zip", s.release(label, places=places))
        pfsetl.build(label, store=pfsetl.open_store(folder / "o"), archive=archive, sample=True)
    file = folder / "ZIP5_JAN2025.txt"
    file.write_text(ZIPS, newline="")
    loading.load(pfsetl.open_store(folder / "o"), file, sample=True)
    return folder / "o"


def place(store: Path, locality: str, day: str = NOW) -> str:
    answer = pfsetl.price("G9901", day, locality=locality, output=store)
    return f"{answer['state']}/{answer['locality']}"


def refusal(store: Path, locality: str, day: str = NOW) -> str:
    with pytest.raises(UsageError) as refused:
        place(store, locality, day)
    return str(refused.value)


# CMS prints DADE, DUPAGE, ST. CLAIR and (in LOCCO of 2024) ORAGNGE CNTY; people and the Census write otherwise.
@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("CA/Orange", "CA/18"), ("Orange County, CA", "CA/18"), ("County of Orange, California", "CA/18"),
        ("California/Oragnge", "CA/18"), ("FL/Miami-Dade", "FL/04"), ("FL/Dade", "FL/04"), ("Miami Dade, FL", "FL/04"),
        ("IL/Du Page", "IL/15"), ("Dupage County, Illinois", "IL/15"), ("IL/Saint Clair", "IL/12"),
        ("IL/St. Clair County", "IL/12"), ("NY/Brooklyn", "NY/02"), ("NY/Manhattan", "NY/01"), ("NY/Kings", "NY/02"),
        ("LA/St. Bernard Parish", "LA/01"), ("LA/Saint Bernard", "LA/01"), ("LA/Parish of Orleans", "LA/01"),
        ("CA/San Francisco City and County", "CA/05"), ("City and County of San Francisco, CA", "CA/05"),
        ("CA/S\u00e1n Fr\u00e1ncisco", "CA/05"), ("MO/Saint Louis", "MO/01"), ("City of St. Louis, MO", "MO/01"),
        ("PA/Allegheny", "PA/02"),  # begins with All, as ALL OTHER COUNTIES does
    ],
)  # fmt: skip
def test_a_county_is_found_by_the_names_that_people_use(store, written, found):
    assert place(store, written) == found


def test_a_county_that_is_left_to_the_rest_of_a_state_is_refused_with_the_rest(store):
    said = refusal(store, "IL/Bureau")
    assert "the LOCCO of RVU25A doesn't name IL/Bureau. All other counties of IL are in IL/99: write that." in said


# --- a ZIP code on a day before its file --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "now", "before"),
    [
        ("94601", "CA/05", "CA/07"), ("94102", "CA/05", "CA/05"), ("92801", "CA/18", "CA/26"),
        ("92501", "CA/62", "CA/99"), ("95814", "CA/75", "CA/99"),
    ],
)  # fmt: skip
def test_a_zip_code_is_where_its_county_was_on_the_day(store, code, now, before):
    assert place(store, code, NOW) == now
    assert place(store, code, BEFORE) == before


def test_a_price_before_the_zip_file_says_what_decided(store):
    notes = pfsetl.price("G9901", BEFORE, locality="94601", output=store)["notes"]
    assert (
        "ZIP5_JAN2025.txt holds from 2025-01-01 only; on 2023-02-01 CA/Alameda, its county, decides, by the LOCCO of "
        "RVU23A" in notes
    )


def test_a_zip_code_whose_county_isnt_known_is_refused_where_it_may_have_been_in_several(store):
    said = refusal(store, "94611", BEFORE)
    assert "ZIP5_JAN2025.txt holds from 2025-01-01 only" in said
    assert "were in CA/05, CA/06, CA/07, by the LOCCO of RVU23A" in said
    assert place(store, "CA/Alameda", BEFORE) == "CA/07"  # the remedy that it names
