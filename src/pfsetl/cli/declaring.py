"""The command that proposes declarations for what can't be read yet."""

import shlex
from pathlib import Path

from pfsetl.cli import render, terminal
from pfsetl.cli.options import Json
from pfsetl.errors import LayoutError
from pfsetl.proposing import propose as proposing


def declare(label: str, *, archive: Path, out: Path | None = None, json: Json = False) -> None:
    """Propose the rows that an archive of an unknown label, name or shape needs, for you to read and accept.

    Read and correct them, then give the folder to any command with --schemas DIR, or as PFSETL_SCHEMAS. Exit 1
    when something is left that no row can be proposed for.

    Parameters
    ----------
    label
        The label to build the archive under, such as RVU27A.
    archive
        CMS's zip or a folder of its members.
    out
        Write the rows into this folder; default: print them.
    """
    proposal = proposing.propose(label, archive)
    written = proposing.write(proposal, out) if out else []
    if json:
        said = {"rows": proposal.rows, "notes": proposal.notes, "undecided": proposal.undecided}
        print(render.as_json({**said, "written": [str(path) for path in written]}))
    else:
        for name, text in proposal.files().items():
            print("" if out else f"--- {name}\n{text}", end="")
        for note in proposal.notes:
            print(terminal.plain(f"read this: {note}"))
        for path in written:
            print(f"written: {path}")
        if not proposal.rows and not proposal.undecided:
            print(f"nothing to declare: every file of {archive} has a known name and shape, and {label} is declared")
        elif out and proposal.rows:
            places = f"--archive {shlex.quote(str(archive.absolute()))} --schemas {shlex.quote(str(out.absolute()))}"
            print(f"When they are right: pfsetl build {label.upper()} {places} --output STORE")
    if proposal.undecided:
        raise LayoutError("\n".join(proposal.undecided))
