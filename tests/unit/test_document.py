"""JSON from anywhere: what is read, what is refused and why."""

import json
import sys

import pytest

from pfsetl.document import MAX_DEPTH, Unreadable, parse, read_json
from pfsetl.errors import PfsetlError


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"a": [1, 2.5, null, true, "\\u00e9"]}',
        '"x"',
        "-0",
        "[1e300]",
        nested(MAX_DEPTH),
        "[" + "[]," * 500 + "[]]",
    ],
)
def test_what_json_has_is_read_as_python_reads_it(text: str) -> None:
    assert read_json(text) == read_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "a": 1}', "'a' occurs twice"),
        ('[{"b": {"a": 1, "a": 2}}]', "'a' occurs twice"),
        ("[NaN]", "NaN"),
        ("[-Infinity]", "-Infinity"),
        ("[1e999]", "1e999 is too large"),
        ("9" * 5000, "digits"),
        (nested(MAX_DEPTH + 1), f"deeper than {MAX_DEPTH}"),
        ('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), f"deeper than {MAX_DEPTH}"),
        (nested(200_000), f"deeper than {MAX_DEPTH}"),
        ("[" * 200_000, f"deeper than {MAX_DEPTH}"),
        ("", "Expecting value"),
        ('{"a": 1} {"a": 2}', "Extra data"),
    ],
    ids=lambda value: value[:20],
)
def test_what_json_leaves_open_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read_json(text)


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(Unreadable, match="UTF-8"):
        read_json(b'{"a": "\xff"}')


def test_a_text_over_the_bound_is_refused_unread() -> None:
    assert read_json("[1, 2]", 6) == [1, 2]
    with pytest.raises(Unreadable, match="7 bytes, more than the 6"):
        read_json("[1, 23]", 6)


@pytest.mark.long
def test_a_key_given_twice_is_found_at_once_among_many() -> None:
    many = ",".join(f'"{i}": 1' for i in range(300_000))
    with pytest.raises(Unreadable, match="'299999' occurs twice"):
        read_json("{" + many + ', "299999": 2}')


def test_numbers_that_json_lacks_are_left_to_a_caller_that_judges_them() -> None:
    assert read_json("[Infinity, 1e999]", any_number=True) == [float("inf")] * 2


def test_a_file_is_named_with_what_is_wrong_and_what_to_do() -> None:
    assert parse(b'{"a": 1}', "store/a.json") == {"a": 1}
    with pytest.raises(PfsetlError, match=r"^store/a\.json: .*'a' occurs twice.*Restore it from a copy\.$"):
        parse(b'{"a": 1, "a": 2}', "store/a.json")


def test_without_the_reader_each_of_these_passes_or_breaks() -> None:
    """The control: what Python's own reader makes of them."""
    assert json.loads('{"a": 1, "a": 2}') == {"a": 2}
    assert json.loads("[1e999]") == [float("inf")]
    with pytest.raises(RecursionError):
        json.loads("[" * (200_000 + sys.getrecursionlimit()))
