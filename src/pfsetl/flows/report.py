"""What a run tells: its outcome as data, the table of what changed, a progress bar, and the error it ends with."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar, cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact

from pfsetl.errors import ChecksFailed, PfsetlError, SourceUnavailable
from pfsetl.publication import revision
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version
from pfsetl.watching.looks import Look

LOG = logging.getLogger("pfsetl.flows")

T = TypeVar("T")


class Outcome(TypedDict):
    """What a run did: the newest version, the releases it published, those that were there, and why others failed.

    `absent` are the wanted releases for which there was no archive.
    """

    version: int
    published: list[str]
    unchanged: list[str]
    failed: dict[str, str]
    absent: list[str]


@dataclass(slots=True)
class Result:
    """What became of each release of a run."""

    version: Version
    published: list[StagedRelease] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)

    def outcome(self) -> Outcome:
        """Return the outcome as data."""
        return {
            "version": self.version.number,
            "published": [one.release for one in self.published],
            "unchanged": self.unchanged,
            "failed": {label: why(error) for label, error in self.failed.items()},
            "absent": self.absent,
        }

    def word(self) -> str:
        """Return the outcome in a word."""
        return "failed" if self.failed else "published" if self.published else "unchanged"

    def sentence(self) -> str:
        """Return the outcome in a sentence."""
        counts = f"{len(self.published)} published, {len(self.unchanged)} unchanged, {len(self.failed)} failed"
        lacking = f", {len(self.absent)} absent" if self.absent else ""
        return f"Version {self.version.number}: {counts}{lacking}."


def why(error: Exception) -> str:
    """Return an error's message; one that isn't meant for the user says what kind it is."""
    return str(error) if isinstance(error, PfsetlError) else f"{type(error).__name__}: {error}"


def raise_if_failed(failed: Mapping[str, Exception]) -> None:
    """Raise what failed as one error that names each release, of the source when that alone is at fault."""
    if failed:
        at_source = all(isinstance(error, SourceUnavailable) for error in failed.values())
        kind = SourceUnavailable if at_source else ChecksFailed
        raise kind("\n".join(f"{label}: {why(error)}" for label, error in failed.items()))


def show_backfill(result: Result) -> None:
    """Leave the table artifact of a backfill: a row per release with its revision, outcome, rows and tables."""
    rows = _rows(result)
    rows += [{"release": label, "outcome": "failed", "why": why(error)} for label, error in result.failed.items()]
    rows += [
        {"release": label, "outcome": "absent", "why": "wanted, and no archive is there"} for label in result.absent
    ]
    _safely(lambda: create_table_artifact(key="backfill", table=rows, description=result.sentence()))


def show_look(result: Result, look: Look) -> None:
    """Leave the table artifact of a look at CMS: a row for each release there is something to tell of."""
    told = {
        "failed": [*result.failed],
        "vanished": look.vanished,
        "new": look.new,
        "due": look.due,
        "for a backfill": look.holes,
    }
    rows = _rows(result)
    rows += [{"release": a.release, "outcome": f"alarm: {a.problem}", "why": a.why} for a in look.alarms]
    rows += [
        {"release": a.alarm.release, "outcome": f"acknowledged until {a.until}: {a.alarm.problem}", "why": a.reason}
        for a in look.acknowledged
    ]
    rows += [{"release": label, "outcome": "asked again", "why": said} for label, said in look.asked.items()]
    shown = {row["release"] for row in rows}
    rows += [
        {"release": label, "outcome": word} for word, labels in told.items() for label in labels if label not in shown
    ]
    counts = ", ".join(f"{len(labels)} {word}" for word, labels in told.items())
    text = f"{result.sentence()} CMS lists {len(look.listed)} releases: {counts}."
    _safely(lambda: create_table_artifact(key="watch", table=rows, description=text))


def show_failed_look(error: PfsetlError, earlier: Mapping[str, Any] | None) -> None:
    """Leave the table artifact of a look that saw nothing, so that the page doesn't go on showing the last good one."""
    last = f"The last look that saw CMS's index was on {earlier['day']}." if earlier else "No look saw it yet."
    row = {"release": "", "outcome": "CMS's index can't be read", "why": str(error)}
    _safely(lambda: create_table_artifact(key="watch", table=[row], description=f"Nothing was seen: {error} {last}"))


def show_published(key: str, version: Version, release: str, sentence: str) -> None:
    """Leave a table artifact of what a version holds of one release: a row per table."""
    table = [
        {"table": r.table, "rows": r.rows, "bytes": r.bytes, "sha256": r.hash.partition(":")[2][:12]}
        for r in version.files_of(release)
    ]
    _safely(lambda: create_table_artifact(key=key, table=table, description=sentence))


@contextmanager
def progress(key: str, total: int) -> Iterator[Callable[[str], None]]:
    """Yield what to call when a release is done with; it moves a progress artifact on."""
    bar = _safely(lambda: cast(UUID, create_progress_artifact(0.0, key, f"0 of {total}")))
    done: list[str] = []

    def advance(label: str) -> None:
        done.append(label)
        text = f"{len(done)} of {total}: {label}"
        if bar:
            _safely(lambda: update_progress_artifact(bar, 100 * len(done) / total, description=text))

    yield advance


def _rows(result: Result) -> list[dict[str, Any]]:
    """Return a row for each release that the version holds after the run."""
    rows = [_row(result.version, one.release, "published") for one in result.published]
    return rows + [_row(result.version, label, "unchanged") for label in result.unchanged]


def _row(version: Version, label: str, outcome: str) -> dict[str, Any]:
    mine = [r for r in version.resources if r.release == label]
    told = version.releases[label].since_revision or None
    return {
        "release": label,
        "revision": version.releases[label].revision,
        "outcome": outcome,
        "rows": sum(r.rows for r in mine),
        "tables": len(mine),
    } | ({"compared": revision.summary(told)} if told else {})


def _safely(show: Callable[[], T]) -> T | None:
    """Do what only shows something; when it can't, that is logged, and the run goes on."""
    try:
        return show()
    except Exception as error:
        LOG.warning("no artifact: %s: %s", type(error).__name__, error)
        return None
