"""What CMS's pages post against what is known, on pages in CMS's structure with its oddities."""

import csv
import io
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urljoin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfsetl.declared import declarations, registry
from pfsetl.declared.registry import Release
from pfsetl.errors import SourceBusy, SourceUnavailable
from pfsetl.source import cache
from pfsetl.source import discover as discovering
from pfsetl.source.discover import Posting, discover, release_row
from pfsetl.source.markup import parse
from pfsetl.source.pages import (
    address,
    index_page,
    label_of,
    release_page,
    rvu_archive,
)
from pfsetl.source.web import Page
from pfsetl.source.zip_names import posted_on
from tests import cms_pages as cms
from tests.cms_pages import FILES, Row

HOST = "https://www.cms.gov"
INDEX = HOST + FILES
Run = Callable[..., tuple[int, str, str]]


def known(label: str, zip_path: str | None, page: str | None = None) -> Release:
    year = 2000 + int(re.findall(r"\d{2}", label)[0])
    return Release(
        label, year, 1, "initial", None, None, None, None, None, zip_path, None, page=page or f"{FILES}/{label.lower()}"
    )


def releases(*declared: Release) -> dict[str, Release]:
    return {release.label: release for release in declared}


def linked(label: str, year: int = 2026) -> Row:
    return Row(label, str(year), f"{FILES}/{label.lower()}")


class Site:
    """Pages by path; remembers what was asked, and refuses what isn't there as a getter does."""

    def __init__(self, pages: Mapping[str, str]) -> None:
        self.pages = {urljoin(HOST, path): text for path, text in pages.items()}
        self.asked: list[str] = []

    def __call__(self, url: str) -> Page:
        self.asked.append(url)
        if url not in self.pages:
            raise SourceUnavailable(f"{url}: 404")
        return Page(text=self.pages[url], url=url)


RVU26A = known("RVU26A", "/files/zip/rvu26a-updated-12-29-2025.zip")
RVU26A_ZIP = ("/files/zip/rvu26a-updated-12-29-2025.zip", "RVU26A - Updated 12/29/2025")


def of(label: str, postings: list[Posting]) -> Posting:
    return next(p for p in postings if p.label == label)


# --- the index page ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("narrow_labels", [True, False])
@pytest.mark.parametrize("file_name_first", [True, False])
def test_a_row_of_the_index_is_label_year_and_page(narrow_labels: bool, file_name_first: bool) -> None:
    text = cms.index([linked("RVU26A")], narrow_labels=narrow_labels, file_name_first=file_name_first)
    (row,), following = index_page(text, INDEX)
    assert (row.label, row.year, row.page, following) == ("RVU26A", 2026, f"{INDEX}/rvu26a", None)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("RVU24AR ", "RVU24AR"),
        ("RVU24AR\u00a0", "RVU24AR"),
        (" rvu26a", "RVU26A"),
        ("RVU08D.ZIP", "RVU08D"),
        ("RVU26A - Updated 12/29/2025", "RVU26A"),
        ("Updated RVU26A", "RVU26A"),
        ("PRREV05D", "PRREV05D"),
        ("RVU10C_PCT22", "RVU10C_PCT22"),
        ("RVU10C PCT22", "RVU10C_PCT22"),
        ("RVU11B_2", "RVU11B_2"),
    ],
)
def test_a_label_is_read_from_the_name_as_cms_writes_it(name: str, label: str) -> None:
    assert index_page(cms.index([Row(name, "2026", "/x")]), INDEX)[0][0].label == label


def test_every_declared_label_is_read_as_itself() -> None:
    assert {label: label_of(label.lower()) for label in registry.releases()} == {r: r for r in registry.releases()}


@pytest.mark.parametrize(
    ("href", "page"),
    [
        (f"{FILES}/rvu25d-0", f"{INDEX}/rvu25d-0"),
        ("pfs-relative-value-files/2014", f"{INDEX}/2014"),
        (f"  {FILES}/rvu26a ", f"{INDEX}/rvu26a"),
        (f"{FILES}/rvu26a#main", f"{INDEX}/rvu26a"),
        ("http://www.cms.hhs.gov/PhysicianFeeSched/cms1254038", f"{HOST}/PhysicianFeeSched/cms1254038"),
        ("http://www.cms.gov/x", f"{HOST}/x"),
        (f"/apps/ama/license.asp?file={FILES}/rvu05a", f"{INDEX}/rvu05a"),
        ("https://cms.example.org/rvu26a", None),
        ("javascript:void(0)", None),
        ("http://[bad", None),
    ],
)
def test_the_page_of_a_release_is_taken_as_published(href: str, page: str | None) -> None:
    rows = index_page(cms.index([linked("RVU26B"), Row("RVU26A", "2026", href)]), INDEX)[0]
    assert rows[1].page == page


def test_label_and_page_are_paired_within_one_row() -> None:
    rows = [Row("RVU26B", "2026", None), linked("RVU26A")]
    assert [(r.label, r.page) for r in index_page(cms.index(rows), INDEX)[0]] == [
        ("RVU26B", None),
        ("RVU26A", f"{INDEX}/rvu26a"),
    ]


@pytest.mark.parametrize(("href", "page"), [("/release", "/release"), (None, "/year")])
def test_the_link_of_the_file_name_goes_before_that_of_another_cell(href: str | None, page: str) -> None:
    rows = [Row("RVU26A", "<a href='/year'>2026</a>", href)]
    assert [r.page for r in index_page(cms.index(rows), INDEX)[0]] == [HOST + page]


def test_a_row_listed_twice_is_one() -> None:
    rows = [linked("RVU11D", 2011), linked("RVU11D", 2011)]
    assert len(index_page(cms.index(rows), INDEX)[0]) == 1


def test_a_table_without_a_header_row_keeps_its_first_release() -> None:
    text = re.sub(r"<thead>.*?</thead>", "", cms.index([linked("RVU26B"), linked("RVU26A")]))
    assert [r.label for r in index_page(text, INDEX)[0]] == ["RVU26B", "RVU26A"]


def test_cells_and_rows_that_are_left_open_are_read() -> None:
    text = re.sub(r"</t[dr]>", "", cms.index([linked("RVU26B"), linked("RVU26A")]))
    assert [(r.name, r.year) for r in index_page(text, INDEX)[0]] == [("RVU26B", 2026), ("RVU26A", 2026)]


def test_the_page_after_this_one_is_found() -> None:
    assert index_page(cms.index([linked("RVU26A")], next_href="?page=1"), INDEX)[1] == f"{INDEX}?page=1"


PAGER = "<nav><a href='?page=0'>1</a> <a href='?page=1'>2</a> <a href='?page=2'>3</a></nav>"


@pytest.mark.parametrize(
    ("link", "after"),
    [
        ("<link rel='next' href='?page=1'>", "?page=1"),
        (PAGER, "?page=1"),
        ("<a href='?order=year&amp;sort=asc'>Year</a>", None),
        ("<a href='/other?page=1'>Other list</a>", None),
    ],
)
def test_the_page_after_this_one_is_found_however_it_is_linked(link: str, after: str | None) -> None:
    text = cms.index([linked("RVU26A")]).replace("</main>", f"{link}</main>")
    assert index_page(text, INDEX)[1] == (after and INDEX + after)


def test_the_last_of_numbered_pages_is_the_last() -> None:
    text = cms.index([linked("RVU26A")]).replace("</main>", f"{PAGER}</main>")
    assert [index_page(text, f"{INDEX}?page={n}")[1] for n in (1, 2)] == [f"{INDEX}?page=2", None]


@pytest.mark.parametrize("end", ["RVU26A", "</tbody>"])
def test_an_index_that_ends_within_its_table_is_to_be_asked_again(end: str) -> None:
    text = cms.index([linked("RVU26B"), linked("RVU26A")])
    with pytest.raises(SourceBusy, match=r"pfs-relative-value-files: the page ends within its table"):
        index_page(text[: text.rindex(end)], INDEX)


@pytest.mark.parametrize(
    "text",
    [
        "",
        cms.licence("/files/zip/rvu26a.zip"),
        cms.site("Not found", "<h1>Page not found</h1>"),
        cms.index([]),
        cms.index([Row("RVU26A", "2026", None)]),
        cms.index([linked("RVU26A")]).replace("File Name", "Document"),
        cms.site("Files", f"<ul><li><a href='{FILES}/rvu26a'>RVU26A</a></ul>"),
        "PK\x03\x04\x14\x00\x00\x00",
    ],
    ids=["empty", "licence", "not found", "no row", "no link", "other column", "a list", "a zip"],
)
def test_a_page_that_is_no_index_is_refused(text: str) -> None:
    with pytest.raises(SourceUnavailable, match=r"(?s)pfs-relative-value-files.*expected.*File Name.*browser"):
        index_page(text, INDEX)


@given(st.text(alphabet="<>/ abdrtlh='\"&;!-\nRVU26A", max_size=200))
def test_no_text_is_worse_than_refused(text: str) -> None:
    try:
        rows, _ = index_page(text, INDEX)
    except SourceUnavailable:
        return
    assert any(row.page for row in rows)


_LABELS = st.builds("RVU{:02}{}{}".format, st.integers(0, 99), *map(st.sampled_from, ("ABCD", ("", "R", "R1", "R2"))))


@pytest.mark.long
@settings(deadline=None)
@given(st.lists(st.tuples(_LABELS, st.integers(2003, 2099), st.integers(0, 9)), min_size=1, unique=True))
def test_whatever_is_listed_is_read_row_by_row(listed: list[tuple[str, int, int]]) -> None:
    rows = [Row(label, str(year), f"/node/{label}-{n}") for label, year, n in listed]
    read, _ = index_page(cms.index(rows), INDEX)
    assert [(r.label, r.year, r.page) for r in read] == list(
        dict.fromkeys((label, year, f"{HOST}/node/{label}-{n}") for label, year, n in listed)
    )


# --- a release's page -------------------------------------------------------------------------------------------


def test_a_release_page_is_label_description_and_zips() -> None:
    page = release_page(cms.release("RVU26A", [RVU26A_ZIP], description="January 2026 release"), f"{INDEX}/rvu26a")
    assert (page.label, page.description) == ("RVU26A", "January 2026 release")
    assert [(z.url, z.text, z.gated) for z in page.zips] == [(HOST + RVU26A_ZIP[0], RVU26A_ZIP[1], False)]


def test_links_that_are_no_zips_are_no_zips() -> None:
    text = cms.release("RVU26A", [RVU26A_ZIP, ("/files/document/rvu26a.pdf", "PDF"), ("/zip", "zip")])
    assert len(release_page(text, INDEX).zips) == 1


@pytest.mark.parametrize(
    "href",
    [
        " /apps/ama/license.asp?file=/physicianfeesched/downloads/RVU05A.zip",
        "/license/ama?file=%2Fphysicianfeesched%2Fdownloads%2FRVU05A.zip",
        "/license/ama?file=http://www.cms.hhs.gov/physicianfeesched/downloads/RVU05A.zip",
        "http://www.cms.hhs.gov/apps/ama/license.asp?File=physicianfeesched/downloads/RVU05A.zip",
    ],
)
def test_the_licence_page_gives_way_to_the_zip_behind_it(href: str) -> None:
    assert address(href, INDEX) == (f"{HOST}/physicianfeesched/downloads/RVU05A.zip", True)


def test_licence_pages_behind_licence_pages_are_followed_once() -> None:
    href = "/license/ama?file=" * 5_000 + "/downloads/RVU05A.zip"
    found = address(href, INDEX)
    assert found == (HOST + href.removeprefix("/license/ama?file="), True)


@pytest.mark.parametrize("host", [HOST, "https://edit.cms.gov", "https://downloads.cms.gov"])
@pytest.mark.parametrize("own", [HOST, "http://127.0.0.1:8080"])
def test_addresses_of_any_host_of_cms_are_those_of_the_site_that_was_asked(host: str, own: str) -> None:
    assert address(f"{host}/files/zip/a.zip", f"{own}/x") == (f"{own}/files/zip/a.zip", False)


@pytest.mark.parametrize("host", ["https://cms.gov.example.org", "https://notcms.gov"])
def test_a_host_that_only_looks_like_one_of_cms_is_none(host: str) -> None:
    assert address(f"{host}/files/zip/a.zip", INDEX) is None


def test_the_archive_of_every_declared_release_is_the_one_among_other_zips() -> None:
    paths = {label: release.zip_path for label, release in registry.releases().items() if release.zip_path}
    others = [("/files/zip/pfrev26a.zip", "payment"), ("/files/zip/26locco.zip", "localities")]
    pages = {r: release_page(cms.release(r, [others[0], (path, r), others[1]]), INDEX) for r, path in paths.items()}
    assert {r: rvu_archive(page, r).url for r, page in pages.items()} == {r: HOST + path for r, path in paths.items()}


@pytest.mark.parametrize(
    ("label", "zips", "archive"),
    [
        ("RVU24A", ["rvu24ar-posted-04/01/2024.zip", "rvu24a-updated-04/01/2024.zip"], "rvu24a-updated-04/01/2024.zip"),
        ("RVU05A", ["rvu05a_r.zip", "rvu05a.zip"], "rvu05a.zip"),
        ("RVU26B", ["rvu26b-updated-03-10-2026.zip", "rvu26b-updated-05-1-2026.zip"], "rvu26b-updated-05-1-2026.zip"),
        ("RVU26B", ["rvu26b.zip", "rvu26b-updated-03-10-2026.zip"], "rvu26b-updated-03-10-2026.zip"),
        ("RVU26A", ["rvu26ar_1.zip"], "rvu26ar_1.zip"),
        ("RVU26A", ["rvu26a.zip", "rvu26a.zip"], "rvu26a.zip"),
    ],
)
def test_of_several_zips_the_newest_named_after_the_label_is_the_archive(
    label: str, zips: list[str], archive: str
) -> None:
    page = release_page(cms.release(label, [(f"/files/zip/{z}", z) for z in zips]), INDEX)
    assert rvu_archive(page, label).url == f"{HOST}/files/zip/{archive}"


@pytest.mark.parametrize(
    "newer",
    ["rvu26a-corrected.zip", "rvu26a_0.zip", "rvu26a-0.zip", "rvu26a-updated-1-31-26.zip", "rvu26a_updated.zip"],
)
@pytest.mark.parametrize("older", ["rvu26a.zip", "rvu26a-updated-12-29-2025.zip"])
def test_a_zip_whose_name_doesnt_say_when_may_be_the_newest_of_several(older: str, newer: str) -> None:
    page = release_page(cms.release("RVU26A", [(f"/files/zip/{z}", z) for z in (older, newer)]), INDEX)
    with pytest.raises(SourceUnavailable, match=rf"dates in the names of several, found {older}, {newer}"):
        rvu_archive(page, "RVU26A")


@pytest.mark.parametrize(
    ("name", "words"),
    [("correction-notice-rvu26a.zip", "Correction"), ("january-2026.zip", "RVU26A - Corrected"), ("26a.zip", "RVU26A")],
)
def test_a_zip_that_names_the_release_elsewhere_may_be_the_newest_of_several(name: str, words: str) -> None:
    zips = [("/files/zip/rvu26a-updated-12-29-2025.zip", "RVU26A"), (f"/files/zip/{name}", words)]
    with pytest.raises(SourceUnavailable, match=rf"found rvu26a-updated-12-29-2025.zip, {name}"):
        rvu_archive(release_page(cms.release("RVU26A", zips), INDEX), "RVU26A")


def test_a_single_zip_that_only_its_words_name_is_the_archive() -> None:
    page = release_page(cms.release("RVU27A", [("/files/zip/january-2027.zip", "RVU27A - Updated")]), INDEX)
    assert rvu_archive(page, "RVU27A").url == f"{HOST}/files/zip/january-2027.zip"


@pytest.mark.parametrize("zips", [["pfrev26a.zip"], ["rvu26a-one.zip", "rvu26a-two.zip"], ["rvu25a.zip"]])
def test_without_one_zip_of_its_name_a_page_is_refused(zips: list[str]) -> None:
    page = release_page(cms.release("RVU26A", [(f"/files/zip/{z}", z) for z in zips]), INDEX)
    with pytest.raises(SourceUnavailable, match=zips[0]):
        rvu_archive(page, "RVU26A")


def test_another_releases_page_is_refused() -> None:
    page = release_page(cms.release("RVU25A", [("/files/zip/rvu25a.zip", "x")]), INDEX)
    with pytest.raises(SourceUnavailable, match="expected the page of RVU26A, found that of RVU25A"):
        rvu_archive(page, "RVU26A")


@pytest.mark.parametrize(
    "text",
    ["", cms.licence("/files/zip/rvu26a.zip"), cms.release("RVU26A", []), cms.site("Files", "<a href='/a.zip'>a</a>")],
    ids=["empty", "licence", "no zip", "no label"],
)
def test_a_page_that_is_no_release_is_refused(text: str) -> None:
    with pytest.raises(SourceUnavailable, match=r"(?s)rvu26a: expected the page of one release.*browser"):
        release_page(text, f"{INDEX}/rvu26a")


def test_the_date_in_a_zips_name_is_the_declared_one() -> None:
    dated = [r for r in registry.releases().values() if re.search(r"(updated|posted)", r.zip_path or "")]
    assert len(dated) > 20
    assert {r.label: posted_on(r.zip_path or "") for r in dated} == {r.label: r.published_on for r in dated}


@pytest.mark.parametrize("name", ["rvu26a.zip", "rvu26a-updated-13-45-2026.zip", "rvu26a-2026.zip"])
def test_a_name_without_a_date_has_none(name: str) -> None:
    assert posted_on(f"/files/zip/{name}") is None


@given(st.dates(date(2020, 1, 1), date(2099, 12, 31)), st.sampled_from(["{:02}{:02}{}", "{:02}/{:02}/{}", "{}-{}-{}"]))
def test_every_date_in_cms_ways_to_write_it_is_read(day: date, form: str) -> None:
    written = form.format(day.month, day.day, day.year)
    assert posted_on(f"/files/zip/rvu20a-updated-{written}.zip") == day


# --- what is new ------------------------------------------------------------------------------------------------


def test_a_known_zip_is_known() -> None:
    site = Site({FILES: cms.index([linked("RVU26A")]), f"{FILES}/rvu26a": cms.release("RVU26A", [RVU26A_ZIP])})
    (posting,) = discover(site, releases(RVU26A), {})
    assert (posting.state, posting.url) == ("known", HOST + RVU26A_ZIP[0])


def test_the_case_of_a_path_and_an_old_host_make_no_new_zip() -> None:
    old = known("RVU14A", "/Medicare/PhysicianFeeSched/Downloads/RVU14A.zip")
    zips = [("http://www.cms.hhs.gov/medicare/physicianfeesched/downloads/rvu14a.ZIP", "RVU14A")]
    site = Site({FILES: cms.index([linked("RVU14A", 2014)]), f"{FILES}/rvu14a": cms.release("RVU14A", zips)})
    assert [p.state for p in discover(site, releases(old), {})] == ["known"]


def test_a_label_that_nobody_knows_is_a_new_label() -> None:
    rows = [linked("RVU27A", 2027), linked("RVU26A")]
    zips = [("/files/zip/rvu27a.zip", "RVU27A")]
    site = Site(
        {
            FILES: cms.index(rows),
            f"{FILES}/rvu27a": cms.release("RVU27A", zips),
            f"{FILES}/rvu26a": cms.release("RVU26A", [RVU26A_ZIP]),
        }
    )
    postings = discover(site, releases(RVU26A), {})
    assert [(p.label, p.state) for p in postings] == [("RVU27A", "new_label"), ("RVU26A", "known")]
    assert postings[0].url == f"{HOST}/files/zip/rvu27a.zip"


def test_another_zip_under_a_known_label_is_a_new_zip() -> None:
    zips = [("/files/zip/rvu26a-updated-01/31/2026.zip", "RVU26A")]
    site = Site({FILES: cms.index([linked("RVU26A")]), f"{FILES}/rvu26a": cms.release("RVU26A", zips)})
    (posting,) = discover(site, releases(RVU26A), {})
    assert (posting.state, posting.url) == ("new_zip", HOST + zips[0][0])
    assert RVU26A_ZIP[0] in posting.note


def test_a_zip_that_is_in_the_cache_is_not_new() -> None:
    zips = [("/files/zip/rvu26a-updated-01/31/2026.zip", "RVU26A")]
    site = Site({FILES: cms.index([linked("RVU26A")]), f"{FILES}/rvu26a": cms.release("RVU26A", zips)})
    (posting,) = discover(site, releases(RVU26A), {"RVU26A": {HOST + zips[0][0]}})
    assert posting.state == "known"


def test_a_label_that_only_the_cache_knows_is_not_new() -> None:
    zips = [("/files/zip/rvu27a.zip", "RVU27A")]
    site = Site({FILES: cms.index([linked("RVU27A", 2027)]), f"{FILES}/rvu27a": cms.release("RVU27A", zips)})
    assert [p.state for p in discover(site, {}, {"RVU27A": [HOST + zips[0][0]]})] == ["known"]


BESIDE = f'<a href="{FILES}/rvu27a">{{}}</a>'


@pytest.mark.parametrize(
    ("place", "put"),
    [
        ("</main>", f"<table><tr><th>Document</th></tr><tr><td>{BESIDE.format('RVU27A')}</td></tr></table></main>"),
        ("</main>", f"<p>The final rule: {BESIDE.format('January 2027 release')}</p></main>"),
        ("RVU26A</a>", f"RVU26A</a> {BESIDE.format('RVU27A')}"),
    ],
    ids=["in another table", "in a paragraph", "second in a cell"],
)
def test_a_new_release_that_the_index_links_outside_of_its_rows_is_a_new_label(place: str, put: str) -> None:
    site = Site(
        {
            FILES: cms.index([linked("RVU26A")]).replace(place, put),
            f"{FILES}/rvu26a": cms.release("RVU26A", [RVU26A_ZIP]),
            f"{FILES}/rvu27a": cms.release("RVU27A", [("/files/zip/rvu27a.zip", "RVU27A")]),
        }
    )
    assert [(p.label, p.state, p.url) for p in discover(site, releases(RVU26A), {})] == [
        ("RVU26A", "known", HOST + RVU26A_ZIP[0]),
        ("RVU27A", "new_label", f"{HOST}/files/zip/rvu27a.zip"),
    ]


def test_a_correction_that_only_the_page_of_the_corrected_release_links_is_a_new_label() -> None:
    zips = [RVU26A_ZIP, ("/files/zip/rvu26ar.zip", "correction"), ("/files/zip/pfrev26a.zip", "payment")]
    site = Site({FILES: cms.index([linked("RVU26A")]), f"{FILES}/rvu26a": cms.release("RVU26A", zips)})
    found = discover(site, releases(RVU26A), {})
    assert [(p.label, p.state) for p in found] == [("RVU26A", "known"), ("RVU26AR", "new_label")]
    assert found[1].url == f"{HOST}/files/zip/rvu26ar.zip"
    again = discover(site, releases(RVU26A), {"RVU26AR": [f"{HOST}/files/zip/rvu26ar.zip"]})
    assert of("RVU26AR", again).state == "known"


def test_a_correction_with_a_page_of_its_own_is_taken_from_there() -> None:
    rows = [linked("RVU26A"), linked("RVU26AR")]
    pages = {FILES: cms.index(rows), f"{FILES}/rvu26a": cms.release("RVU26A", [RVU26A_ZIP, ("/rvu26ar.zip", "x")])}
    pages[f"{FILES}/rvu26ar"] = cms.release("RVU26AR", [("/files/zip/rvu26ar.zip", "x")])
    found = discover(Site(pages), releases(RVU26A), {})
    assert [(p.label, p.page) for p in found] == [("RVU26A", f"{INDEX}/rvu26a"), ("RVU26AR", f"{INDEX}/rvu26ar")]


def test_a_zip_that_cms_links_again_after_another_is_a_new_zip() -> None:
    site = Site({FILES: cms.index([linked("RVU26A")]), f"{FILES}/rvu26a": cms.release("RVU26A", [RVU26A_ZIP])})
    (posting,) = discover(site, releases(RVU26A), {"RVU26A": [f"{HOST}/files/zip/rvu26a-updated-01-31-2026.zip"]})
    assert (posting.state, posting.url) == ("new_zip", HOST + RVU26A_ZIP[0])


def test_a_release_whose_year_is_wrong_in_the_index_is_read() -> None:
    site = Site({FILES: cms.index([linked("RVU26A", 2020)]), f"{FILES}/rvu26a": cms.release("RVU26A", [RVU26A_ZIP])})
    assert [p.url for p in discover(site, releases(RVU26A), {}, since=2025)] == [HOST + RVU26A_ZIP[0]]


def test_the_zip_of_a_release_without_a_recorded_address_is_a_new_zip() -> None:
    zips = [("/files/zip/rvu26a.zip", "RVU26A")]
    site = Site({FILES: cms.index([linked("RVU26A")]), f"{FILES}/rvu26a": cms.release("RVU26A", zips)})
    assert [p.state for p in discover(site, releases(known("RVU26A", None)), {})] == ["new_zip"]


def test_a_zip_behind_the_licence_page_says_so() -> None:
    zips = [("/license/ama?file=" + RVU26A_ZIP[0], "RVU26A")]
    site = Site({FILES: cms.index([linked("RVU26A")]), f"{FILES}/rvu26a": cms.release("RVU26A", zips)})
    (posting,) = discover(site, releases(RVU26A), {})
    assert (posting.state, posting.url) == ("known", HOST + RVU26A_ZIP[0])
    assert "licence" in posting.note


def test_two_pages_under_one_label_are_both_judged() -> None:
    rows = [linked("RVU26A"), Row("RVU26A", "2026", f"{FILES}/rvu26a-0")]
    newer = [("/files/zip/rvu26a-updated-01-31-2026.zip", "RVU26A")]
    site = Site(
        {
            FILES: cms.index(rows),
            f"{FILES}/rvu26a": cms.release("RVU26A", [RVU26A_ZIP]),
            f"{FILES}/rvu26a-0": cms.release("RVU26A", newer),
        }
    )
    assert [p.state for p in discover(site, releases(RVU26A), {})] == ["known", "new_zip"]


def test_a_known_label_that_the_index_lacks_has_vanished() -> None:
    site = Site({FILES: cms.index([linked("RVU26A")]), f"{FILES}/rvu26a": cms.release("RVU26A", [RVU26A_ZIP])})
    postings = discover(site, releases(known("RVU25D", "/files/zip/rvu25d.zip"), RVU26A), {})
    assert (of("RVU25D", postings).state, of("RVU25D", postings).page) == ("vanished", f"{INDEX}/rvu25d")
    assert of("RVU26A", postings).state == "known"


def test_an_index_that_lacks_most_known_releases_is_refused_instead() -> None:
    site = Site({FILES: cms.index([linked("RVU26A")]), f"{FILES}/rvu26a": cms.release("RVU26A", [RVU26A_ZIP])})
    others = [known(f"RVU25{quarter}", f"/files/zip/rvu25{quarter}.zip") for quarter in "ABCD"]
    with pytest.raises(SourceUnavailable, match="4 of 5"):
        discover(site, releases(RVU26A, *others), {})


def test_every_page_of_the_index_is_read() -> None:
    site = Site(
        {
            FILES: cms.index([linked("RVU26A")], next_href="?page=1"),
            f"{FILES}?page=1": cms.index([linked("RVU25D", 2025)], next_href="?page=2"),
            f"{FILES}?page=2": cms.index([linked("RVU25C", 2025)]),
        }
    )
    assert [p.label for p in discover(site, {}, {})] == ["RVU26A", "RVU25D", "RVU25C"]


def test_an_index_that_leads_back_to_itself_ends() -> None:
    site = Site({FILES: cms.index([linked("RVU26A")], next_href="?page=0")})
    site.pages[f"{INDEX}?page=0"] = site.pages[INDEX]
    assert [p.label for p in discover(site, {}, {})] == ["RVU26A"]


def test_an_index_without_an_end_is_refused() -> None:
    numbered = {f"{FILES}?page={n}": cms.index([linked("RVU26A")], next_href=f"?page={n + 1}") for n in range(100)}
    with pytest.raises(SourceUnavailable, match="pages of index"):
        discover(Site({FILES: cms.index([linked("RVU26A")], next_href="?page=0"), **numbered}), {}, {})


def test_a_half_read_index_reports_nothing() -> None:
    site = Site({FILES: cms.index([linked("RVU26A")], next_href="?page=1")})
    with pytest.raises(SourceUnavailable, match="page=1"):
        discover(site, releases(RVU26A), {})


@pytest.mark.parametrize("page", [None, cms.licence("/x.zip"), cms.release("RVU25A", [("/rvu25a.zip", "x")])])
def test_one_page_that_cant_be_read_does_not_stop_the_others(page: str | None) -> None:
    pages = {FILES: cms.index([linked("RVU26B"), linked("RVU26A")])}
    pages[f"{FILES}/rvu26a"] = cms.release("RVU26A", [RVU26A_ZIP])
    if page:
        pages[f"{FILES}/rvu26b"] = page
    postings = discover(Site(pages), releases(RVU26A, known("RVU26B", "/files/zip/rvu26b.zip")), {})
    assert [(p.label, p.state) for p in postings] == [("RVU26B", "unreachable"), ("RVU26A", "known")]
    assert f"{INDEX}/rvu26b" in postings[0].note


def test_a_release_listed_without_a_link_is_reported() -> None:
    site = Site({FILES: cms.index([Row("RVU27A", "2027", None), linked("RVU26A")])})
    posting = of("RVU27A", discover(site, releases(RVU26A), {}))
    assert posting.state == "unreachable"
    assert "new label" in posting.note
    assert "without a link" in posting.note


def test_pages_of_known_old_releases_are_not_read() -> None:
    old = known("RVU14A", "/x/downloads/rvu14a.zip")
    pages = {FILES: cms.index([linked("RVU26A"), linked("RVU14A", 2014)])}
    pages[f"{FILES}/rvu26a"] = cms.release("RVU26A", [RVU26A_ZIP])
    site = Site(pages)
    assert [p.state for p in discover(site, releases(RVU26A, old), {}, since=2025)] == ["known", "known"]
    assert site.asked == [INDEX, f"{INDEX}/rvu26a"]


@pytest.mark.parametrize("row", [Row("RVU14A", "2014", f"{FILES}/rvu14a-0"), linked("RVU14AR", 2014)])
def test_an_old_release_is_read_when_its_page_is_another_or_it_is_new(row: Row) -> None:
    site = Site({FILES: cms.index([linked("RVU14A", 2014), row])})
    discover(site, releases(known("RVU14A", "/x/downloads/rvu14a.zip")), {}, since=2025)
    assert site.asked == [INDEX, urljoin(HOST, row.href)]


def test_pages_are_asked_with_a_pause_between_two(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("pfsetl.source.discover.time.sleep", pauses.append)
    get = discovering.politely(Site({"/a": "", "/b": "", "/c": ""}))
    for path in "abc":
        get(f"{HOST}/{path}")
    assert pauses == [discovering.PAUSE] * 2


def test_the_cache_knows_the_address_of_its_newest_archive(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / "part").write_bytes(b"%d" % number)
        cache.keep(tmp_path, "RVU26A", tmp_path / "part", f"https://a/{number}.zip")
    assert discovering.cached_addresses(tmp_path) == {"RVU26A": {"https://a/2.zip"}}


def test_an_empty_cache_knows_nothing(tmp_path: Path) -> None:
    assert discovering.cached_addresses(tmp_path / "none") == {}


# --- the row that declares a new release ------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["RVU26D", "RVU25B", "RVU23A"])
def test_the_row_of_a_release_says_what_is_declared_of_it(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = next(r for r in declarations.texts("releases.csv") if r["release"] == label)
    monkeypatch.setattr(registry, "releases", dict)
    made = release_row(Posting(label, HOST + declared["zip"], HOST + declared["page"], "new_label"))
    told = ("sha256", "rows", "localities", "note")
    assert {k: v for k, v in made.items() if k not in told} == {k: v for k, v in declared.items() if k not in told}


def test_a_row_has_the_columns_of_the_declaration_in_their_order() -> None:
    assert list(release_row(Posting("RVU27A", None, None, "new_label"))) == list(declarations.texts("releases.csv")[0])


@pytest.mark.parametrize(("label", "supersedes"), [("RVU27AR", "RVU27A"), ("RVU27AR1", "RVU27A"), ("RVU27A", "")])
def test_a_correction_supersedes_the_release_it_corrects(label: str, supersedes: str) -> None:
    assert release_row(Posting(label, None, None, "new_label"))["supersedes"] == supersedes


def test_a_label_outside_the_naming_rule_gets_no_dates() -> None:
    row = release_row(Posting("RVU27M", None, None, "new_label", year=2027))
    assert (row["year"], row["quarter"], row["effective_from"], row["never_effective"]) == ("2027", "", "", "")


# --- the command ------------------------------------------------------------------------------------------------


@contextmanager
def serving(pages: Mapping[str, str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, "").encode()
            self.send_response(200 if self.path in pages else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def declared_pages() -> dict[str, str]:
    """CMS's site as `schemas/releases.csv` knows it, with absolute links."""
    known = registry.releases().values()
    pages = {r.page: cms.release(r.label, [(r.zip_path, r.label)]) for r in known if r.page and r.zip_path}
    return pages | {FILES: cms.index([Row(r.label, str(r.year), HOST + r.page) for r in known if r.page])}


@pytest.fixture
def discovered(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setattr(discovering, "PAUSE", 0.0)

    def command(pages: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
        with serving(pages) as base:
            monkeypatch.setenv("PFSETL_CMS_URL", base)
            return run("discover", "--cache", tmp_path, *arguments)

    return command


def test_the_command_says_when_nothing_is_new(discovered: Run) -> None:
    code, out, err = discovered(declared_pages(), "--since", "2026")
    assert (code, err) == (0, "")
    assert "nothing new" in out


def test_the_command_prints_the_row_of_a_new_release(discovered: Run) -> None:
    pages = declared_pages()
    new = linked("RVU27A", 2027)
    pages[FILES] = pages[FILES].replace(
        "<tbody>", cms.table([new]).partition("</thead>")[2].replace("</tbody></table>", "")
    )
    pages[f"{FILES}/rvu27a"] = cms.release(
        "RVU27A", [("/files/zip/rvu27a-updated-12/30/2026.zip", "x")], description="Sheets, [/bold] and \x1b[31m all"
    )
    code, out, _ = discovered(pages, "--since", "2027")
    assert code == 0
    row = next(csv.reader(io.StringIO(out.splitlines()[-1])))
    expected = ["RVU27A", "2027", "1", "initial", "2027-01-01", "2027-03-31", "false", "", "2026-12-30"]
    assert row[:9] == expected
    assert row[-1].endswith("CMS: Sheets, [/bold] and [31m all")
    assert row[9:11] == [f"{FILES}/rvu27a", "/files/zip/rvu27a-updated-12/30/2026.zip"]


def test_the_command_prints_postings_as_data(discovered: Run) -> None:
    pages = declared_pages()
    pages[f"{FILES}/rvu26d"] = cms.release("RVU26D", [("/files/zip/rvu26d-updated-11-02-2026.zip", "x")])
    code, out, _ = discovered(pages, "--since", "2026", "--json")
    assert code == 0
    news = [p for p in json.loads(out)["postings"] if p["state"] != "known"]
    assert [(p["label"], p["state"], p["row"]) for p in news] == [("RVU26D", "new_zip", None)]


def test_the_command_names_a_page_that_cant_be_read_and_ends_with_3(discovered: Run) -> None:
    pages = declared_pages()
    del pages[f"{FILES}/rvu26c"]
    code, out, err = discovered(pages, "--since", "2026")
    assert code == 3
    assert out.split()[:3] == ["not", "read", "RVU26C"]
    assert "RVU26C" in err
    assert "404" in err


def test_the_command_ends_with_3_when_the_index_is_another_page(discovered: Run) -> None:
    code, out, err = discovered({FILES: cms.licence("/x.zip")})
    assert (code, out) == (3, "")
    assert "File Name" in err


@pytest.mark.long
def test_the_command_ends_with_3_when_cms_cant_be_reached(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFSETL_CMS_URL", "http://127.0.0.1:9")
    code, _, err = run("discover")
    assert code == 3
    assert "browser" in err


def test_a_table_in_a_cell_leaves_the_row_around_it_whole() -> None:
    text = "<table><tr><td>a<table><tr><td>b</td></tr></table></p></td><td>c</td></tr></table>"
    outer = next(parse(text).all("tr"))
    assert [part.text() for part in outer.children] == ["a b", "c"]


def test_text_of_scripts_is_not_shown() -> None:
    assert parse("a<script>b</script><style>c</style> d").text() == "a d"
