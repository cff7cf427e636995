"""Every example of docs/lakehouse.md runs as written, from the top, and prints what the page says."""

from pathlib import Path

import pytest

from tests.copied import copied
from tests.unit.test_consumers_page import Example, examples, lines, run

PAGE = (Path(__file__).parents[2] / "docs" / "lakehouse.md").read_text()
EXAMPLES = list(examples(PAGE))
INSTALLS = ".venv/bin/python -m pip install"


@pytest.mark.filterwarnings("ignore:Iceberg scan planning")
def test_the_page_prints_what_it_says(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied(demo, tmp_path / "output" / "demo")
    monkeypatch.chdir(tmp_path)
    shared: dict[str, object] = {"__name__": "__main__"}  # a block goes on where the one before it ended
    for example in EXAMPLES:
        if example.mark is None and not example.code.startswith(INSTALLS):
            assert lines(run(example, shared)) == lines(example.printed), f"line {example.line}"


def test_every_block_is_run_or_says_that_it_was_not() -> None:
    def kind(example: Example) -> tuple[str | None, str]:
        return example.mark, example.language

    elsewhere = {("duckdb", "sql"), ("spark", "python")}  # tests/unit/test_duckdb_extensions.py and test_spark.py
    assert {kind(e) for e in EXAMPLES} == {(None, "sh"), (None, "python"), *elsewhere, ("not run", "sql")}
    assert len(EXAMPLES) == PAGE.count("\n```") - PAGE.count("\n```\n") - PAGE.count("```text\n")
    assert [e.code for e in EXAMPLES if INSTALLS in e.code] == [f"{INSTALLS} -c constraints.txt -e '.[iceberg]'\n"]
