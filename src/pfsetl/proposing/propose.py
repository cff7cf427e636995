"""Candidate declarations for an archive that can't be read yet: rows for a person to read and to accept.

What is proposed comes from the nearest layout, CMS's rule for labels and the names of the archive's files. Written into
a folder, the rows can be laid over the shipped ones with --schemas.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath

from pfsetl.declared import declarations, quarters, registry
from pfsetl.declared.records.archives import MemberRow
from pfsetl.errors import LayoutError, PfsetlError, StoreError, UsageError, shown
from pfsetl.parsing.read import grids, read_file, records
from pfsetl.proposing import grid_candidates, text_candidates
from pfsetl.proposing.grid_candidates import Candidate
from pfsetl.source.archive import contents
from pfsetl.source.discover import Posting, release_row
from pfsetl.source.members import FORMATS, MemberFile, Recognised, is_of_system, recognise, stranger

Row = dict[str, str]


@dataclass(slots=True)
class Proposal:
    """The rows of each file of declarations that an archive asks for, what to look at in them, and what is left open.

    `undecided` are files for which no row can be proposed; each entry says why.
    """

    rows: dict[str, list[Row]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)

    def add(self, name: str, row: Mapping[str, str]) -> None:
        """Add a row to a file; columns that it doesn't have stay empty."""
        self.rows.setdefault(name, []).append({c: row.get(c, "") for c in declarations.columns(name)})

    def files(self) -> dict[str, str]:
        """Return the files as text, by name."""
        return {name: _text(name, rows) for name, rows in self.rows.items()}


def propose(label: str, archive: Path) -> Proposal:
    """Return the rows that an archive asks for so that it can be built under a label.

    Raises UsageError for a label that doesn't follow CMS's rule, and what `open_archive` raises for bytes that
    aren't an archive's.
    """
    proposal = Proposal()
    label = label.strip().upper()
    if label not in registry.releases():
        proposal.add("releases.csv", release_row(Posting(label, None, None, "new_label")))
        proposal.notes.append(f"releases.csv: {label} by CMS's quarter rule; compare the days with CMS's page")
    inside = contents(archive)
    release = registry.find_or_infer(label)
    day = quarters.first_day(release.year, release.quarter)
    found = recognise(archive.name, inside, day=day)
    if said := stranger(archive.name, found):
        proposal.undecided.append(said)
    files = [*found.files, *_named_anew(archive.name, found, inside, day, proposal)]
    for file in files:
        _propose_layout(label, f"{archive.name}/{file.name}", file, proposal)
    return proposal


def write(proposal: Proposal, folder: Path) -> list[Path]:
    """Write the rows into a folder; raises UsageError, with nothing written, where a file is there already."""
    files = {folder / name: text for name, text in proposal.files().items()}
    if there := [path for path in files if path.exists()]:
        raise UsageError(
            f"{there[0]}: there already. Give a new folder with --out, read its rows, and add them to those you have."
        )
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{error.filename}: {error.strerror}. Give a folder that you may write into.") from error
    return list(files)


def _propose_layout(label: str, place: str, file: MemberFile, proposal: Proposal) -> None:
    try:
        read_file(file, place)
    except LayoutError as error:
        found = [c for grid in grids(file, place) if (c := grid_candidates.propose(file.member, grid))]
        lines = records(file, place)
        if lines is not None and (candidate := text_candidates.propose(file.member, lines)):
            found.append(candidate)
        if len(found) != 1:
            what = "it's like no layout" if not found else f"{len(found)} sheets may be it"
            proposal.undecided.append(f"{error} No row can be proposed: {what}; write them by hand, or give the csv.")
            return
        _add_layout(label, file, found[0], proposal)
    except PfsetlError as error:
        proposal.undecided.append(str(error))


def _add_layout(label: str, file: MemberFile, candidate: Candidate, proposal: Proposal) -> None:
    name = f"{candidate.nearest.name}_{label}"
    shape = [(c.field, str(c.position), str(c.end or ""), c.header) for c in candidate.columns]
    known = [r for r in proposal.rows.get(f"layouts/{file.member}.csv", []) if r["layout"] == name]
    if known:
        if [(r["field"], r["start"], r["end"], r["header"]) for r in known] != shape:
            proposal.undecided.append(f"{file.name}: another shape than the file before it; write its rows by hand.")
        return
    differences = "; ".join(candidate.differences) or "other heading rows"
    told = f"{shown(file.name)}, as {candidate.nearest.name} but: {differences}"
    proposal.notes.append(told)
    rows = ("", "") if candidate.record_length else (str(candidate.header_above), str(candidate.header_below))
    proposal.add(
        "layouts/shapes.csv",
        {
            "layout": name, "member": file.member, "medium": candidate.nearest.medium,
            "record_length": str(candidate.record_length or ""), "header_above": rows[0], "header_below": rows[1],
            "valid_for": f"{label}; proposed, not yet compared", "source": told,
        },
    )  # fmt: skip
    for column in candidate.columns:
        row = {"layout": name, "field": column.field, "start": str(column.position), "end": str(column.end or ""),
               "header": column.header}  # fmt: skip
        proposal.add(f"layouts/{file.member}.csv", row)
        if column.new and all(r["field"] != column.field for r in proposal.rows.get("fields.csv", [])):
            proposal.add("fields.csv", {"field": column.field, "kind": "text", "note": f"new in {label}; read, unused"})


def _named_anew(
    archive: str, found: Recognised, loads: Mapping[str, Callable[[], bytes]], day: date, proposal: Proposal
) -> Iterator[MemberFile]:
    """Yield the files of unknown names that can be told by what they hold, and propose the rows of their names."""
    there = {(file.member, file.participant) for file in found.files}
    of_day = [kind for kind in registry.member_kinds() if registry.is_of_day(kind, day)]
    for name in found.ignored:
        form = FORMATS.get(PurePosixPath(name).suffix.lower())
        if name not in loads or form is None or is_of_system(name) or not name.isprintable():
            continue
        kinds = list({k.member: k for k in of_day if (k.member, k.participant) not in there}.values())
        fits = [k for k in kinds if _is_like(MemberFile(name, k.member, k.participant, form, loads[name]), archive)]
        if not fits:
            continue
        lacking = _lacking([k for k in of_day if k.member == fits[0].member], there)
        if len(fits) > 1 or len(lacking) != 1:
            which = (
                " or ".join(k.member for k in fits) if len(fits) > 1 else f"{fits[0].member}, whose participant is open"
            )
            proposal.undecided.append(f"{archive}/{name}: may be {which}; rename it as CMS names it, or add its name.")
            continue
        kind = lacking[0]
        there.add((kind.member, kind.participant))
        row = next(
            r
            for r in declarations.texts("members.csv")
            if (r["member"], r["participant"]) == (kind.member, kind.participant)
        )
        stem = re.sub(r"\d+", r"\\d+", re.escape(PurePosixPath(name).stem.lower()))
        proposal.add("members.csv", row | {"pattern": f"{row['pattern']}|^{stem}$"})
        proposal.notes.append(f"members.csv: {name} is taken for {kind.member} ({kind.participant}) by what it holds")
        yield MemberFile(name, kind.member, kind.participant, form, loads[name])


def _lacking(kinds: Sequence[MemberRow], there: set[tuple[str, str]]) -> list[MemberRow]:
    """Return which of the kinds of a member an archive still lacks, given the participants that it has."""
    has = {participant for name, participant in there if name == kinds[0].member}
    if "all" in has:
        return []
    whole = [k for k in kinds if k.participant == "all"]
    return [k for k in kinds if k.participant not in has and (not whole or (k.participant == "all") != bool(has))]


def _is_like(file: MemberFile, archive: str) -> bool:
    """Return whether a file holds what a member does, in a declared shape or in one like it."""
    place = f"{archive}/{file.name}"
    try:
        read_file(file, place)
    except LayoutError:
        return any(grid_candidates.propose(file.member, grid) for grid in grids(file, place))
    except PfsetlError:
        return False
    return True


def _text(name: str, rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, declarations.columns(name), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
