"""What a message suggests in place of a name that isn't known."""

import pytest

from pfsetl import near

CODES = ["97760", "97761", "97763", "99211", "99212", "99213", "99214", "G0101", "G0102"]


@pytest.mark.parametrize(
    ("code", "close"),
    [
        ("97762", ["97760", "97761", "97763"]),  # its neighbors by number
        ("99210", ["99211", "99212", "99213"]),
        ("G01O1", ["G0101", "G0102"]),  # a letter for a digit
        ("9G213", ["99213"]),  # one character is wrong
        ("A9Z13", []),  # 99213 shares three characters with it, and is another service
        ("ZZZZZ", []),
    ],
)
def test_a_code_is_answered_with_those_beside_it_or_alike(code: str, close: list[str]) -> None:
    assert near.beside(code, CODES) == close


@pytest.mark.parametrize(
    ("name", "known", "close"),
    [
        ("RVU25E", ["RVU25A", "RVU25B", "RVU19C"], ["RVU25A", "RVU25B"]),
        ("XA", ["CA", "WY"], ["CA"]),  # of two letters one is enough
        ("QQQ", ["CA", "WY"], []),
        ("anything", [], []),
    ],
)
def test_a_name_is_answered_with_those_that_look_alike(name: str, known: list[str], close: list[str]) -> None:
    assert sorted(near.alike(name, known)) == sorted(close)


def test_a_code_without_neighbors_is_answered_with_the_likeliest_first() -> None:
    assert near.beside("O9213", CODES)[0] == "99213"


def test_no_more_are_suggested_than_a_message_can_hold() -> None:
    assert len(near.alike("RVU25E", [f"RVU25{letter}" for letter in "ABCDFGH"])) == near.MOST


def test_a_question_is_asked_only_where_something_looks_alike() -> None:
    assert (near.did_you_mean("unit", ["units"]), near.did_you_mean("colour", ["units"])) == (
        " Did you mean units?",
        "",
    )
