"""Archive to frames of text: one table per member, cut by the layout that fits, nothing interpreted yet."""

import codecs
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import polars as pl

from pfsetl.declared import registry
from pfsetl.errors import ArchiveError, LayoutError, PfsetlError, during
from pfsetl.parsing import bounds, grid, grid_shape, rounding, xls, xlsx_bounds
from pfsetl.parsing.encoding import decode, encoding_of
from pfsetl.parsing.separators import SEPARATORS, USUAL, cut_text_member
from pfsetl.parsing.shape import Cut
from pfsetl.source.archive import Archive
from pfsetl.source.members import MemberFile


@dataclass(frozen=True, slots=True)
class RawTable:
    """One member as text: `frame` has `line` and the fields of its layout, blanks are "".

    `separator` stands between cells, "" for none; `encoding` is "" for CMS's own. `rounded` are the cells of a workbook
    that hold more digits than it shows, by field. `note` says what is odd about a file that fits all the same.
    """

    member: str
    participant: str
    file: str
    format: str
    sha256: str
    layout: str
    frame: pl.DataFrame
    banner: str
    counts: dict[str, int]
    separator: str = ""
    encoding: str = ""
    rounded: dict[str, int] = field(default_factory=dict)
    note: str = ""

    def with_rows(self, frame: pl.DataFrame) -> "RawTable":
        """Return the same table with other rows."""
        return replace(self, frame=frame)


def read(archive: Archive) -> list[RawTable]:
    """Read every member of an archive from the format that `schemas/members.csv` trusts most.

    Raises LayoutError or ArchiveError naming the file, the place, what was expected and what to do.
    """
    return [read_member(archive, files[0]) for files in _by_trust(archive)]


def read_others(archive: Archive, *, all_formats: bool) -> list[RawTable]:
    """Read the files that repeat what `read` read: csv or text always, workbooks only with `all_formats`.

    A workbook takes as long to read as everything else together.
    """
    return [
        read_member(archive, file)
        for files in _by_trust(archive)
        for file in files[1:]
        if all_formats or file.format != "xlsx"
    ]


def _by_trust(archive: Archive) -> list[list[MemberFile]]:
    """Group an archive's files by member and participant, the most trusted format first."""
    groups = []
    for kind in registry.member_kinds():
        files = [f for f in archive.files if (f.member, f.participant) == (kind.member, kind.participant)]
        if files:
            groups.append(sorted(files, key=lambda f: kind.formats.index(f.format)))
    return groups


def read_member(archive: Archive, file: MemberFile) -> RawTable:
    """Read one file of an archive."""
    return read_file(file, f"{archive.name}/{file.name}")


def read_file(file: MemberFile, place: str) -> RawTable:
    """Read one file, which messages name by its place."""
    with during(f"reading {place}"):
        return _read_member(file, place)


def grids(file: MemberFile, place: str) -> list[grid.Grid]:
    """Return the cells of a file whose layout isn't known: the sheets of a workbook, or a text at its separator.

    A text without a separator is no grid. Raises ArchiveError for what is too large, or can't be read at all.
    """
    data = file.load()
    with during(f"reading {place}"):
        if file.format == "xlsx":
            refuse_large_workbook(data, place)
            return grid.workbook(data, place)
        bounds.refuse_large_text(data, place)
        text = decode(data, place)
        separator = max(SEPARATORS, key=text.count)
        return [grid.delimited(text, separator, place)] if file.format == "csv" or separator == "\t" else []


def records(file: MemberFile, place: str) -> pl.DataFrame | None:
    """Return the lines (`line`, `text`) of a text without separators, None for any other file."""
    data = file.load()
    with during(f"reading {place}"):
        if file.format != "txt":
            return None
        bounds.refuse_large_text(data, place)
        text = decode(data, place)
        return None if max(map(text.count, "\t;|")) >= len(text.splitlines()) else grid.lines(text)


def _read_member(file: MemberFile, place: str) -> RawTable:
    data = file.load()
    if not data.strip():
        raise ArchiveError(f"{place}: empty. Download the archive again.")
    if data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"<":
        raise ArchiveError(f"{place}: an HTML page, not a {file.format} member. Download the archive again.")
    cut, separator, encoding = _cut(file, data, place)
    if cut.frame.is_empty():
        raise ArchiveError(f"{place}: a header and no records. Download the archive again.")
    frame, rounded = rounding.as_shown(cut.frame) if file.format == "xlsx" else (cut.frame, {})
    return RawTable(
        file.member,
        file.participant,
        file.name,
        file.format,
        hashlib.sha256(data).hexdigest(),
        cut.layout,
        frame,
        cut.banner,
        cut.counts,
        separator,
        encoding,
        rounded,
        cut.note,
    )


def notices(raws: Iterable[RawTable]) -> list[str]:
    """Say which files aren't saved as CMS saves them, though they can be read, and which hold more than they show."""
    found = []
    for raw in raws:
        usual = raw.format not in USUAL or raw.separator in USUAL[raw.format]
        how = [] if usual else [f"separated by {SEPARATORS[raw.separator]}"]
        how += [f"in {raw.encoding.upper()}"] if raw.encoding else []
        how += ["a workbook with macros"] if raw.file.lower().endswith(".xlsm") else []
        found += [f"{raw.file}: {' and '.join(how)}, which CMS's own file isn't; read all the same"] if how else []
        found += [f"{raw.file}: {raw.note}"] if raw.note else []
        if raw.rounded:
            cells = ", ".join(f"{count:,} of {name}" for name, count in raw.rounded.items())
            found.append(f"{raw.file}: cells that hold more digits than they show are read as shown: {cells}")
    return found


def _cut(file: MemberFile, data: bytes, place: str) -> tuple[Cut, str, str]:
    if file.format == "xlsx":
        refuse_large_workbook(data, place)
        return _cut_workbook(file.member, grid.workbook(data, place), place), "", ""
    bounds.refuse_large_text(data, place, bounds.of(file.member))
    encoding = encoding_of(data)
    named = f"{place} ({encoding.upper()})" if encoding.startswith(("utf-16", "utf-32")) else place
    cut, separator = cut_text_member(file.member, file.format, decode(data, place), named)
    return cut, separator, encoding


def refuse_large_workbook(data: bytes, place: str) -> None:
    """Raise ArchiveError for a workbook larger than a member can be, before a reader makes room for its cells."""
    if data.startswith(b"PK"):
        xlsx_bounds.refuse_large_xlsx(data, place)
    elif data.startswith(xls.MAGIC):
        xls.refuse_large(data, place)
    else:
        raise ArchiveError(f"{place}: neither an xls nor an xlsx workbook. Download the archive again.")


def _cut_workbook(member: str, sheets: list[grid.Grid], place: str) -> Cut:
    cuts: dict[str, Cut] = {}
    errors: list[PfsetlError] = []
    for sheet in sheets:
        try:
            cuts[sheet.place.removeprefix(f"{place} ")] = grid_shape.cut_grid(member, sheet)
        except LayoutError as error:
            errors.append(error)
    if len(cuts) > 1:
        raise LayoutError(
            f"{place}: {len(cuts)} sheets fit a layout of {member}: {' and '.join(cuts)}. A sheet may be hidden; "
            "keep the one of the release."
        )
    if not cuts:
        raise errors[0] if errors else ArchiveError(f"{place}: a workbook without cells.")
    return next(iter(cuts.values()))
