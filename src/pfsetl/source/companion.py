"""Open what CMS publishes beside the releases: a file, its parts, or the zip that holds them, told by name."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

from pfsetl.declared import declarations
from pfsetl.declared.records.archives import COMPANIONS, CompanionRow
from pfsetl.errors import ArchiveError, SourceUnavailable
from pfsetl.source.archive import file_loader, zip_contents
from pfsetl.source.members import FORMATS, MOST_NAMED, MemberFile, is_of_system

_TOTAL = 8  # times what one file may have is what a zip may hold: four parts, each as text and as workbook
_ZIP = b"PK\x03\x04"


def open_companion(*paths: Path) -> tuple[MemberFile, ...]:
    """Open a file that CMS publishes beside the releases, its parts, or a zip of them, and recognise it by its name.

    The kinds are those of `schemas/companions.csv`. Of several formats of one kind the first named there is taken; the
    parts of a file come in the order of their numbers. Raises SourceUnavailable where nothing is, ArchiveError for what
    is no such file, or several that don't belong together.
    """
    contents: dict[str, Callable[[], bytes]] = {}
    for path in paths:
        for name, load in _contents(path).items():
            if name in contents and not is_of_system(name):
                raise ArchiveError(f"{path}: a file named {name} is in two of those that are given. Give it once.")
            contents[name] = load
    given = " ".join(map(str, paths))
    kinds = {row: _of_kind(row, contents) for row in declarations.rows(COMPANIONS)}
    there = {row: found for row, found in kinds.items() if found}
    if len(there) > 1:
        held = " and ".join(f"{row.companion} ({found[0][1]})" for row, found in there.items())
        raise ArchiveError(
            f"{given}: holds files of several kinds, {held}. Take them out of it, and give one at a time."
        )
    for row, found in there.items():
        form = found[0][0]
        names = _in_order(row, [name for known, name in found if known == form], given)
        return tuple(MemberFile(name, row.companion, "all", form, contents[name]) for name in names)
    known = "; ".join(f"{row.companion} such as {row.example}" for row in declarations.rows(COMPANIONS))
    inside = ", ".join([n for n in contents if not is_of_system(n)][:MOST_NAMED])
    held = f", only {inside}" if inside not in {path.name for path in paths} else ""
    raise ArchiveError(
        f"{given}: no file of a known kind in it{held}. There are {known}. A file is told by its "
        f"name: rename it so, or add the pattern of its name to {declarations.named('companions.csv')}."
    )


def part_of(row: CompanionRow, name: str) -> int:
    """Return the number of the part that a file is, by its name."""
    found = row.pattern.search(PurePosixPath(name).stem.lower()) if row.parts > 1 else None
    return int(found["part"]) if found else 1


def _contents(path: Path) -> dict[str, Callable[[], bytes]]:
    if not path.is_file():
        raise SourceUnavailable(
            f"{path}: no such file, or none that holds data. Give CMS's file, or the zip that holds it."
        )
    most = max(row.most_megabytes for row in declarations.rows(COMPANIONS)) << 20
    load = file_loader(path, most)
    data = load()
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        raise ArchiveError(
            f"{path}: an HTML page, not a file of data. CMS shows a licence page before files with codes of the AMA: "
            "accept it in a browser, and load the file that it then hands over."
        )
    zipped = data[:4] == _ZIP and path.suffix.lower() not in FORMATS
    return zip_contents(path, data, most, _TOTAL * most) if zipped else {path.name: load}


def _of_kind(row: CompanionRow, names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the format and the name of the files of a kind, those of the format that is believed first in front."""
    found, order = [], [str(form) for form in row.formats]
    for name in names:
        form = FORMATS.get(PurePosixPath(name).suffix.lower())
        if form in order and not is_of_system(name) and row.pattern.search(PurePosixPath(name).stem.lower()):
            found.append((form, name))
    return sorted(found, key=lambda one: (order.index(one[0]), one[1]))


def _in_order(row: CompanionRow, names: Sequence[str], given: str) -> list[str]:
    """Return the parts of a file by their numbers; raises ArchiveError for two files that are the same part."""
    parts: dict[int, str] = {}
    for name in names:
        number = part_of(row, name)
        if number in parts:
            which = f"part {number} of {row.companion}" if row.parts > 1 else row.companion
            raise ArchiveError(f"{given}: {parts[number]} and {name} are both {which}. Give one of them at a time.")
        parts[number] = name
    return [parts[number] for number in sorted(parts)]
