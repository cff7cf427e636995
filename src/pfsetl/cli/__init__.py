"""The command line: one function per command. Exit 0 done, 1 data refused, 2 usage, 3 source unavailable."""

import sys

import pfsetl
from pfsetl import frugal


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; asked for the version alone, answer before any library is imported."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["--version"]:
        print(pfsetl.__version__)
        return
    frugal.be_frugal()
    try:
        from pfsetl.cli import commands  # which takes longer than some commands, and may be interrupted too

        commands.run(arguments)
    except KeyboardInterrupt:
        sys.exit(130)
