"""CMS's words are published for its own codes alone, told by the code and never by the words."""

from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from pfsetl.declared import contracts, registry
from pfsetl.tables import level_two

TABLE = contracts.load().tables["code_text"]


def file(*rows: tuple[str, str, str], participant: str = "all") -> Any:
    """A parsed PPRRVU: code, modifier and CMS's words."""
    frame = pl.DataFrame(rows, schema=["hcpcs", "modifier", "description"], orient="row")
    return SimpleNamespace(frame=frame, raw=SimpleNamespace(member="pprrvu", participant=participant))


def words(*files: Any) -> dict[str, str]:
    found = level_two.code_text(list(files), registry.find("RVU26A"), TABLE)
    return dict(found.select("hcpcs", "text").iter_rows())


@pytest.mark.parametrize("code", ["A0021", "B4034", "C1713", "E0100", "G0101", "K0001", "Q0091", "U0001", "V2020"])
def test_a_letter_and_four_digits_is_cmss(code):
    assert words(file((code, "", "Invented words"))) == {code: "Invented words"}


@pytest.mark.parametrize(
    "code", ["97761", "00100", "0001F", "0075T", "0001U", "0001M", "0001A", "D0120", "W0001", "GXXX1", "g0101"]
)
def test_any_other_code_has_no_words(code):
    assert words(file((code, "", "INVENTED WORDS"))) == {}


def test_words_are_those_of_the_whole_service():
    assert words(file(("G0101", "TC", "Part"), ("G0101", "", "Whole"))) == {"G0101": "Whole"}


def test_words_of_everyones_file_come_before_a_participants():
    mine, theirs = (file(("G0101", "", p), participant=p) for p in ("aco", "non_qp"))
    assert words(mine, theirs) == {"G0101": "non_qp"}


def test_a_code_that_only_one_participants_file_lists_has_its_words():
    mine, theirs = file(("G0101", "", "Mine"), participant="qp"), file(("G0102", "", "Theirs"), participant="non_qp")
    assert words(mine, theirs) == {"G0101": "Mine", "G0102": "Theirs"}


def test_blank_words_are_none():
    assert words(file(("G0101", "", " "))) == {}


def test_the_file_of_codes_may_be_missing():
    assert words() == {}
