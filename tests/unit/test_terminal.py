"""What files hold never steers the terminal, and tables keep whole words in eighty columns."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from rich.markup import escape

from pfsetl.cli import commands, render, terminal
from pfsetl.errors import UsageError


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
    assert name.replace("\x1b", "\\x1b") in printed


@pytest.mark.parametrize("name", ["[/bold]x", "[red]x[/red]", "[bold]x", r"C:\[red]", ":x: [1:3]"])
def test_a_name_in_a_sentence_or_above_a_column_is_printed_as_it_is(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = render.console()
    out.print(f"[yellow]note[/yellow]  {escape(name)}")
    out.print(render.table("", (name,), []))
    note, heading = capsys.readouterr().out.splitlines()[:2]
    assert (note, heading.strip()) == (f"note  {name}", name)


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


# --- an output that lacks characters -----------------------------------------------------------------------------


def in_ascii(say: Callable[[], None]) -> bytes:
    """What is written to an output that knows ASCII alone, as of a program that is started without a language."""
    written = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(written, encoding="ascii", write_through=True)) as out:
        say()
        out.detach()
    return written.getvalue()


def test_what_an_output_lacks_is_shown_as_an_escape() -> None:
    def say() -> None:
        terminal.say_what_it_can(sys.stdout)
        render.console().print("\u2581\u2588 San Jos\u00e9")

    assert in_ascii(say) == rb"\u2581\u2588 San Jos\xe9" + b"\n"


def test_json_is_whole_whatever_the_output_lacks() -> None:
    name = "San Jos\u00e9 \u2581 \U0001f600"
    assert json.loads(in_ascii(lambda: print(render.as_json({"name": name})))) == {"name": name}


def test_csv_that_an_output_lacks_characters_of_is_refused_and_not_changed() -> None:
    assert in_ascii(lambda: terminal.print_csv("name\nSan Juan\n")) == b"name\nSan Juan\n"
    with pytest.raises(UsageError, match=r"encoded as ascii, which lacks '\\xe9'.*PYTHONUTF8=1"):
        in_ascii(lambda: terminal.print_csv("name\nSan Jos\u00e9\n"))


@pytest.mark.process
def test_a_program_without_a_language_shows_a_history(sampled: Path) -> None:
    line = [sys.executable, "-m", "pfsetl", "history", "G9901", "--output", str(sampled)]
    done = subprocess.run(line, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"G9901" in done.stdout


def test_what_is_said_into_an_output_that_the_caller_closed_goes_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stdout", "stderr"):  # what Python makes of `>&- 2>&-`
        monkeypatch.setattr(sys, name, None)
    commands.run(["list", "--published", "--output", str(tmp_path)])
