"""What is asked for of one release, and its archive opened: what every later step is given."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pfsetl.declared import contracts, declarations, labels, quarters, registry
from pfsetl.declared.registry import Release
from pfsetl.errors import ArchiveError, UsageError
from pfsetl.publication import licensing
from pfsetl.publication.fingerprint import fingerprint
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.publication.version import Version
from pfsetl.source.archive import Archive, open_archive

ACCEPTABLE = {
    "loss": "a new revision that lacks rows, localities or files of the published one",
    "differences": "differences between an archive's formats that change prices and that nothing explains",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A release by its label, CMS's zip or a folder of its members, and how it's to be held.

    With `all_formats` its workbooks are compared too. A `sample` is a part of a release and says so: no rule asks
    whether it's whole. `accept` names what is published although it would be held (see `ACCEPTABLE`). With `again` it's
    made anew though nothing that it's made of has changed.
    """

    label: str
    archive: Path
    url: str | None = None
    all_formats: bool = False
    sample: bool = False
    accept: Collection[str] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A request whose archive is open, and the version that it would be published upon.

    `known` are the records of all releases known so far, published or staged.
    """

    request: Request
    release: Release
    archive: Archive
    base: Version
    known: Mapping[str, ReleaseRecord]

    @property
    def label(self) -> str:
        """The release's label as it's declared."""
        return self.release.label

    @property
    def before(self) -> ReleaseRecord | None:
        """The record of the release in the base version, None where it isn't there."""
        return self.base.releases.get(self.release.label)

    @property
    def all_formats(self) -> bool:
        """Whether every format is compared: what was compared once stays compared."""
        return self.request.all_formats or bool(self.before and self.before.all_formats)


def opened(request: Request, base: Version, known: Mapping[str, ReleaseRecord] | None = None) -> Opened:
    """Open the archive of a request upon a version; raises a PfsetlError for one that can't be what is asked for.

    `known` are the records of the releases known so far, default those of the base.
    """
    refuse_unknown(request.accept)
    licensing.refuse_other_class(base, contracts.load())
    release = labels.to_build(request.label)
    archive = open_archive(request.archive, quarters.first_day(release.year, release.quarter))
    _refuse_bytes_of_another(release, archive)
    _refuse_withdrawn(request, release.label, archive, base)
    return Opened(request, release, archive, base, base.releases if known is None else known)


def _refuse_bytes_of_another(release: Release, archive: Archive) -> None:
    """Raise ArchiveError for a zip that `schemas/releases.csv` knows, and of other releases alone."""
    whose = [known.label for known in registry.releases().values() if known.zip_sha256 == archive.sha256]
    if whose and release.label not in whose:
        raise ArchiveError(
            f"{archive.name}: these bytes are the zip of {whose[0]}, by its sha256. Give the zip of {release.label}, "
            f"or the label {whose[0]}. If CMS posts this zip under both labels, write its sha256 into the row of "
            f"{release.label} in {declarations.named('releases.csv')}, too."
        )


def _refuse_withdrawn(request: Request, label: str, archive: Archive, base: Version) -> None:
    """Raise ArchiveError for an archive that was withdrawn, unless it's wanted again; CMS's next one is another."""
    told = (base.manifest.pfsetl.withdrawn or {}).get(label)
    if told and told.content == archive.content and not request.again:
        raise ArchiveError(
            f"{request.archive}: {label} was withdrawn on {told.on[:10]} after version {told.version} ({told.why}), "
            "and this is the same archive. To publish it all the same, build it with --again."
        )


def refuse_unknown(accept: Collection[str]) -> None:
    """Raise UsageError for a word that isn't in `ACCEPTABLE`."""
    if isinstance(accept, str) or set(accept) - set(ACCEPTABLE):
        raise UsageError(f"accept {accept!r}: give a list of words among {', '.join(ACCEPTABLE)}.")


def is_built(one: Opened) -> bool:
    """Return whether the base version was built from this archive, code and declarations, and is all there.

    A release that was published as a sample isn't built as a whole one, and the other way round; what is to be made
    `again` isn't built either.
    """
    known = one.before
    if one.request.again or not known or known.sample != one.request.sample:
        return False
    if known.fingerprint != fingerprint(one.archive.content, one.release):
        return False
    if one.all_formats and not known.all_formats:
        return False
    store = one.base.store
    return all(store.size(r.path) == r.bytes and store.exists(r.schema) for r in one.base.files_of(one.label))
