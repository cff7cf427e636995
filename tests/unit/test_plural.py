"""One of a thing stands in the singular."""

from pfsetl.plural import count


def test_one_alone_is_singular() -> None:
    assert [count(number, "row") for number in (0, 1, 2, 1_240)] == ["0 rows", "1 row", "2 rows", "1,240 rows"]
