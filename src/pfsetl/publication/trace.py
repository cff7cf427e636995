"""From a published row to its source: the archive, the file, the line, and what CMS wrote there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import polars as pl

from pfsetl.declared import registry
from pfsetl.errors import ArchiveError, UsageError
from pfsetl.near import beside
from pfsetl.parsing.encoding import decode
from pfsetl.parsing.parse import LICENSED
from pfsetl.parsing.read import RawTable, read_member
from pfsetl.publication.version import Version
from pfsetl.source.archive import Archive

BLANK = "\N{MIDDLE DOT}"
LISTED = 12


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one published row was read: `key` names the row, `text` is CMS's line, where the archive is available."""

    release: str
    table: str
    key: Mapping[str, str]
    file: str
    line: int
    layout: str
    file_sha256: str
    archive: str
    archive_sha256: str
    url: str | None
    text: str | None = None


def trace(at: Version, release: str, table: str, wanted: Mapping[str, str]) -> list[Origin]:
    """Return the origin of every row of a source table that has these key values, e.g. {"hcpcs": "97761"}.

    Raises UsageError for a table that isn't read from a file, and for values that no row has, with near ones.
    """
    lines = at.scan("source_lines", release)
    tables = lines.select(pl.col("table").unique().sort()).collect()["table"].to_list()
    if table in at.releases[release].missing:
        raise UsageError(f"{table}: CMS's file of it is missing from the archive of {release}, so it has no row.")
    if table not in tables:
        raise UsageError(
            f"{table}: no table of {release} that is read from a file. There are {', '.join(tables)}; all others are "
            "computed from these, as docs/tables.md says."
        )
    rows = lines.filter(table=table).collect()
    for name in [name for name, value in wanted.items() if value and not (rows[name] != "").any()]:
        raise UsageError(f"{wanted[name]}: {table} has no {name} to choose by. Leave it out.")
    for name, value in wanted.items():
        known = rows[name].unique().sort().to_list()
        rows = rows.filter(pl.col(name) == value)
        if rows.is_empty():
            named = value or "''"
            raise UsageError(
                f"{named}: no such {name} in {table} of {release}{_so_far(wanted, name)}. {_near(value, known)}"
            )
    record = at.releases[release]
    members = {m.file: m for m in record.members}
    keys = [c for c in rows.columns if c not in ("release", "table", "file", "line") and (rows[c] != "").any()]
    return [
        Origin(
            release,
            table,
            {c: row[c] for c in keys},
            row["file"],
            row["line"],
            members[row["file"]].layout,
            members[row["file"]].sha256,
            record.archive.name,
            record.archive.sha256,
            record.archive.url,
        )
        for row in rows.iter_rows(named=True)
    ]


def with_text(origins: Sequence[Origin], archive: Archive, content: str, *, descriptors: bool = False) -> list[Origin]:
    """Return the origins with the line of the archive at each, exactly as CMS wrote it.

    A descriptor is licensed text: its characters are blanked unless `descriptors`. `content` is the identity of the
    archive that the release was built from; raises UsageError for any other archive. A row of a workbook is shown
    as its cells, with tabs between them.
    """
    if archive.content != content:
        raise UsageError(
            f"{archive.name}: not the archive that was published, its content is {archive.content[:12]}, not "
            f"{content[:12]}. Give the one that the manifest names, or leave --archive out."
        )
    files = {PurePosixPath(f.name).name: f for f in archive.files}
    found: dict[str, tuple[RawTable, bytes]] = {}
    result = []
    for origin in origins:
        name = PurePosixPath(origin.file).name
        if name not in found:
            found[name] = read_member(archive, files[name]), files[name].load()
        result.append(replace(origin, text=_text(*found[name], origin.line, descriptors=descriptors)))
    return result


def _near(value: str, known: Sequence[str]) -> str:
    """Return a hint at the values nearest to one that isn't there: all of a few, else neighbours and look-alikes."""
    if len(known) <= LISTED:
        return f"There: {', '.join(x or 'blank' for x in known)}."
    close = beside(value, known)
    return f"Near: {', '.join(close)}." if close else f"There are {len(known):,}, such as {known[0]} and {known[-1]}."


def _so_far(wanted: Mapping[str, str], name: str) -> str:
    before = list(wanted)[: list(wanted).index(name)]
    return " for " + ", ".join(wanted[b] or "blank" for b in before) if before else ""


def _text(raw: RawTable, data: bytes, line: int, *, descriptors: bool) -> str:
    if raw.format == "xlsx":
        cells: dict[str, Any] = raw.frame.row(by_predicate=pl.col("line") == line, named=True)
        shown = {c: BLANK * len(cells[c]) if c == LICENSED and not descriptors else cells[c] for c in cells}
        return "\t".join(shown[c] for c in cells if c != "line")
    rows = decode(data).split("\n")
    following = min(raw.frame.filter(pl.col("line") > line)["line"].head(1).to_list(), default=line + 1)
    last = line
    while _open_quote(rows[line - 1 : last]) and last + 1 < following:
        last += 1  # a quoted cell goes on in the next line
    text = "\n".join(rows[line - 1 : last])
    if descriptors or LICENSED not in raw.frame.columns:
        return text
    start, end = _descriptor(raw, text)
    return text[:start] + "".join(c if c in '"\n' else BLANK for c in text[start:end]) + text[end:]


def _cells(separator: str) -> re.Pattern[str]:
    between = re.escape(separator)
    return re.compile(rf'(?:"(?:[^"]|"")*"|[^{between}]*)(?:{between}|$)')


def _open_quote(rows: Sequence[str]) -> bool:
    return sum(row.count('"') for row in rows) % 2 == 1


def _descriptor(raw: RawTable, text: str) -> tuple[int, int]:
    """Return where in a line the descriptor stands."""
    layout = next(x for x in registry.layouts(raw.member) if x.name == raw.layout)
    field = next(f for f in layout.fields if f.field == LICENSED)
    if layout.medium == "fixed":
        return field.start - 1, field.end
    cells = list(_cells(raw.separator).finditer(text))
    if len(cells) < field.start:
        raise ArchiveError(f"{raw.file}: a line without its descriptor's column. --with-descriptors shows it whole.")
    start, end = cells[field.start - 1].span()
    return start, end - text[start:end].endswith(raw.separator)
