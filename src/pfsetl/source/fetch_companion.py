"""A file that CMS publishes beside the releases, from where CMS posts it; what can't be fetched says where it lies."""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from pfsetl.declared import registry
from pfsetl.declared.records.archives import CompanionRow
from pfsetl.errors import SourceUnavailable, otherwise
from pfsetl.source import cache as archives
from pfsetl.source import web
from pfsetl.source.address import site, where
from pfsetl.source.cache import Cache
from pfsetl.source.download import discard, download
from pfsetl.source.web import Manners


@dataclass(frozen=True, slots=True)
class FetchedCompanion:
    """A fetched file: where it is kept under the name that CMS gave it, where it came from, and its hash."""

    kind: str
    path: Path
    url: str
    sha256: str


def fetch_companion(
    kind: str,
    cache: Cache,
    *,
    day: date,
    url: str | None = None,
    manners: Manners | None = None,
) -> FetchedCompanion:
    """Fetch the file of a kind that CMS posted for a day's quarter or year, into the cache beside the archives.

    Other bytes under the same name are kept beside it. Raises SourceUnavailable, with the page that has it, for a kind
    whose address isn't declared, or that CMS hands over only to who accepts a licence.
    """
    row = registry.companion_kinds()[kind]
    if url is None and (row.gate == "licence" or not row.address):
        raise SourceUnavailable(by_hand(row))
    manners = manners or web.usual_manners()
    address = url or site() + row.address.format(year=day.year, quarter=(day.month + 2) // 3)
    with archives.explained(cache), archives.alone(cache, f"companion-{kind}", manners.total):
        folder = archives.folder_of(cache)
        part = folder / "unfinished" / f"companion-{kind}"
        part.parent.mkdir(parents=True, exist_ok=True)

        def attempt(deadline: float) -> FetchedCompanion:
            got = download(address, part, limit=row.most_megabytes << 20, manners=manners, deadline=deadline)
            assert got is not None  # nothing was known of it
            return _kept(row, part, folder, got.url)

        with otherwise(by_hand(row)):
            return web.patiently(attempt, manners)


def by_hand(row: CompanionRow) -> str:
    """Say where CMS posts a file, what it asks for, and how it's loaded then."""
    gate = "accept the licence that CMS shows before it, " if row.gate == "licence" else ""
    page = where(row.page)
    there = f"CMS posts it at {page}: open that in a browser, {gate}" if page else "get it from CMS in a browser, "
    return f"{row.companion}: {there}save the file under its name, such as {row.example}, and load it."


def _kept(row: CompanionRow, part: Path, folder: Path, url: str) -> FetchedCompanion:
    data = part.read_bytes()
    if not data.strip() or data.lstrip()[:1] == b"<":
        discard(part)
        found = "an HTML page (a licence or another page)" if data.strip() else "nothing"
        raise SourceUnavailable(f"{url}: answered with {found}, not a file.")
    digest = hashlib.sha256(data).hexdigest()
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    is_one = name not in ("", "..") and name.isprintable()
    place = folder / "companions" / digest[:16] / (name if is_one else row.companion)
    place.parent.mkdir(parents=True, exist_ok=True)
    part.replace(place)
    discard(part)
    return FetchedCompanion(row.companion, place, url, digest)
