"""Labels of releases as people and browsers write them, held against those that `schemas/releases.csv` declares."""

import re
from collections.abc import Iterator

from pfsetl.declared import declarations, registry
from pfsetl.declared.registry import Release
from pfsetl.errors import UsageError

_COPY_OF = re.compile(r"^COPY OF ")
_LEADING = re.compile(r"^[A-Z0-9_]+")
_PARTED = re.compile(r"^(RVU)[ _-]+(?=\d)")
_LONG_YEAR = re.compile(r"^(RVU)20(?=\d\d_?[A-Z])")
_COUNTER = re.compile(r"_\d*$")


def to_build(label: str) -> Release:
    """Return the release to build under a label, inferred by CMS's rule where nothing of its quarter is declared.

    Raises UsageError for a label whose quarter has declared ones: what days it is in force can't be inferred, and most
    such labels are another spelling (RVU18C for RVU18C1) or the name of a file (rvu26ar_1.zip for RVU26A).
    """
    release = registry.find_or_infer(label)
    if not release.known and (there := beside(release)):
        raise UsageError(
            f"{release.label}: no such release in releases.csv, which has {' and '.join(there)} for this quarter. "
            f"Give {'that label' if len(there) == 1 else 'one of these labels'}, or, if CMS has posted "
            f"{release.label} as a release of its own, add its row with the days on which it's in force to "
            f"{declarations.named('releases.csv')}."
        )
    return release


def beside(release: Release) -> list[str]:
    """Return the declared labels of a release's quarter."""
    quarter = release.year, release.quarter
    return [known.label for known in registry.releases().values() if (known.year, known.quarter) == quarter]


def in_name(name: str) -> Release | None:
    """Return the release that the name of an archive, without its ending, begins with; None when it names none.

    What browsers and CMS add is left out: RVU25D_0, "RVU26A (1)", rvu26a-updated-12-29-2025, rvu03_a, "RVU 25A". The
    release may be one that isn't declared, see `to_build`.
    """
    for written in _spellings(name):
        try:
            return registry.find_or_infer(written)
        except UsageError:
            continue
    return None


def _spellings(name: str) -> Iterator[str]:
    """Yield the label that a name begins with, as it stands first, then with less and less of what was added."""
    name = _LONG_YEAR.sub(r"\1", _PARTED.sub(r"\1", _COPY_OF.sub("", name.strip().upper())))
    found = _LEADING.match(name)
    if not found:
        return
    label = found[0]
    yield label
    while _COUNTER.search(label):
        label = _COUNTER.sub("", label)
        yield label
    yield label.replace("_", "")
