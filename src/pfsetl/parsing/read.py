"""Archive to frames of text: one table per member, cut by the layout that fits, nothing interpreted yet."""

import hashlib
from dataclasses import dataclass, replace

import polars as pl

from pfsetl.declared import registry
from pfsetl.errors import ArchiveError, LayoutError, PfsetlError, during
from pfsetl.parsing import grid, grid_shape, text_shape
from pfsetl.parsing.shape import Cut
from pfsetl.source.archive import Archive, MemberFile


@dataclass(frozen=True, slots=True)
class RawTable:
    """One member as text: `frame` has `line` and the fields of its layout, blanks are ""."""

    member: str
    participant: str
    file: str
    format: str
    sha256: str
    layout: str
    frame: pl.DataFrame
    banner: str
    counts: dict[str, int]

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
    place = f"{archive.name}/{file.name}"
    with during(f"reading {place}"):
        return _read_member(file, place)


def _read_member(file: MemberFile, place: str) -> RawTable:
    data = file.load()
    if not data.strip():
        raise ArchiveError(f"{place}: empty. Download the archive again.")
    if data.lstrip()[:1] == b"<":
        raise ArchiveError(f"{place}: an HTML page, not a {file.format} member. Download the archive again.")
    cut = _cut(file, data, place)
    if cut.frame.is_empty():
        raise ArchiveError(f"{place}: a header and no records. Download the archive again.")
    return RawTable(
        file.member,
        file.participant,
        file.name,
        file.format,
        hashlib.sha256(data).hexdigest(),
        cut.layout,
        cut.frame,
        cut.banner,
        cut.counts,
    )


def _cut(file: MemberFile, data: bytes, place: str) -> Cut:
    if file.format == "xlsx":
        return _cut_workbook(file.member, grid.workbook(data, place), place)
    text = grid.decode(data)
    if file.format == "csv":
        return grid_shape.cut_grid(file.member, grid.delimited(text, ",", place))
    rows = grid.lines(text)
    filled = rows.filter(pl.col("text").str.strip_chars() != "").height
    if text.count("\t") >= 2 * filled:
        return grid_shape.cut_grid(file.member, grid.delimited(text, "\t", place))
    return text_shape.cut_text(file.member, rows, place)


def _cut_workbook(member: str, sheets: list[grid.Grid], place: str) -> Cut:
    cuts: list[Cut] = []
    errors: list[PfsetlError] = []
    for sheet in sheets:
        try:
            cuts.append(grid_shape.cut_grid(member, sheet))
        except LayoutError as error:
            errors.append(error)
    if len(cuts) > 1:
        raise LayoutError(f"{place}: {len(cuts)} sheets fit a layout of {member}; keep the one of the release.")
    if not cuts:
        raise errors[0] if errors else ArchiveError(f"{place}: a workbook without cells.")
    return cuts[0]
