"""One CMS release from its archive to a published version."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pfsetl.declared import contracts, labels
from pfsetl.errors import during, proposing
from pfsetl.pipeline import texts
from pfsetl.pipeline.examine import Members, other_bytes_of
from pfsetl.pipeline.request import Opened, Request, is_built, opened, refuse_unknown
from pfsetl.pipeline.stage import keep, kept_of, read_members, stage
from pfsetl.publication import licensing, next_version, publish, version
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.publication.runs import current, recorded, step
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version
from pfsetl.storage.opening import as_store
from pfsetl.storage.store import Store


@dataclass(frozen=True, slots=True)
class Build:
    """What a build did: the version that holds the release, whether it is a new one, and what was found."""

    release: str
    version: Version
    published: bool
    record: ReleaseRecord

    def __repr__(self) -> str:
        at = f"version {self.version.number} of {self.version.store}"
        return f"<Build of {self.release}: {'published as' if self.published else 'unchanged,'} {at}>"


def build(
    label: str,
    *,
    store: str | Path | Store,
    archive: str | Path,
    url: str | None = None,
    all_formats: bool = False,
    sample: bool = False,
    accept: Collection[str] = (),
    again: bool = False,
    descriptors_store: str | Path | Store | None = None,
) -> Build:
    """Publish one CMS release; does nothing if its content is already in the newest version.

    `store` is an open store or its address, `archive` CMS's zip or a folder of its members; with `all_formats` its
    workbooks are compared too. A `sample` is a deliberate part of a release: no rule asks whether it's whole. `accept`
    publishes what would be refused: `loss` (rows, localities or files that the published revision has) and
    `differences` (formats that disagree in what prices are made of). With `again` it's made anew though the archive,
    the code and what is declared are those it was made of. The descriptors, licensed text, go to `descriptors_store`
    when it's given. Raises a PfsetlError that says what to do; the previous version stays as it was.
    """
    store, archive = as_store(store), Path(archive)
    descriptors_store = None if descriptors_store is None else as_store(descriptors_store)
    if descriptors_store is not None:
        licensing.refuse_overlap(store, descriptors_store)
    labels.to_build(label)  # a slip in what was asked isn't a run
    refuse_unknown(accept)
    request = Request(label, archive, url, all_formats, sample, accept, again)
    with (
        recorded(store, "build", release=label, archive=str(archive)) as run,
        during(f"building {label} from {archive}"),
        proposing(label.upper(), archive),
    ):
        result = _build(request, store, descriptors_store)
        run.version, run.outcome = result.version.number, "published" if result.published else "unchanged"
    return result


def _build(request: Request, store: Store, descriptors_store: Store | None) -> Build:
    base = version.open_version(store)
    with step("open", request.label.upper()):
        one = opened(request, base)
    described = None if descriptors_store is None else texts.opened(one, descriptors_store)
    result = _unchanged(one)
    if described is None:
        # NOTE: nothing else has the members, so that they are gone when the commit needs room.
        return result or _published(one, _staged(one, read_members(one)))
    there = read_members(one, compared=result is None)
    result = result or _published(one, _staged(one, there))
    texts.publish(one, described, there.parsed, result.record)
    return result


def _unchanged(one: Opened) -> Build | None:
    """Return the release as the newest version holds it, None where it has to be built."""
    known = one.before
    if known is None or not (is_built(one) or _makes_the_same(one, known)):
        return None
    next_version.shown(one.base)  # which a build that was killed may have left undone
    said = [n for n in other_bytes_of(one) if n not in known.notices]  # the same files, repacked
    return Build(one.label, one.base, False, msgspec.structs.replace(known, notices=(*known.notices, *said)))


def _makes_the_same(one: Opened, known: ReleaseRecord) -> bool:
    """Return whether this code is on record to make the tables that are published; `_staged` keeps that record.

    What was staged with other content is none: only a backfill holds it against what was published since.
    """
    kept = kept_of(one)
    return kept is not None and kept.content == known.content


def _staged(one: Opened, there: Members) -> StagedRelease:
    made = stage(one, there)
    if one.before and one.before.content == made.content:
        keep(one, made)  # which no version will say: other code or declarations, and the same tables
    return made


def _follows(base: Version, committed: Version) -> bool:
    """Whether tables of releases that were there follow from files beside them that have changed since."""
    there, now = ({(r.table, r.release): r.digest for r in at.resources} for at in (base, committed))
    return any(now.get(place, "") != digest for place, digest in there.items() if place[1] in base.releases)


def _published(one: Opened, staged: StagedRelease) -> Build:
    with step("commit", one.label):
        committed = publish.commit(one.base.store, [staged], one.base, contracts.load())
    # NOTE: another build may have raised the number meanwhile, or published the same.
    changed = one.before is None or one.before.content != staged.content
    published = (changed or _follows(one.base, committed)) and committed.run == current()
    return Build(one.label, committed, published, staged.record)
