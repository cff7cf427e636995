"""What is loaded beside the bundled sample, in a browser: three ZIP codes as localities, and a list of telehealth."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import pfsetl
from pfsetl import Version
from pfsetl.loading import load as loading
from tests import companion_files as files
from tests import synthetic as s
from tests.page.conftest import Visit
from tests.unit.test_companions import ZIPS

G0101 = "?code=G0101&date=2026-02-01"
NATIONAL, IN_CA_18 = "$39.75", "$43.72"  # README's worked example: 1.30896 indexed RVUs x 33.4009 = 43.720442


@pytest.fixture(scope="module")
def page(
    sample: Version,
    serve: Callable[[Version], str],
    visit: Callable[..., Visit],
    tmp_path_factory: pytest.TempPathFactory,
) -> Visit:
    """A site with ZIP codes, 90012 in CA/18 and 94941 in several localities, and G0101 on the list of telehealth."""
    folder = tmp_path_factory.mktemp("zips")
    store = pfsetl.open_store(shutil.copytree(str(sample.store), folder / "store", symlinks=True))
    (folder / "ZIP5_OCT2025.txt").write_text(ZIPS, newline="")
    loading.load(store, folder / "ZIP5_OCT2025.txt", sample=True)
    listed = files.telehealth_rows("Effective January 1, 2026", rows=[("G0101", "", "Permanent", "Yes", "")])
    (folder / "telehealth.xlsx").write_bytes(s.workbook(listed))
    loading.load(store, folder / "telehealth.xlsx", sample=True)
    return visit(serve(pfsetl.open(store)))


def test_a_zip_code_in_the_address_is_priced_in_its_locality(page: Visit) -> None:
    page.go(f"{G0101}&locality=90012")
    assert (page.text("#payment"), "ZIP code 90012 is in CA/18, by ZIP5_OCT2025.txt" in page.text()) == (IN_CA_18, True)


def test_a_zip_code_of_nine_digits_is_read_by_its_first_five(page: Visit) -> None:
    assert page.go(f"{G0101}&locality=90012-1234").text("#payment") == IN_CA_18


def test_a_zip_code_that_is_typed_becomes_the_locality_of_the_address(page: Visit) -> None:
    page.go(G0101).page.fill("#zip", "90012")
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector(f"#payment:has-text('{IN_CA_18}')")
    assert page.page.input_value("#locality") == "CA/18"


def test_a_zip_code_in_several_localities_says_so(page: Visit) -> None:
    assert "It lies in several localities" in page.go(f"{G0101}&locality=94941").text()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (f"{G0101}&locality=10001", "10001: not in ZIP5_OCT2025.txt, of which a part is loaded"),
        ("?code=G0101&date=2025-10-01&locality=00000", "00000: not in ZIP5_OCT2025.txt"),
    ],
)
def test_a_zip_code_that_is_not_known_is_said_beside_the_national_price(page: Visit, query: str, said: str) -> None:
    shown = page.go(query).text()
    assert (said in shown, "national price" in shown) == (True, True)


def test_a_page_made_without_zip_codes_says_so(sample: Version, serve: Callable[[Version], str], visit) -> None:
    page = visit(serve(sample)).go(f"{G0101}&locality=90012")
    assert ("made without a ZIP file" in page.text(), page.text("#payment")) == (True, NATIONAL)


def test_two_codes_are_compared_in_the_locality_of_a_zip_code(page: Visit) -> None:
    assert IN_CA_18 in page.go("?code=G0101&with=G0102&date=2026-02-01&locality=90012").text()


def test_the_parquet_file_of_the_numbers_is_linked_and_served(page: Visit, sample: Version) -> None:
    link = page.go(G0101).through().page.locator("dl.facts a[download]").first
    answer = page.page.request.get(f"{page.address}{link.get_attribute('href')}")
    served = (Path(str(sample.store)) / f"latest/{link.inner_text()}").read_bytes()
    assert answer.body() == served


@pytest.mark.parametrize(("code", "listed"), [("G0101", True), ("G0102", False)])
def test_a_code_on_the_list_of_telehealth_says_so_at_once(page: Visit, code: str, listed: bool) -> None:
    chips = page.go(f"?code={code}&date=2026-02-01").page.locator(".chips li").all_inner_texts()
    assert ("Telehealth" in chips) == listed


def test_a_list_of_which_a_part_is_loaded_is_named(page: Visit) -> None:
    assert "Just a part is loaded, so what isn't said may be so: telehealth." in page.go(G0101).through().text()
