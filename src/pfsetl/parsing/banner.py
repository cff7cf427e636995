"""What a PPRRVU file says about itself, held against the release it is built as.

A redirect or a mistaken path can hand over another year's file; publishing it under the wrong label would be
worse than failing.
"""

import re
from collections.abc import Sequence

from pfsetl.declared.registry import Release
from pfsetl.errors import ArchiveError
from pfsetl.parsing.read import RawTable

_MONTHS = ("JANUARY", "APRIL", "JULY", "OCTOBER")
_TITLE = re.compile(r"\b(20\d\d) NATIONAL PHYSICIAN FEE SCHEDULE")
_MONTH_IN_NAME = re.compile(r"_(JAN|APR|JUL|OCT)")
_NAME = re.compile(r"^pprrvu(?:20)?(\d\d)", re.IGNORECASE)


def notices(raws: Sequence[RawTable], release: Release) -> list[str]:
    """Return what is odd about the files' own titles; raise ArchiveError when they are of another release.

    The year stands in the title (csv, workbook) and in the file name, the quarter in titles from 2014 on and in some
    names. NOTE: one of them alone may be stale, which CMS's titles now and then are; both agreeing are believed.
    """
    found: list[str] = []
    for raw in raws:
        if raw.member != "pprrvu":
            continue
        title = raw.banner.upper()
        years = [int(y) for y in _TITLE.findall(title)]
        named = _NAME.match(raw.file.rpartition("/")[2])
        years += [2000 + int(named[1])] if named else []
        if years and release.year not in years:
            raise ArchiveError(
                f"{raw.file}: says it is of {years[0]}, but {release.label} is of {release.year}. "
                "Give the archive of this release, or the label of this archive."
            )
        if any(year != release.year for year in years):
            found.append(f"{raw.file}: title and name disagree about the year ({years})")
        expected = _MONTHS[release.quarter - 1]
        titled = next((m for m in _MONTHS if f"{m} RELEASE" in title), None)
        token = _MONTH_IN_NAME.search(raw.file.upper())
        named_for = next((m for m in _MONTHS if token and m.startswith(token[1])), None)
        if titled and titled != expected and named_for == titled:
            raise ArchiveError(
                f"{raw.file}: title and name say {titled.title()}, but {release.label} is the release of "
                f"{expected.title()}. Give the archive of this release, or the label of this archive."
            )
        if titled and titled != expected:
            found.append(f"{raw.file}: titled {titled.title()} release, built as {release.label}")
    return found
