"""The page of one code in one file: it opens from a disk, asks nobody for anything, and replaces no other file."""

from collections.abc import Callable
from pathlib import Path

import pytest

import pfsetl
from pfsetl import Version
from pfsetl.cli import samples
from pfsetl.errors import UsageError
from pfsetl.site import single
from tests.page.conftest import Visit

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def file(sample: Version, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("single") / "G0101.html"
    single.write(single.page(sample, "g0101"), made)
    return made


@pytest.fixture(scope="module")
def opened(visit: Callable[..., Visit], file: Path) -> Visit:
    return visit(f"file://{file}").go("#?code=G0101&date=2026-02-01").through()


def test_it_shows_the_code_from_a_disk(opened: Visit) -> None:
    assert opened.text("#payment") == "$39.75"


def test_it_asks_nobody_for_anything_and_is_quiet(opened: Visit, file: Path) -> None:
    assert {url.partition("#")[0] for url in opened.requests} == {f"file://{file}"}
    assert opened.said == []


def test_all_its_parts_are_inside(opened: Visit) -> None:
    assert "23rd percentile of 194 HCPCS Level II G codes" in opened.text()
    assert "This file holds one code" not in opened.text()


def test_opened_without_an_address_it_shows_its_code(visit: Callable[..., Visit], file: Path) -> None:
    assert visit(f"file://{file}").go("").text("h1") == "G0101"


def test_what_is_chosen_is_kept_in_its_address(visit: Callable[..., Visit], file: Path) -> None:
    page = visit(f"file://{file}").go("#?code=G0101&date=2026-02-01").page
    page.select_option("#locality", "CA/18")
    page.wait_for_selector("#payment:text('$43.72')")
    assert "locality=CA/18" in page.url


@pytest.mark.parametrize("address", ["#?code=G0102", "#?code=G0101&with=G0102"])
def test_another_code_is_said_not_to_be_in_it(visit: Callable[..., Visit], file: Path, address: str) -> None:
    assert "This file holds G0101 alone" in visit(f"file://{file}").go(address).text()


def test_it_offers_no_code_to_put_beside_its_own(opened: Visit) -> None:
    assert "Beside G0101" not in opened.text()


def test_its_only_script_is_the_one_that_its_policy_names(opened: Visit) -> None:
    policy = opened.page.get_attribute("meta[http-equiv=Content-Security-Policy]", "content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")


def test_two_makings_are_the_same_bytes(sample: Version, file: Path) -> None:
    assert single.page(sample, " G0101 ") == file.read_bytes()


def test_a_file_of_something_else_is_never_written_over(sample: Version, tmp_path: Path) -> None:
    letter = tmp_path / "letter.html"
    letter.write_text("<p>Dear")
    with pytest.raises(UsageError, match="not a page that pfsetl made"):
        single.write(single.page(sample, "G0101"), letter)
    assert letter.read_text() == "<p>Dear"


def test_an_unknown_code_names_near_ones(sample: Version, tmp_path: Path, run: Run) -> None:
    code, _, error = run("page", "G0100", tmp_path / "x.html", "--output", sample.store)
    assert (code, (tmp_path / "x.html").exists()) == (2, False)
    assert "G0100: in no release of version" in error
    assert "G0101" in error


def test_descriptors_are_shown_where_a_store_of_them_is_named_and_said_to_be_licensed(
    sample: Version, tmp_path: Path, visit: Callable[..., Visit], run: Run
) -> None:
    archive = next(path for path in samples.archives() if path.stem == "RVU26A")
    places = (pfsetl.open_store(tmp_path / "tables"), pfsetl.open_store(tmp_path / "texts"))
    pfsetl.build("RVU26A", store=places[0], archive=archive, sample=True, descriptors_store=places[1])
    text = pfsetl.open(tmp_path / "texts").scan("descriptor").filter(hcpcs="G0101").collect()["description"][0]
    run("page", "G0101", tmp_path / "x.html", "--descriptors", tmp_path / "texts", "--output", sample.store)
    shown = visit(f"file://{tmp_path / 'x.html'}").go("")
    assert shown.text(".text") == text
    assert "shown under the licence" in shown.text(".foot")


def test_a_store_of_tables_is_no_store_of_descriptors(sample: Version, tmp_path: Path, run: Run) -> None:
    code, _, error = run("page", "G0101", tmp_path / "x.html", "--descriptors", sample.store, "--output", sample.store)
    assert code == 2
    assert "no store of descriptors" in error


def test_what_leads_out_of_it_is_no_link(opened: Visit) -> None:
    links = opened.page.locator("main a[href^='#?']").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    assert [one for one in links if "code=G0101" not in one or "with=" in one] == []


def test_an_address_written_as_on_a_site_is_read(visit: Callable[..., Visit], file: Path) -> None:
    assert "RVU25D" in visit(f"file://{file}").go("?code=G0101&date=2025-11-01").text()
