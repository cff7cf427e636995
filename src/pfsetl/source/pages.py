"""Text of CMS's pages to records: the rows of the index of releases, and the zips of a release's page.

Structure of both pages: CMS's site as it was in 2025 and 2026. Addresses are taken as published, never guessed:
slugs have suffixes (`rvu25d-0`), zip names have dates with slashes (`rvu25a-updated-01/10/2025.zip`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qs, urljoin, urlsplit, urlunsplit

from pfsetl.errors import SourceBusy, SourceUnavailable
from pfsetl.source.markup import Element, parse
from pfsetl.source.zip_names import file_name, posted_on, release_in

_CMS_HOST = re.compile(r"(.+\.)?cms(\.hhs)?\.gov")  # edit.cms.gov, where pages are written, gets into links
_GATES = ("/license.asp", "/license/ama")
_LABEL = re.compile(r"\b([A-Z]+\d{2}[A-Z]\w*)")
_FIELD = "field--name-field-dyna-"
_REMEDY = (
    "Look at it in a browser: if CMS has changed the page, download the zip there, give it to 'pfsetl build LABEL "
    "--archive ZIP --output STORE', and report the change."
)


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One row of the index: the label, the name as listed, the calendar year, the address of the release's page."""

    label: str
    name: str
    year: int | None
    page: str | None


@dataclass(frozen=True, slots=True)
class ZipLink:
    """One zip that a page links: its real address, the words of the link, and whether the link led to a licence."""

    url: str
    text: str
    gated: bool


@dataclass(frozen=True, slots=True)
class ReleasePage:
    """What a release's page says: its label and description, and the zips it links."""

    url: str
    label: str
    description: str
    zips: tuple[ZipLink, ...]


def label_of(name: str) -> str:
    """Return the release label in a name as CMS writes it; a name without one is returned as it stands.

    >>> label_of("rvu08d.ZIP"), label_of("RVU26A - Updated 12/29/2025"), label_of("RVU10C pct22")
    ('RVU08D', 'RVU26A', 'RVU10C_PCT22')
    """
    upper = re.sub(r"\s+(?=PCT\d)", "_", " ".join(name.upper().split()))
    found = _LABEL.search(upper)
    return found[1] if found else upper or "(no name)"


def address(href: str, page_url: str) -> tuple[str, bool] | None:
    """Return where a link leads and whether through the AMA licence page; None for what is not on the page's host.

    The licence page's own address is replaced by that of the file behind it. CMS's hosts, old and inner ones included,
    become the host that the page came from, so that a mirror (PFSETL_CMS_URL) serves everything that CMS does.

    >>> address(" /apps/ama/license.asp?file=/x/downloads/RVU05A.zip", "https://www.cms.gov/page")
    ('https://www.cms.gov/x/downloads/RVU05A.zip', True)
    """
    try:
        target, own = urlsplit(urljoin(page_url, href.strip())), urlsplit(page_url)
        behind = {name.lower(): values for name, values in parse_qs(target.query).items()}.get("file")
        gated = bool(behind) and target.path.lower().endswith(_GATES)
        if behind and gated:
            file = behind[0].strip()
            target = urlsplit(urljoin(page_url, file if re.match(r"https?:|/", file, re.IGNORECASE) else f"/{file}"))
        if target.scheme not in ("http", "https") or not (
            target.netloc == own.netloc or _CMS_HOST.fullmatch(target.hostname or "")
        ):
            return None
        return urlunsplit((own.scheme, own.netloc, target.path, target.query, "")), gated
    except ValueError:
        return None


def index_page(text: str, url: str) -> tuple[tuple[IndexRow, ...], str | None]:
    """Return the rows of one page of CMS's index, and the address of the page after it, if there is one.

    Label and address are taken from within one row of the table, the column by its header. A row listed twice is
    returned once. Raises SourceUnavailable when the page has no table of releases with links, SourceBusy when it ends
    within a table: a server that breaks off without having said how long the page is leaves no other sign.
    """
    root, plain = parse(text), text.casefold()
    rows = dict.fromkeys(row for table in root.all("table") for row in _index_rows(table, url))
    if not any(row.page for row in rows):
        raise SourceUnavailable(
            f"{url}: expected CMS's index of relative value files, a table with a column 'File Name' whose rows link "
            f"the releases; found {_title(root)} without one. {_REMEDY}"
        )
    if plain.rfind("</table") < plain.rfind("<table"):
        raise SourceBusy(f"{url}: the page ends within its table, so part of it didn't arrive. Try again later.")
    return tuple(rows), _following(root, url)


def linked_elsewhere(text: str, url: str) -> tuple[IndexRow, ...]:
    """Return the links of the index, in its table or not, whose words or address name a release by the quarter rule.

    CMS may list a release in another table, in a paragraph, or as the second link of a cell.
    """
    found: dict[IndexRow, None] = {}
    for link in _links(parse(text)):
        target, words = address(link.attributes["href"], url), link.text()
        label = target and (release_in(words) or release_in(file_name(target[0])))
        if target and label:
            found[IndexRow(label, words, None, target[0])] = None
    return tuple(found)


def release_page(text: str, url: str) -> ReleasePage:
    """Return what a release's page says; raises SourceUnavailable when it names no release or links no zip."""
    root = parse(text)
    label = label_of(_field(root, "file-name") or _title(root).partition("|")[0])
    zips = tuple(dict.fromkeys(_zips(root, url)))
    if not (_LABEL.fullmatch(label) and zips):
        raise SourceUnavailable(
            f"{url}: expected the page of one release, its File Name and a link to its zip; found {_title(root)} "
            f"with {len(zips)} zips. {_REMEDY}"
        )
    return ReleasePage(url, label, _field(root, "description"), zips)


def rvu_archive(page: ReleasePage, label: str) -> ZipLink:
    """Return the release's own archive among the zips of its page.

    It is the zip named after the label (`rvu05a_r.zip` is RVU05AR), by its words where its name tells no release; of
    several, the one with the latest date, before which only the label itself (`rvu26a.zip`) may be without one. Raises
    SourceUnavailable when the page is another release's, or no zip or no single one is named after the label.
    """
    if page.label != label:
        raise SourceUnavailable(f"{page.url}: expected the page of {label}, found that of {page.label}. {_REMEDY}")
    pattern = "[_-]?".join(c.lower() for c in label if c.isalnum())
    for after in (r"(?![a-z0-9]|[_-]r\d?(?![a-z0-9]))", ""):  # rvu24a-updated before rvu24ar, where a page links both
        named = {z.url: z for z in page.zips if re.match(pattern + after, file_name(z.url)) or _release_of(z) == label}
        dates = {url: posted_on(url) or date.min for url in named}
        # NOTE: more in a name than the label, and no date that is understood, may be the newest of all.
        unsure = [
            url for url in named if dates[url] == date.min and not re.fullmatch(pattern + r"\.zip", file_name(url))
        ]
        newest = [url for url in named if dates[url] == max(dates.values())]
        if len(newest) == 1 and (len(named) == 1 or not unsure):
            return named[newest[0]]
        if newest:
            break
    names = ", ".join(file_name(z.url) for z in page.zips)
    raise SourceUnavailable(
        f"{page.url}: expected one zip named after {label}, or dates in the names of several, found {names}. {_REMEDY}"
    )


def other_releases(page: ReleasePage) -> dict[str, ZipLink]:
    """Return the zips of a release's page that are named after another release by the quarter rule, by its label."""
    named = {_release_of(z): z for z in page.zips}
    return {label: z for label, z in named.items() if label and label != page.label}


def _release_of(link: ZipLink) -> str | None:
    return release_in(file_name(link.url)) or release_in(link.text)


def _index_rows(table: Element, url: str) -> Iterator[IndexRow]:
    rows = [[c for c in row.children if c.tag in ("td", "th")] for row in table.all("tr")]
    headers = [cell.text().casefold() for cell in rows[0]] if rows else []
    at = next((i for i, header in enumerate(headers) if header.startswith("file name")), None)
    if at is None:
        return
    year_at = next((i for i, h in enumerate(headers) if h.startswith(("name", "calendar year", "year"))), len(headers))
    # NOTE: a table without a header row still shows the column's name in each cell.
    for cells in rows if _LABEL.search(headers[at].upper()) else rows[1:]:
        named, dated = cells[at : at + 1], cells[year_at : year_at + 1]
        name = _value(named[0], "File Name") if named else ""
        link = next((a for cell in (*named, *cells) for a in _links(cell)), None)
        page = address(link.attributes["href"], url) if link else None
        if name or page:
            year = re.search(r"\b20\d{2}\b", dated[0].text()) if dated else None
            yield IndexRow(label_of(name), name, int(year[0]) if year else None, page[0] if page else None)


def _value(cell: Element, label: str) -> str:
    """Return a cell's text without the column's name, which narrow screens show inside each cell."""
    text = cell.text()
    return text[len(label) :].strip(" :") if text.casefold().startswith(label.casefold()) else text


def _zips(root: Element, url: str) -> Iterator[ZipLink]:
    for link in _links(root):
        found = address(link.attributes["href"], url)
        if found and urlsplit(found[0]).path.lower().endswith(".zip"):
            yield ZipLink(found[0], link.text(), found[1])


def _links(element: Element) -> Iterator[Element]:
    return (a for a in element.all("a") if a.attributes.get("href", "").strip())


def _field(root: Element, name: str) -> str:
    """Return the value of one of the fields of a release's page: file-name, description."""
    block = next((e for e in root.all() if e.has_class(_FIELD + name)), None)
    items = [e for e in block.all() if e.has_class("field__item")] if block else []
    return items[0].text() if items else ""


def _following(root: Element, url: str) -> str | None:
    """Return the page after this one: the link that says so, else the next number that a pager links."""
    marked = next((link for link in root.all("a", "link") if _is_next(link)), None)
    if marked:
        found = address(marked.attributes.get("href", ""), url)
        return found[0] if found else None
    later: dict[int, str] = {}
    for link in _links(root):
        found = address(link.attributes["href"], url)
        if found and urlsplit(found[0]).path == urlsplit(url).path and _number(found[0]) > _number(url):
            later.setdefault(_number(found[0]), found[0])
    return later[min(later)] if later else None


def _number(url: str) -> int:
    """Return the number of a page of the index, which counts from 0."""
    said = parse_qs(urlsplit(url).query).get("page", ["0"])[0]
    return int(said) if re.fullmatch(r"[0-9]{1,4}", said) else 0


def _is_next(link: Element) -> bool:
    return "next" in link.attributes.get("rel", "").split()


def _title(root: Element) -> str:
    title = next(root.all("title"), None)
    return (title.text() if title else "") or "a page without a title"
