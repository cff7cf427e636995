"""What a manifest holds, read strictly, so that nothing in a foreign store is taken on trust (`release_record`)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from pfsetl.document import MAX_BYTES, read_json
from pfsetl.errors import PfsetlError, StoreError
from pfsetl.publication.json_records import Count, Later, Record, decoder, encoded, record_of
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.storage.store import Store

FORMAT = 3
OVER_ALL = 2  # the first format in which one file may hold the rows of all releases
WITHDRAWN = 3  # the first that may say which releases were withdrawn
ALL = "all"  # in place of a release: such a file
_NUMBERED = re.compile(r"versions/([0-9]{6})\.json")

Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]+\Z")]
ObjectPath = Annotated[str, Meta(pattern=r"\Aobjects/[A-Za-z0-9_-]+/[A-Za-z0-9_.-]+\.parquet\Z")]
SchemaPath = Annotated[str, Meta(pattern=r"\Aschemas/[A-Za-z0-9_.-]+\.json\Z")]


class Resource(Record, frozen=True):
    """One file of a version: a table of a release, or of `all` in one, where it lies, and what it has to be."""

    table: Name
    release: Name
    path: ObjectPath
    rows: Count
    bytes: Count
    hash: str  # sha256:... of the bytes
    digest: str  # of the rows
    schema: SchemaPath
    name: str | Later = UNSET
    format: str | Later = UNSET
    mediatype: str | Later = UNSET
    schema_hash: str | Later = UNSET
    of: tuple[str, ...] | Later = UNSET  # made of at commit: rule and digests; of `all`, by release


class Supersedes(Record, frozen=True):
    """The version, revision and archive that a release had before."""

    version: Count
    revision: Count
    archive_sha256: str | None


class TableCounts(Record, frozen=True):
    """Rows that a version added, removed and changed in a table, and the changed cells by column."""

    added: Count
    removed: Count
    changed: Count
    columns: Mapping[str, Count] | Later = UNSET


class ReleaseChanges(Record, frozen=True):
    """What a version makes of a release of the one before; `not_counted` says why there are no tables."""

    supersedes: Supersedes | None
    tables: Mapping[str, TableCounts] | None
    not_counted: str | Later = UNSET


class ContractName(Record, frozen=True):
    """The contract that a version's tables follow."""

    id: str
    version: str


class Withdrawal(Record, frozen=True):
    """A release that was taken out: after which version, when, which archive, and why."""

    version: Count
    on: str
    content: str
    why: str


class About(Record, frozen=True):
    """What a manifest says beyond a Data Package: the chain, the contract, the records of the releases."""

    format: int
    releases: Mapping[Name, ReleaseRecord]
    parent: int | Later = UNSET
    parent_sha256: str | Later = UNSET
    rolled_back_to: int | Later = UNSET
    contract: ContractName | Later = UNSET
    classification: str | Later = UNSET
    members: Mapping[str, tuple[str, ...]] | Later = UNSET
    software: Mapping[str, str] | Later = UNSET
    run: str | Later | None = UNSET
    changes: Mapping[str, ReleaseChanges] | Later = UNSET
    withdrawn: Mapping[Name, Withdrawal] | Later = UNSET


class Manifest(Record, frozen=True):
    """A version: a Data Package descriptor with the whole file set."""

    created: str
    resources: tuple[Resource, ...]
    pfsetl: About
    profile: str | Later = msgspec.field(name="$schema", default=UNSET)
    name: str | Later = UNSET
    title: str | Later = UNSET
    description: str | Later = UNSET
    version: str | Later = UNSET
    sources: tuple[Mapping[str, str], ...] | Later = UNSET


def name(number: int) -> str:
    """Return the object name of a version's manifest."""
    return f"versions/{number:06d}.json"


def number_of(file: str) -> int | None:
    """Return the version whose manifest has this object name, None for a name that no build writes."""
    match = _NUMBERED.fullmatch(file)
    return int(match[1]) if match and int(match[1]) else None


def format_of(resources: Iterable[Resource], withdrawn: Mapping[str, Withdrawal] | Later = UNSET) -> int:
    """Return the lowest format that holds this, so that older pfsetls read what they can."""
    if withdrawn:
        return WITHDRAWN
    return OVER_ALL if any(r.release == ALL for r in resources) else 1


def releases_of(resource: Resource) -> dict[str, str]:
    """Return which releases a file over all releases holds, each with the identity of what its rows were made of.

    A file of what is declared alone holds none.
    """
    of = resource.of if resource.release == ALL and resource.of is not UNSET else ()
    return dict(entry.split(" ", 1) for entry in of if " " in entry)


def to_build(resource: Resource) -> str:
    """Return what to build to have a file again."""
    return "any of its releases" if resource.release == ALL else resource.release


def shown_path(resource: Resource) -> str:
    """Return where readers find a file inside one version's tree; one over all releases is `<table>/all.parquet`."""
    return f"{resource.table}/{resource.release}.parquet"


def about(content: Manifest, **fields: Any) -> Manifest:
    """Return a manifest with some fields of its `pfsetl` part replaced."""
    return msgspec.structs.replace(content, pfsetl=msgspec.structs.replace(content.pfsetl, **fields))


def read(store: Store, number: int, data: bytes) -> Manifest:
    """Return the manifest that these bytes of a store are; raises StoreError for a damaged or a newer one."""
    place = f"{store}/{name(number)}"
    try:
        known = _as_written(data) or _judged(data, place)
        for problem in _contradictions(known):
            raise ValueError(problem)
    except StoreError:
        raise
    except (PfsetlError, ValueError, KeyError, TypeError, AttributeError) as error:
        said = str(error).removeprefix(f"{place}: ").rstrip(".")
        raise StoreError(f"{place}: not a readable manifest ({said}). Restore it from a copy.") from error
    return known


def _as_written(data: bytes) -> Manifest | None:
    """Return a manifest whose bytes are those that this pfsetl writes of it, None for all others, which are judged.

    What is written comes out of a record, so such bytes have no key twice, nothing unknown and nothing but JSON.
    """
    if len(data) > MAX_BYTES:
        return None
    try:
        known = decoder(Manifest).decode(data)
        return known if known.pfsetl.format <= FORMAT and encoded(known) == data else None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _judged(data: bytes, place: str) -> Manifest:
    """Return the manifest that these bytes are, however they are laid out; raises an error that says why not."""
    found = read_json(data)
    form = found["pfsetl"]["format"]
    if type(form) is not int:
        raise ValueError("its format is no number")
    if form > FORMAT:
        raise StoreError(
            f"{place}: written by a newer pfsetl (manifest format {form}, this one reads {FORMAT}). Upgrade pfsetl."
        )
    return record_of(Manifest, found)


def _contradictions(found: Manifest) -> Iterator[str]:
    shown = [(r.table, r.release) for r in found.resources]
    if len(set(shown)) < len(shown):
        yield "a table of a release is there twice"
    over_all = {ALL} if all(r.of for r in found.resources if r.release == ALL) else set[str]()
    if strangers := sorted({release for _, release in shown} - found.pfsetl.releases.keys() - over_all):
        yield f"a table is of {strangers[0]}, which has no record"
