"""Help shows how each command is used, and a store is found where a person would look for it."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from pfsetl.cli import examples, main
from pfsetl.cli.commands import COMMANDS
from pfsetl.cli.options import app
from pfsetl.storage.folder import LocalStore
from tests import publisher

Run = Callable[..., tuple[int, str, str]]


def test_each_command_is_under_one_heading_and_has_an_example() -> None:
    listed = [name for commands in examples.HEADINGS.values() for name in commands]
    assert sorted(listed) == sorted(COMMANDS) == sorted(examples.EXAMPLES)


@pytest.mark.parametrize("line", [line for lines in examples.EXAMPLES.values() for line in lines])
def test_an_example_is_understood(line: str) -> None:
    program, *arguments = shlex.split(line)
    assert program == "pfsetl"
    app.parse_args(arguments, exit_on_error=False, print_error=False)


def test_headings_stand_in_the_order_of_work(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    page = capsys.readouterr().out
    places = [page.index(f"╭─ {name} ─") for name in examples.HEADINGS]
    assert places == sorted(places)


@pytest.mark.parametrize("option", ["--debug", "--log", "--schemas"])
def test_the_options_of_every_command_are_in_its_help(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["price", "--help"])
    assert option in capsys.readouterr().out


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """A store with one release."""
    made = LocalStore(tmp_path / "mine")
    publisher.published(made, "RVU25A")
    return made


def test_a_store_is_taken_from_the_environment(store: LocalStore, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFSETL_OUTPUT", str(store))
    assert "RVU25A" in run("versions")[1]


def test_a_store_that_is_named_wins(store: LocalStore, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFSETL_OUTPUT", str(store.root / "elsewhere"))
    assert "RVU25A" in run("versions", "--output", store)[1]


def test_an_empty_variable_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFSETL_OUTPUT", "")
    code, _, told = run("versions")
    assert (code, "PFSETL_OUTPUT is empty" in told) == (2, True)


def test_the_demo_never_goes_where_releases_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFSETL_OUTPUT", "releases")
    _, bound, _ = app.parse_args(["demo"], exit_on_error=False, print_error=False)
    assert bound.arguments.get("output", "output/demo") == "output/demo"


def test_a_demo_beside_an_empty_store_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    publisher.published(LocalStore(tmp_path / "output/demo"), "RVU25A")
    code, _, told = run("code", "G0101")
    assert (code, "--output output/demo" in told) == (2, True)


def test_only_published_releases_are_listed_when_asked(store: LocalStore, run: Run) -> None:
    lines = run("list", "--published", "--output", store)[1].splitlines()
    assert [line.split()[0] for line in lines] == ["release", "RVU25A"]


def test_completion_is_offered_for_the_usual_shells() -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "backfill" in app.generate_completion(prog_name="pfsetl", shell=shell)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("build", "build: RELEASE is missing. 'pfsetl build --help'"),
        ("load", "load: FILE is missing. 'pfsetl load --help'"),
        ("price G0101", "price: --date is missing. 'pfsetl price --help'"),
        ("price G0101 --date", "--date: a value has to follow it. 'pfsetl price --help'"),
        ("code G0101 G0102", "code: too many arguments: G0102. 'pfsetl code --help'"),
        ("build RVU26A --archvie x.zip", "--archvie. Did you mean --archive? 'pfsetl build --help'"),
        ("biuld RVU26A", "Did you mean \"build\"? 'pfsetl --help' lists all."),
        ("help", "'pfsetl --help' lists all."),
    ],
)
def test_a_line_that_is_not_understood_is_told_in_the_words_of_its_help(line: str, said: str, run: Run) -> None:
    code, _, told = run(*line.split())
    assert (code, said in told) == (2, True), told
    page = re.search(r"'pfsetl ?(\w*) --help'", told)
    assert page is not None
    assert page[1] in {*COMMANDS, ""}
