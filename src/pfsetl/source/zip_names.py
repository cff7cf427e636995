"""What the names of CMS's zips say: which release, and when it was posted."""

import re
from datetime import date
from urllib.parse import unquote, urlsplit

_RELEASE = re.compile(r"(?<![A-Z0-9])(RVU\d{2}[A-D])(?:[_-]?(R\d?)(?![A-Z0-9])|(?![A-Z0-9]))")  # by the quarter rule
_FOLDERS = re.compile(r".*/(?:downloads|files/zip)/", re.IGNORECASE)
_DATE = re.compile(r"(?:updated|posted)-?(\d{1,2}?)[-/]?(\d{1,2})[-/]?(20\d{2})(?!\d)", re.IGNORECASE)


def release_in(name: str) -> str | None:
    """Return the label by the quarter rule in a name or in words about a release, None where there is none.

    >>> release_in("rvu27a-updated-01/10/2027.zip"), release_in("rvu26a_r.zip"), release_in("pfrev26a.zip")
    ('RVU27A', 'RVU26AR', None)
    """
    found = _RELEASE.search(name.upper())
    return found[1] + (found[2] or "") if found else None


def posted_on(url: str) -> date | None:
    """Return the date in a zip's name, in any of CMS's ways to write it; None when it has none.

    >>> posted_on("/files/zip/rvu25a-updated-01/10/2025.zip"), posted_on("/files/zip/rvu21c-updated-6302021.zip")
    (datetime.date(2025, 1, 10), datetime.date(2021, 6, 30))
    """
    found = _DATE.search(unquote(urlsplit(url).path))
    try:
        return date(int(found[3]), int(found[1]), int(found[2])) if found else None
    except ValueError:
        return None


def file_name(url: str) -> str:
    """Return the name of the zip at an address, in small letters, with the slashes of a date in it."""
    path = unquote(urlsplit(url).path)
    return (_FOLDERS.sub("", path) if _FOLDERS.match(path) else path.rpartition("/")[2]).lower()
