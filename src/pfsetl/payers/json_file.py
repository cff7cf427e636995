"""A JSON file of rates by the members of its outermost object, whatever their size, and which kind of file it is."""

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any, TypeVar

import msgspec

from pfsetl.errors import UsageError
from pfsetl.payers.opening import WORKS, RatesFile
from pfsetl.payers.pieces import NotWhole, Path, pieces
from pfsetl.publication.json_records import decoder

Kind = TypeVar("Kind")
Members = Iterator[tuple[Path, Any]]
Records = Mapping[Path, type]
# What stands in files that look like those with rates.
OTHER_KINDS: Mapping[str, str] = {
    "reporting_structure": "a table of contents, without rates. Download an in-network file that it names",
    "out_of_network": "allowed amounts of providers without a contract, not rates",
}
MOST_NAMED = 12
_HELD = 1 << 16  # bytes of a member that may stand before what tells the kind


def members(file: RatesFile, streamed: Collection[Path], records: Records) -> Members:
    """Yield the members of the outermost object as JSON, those that are larger than what is read at once in pieces.

    Arrays of `records` are read: `elements`. Behind the last piece of a member comes None. Raises UsageError for a file
    that is cut, or isn't a JSON object.
    """
    readers = {path: partial(elements, kind=kind, what=path[-1]) for path, kind in records.items()}
    try:
        for path, content in pieces(file.stream, streamed, readers):
            if path:
                yield path, content
                continue
            text = content or b"{}"
            if text.startswith(b"["):
                raise UsageError(f"{file.path}: a JSON array that isn't a file of rates. {WORKS}")
            for name, value in msgspec.json.decode(text, type=dict[str, msgspec.Raw]).items():
                yield (name,), readers.get((name,), bytes)(value)
    except NotWhole as error:
        raise UsageError(f"{file.path}: {error}. Download it again; nothing was written.") from error
    except msgspec.ValidationError as error:
        raise UsageError(f"{file.path}: {error} at the outermost level. {WORKS}") from error


def word(content: bytes) -> str:
    """Return a member that is a text or a number as text, "" for null and all else."""
    value = msgspec.json.decode(content)
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def elements(text: bytes, kind: type[Kind], what: str) -> list[Kind | str]:
    """Return the elements of an array as records; for one that isn't as the format has it, what is wrong with it.

    Of a record with an `ARRAY`, its name and what its elements are, only those elements of it are replaced, and so on
    within them.
    """
    try:
        found: list[Kind | str] = decoder(list[kind]).decode(text)  # type: ignore[valid-type]
        return found
    except msgspec.ValidationError:
        try:
            parts = msgspec.json.decode(text, type=list[msgspec.Raw])
        except msgspec.ValidationError as error:
            return [f"{what}: {error}"]
        return [_element(part, kind, what) for part in parts]


def _element(text: msgspec.Raw, kind: type[Kind], what: str) -> Kind | str:
    try:
        one: Kind = decoder(kind).decode(text)
    except msgspec.ValidationError as error:
        return _with_array(text, kind) or f"{what}: {error}"
    return one


def _with_array(text: msgspec.Raw, kind: type[Kind]) -> Kind | None:
    """Return a record of whose `ARRAY` some elements can't be read, those as what is wrong; None where it's more."""
    name, of = getattr(kind, "ARRAY", ("", kind))
    try:
        members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        content = members.pop(name)
        one: Kind = decoder(kind).decode(msgspec.json.encode(members))
    except (msgspec.ValidationError, KeyError):
        return None
    setattr(one, name, elements(content, of, name))
    return one


def kind_of(file: RatesFile, found: Members, kinds: Mapping[str, Collection[str]]) -> tuple[str, Members]:
    """Return the kind of file that has one of the members named for it, and all its members.

    Raises UsageError for a file of another kind, with the members that it has.
    """
    held: list[tuple[Path, Any]] = []
    seen: list[str] = []
    for path, content in found:
        name = path[0]
        for kind, names in kinds.items():
            if name in names:
                return kind, chain(held, [(path, content)], found)
        if name in OTHER_KINDS:
            raise UsageError(f"{file.path}: {OTHER_KINDS[name]}. {WORKS}")
        if name not in seen and len(seen) <= MOST_NAMED:
            seen.append(name)
        if content and len(content) < _HELD:
            held.append((path, content))
    there = ", ".join(seen[:MOST_NAMED]) or "nothing"
    raise UsageError(f"{file.path}: JSON that isn't a file of rates. It has {there}. {WORKS}")
