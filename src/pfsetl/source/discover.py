"""What CMS has posted, against what is known: new releases, other zips under known labels, releases taken down."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal
from urllib.parse import unquote, urljoin, urlsplit

from pfsetl.declared.registry import Release, find_or_infer
from pfsetl.errors import SourceUnavailable, UsageError, otherwise
from pfsetl.remedies import by_hand
from pfsetl.source import address, cache
from pfsetl.source.cache import Cache
from pfsetl.source.fetch import asked_address
from pfsetl.source.pages import (
    IndexRow,
    ZipLink,
    index_page,
    linked_elsewhere,
    other_releases,
    release_page,
    rvu_archive,
)
from pfsetl.source.web import Page
from pfsetl.source.zip_names import posted_on

INDEX = "/medicare/payment/fee-schedules/physician/pfs-relative-value-files"
PAUSE = 1.0  # seconds between two pages, so that a look at CMS is no burden to it
MAX_INDEX_PAGES = 20
READ_AT_ONCE = 16  # notes of a cache in a bucket

GetPage = Callable[[str], Page]
State = Literal["new_label", "new_zip", "known", "vanished", "unreachable"]


@dataclass(frozen=True, slots=True)
class Posting:
    """One release as CMS lists it now; `url` is its zip, None where it wasn't read or isn't there.

    State `new_label`: neither declared nor in the cache; `new_zip`: a known label with another zip than recorded;
    `known`: nothing new; `vanished`: declared with a page, but the index doesn't list it; `unreachable`: its page
    can't be read, and `note` says why.
    """

    label: str
    url: str | None
    page: str | None
    state: State
    note: str = ""
    year: int | None = None
    description: str = ""


def index_url() -> str:
    """Return the address of CMS's index of releases; PFSETL_CMS_URL replaces CMS's host."""
    return address.site() + INDEX


def politely(get_page: GetPage) -> GetPage:
    """Return `get_page` with a pause of PAUSE seconds between two pages."""
    asked: list[str] = []

    def get(url: str) -> Page:
        if asked:
            time.sleep(PAUSE)
        asked.append(url)
        return get_page(url)

    return get


def cached_addresses(kept: Cache) -> dict[str, set[str]]:
    """Return the addresses of each label's newest archive in the cache: where it came from, and where it was asked at.

    Earlier archives' are none of these: when CMS links one of them again, that is what it offers.
    """
    found = {row.label: {row.url} for row in cache.rows(kept)}
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        for label, asked in zip(found, pool.map(partial(asked_address, kept), found), strict=True):
            found[label] |= {asked} if asked else set()
    return found


def discover(
    get_page: GetPage,
    known: Mapping[str, Release],
    cached: Mapping[str, Collection[str]],
    *,
    since: int = 0,
) -> list[Posting]:
    """Read CMS's index and release pages, and return what they post in the index's order, then what has vanished.

    `known` are the declared releases, `cached` the addresses of the newest archives in the cache, both by label. The
    pages of known releases of years before `since` are read only where the index gives them another address. Releases
    that nobody knows are also taken from links beside the index's table, and from the page of another release, which
    may link its correction. Archives are compared by address: other bytes under the same address are found when they
    are fetched. Raises SourceUnavailable when the index can't be read whole; one release's page that can't is a posting
    `unreachable`.
    """
    rows, beside = _index(get_page, index_url())
    vanished = _vanished(rows, known, index_url())
    listed = {*known, *(row.label for row in rows)}
    pages = {row.page for row in rows}
    rows += [row for row in beside if row.label not in listed and row.page not in pages]
    listed |= {row.label for row in rows}
    postings: dict[Posting, None] = {}
    for row in rows:
        posting, others = _posting(get_page, row, known.get(row.label), cached.get(row.label, ()), since)
        postings[posting] = None
        for label, link in others.items():
            if label not in listed:
                postings[_judged(Posting(label, link.url, row.page, "known"), link, None, cached.get(label, ()))] = None
    return [*postings, *vanished]


def release_row(posting: Posting) -> dict[str, str]:
    """Return the row that declares a new release in `schemas/releases.csv`; what its label doesn't tell is empty.

    Year, quarter and dates follow CMS's naming rule (RVU{yy}{A,B,C,D}); a label with R is the correction of the one
    without (CMS's record layouts). The page's description may give other dates, so it is in the note.
    """
    try:
        release = find_or_infer(posting.label)
        year, quarter = str(release.year), str(release.quarter)
        first, last = str(release.effective_from or ""), str(release.effective_to or "")
        note = "dates by the quarter rule"
    except UsageError:
        year, quarter, first, last = str(posting.year or ""), "", "", ""
        note = "dates not known"
    base, _, number = posting.label.rpartition("R")
    correction = base[-1:] in tuple("ABCD") and (number.isdigit() or not number)
    date = posted_on(posting.url or "")
    return {
        "release": posting.label,
        "year": year,
        "quarter": quarter,
        "kind": "correction" if correction else "initial",
        "effective_from": first,
        "effective_to": last,
        "never_effective": "false" if first else "",
        "supersedes": base if correction else "",
        "published_on": str(date or ""),
        "page": urlsplit(posting.page or "").path,
        "zip": urlsplit(posting.url or "").path,
        "sha256": "",
        "rows": "",
        "localities": "",
        "note": f"{note}; CMS: {posting.description}" if posting.description else note,
    }


def _index(get_page: GetPage, url: str) -> tuple[list[IndexRow], list[IndexRow]]:
    """Return the rows of the index's table, and the links of its pages that name releases, there or elsewhere."""
    beside: dict[IndexRow, None] = {}
    rows: dict[tuple[str, str | None], IndexRow] = {}
    seen: list[str] = []
    following: str | None = url
    while following and following not in seen:
        if len(seen) == MAX_INDEX_PAGES:
            raise SourceUnavailable(f"{url}: more than {MAX_INDEX_PAGES} pages of index. Look at it in a browser.")
        seen.append(following)
        with otherwise(by_hand("LABEL")):
            page = get_page(following)
        found, following = index_page(page.text, page.url)
        for row in found:
            rows.setdefault((row.label, row.page), row)
        beside |= dict.fromkeys(linked_elsewhere(page.text, page.url))
    return list(rows.values()), list(beside)


def _vanished(rows: Sequence[IndexRow], known: Mapping[str, Release], url: str) -> list[Posting]:
    listed = {row.label for row in rows}
    expected = [release for release in known.values() if release.page]
    gone = [release for release in expected if release.label not in listed]
    if len(gone) * 2 > len(expected):
        raise SourceUnavailable(
            f"{url}: expected the releases that are declared, but {len(gone)} of {len(expected)} aren't among "
            f"the {len(listed)} listed. The list is incomplete, or it's another list: look at it in a browser."
        )
    note = "the index doesn't list it any more; keep its archive"
    return [Posting(r.label, None, urljoin(url, r.page or ""), "vanished", note, r.year) for r in gone]


def _posting(
    get_page: GetPage, row: IndexRow, release: Release | None, cached: Collection[str], since: int
) -> tuple[Posting, dict[str, ZipLink]]:
    """Return what a row of the index posts, and the zips of other releases on its page, by label."""
    posting = Posting(row.label, None, row.page, "known", year=row.year)
    moved = _is_moved(row.page, release)
    if release and not moved and release.year < since:  # by its own year: CMS's column may be wrong
        return replace(posting, note=f"page not read: older than {since}"), {}
    others: dict[str, ZipLink] = {}
    try:
        if row.page is None:
            raise SourceUnavailable(f"the index lists {row.name} without a link. Look at the index in a browser.")
        with otherwise(by_hand(row.label)):
            page = get_page(row.page)
        read = release_page(page.text, page.url)
        others = other_releases(read)
        link = rvu_archive(read, row.label)
    except SourceUnavailable as error:
        note = str(error) if release or cached else f"new label; {error}"
        return replace(posting, state="unreachable", note=note), others
    return _judged(replace(posting, url=link.url, description=read.description), link, release, cached), others


def _judged(posting: Posting, link: ZipLink, release: Release | None, cached: Collection[str]) -> Posting:
    """Say whether a zip is new: to the newest archive in the cache, or where there is none, to what is declared."""
    if not (release or cached):
        return replace(posting, state="new_label", note=_remarks(link))
    recorded = {_path(url) for url in cached or (release and release.zip_path,) if url}
    if _path(link.url) not in recorded:
        note = _remarks(link, f"recorded: {', '.join(sorted(recorded)) or 'none'}")
        return replace(posting, state="new_zip", note=note)
    moved = release and _is_moved(posting.page, release)
    return replace(posting, note=_remarks(link, f"page moved from {release.page}" if release and moved else ""))


def _is_moved(page: str | None, release: Release | None) -> bool:
    return bool(release and page and release.page and _path(page) != _path(release.page))


def _remarks(link: ZipLink, *remarks: str) -> str:
    gate = "behind CMS's licence page" if link.gated else ""
    return "; ".join(remark for remark in (*remarks, gate) if remark)


def _path(url: str) -> str:
    """Return what tells two addresses apart: CMS's hosts have changed, and its paths ignore case."""
    return unquote(urlsplit(url).path).casefold().rstrip("/")
