"""What the card of a code says beside its numbers: what it is, what goes with it, its limit, and its last changes."""

from typing import Any

from pfsetl.errors import UsageError
from pfsetl.publication.version import Version
from pfsetl.story.history import history
from pfsetl.story.profile import profile
from pfsetl.story.sentences import sentences
from pfsetl.tables.derive import SETTINGS

RELEASES = 5  # of the short history


def story(version: Version, hcpcs: str, release: str) -> dict[str, Any]:
    """Return the profile of a code, and its history until a release; what an older store lacks is in `not_told`."""
    told: dict[str, Any] = {"profile": None, "history": None, "not_told": []}
    try:
        told["profile"] = profile(hcpcs, release, output=version).rows[0]
    except UsageError as error:
        told["not_told"].append(str(error))
    try:
        told["history"] = _history(version, hcpcs, release)
    except UsageError as error:
        told["not_told"].append(str(error))
    return told


def _history(version: Version, hcpcs: str, release: str) -> dict[str, Any]:
    """Return the last rows of the whole service until a release, and the sentences on what moved its amounts."""
    rows = history(hcpcs, participant="non_qp", output=version).rows
    whole = [row for row in rows if row["modifier"] == min(r["modifier"] for r in rows)]
    labels = [row["release"] for row in whole]
    shown = whole[: labels.index(release) + 1][-RELEASES:] if release in labels else whole[-RELEASES:]
    return {"rows": shown, "sentences": {setting: sentences(shown, setting) for setting in SETTINGS}}
