"""Files beside the releases from CMS: what has an address is fetched, what hasn't says where it lies and why."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from pfsetl.declared import declarations
from pfsetl.declared.records.archives import COMPANIONS
from pfsetl.errors import SourceUnavailable
from pfsetl.source.fetch_companion import FetchedCompanion, fetch_companion
from pfsetl.source.web import Manners
from tests import companion_files as files
from tests import synthetic as s
from tests.cms_server import LICENCE, Answer, Cms

Run = Callable[..., tuple[int, str, str]]

QUICK = Manners(attempts=2, first_wait=0.01, longest_wait=1.0, connect=2.0, silence=2.0, total=5.0)
DAY = date(2026, 11, 29)
ZIP = "/files/zip/medicare-ncci-2026-q4-practitioner-services-mue-table.zip"  # where CMS has that of 2026-10-01
MUES = s.zipped({"MCR_MUE_PractitionerServices_Eff_10-01-2026.csv": files.mue_csv()})


@pytest.fixture
def cms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cms]:
    with Cms({ZIP: [Answer(MUES)], "/licence": [Answer(LICENCE, type="text/html")]}) as server:
        monkeypatch.setenv("PFSETL_CMS_URL", server.url)
        yield server


def fetched(folder: Path, kind: str = "mue", url: str | None = None, day: date = DAY) -> FetchedCompanion:
    return fetch_companion(kind, folder, day=day, url=url, manners=QUICK)


def test_the_file_of_the_days_quarter_is_kept_under_cmss_name(cms: Cms, tmp_path: Path) -> None:
    got = fetched(tmp_path)
    assert (got.path.name, got.path.read_bytes()) == (ZIP.rpartition("/")[2], MUES)
    assert got.url == cms.url + ZIP


def test_other_bytes_of_the_same_name_are_kept_beside(cms: Cms, tmp_path: Path) -> None:
    first = fetched(tmp_path)
    other = s.zipped({"MCR_MUE_PractitionerServices_Eff_10-01-2026.csv": files.mue_csv(files.MUES[:1])})
    cms.routes[ZIP] = [Answer(other)]
    second = fetched(tmp_path)
    assert (first.path.read_bytes(), second.path.read_bytes()) == (MUES, other)
    assert first.path.name == second.path.name


@pytest.mark.parametrize("path", ["/files/%2e%2e", "/files/a%00b.zip", "/files/a%0Ab.zip"])
def test_an_address_that_names_no_file_gives_none_its_name(cms: Cms, tmp_path: Path, path: str) -> None:
    cms.routes[path] = cms.routes[unquote(path)] = [Answer(MUES)]
    got = fetched(tmp_path, url=cms.url + path)
    assert (got.path.parent.parent, got.path.read_bytes()) == (tmp_path / "companions", MUES)
    assert got.path.name.isprintable()


def test_a_licence_page_in_place_of_the_file_is_refused_with_the_page_to_open(cms: Cms, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"an HTML page[\s\S]*CMS posts it at http.*unlikely-edits") as refused:
        fetched(tmp_path, url=f"{cms.url}/licence")
    assert "such as MCR_MUE_" in str(refused.value)
    assert not list((tmp_path / "companions").glob("**/*"))


def test_a_quarter_that_cms_hasnt_posted_says_where_to_look(cms: Cms, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"2027-q1[\s\S]*CMS posts it at"):
        fetched(tmp_path, day=date(2027, 1, 1))


@pytest.mark.parametrize("kind", ["ptp", "add_on"])
def test_what_is_behind_a_licence_is_fetched_by_a_person(cms: Cms, tmp_path: Path, kind: str) -> None:
    with pytest.raises(SourceUnavailable, match="in a browser, accept the licence that CMS shows before it"):
        fetched(tmp_path, kind)
    assert cms.requests == []


@pytest.mark.parametrize("kind", [row.companion for row in declarations.rows(COMPANIONS) if not row.address])
def test_a_kind_without_an_address_names_its_page_and_how_to_load_it(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SourceUnavailable) as refused:
        fetched(tmp_path, kind)
    (row,) = (row for row in declarations.rows(COMPANIONS) if row.companion == kind)
    assert row.page.removeprefix("https://data.cms.gov") in str(refused.value)
    assert f"save the file under its name, such as {row.example}, and load it" in str(refused.value)


def test_the_command_prints_the_path_and_what_it_prints_can_be_loaded(
    cms: Cms, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC).date()
    path = f"/files/zip/medicare-ncci-{today.year}-q{(today.month + 2) // 3}-practitioner-services-mue-table.zip"
    content = s.zipped({"Practitioner_MUE.csv": files.mue_csv()})
    with Cms({path: [Answer(content)]}) as server:
        monkeypatch.setenv("PFSETL_CMS_URL", server.url)
        code, out, _ = run("fetch", "mue", "--cache", tmp_path / "cache")
    assert code == 0
    assert run("load", out.strip(), "--sample", "-o", tmp_path / "o")[0] == 0


def test_the_command_says_what_is_fetched_by_hand_and_ends_as_an_absent_source(run: Run, tmp_path: Path) -> None:
    code, _, err = run("fetch", "ptp", "--cache", tmp_path / "cache")
    assert (code, "accept the licence" in err) == (3, True)


def test_the_status_says_where_cms_posts_what_isnt_loaded(run: Run, tmp_path: Path) -> None:
    (tmp_path / "MUE_practitioner_2026q2.csv").write_bytes(files.mue_csv())
    run("load", tmp_path / "MUE_practitioner_2026q2.csv", "--sample", "-o", tmp_path / "o")
    out = run("status", "--output", tmp_path / "o")[1]
    assert "beside the releases: mue: from 2026-04-01 MUE_practitioner_2026q2.csv (3 rows, a sample)" in out
    assert "beside the releases: telehealth: none is loaded; CMS posts it at https://www.cms.gov/medicare/cov" in out
