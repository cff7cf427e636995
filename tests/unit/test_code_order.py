"""CMS's files are in code order: letters before digits to RVU25A, digits first from RVU25C on."""

import polars as pl
import pytest

from pfsetl.checks.code_order import out_of_order


def strays(*codes: str) -> tuple[int, tuple[str, ...]]:
    lines = pl.DataFrame({"table": "rvu", "file": "PPRRVU.txt", "line": range(12, 12 + len(codes)), "hcpcs": codes})
    (finding,) = out_of_order({"source_lines": lines})
    return finding.violations, finding.examples


@pytest.mark.parametrize(
    "codes", [("0001F", "00120", "99213", "G0101"), ("G0101", "V5364", "0012F", "00120", "99213"), ("99213",) * 3]
)
def test_both_orders_of_cms_have_no_stray(codes):
    assert strays(*codes) == (0, ())


def test_a_code_that_changed_is_named_with_its_line():
    assert strays("00120", "99613", "99214", "99215", "G0101") == (
        1,
        ("99613 before 99214 (line 14 of PPRRVU.txt)",),
    )


def test_each_file_is_in_an_order_of_its_own():
    lines = pl.DataFrame(
        {"table": "rvu", "file": ["a", "a", "b", "b"], "line": [1, 2, 1, 2], "hcpcs": ["99213", "G0101"] * 2}
    )
    assert out_of_order({"source_lines": lines})[0].violations == 0


def test_without_lines_there_is_nothing_to_say():
    assert out_of_order({"rvu": pl.DataFrame()}) == []
