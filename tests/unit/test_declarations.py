"""The declarations as data: every file is read strictly, and a folder of your own is laid over the shipped ones."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pfsetl.declared import declarations, records
from pfsetl.declared.files import read
from pfsetl.declared.records.sheet import Sheet
from pfsetl.errors import ContractError
from tests import forked
from tests import synthetic as s

FILES = sorted(p.relative_to(declarations.folder()).as_posix() for p in declarations.folder().rglob("*.csv"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    """A row of a file that isn't shipped."""

    code: str
    from_: date | None = None
    amount: Decimal | None = None
    pattern: re.Pattern[str] | None = None


SHEET = Sheet("some.csv", Some, ("code", "from"))
HEADER = "code,from,amount,pattern\n"
STATUS = "code,meaning,valid_from,valid_to,payable,reason\n"


def pfsetl(*arguments: object, **environment: object) -> tuple[int, str, str]:
    """Run the command line in a process of its own, which reads the declarations anew."""
    variables = {**os.environ, "COLUMNS": "200", **{name: str(value) for name, value in environment.items()}}
    return forked.command([*map(str, arguments)], variables)


def folder(at: Path, files: Mapping[str, str]) -> Path:
    """Make a folder of declarations."""
    for name, text in files.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_text(text)
    return at


def test_every_shipped_file_has_whole_rows_and_unique_keys() -> None:
    # No problem is known to everybody.
    assert [name for name in FILES if not declarations.texts(name)] == ["watch/known_problems.csv"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (HEADER + "A,,1,\nA,,2,\n", r"line 3: code 'A', from '' stands already in line 2"),
        ("code,from\nA,\n", r"line 1: lacks amount, pattern\. Its columns are code,from,amount,pattern"),
        (HEADER + "A,,1,\nB,,2\n", r"line 3: 3 cells, the header has 4\. Quote cells"),
        (HEADER + "A,,1,\nB,1995-13-01,2,\n", r"line 3: from '1995-13-01' isn't a day\. Write it as 2026-01-31"),
        (HEADER + "A,20260101,1,\n", r"line 2: from '20260101' isn't a day"),
        (HEADER + "A,,one,\n", r"line 2: amount 'one' isn't a number"),
        (HEADER + "A,,\u0661,\n", "line 2: amount '\u0661' isn't a number"),
        (HEADER + "A,,1,(\n", r"line 2: pattern '\(' isn't a regular expression"),
        (HEADER + "A,,1,\n\nB,,x,\n", r"line 4: amount 'x'"),
        (HEADER + '"A\nA",,1,\n', r"line 2: code 'A\\nA' has the character U\+000A, which can't be read"),
        (HEADER + 'A,,1,"x"y\n', r"line 2: not csv"),
        ("code,from,amount\nA,,1\n", r"line 1: lacks pattern\. Its columns are"),
        ("code,code,from,amount,pattern\n", r"line 1: code stands twice"),
        ("", r"empty\. Its first line names its columns"),
    ],
)
def test_a_row_that_is_not_one_is_told_with_file_and_line(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "some.csv"
    path.write_text(text)
    with pytest.raises(ContractError, match=f"some.csv:? ?{wrong}"):
        read(path, SHEET)


def test_bytes_that_are_not_utf_8_are_told(tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_bytes(HEADER.encode() + b"\xe9,,1,\n")
    with pytest.raises(ContractError, match=r"some\.csv: not UTF-8\. Save it as UTF-8"):
        read(tmp_path / "some.csv", SHEET)


def test_a_file_without_a_record_is_refused() -> None:
    with pytest.raises(ContractError, match=r"new\.csv: no record says what its rows hold"):
        records.sheet("new.csv")


def test_own_rows_replace_shipped_ones_of_the_same_key_and_others_are_added(tmp_path: Path) -> None:
    own = folder(
        tmp_path / "own", {"codes/status.csv": STATUS + "Y,new in 2031,2031-01-01,,no,bundled\nA,mine,,,yes,\n"}
    )
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import json; from pfsetl.declared import declarations as d\n"
            "print(json.dumps([r['meaning'] for r in d.texts('codes/status.csv')]), d.code_lists()['status'].height)",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PFSETL_SCHEMAS": str(own)},
    ).stdout
    meanings, height = told.rsplit(" ", 1)
    shipped = [row["meaning"] for row in declarations.texts("codes/status.csv")]
    assert json.loads(meanings) == ["mine", *(m for m in shipped if not m.startswith("active:")), "new in 2031"]
    assert int(height) == len(shipped) + 1


@pytest.mark.parametrize(
    ("file", "text", "wrong"),
    [
        ("status.csv", STATUS, "status.csv: no declaration has this name. A folder of your own may hold carriers.csv,"),
        ("pfs.odcs.yaml", "x", "pfs.odcs.yaml: a contract can't be laid over the shipped one"),
        ("keys.csv", "file,key\n", "keys.csv: no declaration has this name"),
        ("codes/status.csv", "code,meaning\nY,x\n", "codes/status.csv line 1: "),
        ("codes/status.csv", STATUS.replace("reason", "raeson") + "Y,x,,,no,\n", "lacks reason; raeson unknown"),
        ("codes/status.csv", STATUS + "Y,x,,,no,\nY,x,,,no,\n", "codes/status.csv line 3: code 'Y' stands already"),
        ("codes/status.csv", STATUS + "Y,x,soon,,no,\n", "codes/status.csv line 2: valid_from 'soon' isn't a day"),
    ],
)
def test_a_folder_that_cannot_be_laid_over_is_refused_by_every_command(
    tmp_path: Path, file: str, text: str, wrong: str
) -> None:
    own = folder(tmp_path / "own", {file: text})
    for arguments in (["list", "--schemas", own], ["price", "G0101", f"--schemas={own}"]):
        code, _, told = pfsetl(*arguments)
        assert code == 2
        assert (str(own / file) in told, wrong in told, "Traceback" in told) == (True, True, False), told


@pytest.mark.parametrize("arguments", [["list", "--schemas"], ["list", "--schemas="]])
def test_schemas_without_a_folder_is_told(arguments: list[str]) -> None:
    assert pfsetl(*arguments) == (2, "", "pfsetl: --schemas: no folder. Name one: --schemas DIR.\n")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    code, _, told = pfsetl("list", PFSETL_SCHEMAS=tmp_path / "none")
    assert (code, f"{tmp_path / 'none'}: no such folder" in told) == (2, True)


def test_own_releases_stand_where_they_belong(tmp_path: Path) -> None:
    columns = declarations.columns("releases.csv")

    def row(label: str, quarter: int, **cells: str) -> str:
        given = {"release": label, "year": "2024", "quarter": str(quarter), "kind": "correction", **cells}
        return ",".join(given.get(c, "") for c in columns) + "\n"

    own = folder(
        tmp_path / "own",
        {
            "releases.csv": ",".join(columns)
            + "\n"
            + row("RVU24AR2", 1, supersedes="RVU24AR", note="mine")
            + row("RVU24A", 1, effective_from="2024-01-01", effective_to="2024-03-08")
        },
    )
    code, out, told = pfsetl("list", "--json", "--schemas", own)
    labels = [release["release"] for release in json.loads(out)]
    assert (code, labels[labels.index("RVU24A") :][:4]) == (0, ["RVU24A", "RVU24AR", "RVU24AR2", "RVU24B"])
    assert told == f"declarations of {own}: 2 of releases.csv\n"


def test_a_new_status_needs_one_row_and_the_record_says_whose_it_is(tmp_path: Path) -> None:
    rows = (*s.CODES, s.code("G9906", "Synthetic, of a new status", status="Z", work="1.00"))
    archive = s.write_zip(tmp_path / "RVU26A.zip", s.release("RVU26A", rows=rows))
    build = ("build", "RVU26A", "--archive", archive, "--sample", "--output", tmp_path / "store", "--json")
    code, _, told = pfsetl(*build)
    assert code == 1
    assert "schemas/codes/status.csv" in told

    own = folder(tmp_path / "own", {"codes/status.csv": STATUS + "Z,new,2026-01-01,,no,bundled\n"})
    code, out, told = pfsetl(*build, "--schemas", own)
    assert code == 0, told
    assert "schemas: 1 of the rows of codes/status.csv your own" in json.loads(out)["record"]["notices"]
    assert "1 of codes/status.csv" in told
    first = json.loads(out)["record"]["fingerprint"]

    folder(own, {"codes/status.csv": STATUS + "Z,new,2026-01-01,,yes,\n"})
    _, out, _ = pfsetl(*build, "--schemas", own)
    assert json.loads(out)["record"]["fingerprint"] != first
