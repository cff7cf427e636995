"""Every example of docs/consumers.md runs as written, in order, and prints what the page says."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from pfsetl.cli import main
from tests.copied import copied
from tests.readers import TYPES
from tests.s3_server import Server

PAGE = Path(__file__).parents[2] / "docs" / "consumers.md"
BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[a-z ]+) -->\n)?```(?P<language>\w+)\n(?P<code>.*?)```(?:\n```text\n(?P<printed>.*?)```)?", re.S
)


@dataclass(frozen=True, slots=True)
class Example:
    """A block of the page: its line, what it needs (`bucket`, `not run` or nothing), and what it prints."""

    line: int
    mark: str | None
    language: str
    code: str
    printed: str


def examples(page: str) -> Iterator[Example]:
    for found in BLOCK.finditer(page):
        line = page[: found.start("code")].count("\n")
        yield Example(line, found["mark"], found["language"], found["code"], found["printed"] or "")


EXAMPLES = list(examples(PAGE.read_text()))
HERE = [e for e in EXAMPLES if e.mark is None]
IN_A_BUCKET = [e for e in EXAMPLES if e.mark == "bucket"]


def for_a_shell(code: str) -> bool:
    """Whether a block has more than commands of pfsetl, each by itself: another's, or a pipe or a file to write to."""
    unquoted = re.sub('"[^"]*"', "", code)
    return bool(re.search(r"^(?!pfsetl )|[|<>&;$]", unquoted, re.M))


def run_here(code: str) -> str:
    """What commands of pfsetl print that run in this process."""
    with redirect_stdout(StringIO()) as out:
        for line in code.splitlines():
            main(shlex.split(line, comments=True)[1:])
    return out.getvalue()


def run(example: Example, names: dict[str, Any] | None = None) -> str:
    """What an example prints, from the working directory; `names` are those that blocks before it made."""
    if example.language == "sh":
        if not for_a_shell(example.code.strip()):
            return run_here(example.code)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-ec", example.code], capture_output=True, text=True, timeout=60, env={**os.environ, "PATH": path}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
    assert example.language == "python"
    out = StringIO()
    with redirect_stdout(out):
        found = {"__name__": "__main__"} if names is None else names
        exec(compile(example.code, f"{PAGE.name}:{example.line}", "exec"), found)
    return out.getvalue()


def lines(printed: str) -> list[str]:
    return [line.rstrip() for line in printed.strip().splitlines()]


@pytest.fixture(scope="module")
def folder(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reader")
    copied(demo, folder / "output" / "demo")
    return folder


@pytest.fixture(scope="module")
def bucket(s3: Server, demo: Path) -> Iterator[None]:
    """What the demo has in a folder, in a bucket, where no version is laid out as a tree."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3.environment.items():
            patch.setenv(name, value)
        for part in demo.iterdir():
            if part.name not in ("tree", "latest"):
                fs.copy_files(str(part), f"pfsetl/mpfs/{part.name}", destination_filesystem=s3.arrow())
        yield


@pytest.mark.parametrize("example", HERE, ids=lambda e: f"line {e.line}")
def test_the_example_prints_what_the_page_says(example: Example, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert lines(run(example)) == lines(example.printed)


@pytest.mark.parametrize("example", IN_A_BUCKET, ids=lambda e: f"line {e.line}")
def test_the_example_on_a_bucket_prints_what_the_page_says(example: Example, bucket: None) -> None:
    assert lines(run(example)) == lines(example.printed)


def test_every_block_is_run_or_says_that_it_was_not() -> None:
    assert {e.language for e in HERE + IN_A_BUCKET} == {"python", "sh"}
    assert [e.language for e in EXAMPLES if e.mark == "not run"] == ["sql"]
    assert len(EXAMPLES) == PAGE.read_text().count("```text\n") + 1


def test_there_is_a_query_in_each_reader() -> None:
    code = "".join(e.code for e in HERE)
    for reader in ("import polars", "import duckdb", "import pyarrow", "import pandas", "pfsetl.open", "pfsetl.price"):
        assert reader in code


def test_the_table_of_types_is_the_one_that_is_tested() -> None:
    # tests/unit/test_readers.py reads every table and compares with TYPES.
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    said = {row[0].partition("(")[0]: row[1:] for row in rows if len(row) == 6 and row[0] != "contract"}
    assert said.keys() == TYPES["polars"].keys()
    for kind, cells in said.items():
        plain = [re.sub(r"`|decimal\.|datetime\.|;.*", "", cell) for cell in cells]
        assert plain == [re.sub("precision=|scale=", "", TYPES[r][kind].format(9, 2)) for r in TYPES], kind


def test_another_output_is_noticed() -> None:
    (example,) = examples("```python\nprint(1)\n```\n```text\n2\n```\n")
    assert lines(run(example)) != lines(example.printed)
