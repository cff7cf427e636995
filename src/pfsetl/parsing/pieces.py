"""A text that is longer than a member can be, read in pieces, each under the heading lines of the whole."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from pfsetl.errors import ArchiveError, LayoutError
from pfsetl.parsing.bounds import REMEDY
from pfsetl.parsing.encoding import encoding_of
from pfsetl.parsing.read import RawTable, read_file
from pfsetl.source.members import MemberFile

BYTES_OF_A_PIECE = 6 << 20  # so that a piece stays within what a member may have
BYTES_OF_A_REST = 1 << 12  # less may be blank lines or an end marker, which are no piece


def read_in_pieces(file: MemberFile, place: str, most_lines: int) -> Iterator[RawTable]:
    """Read a file in pieces of some megabytes; each has the lines and the sha256 of the whole file.

    So the memory that reading takes doesn't grow with the file. A workbook, and a text of a size as members have it, is
    one piece. Raises ArchiveError for more than `most_lines` lines.
    """
    data = file.load()
    lines = data.count(b"\n")
    if lines > most_lines:
        raise ArchiveError(f"{place}: {lines:,} lines, more than {most_lines:,}. {REMEDY}")
    ends = [] if file.format == "xlsx" or encoding_of(data) not in ("", "utf-8") else _ends(data)
    if not ends:
        yield read_file(replace(file, load=lambda: data), place)
        return
    digest = hashlib.sha256(data).hexdigest()
    start, before, head, heading = 0, 0, b"", 0
    for end in ends:
        shift, piece = before - heading if start else 0, head + data[start:end]
        try:
            raw = read_file(replace(file, load=lambda piece=piece: piece), place)  # type: ignore[misc]
        except LayoutError as error:
            if not shift:
                raise
            raise LayoutError(f"{error} Its lines are {shift:,} further on than said.") from error
        if not start:
            heading = int(raw.frame["line"][0]) - 1
            head = b"".join(data[:BYTES_OF_A_PIECE].splitlines(keepends=True)[:heading])
        yield replace(
            raw, sha256=digest, frame=raw.frame.with_columns((pl.col("line") + shift).cast(pl.UInt32).alias("line"))
        )
        before += data.count(b"\n", start, end)
        start = end


def _ends(data: bytes) -> list[int]:
    """Return where pieces end, each at the end of a line; none for a text that is no longer than one."""
    ends: list[int] = []
    at = 0
    while len(data) - at > BYTES_OF_A_PIECE and (found := data.find(b"\n", at + BYTES_OF_A_PIECE)) >= 0:
        at = found + 1
        ends.append(at)
    if ends and len(data) - at < BYTES_OF_A_REST:
        ends.pop()
    return [*ends, len(data)] if at else ends
