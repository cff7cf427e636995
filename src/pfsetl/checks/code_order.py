"""Rows of CMS's PPRRVU files stand in the order of their codes, so a code that changed mostly stands out.

Files to RVU25A are in mainframe order, letters before digits; from RVU25C on digits come first. All 15 files of the 14
archives compared are in one of the two orders throughout.
"""

import string
from collections.abc import Mapping

import polars as pl

from pfsetl.checks.check import Finding
from pfsetl.checks.judgement import EXAMPLES

_MAINFRAME = str.maketrans(
    string.ascii_uppercase + string.digits, "".join(sorted(string.ascii_uppercase + string.digits))
)


def out_of_order(tables: Mapping[str, pl.DataFrame]) -> list[Finding]:
    """Say which codes of an RVU file stand above the code before them, by the order that the file's rows fit best."""
    if "source_lines" not in tables:
        return []
    lines = tables["source_lines"].filter(pl.col("table") == "rvu").sort("file", "line")
    found = [code for file in lines.partition_by("file") for code in _strays(file)]
    return [
        Finding(
            "rvu", "code_order", "warn",
            "a code stands out of the order of the file, as one that was changed does",
            len(found), tuple(found[:EXAMPLES]),
        )
    ]  # fmt: skip


def _strays(file: pl.DataFrame) -> list[str]:
    codes = file["hcpcs"].to_list()
    keys = (codes, "\n".join(codes).translate(_MAINFRAME).split("\n"))
    breaks = [[at for at in range(1, len(key)) if key[at] < key[at - 1]] for key in keys]
    best = min(breaks, key=len)
    return [f"{codes[at - 1]} before {codes[at]} (line {file['line'][at]} of {file['file'][at]})" for at in best]
