"""What files hold never steers the terminal, and tables keep whole words in eighty columns."""

import io
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


# --- eighty columns ---------------------------------------------------------------------------------------------

RELEASE = ("release", "kind", "effective_from", "effective_to", "never_effective", "supersedes", "published", "part")
RVU05AR = ("RVU05AR", "correction", "2005-01-01", "2005-03-31", "unknown", "RVU05A", "revision 1", "a sample")


def shown(columns: tuple[str, ...], row: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of a table in a terminal of eighty columns."""
    monkeypatch.setenv("COLUMNS", "80")
    out = render.console()
    out.file, out.width, out.soft_wrap = io.StringIO(), 80, False
    out.print(render.table("", columns, [row]))
    return out.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("columns", "row"), [(RELEASE, RVU05AR), (("a_b", "what_went_wrong"), ("x" * 70, "one two three four five six"))]
)
def test_a_table_keeps_within_the_terminal_and_loses_nothing(columns, row, monkeypatch) -> None:
    lines = shown(columns, row, monkeypatch)
    assert max(map(len, lines)) <= 80
    assert sorted("".join(lines).replace(" ", "")) == sorted(
        "".join((*columns, *row)).replace(" ", "").replace("_", "")
    )


def test_dates_and_labels_are_not_broken(monkeypatch) -> None:
    words = " ".join(shown(RELEASE, RVU05AR, monkeypatch)).split()
    assert {word for cell in RVU05AR for word in cell.split()} <= set(words)


def test_a_table_that_fits_keeps_its_headings(monkeypatch) -> None:
    assert shown(("effective_from",), ("2005-01-01",), monkeypatch)[0].strip() == "effective_from"
