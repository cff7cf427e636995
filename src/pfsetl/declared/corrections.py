"""What is odd in CMS's files and known to be, by `schemas/corrections.csv`: the most exact row first."""

from fnmatch import fnmatchcase

from pfsetl.declared import declarations
from pfsetl.declared.records.archives import CORRECTIONS, CorrectionRow, exactness


def of(action: str, release: str) -> tuple[CorrectionRow, ...]:
    """Return the corrections of an action (`explain`, `identity`, ...) that a release has, the most exact first."""
    fitting = (r for r in declarations.rows(CORRECTIONS) if r.action == action and fnmatchcase(release, r.release))
    return tuple(sorted(fitting, key=exactness, reverse=True))
