"""The command line: one function per command. Exit 0 done, 1 data refused, 2 usage, 3 source unavailable."""

import os
import sys

import pfsetl

# What libraries are told when they are loaded: memory that they free goes back to the system, not to a later need.
FRUGAL = {"_RJEM_MALLOC_CONF": "narenas:2,dirty_decay_ms:100,muzzy_decay_ms:0", "ARROW_DEFAULT_MEMORY_POOL": "system"}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; asked for the version alone, answer before any library is imported."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["--version"]:
        print(pfsetl.__version__)
        return
    if "benchmark" in arguments:  # of files of any size
        for name, value in FRUGAL.items():
            os.environ.setdefault(name, value)
    from pfsetl.cli import commands

    commands.run(arguments)
