"""Each version names the hash of the one before it, and records beside the manifests say which versions there were.

A manifest holds `pfsetl.parent` and `pfsetl.parent_sha256`. `chain/000007.json` says that version 7 was published,
`chain/000007-pruned.json` that a prune removed it, `chain/000007-lost.json` that its owner was told that it's gone.
So the newest version can't vanish unseen, and no number comes again (docs/decisions/0025).
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import UNSET

from pfsetl.document import read_json
from pfsetl.errors import PfsetlError, StoreError
from pfsetl.publication import manifest
from pfsetl.publication.json_records import Later
from pfsetl.publication.manifest import Manifest
from pfsetl.remedies import command
from pfsetl.storage.store import Store

if TYPE_CHECKING:
    from pfsetl.publication.version import Version

FOLDER = "chain"
PUBLISHED, PRUNED, LOST = "", "-pruned", "-lost"
_NAME = re.compile(r"chain/([0-9]{6})(|-pruned|-lost)\.json")


@dataclass(frozen=True, slots=True)
class Chain:
    """The records of a store by version: sha256 of published, pruned and lost manifests, and files that are none."""

    published: Mapping[int, str]
    pruned: Mapping[int, str]
    lost: Mapping[int, str]
    unreadable: Mapping[str, str]

    def last(self) -> int:
        """Return the highest number that a record names, 0 where there is none."""
        return max([0, *self.published, *self.pruned, *self.lost])


@dataclass(frozen=True, slots=True)
class Link:
    """What a manifest says of its place in the chain; it's all that is kept of one that was looked at.

    `younger` is a field of it that no pfsetl wrote before manifests named the hash of the one before, "" for none.
    """

    version: str | Later
    parent: int | Later
    parent_sha256: str | Later
    younger: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """A file that breaks the chain, and what is wrong; `harmless` is worth telling but no damage."""

    file: str
    problem: str
    harmless: bool = False


def record(store: Store, number: int, sha256: str, what: str = PUBLISHED) -> None:
    """Record that a version was published, pruned or lost; a record that is there stays."""
    content = json.dumps({"version": number, "sha256": sha256}) + "\n"
    store.put_new(f"{FOLDER}/{number:06d}{what}.json", content.encode())


def read(store: Store, since: int = 0) -> Chain:
    """Return what the records of a store say; one that can't be read is told in `unreadable`, and stops nothing.

    Records of versions before `since` are left unread.
    """
    found: dict[str, dict[int, str]] = {PUBLISHED: {}, PRUNED: {}, LOST: {}}
    unreadable: dict[str, str] = {}
    for name in store.names(FOLDER):
        named = _NAME.fullmatch(name)
        if named is None:
            unreadable[name] = "no name that pfsetl writes; move it away"
            continue
        if int(named[1]) < since:
            continue
        try:
            content = read_json(store.get(name))
            if content["version"] != int(named[1]) or not re.fullmatch(r"[0-9a-f]{64}|", content["sha256"]):
                raise ValueError("it isn't what its name says")
            found[named[2]][int(named[1])] = content["sha256"]
        except (PfsetlError, ValueError, KeyError, TypeError) as error:
            unreadable[name] = f"not a readable record ({error}); {command('repair', store)} sets it aside"
    for number in sorted(set(found[LOST]) - set(found[PUBLISHED])):
        said = f"version {number} has no record that it was published; {command('repair', store)} sets it aside"
        unreadable[f"{FOLDER}/{number:06d}{LOST}.json"] = said
        del found[LOST][number]
    return Chain(found[PUBLISHED], found[PRUNED], found[LOST], unreadable)


def follow(store: Store, newest: "Version") -> int:
    """Return the number after a store's newest version, once the newest has its record.

    Raises StoreError when a later one was published and is gone, which the next version would leave out unseen.
    """
    known = read(store, newest.number)
    if newest.number and newest.number not in known.published:
        record(store, newest.number, newest.sha256)
    for number in sorted(set(known.published) - set(known.lost) - set(known.pruned)):
        # NOTE: looked at again, because another build may have published it since `newest` was read.
        if number > newest.number and not store.exists(manifest.name(number)):
            raise StoreError(f"{store}/{_gone(store, number, newest.number)}.")
    return max([newest.number, *known.lost, *known.pruned]) + 1


def later_gone(store: Store, newest: int) -> str:
    """Return what is wrong where a version after the newest that is there was published and is gone, else "".

    It asks for the record of the next version alone, and goes on while a repair recorded it as lost.
    """
    number = newest + 1
    while store.exists(f"{FOLDER}/{number:06d}.json"):
        # NOTE: a manifest comes before its record, so that of a version published just now is there.
        if not (store.exists(manifest.name(number)) or store.exists(f"{FOLDER}/{number:06d}{LOST}.json")):
            return _gone(store, number, newest)
        number += 1
    return ""


def refuse_later_gone(store: Store, newest: int) -> None:
    """Raise StoreError where the newest version that is there isn't the newest that was published."""
    if problem := later_gone(store, newest):
        read_it = f"; version {newest} is read where its number is given (--at {newest})" if newest else ""
        raise StoreError(f"{store}/{problem}{read_it}.")


def refuse_missing(store: Store, there: Collection[int]) -> None:
    """Raise StoreError where a manifest is gone: no one knows then which files its version needs."""
    known = read(store)
    for number in sorted(set(known.published) - set(known.lost) - set(known.pruned) - set(there)):
        # NOTE: looked at again, because a build may have published it since `there` was listed.
        if not store.exists(manifest.name(number)):
            raise StoreError(
                f"{store}/{manifest.name(number)}: missing, though version {number} was published, so nothing says "
                f"which files it needs. Restore it from a copy; or {_goes_on(store, max(there, default=0))}. "
                "Nothing was removed."
            )


def _gone(store: Store, number: int, newest: int) -> str:
    """Return what is wrong where the manifest of a version after the newest that is there is gone, and what helps."""
    name = manifest.name(number)
    return (
        f"{name}: missing, though version {number} was published. Restore it from a copy; or {_goes_on(store, newest)}"
    )


def _goes_on(store: Store, newest: int) -> str:
    """Return what else helps where a manifest is gone; a repair needs one that is left."""
    if not newest:
        return "build into another store, because no manifest is left here"
    return f"{command('repair', store)} records it as lost, and builds go on from version {newest}"


def link(content: Manifest) -> Link:
    """Return what a manifest says of its place in the chain."""
    about = content.pfsetl
    return Link(content.version, about.parent, about.parent_sha256, _younger(content))


def _younger(content: Manifest) -> str:
    about = content.pfsetl
    asked = {
        "run": (about,),
        "schema_hash": content.resources,
        **dict.fromkeys(("in_force", "relative_hashes", "not_published"), tuple(about.releases.values())),
    }
    return next((name for name, told in asked.items() if any(getattr(x, name) is not UNSET for x in told)), "")


def breaks(store: Store, hashes: Mapping[int, str], links: Mapping[int, Link]) -> Iterator[Break]:
    """Follow the manifests of a store from the newest to the oldest; yield where they don't hold together.

    `hashes` are those of the manifest files by number, `links` what those that can be read say.
    """
    known, mend = read(store), command("repair", store)
    newest = max(hashes, default=0)
    otherwise = f"run {mend}" if hashes else _goes_on(store, 0)
    for name, problem in known.unreadable.items():
        yield Break(name, problem)
    yield from _against_records(known, hashes, otherwise)
    for number, said_there in sorted(links.items()):
        name = manifest.name(number)
        if said_there.version != str(number):
            said = f"calls itself version {str(said_there.version or None)[:20]}; it was renamed. Move it away"
            yield Break(name, said)
        parent, expected = said_there.parent, None if said_there.parent_sha256 is UNSET else said_there.parent_sha256
        if parent is UNSET or not 0 <= parent < number:
            yield Break(name, "names no version before it as its parent; restore it from a copy")
        elif expected is None and said_there.younger:
            said = (
                f"has {said_there.younger}, which a pfsetl wrote that names the hash of the version before, and names "
                "none: it was changed by hand. Restore it from a copy"
            )
            yield Break(name, said)
        elif expected is None:
            said = "written by a pfsetl that didn't name the hash of the version before; the chain starts after it"
            yield Break(name, said, harmless=True)
        elif parent in hashes and hashes[parent] != expected:
            yield Break(
                manifest.name(parent), f"its sha256 isn't the one that version {number} names; restore it from a copy"
            )
        elif parent and parent not in hashes and known.pruned.get(parent) != expected and parent not in known.lost:
            yield Break(
                manifest.name(parent),
                f"missing, and no prune removed it; version {number} follows it. Restore it from a copy, or run {mend}",
            )
        if expected is not None and number not in known.published:
            said = f"has no record in chain/; the next build or {mend} writes it"
            yield Break(name, said, harmless=number == newest)


def _against_records(known: Chain, hashes: Mapping[int, str], otherwise: str) -> Iterator[Break]:
    """Hold the manifests that are there against the records of those that were published, pruned or lost."""
    newest = max(hashes, default=0)
    for number in sorted(n for n in known.pruned if n > newest):
        said = f"pruned by its record, but no prune removes the newest version, {number}; restore it from a copy"
        yield Break(manifest.name(number), said)
    for number, sha256 in sorted(known.published.items()):
        name = manifest.name(number)
        if number in hashes and hashes[number] != sha256:
            yield Break(name, f"not the manifest that was published as version {number}; restore it from a copy")
        elif number not in hashes and number not in known.pruned:
            if number in known.lost:
                yield Break(name, f"version {number} is lost, as a repair recorded", harmless=True)
            else:
                yield Break(
                    name,
                    f"missing, though version {number} was published; restore it from a copy, or {otherwise}",
                )
