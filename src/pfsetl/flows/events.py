"""What happened to releases, as events of Prefect that automations and other systems can act on.

`pfsetl.release.published` (revision 1), `.revised` (a later one), `.vanished` (CMS lists it no more) and `.refused`
(what CMS posts can't be published). Each has the resource `pfsetl.release.<label>`, and label, version and store as
payload; where nothing was published, the version is the one that stays.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from prefect.events import emit_event

from pfsetl.errors import PfsetlError, SourceUnavailable, StoreError, UsageError
from pfsetl.publication.staging import StagedRelease

LOG = logging.getLogger("pfsetl.flows")
NOT_OF_THE_RELEASE = (SourceUnavailable, UsageError, StoreError)  # these fail a run, and say nothing of CMS's file


def published(releases: Sequence[StagedRelease], version: int, store: str) -> None:
    """Emit `published` or `revised` for each release that is new or changed in a version."""
    for one in releases:
        revision = one.record.revision
        _emit("published" if revision == 1 else "revised", one.release, version, store, revision=revision)


def refused(failed: Mapping[str, Exception], version: int, store: str) -> None:
    """Emit `refused`, with the reason, for each release that failed through what its archive holds."""
    for label, error in failed.items():
        if isinstance(error, PfsetlError) and not isinstance(error, NOT_OF_THE_RELEASE):
            _emit("refused", label, version, store, why=str(error))


def vanished(labels: Iterable[str], version: int, store: str) -> None:
    """Emit `vanished` for each release that CMS lists no more."""
    for label in labels:
        _emit("vanished", label, version, store)


@contextmanager
def refusal(label: str, version: int, store: str) -> Iterator[None]:
    """Emit `refused` when what is done inside fails through what the release's archive holds."""
    try:
        yield
    except PfsetlError as error:
        refused({label: error}, version, store)
        raise


def _emit(what: str, label: str, version: int, store: str, **more: Any) -> None:
    """Send one event; when it can't be sent, that is logged, and the run goes on."""
    resource = {
        "prefect.resource.id": f"pfsetl.release.{label}",
        "prefect.resource.name": label,
        "pfsetl.store": store,
    }
    try:
        emit_event(
            f"pfsetl.release.{what}", resource, payload={"label": label, "version": version, "store": store, **more}
        )
    except Exception as error:
        LOG.warning("no event %s of %s: %s: %s", what, label, type(error).__name__, error)
