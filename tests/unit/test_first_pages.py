"""What a newcomer types from README and from the first ten minutes runs as written, after `make demo`."""

from pathlib import Path

import pytest

import pfsetl
from tests.copied import copied
from tests.unit.test_consumers_page import Example, examples, lines, run
from tools.chart import chart

ROOT = Path(__file__).parents[2]
START = list(examples((ROOT / "docs" / "start.md").read_text()))
README = list(examples((ROOT / "README.md").read_text()))


@pytest.fixture(scope="module")
def folder(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo was published, and where `.venv/bin` has this pfsetl."""
    folder = tmp_path_factory.mktemp("newcomer")
    copied(demo, folder / "output" / "demo")
    return folder


def test_the_first_ten_minutes_print_what_the_page_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    shared: dict[str, object] = {"__name__": "__main__"}  # a block goes on where the one before it ended
    assert START
    for example in START:
        assert lines(run(example, shared)) == lines(example.printed), f"line {example.line}"


def test_the_chart_is_that_of_the_demo(folder: Path) -> None:
    assert chart(pfsetl.open(folder / "output" / "demo")) == (ROOT / "docs" / "changes.svg").read_text()


def test_readme_makes_the_demo_first() -> None:
    assert [line.split("#")[0].strip() for line in README[0].code.splitlines()] == ["make demo", "make test"]


@pytest.mark.parametrize("line", README[1].code.splitlines(), ids=lambda line: line.split()[1])
def test_each_line_of_readme_runs(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert line.startswith(".venv/bin/pfsetl ")
    assert run(Example(0, None, "sh", line.removeprefix(".venv/bin/"), ""))


def test_the_query_of_readme_finds_the_price_that_its_other_line_makes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (query,) = [example for example in README if example.language == "python"]
    assert "43.72" in run(query)  # G0101 in CA/18: 1.30896 x 33.4009
