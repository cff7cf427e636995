"""What files hold never steers the terminal."""

import json

import pytest

from pfsetl.cli import render, terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("RVU25A.zip/\x1b[2Jx.csv", "RVU25A.zip/\\x1b[2Jx.csv"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb\x07", "a\\rb\\x07"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\udcff", "\\udcff"),
        ("two\nlines, caf\u00e9 \u2014 $1", "two\nlines, caf\u00e9 \u2014 $1"),
    ],
)
def test_control_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert terminal.plain(text) == shown


def test_a_cell_of_megabytes_is_cut() -> None:
    assert len(terminal.plain("x" * 1_000_000)) < 400
    assert len(terminal.plain("x " * 1_000_000)) < 4_100


@pytest.mark.parametrize("name", ["a\x1b[31mb", "[/bold]x", "[red]x", "[bold]x", "[link=http://x]y", "x[/yellow]"])
def test_a_name_is_printed_as_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = render.console()
    out.print(f"[yellow]notice[/yellow]   {name}")
    out.print(render.table("", ("file",), [(name,)]))
    printed = capsys.readouterr().out
    assert "\x1b[31m" not in printed
    core = name.replace("\x1b", "\\x1b")
    assert core in printed or name == "[bold]x"


def test_json_holds_control_characters_as_escapes() -> None:
    text = render.as_json({"name": "a\x9b31m\x1b[2J"})
    assert "\x9b" not in text
    assert json.loads(text) == {"name": "a\x9b31m\x1b[2J"}
