"""What a user's program is given: answers of the types they promise, records that print in a line, names on demand."""

import os
import subprocess
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

import pfsetl
from pfsetl.pipeline.backfill import Backfill
from tests import publisher

SCRIPT = """\
from decimal import Decimal

import pfsetl

version: pfsetl.Version = pfsetl.open("fees")
price: pfsetl.PriceAnswer = pfsetl.price("99213", "2026-02-01", output=version)
allowed: Decimal | None = price["allowed"]
index: pfsetl.WorkIndexAnswer | None = price["work_index"]
steps: list[str] = [step["step"] for step in price["steps"]]
files: list[str] = [source["file"] for source in price["sources"]]
claim: pfsetl.ClaimAnswer = pfsetl.claim([{"hcpcs": "99213", "date": "2026-02-01"}], output="fees")
codes: list[str] = [line["hcpcs"] for line in claim["lines"]]
problems: list[str] = [line["problem"] for line in claim["bad"]]
"""
MISTAKES = """\
import pfsetl

price = pfsetl.price("99213", "2026-02-01")
price["allowd"]
total: float = price["allowed"]
version: str = pfsetl.open("fees")
"""
# A user's mypy reads all of polars through pfsetl, which takes four times as long, and no answer is made of any of it.
SETTINGS = """\
[mypy]
strict = true

[mypy-cyclopts.*,duckdb.*,msgspec.*,numpy.*,obstore.*,polars.*,prefect.*,pyarrow.*,requests.*,rich.*]
follow_imports = skip
"""


def problem(value: object, kind: Any, at: str) -> list[str]:
    """Where a value isn't of the kind that an annotation says."""
    if get_origin(kind) in (Union, types.UnionType):
        return [] if any(not problem(value, one, at) for one in get_args(kind)) else [f"{at}: {value!r} is no {kind}"]
    if is_typeddict(kind) and isinstance(value, dict):
        hints = get_type_hints(kind)
        missing = [f"{at}.{key}: missing" for key in kind.__required_keys__ - set(value)]
        extra = [f"{at}.{key}: not promised" for key in set(value) - set(hints)]
        return missing + extra + [p for k in set(hints) & set(value) for p in problem(value[k], hints[k], f"{at}.{k}")]
    if (held := get_origin(kind)) in (list, Sequence) and isinstance(value, held):
        return [p for i, one in enumerate(value) for p in problem(one, get_args(kind)[0], f"{at}[{i}]")]
    return [] if type(value) is kind else [f"{at}: {value!r} is no {kind}"]


@pytest.mark.parametrize(
    "asked",
    [{}, {"locality": "AL/00"}, {"modifiers": "80"}, {"charge": "1.00"}, {"setting": "22", "units": 2}],
    ids=str,
)
def test_a_price_has_the_keys_and_types_it_promises(sampled: Path, asked: dict[str, Any]) -> None:
    assert problem(pfsetl.price("G9901", "2025-01-15", output=sampled, **asked), pfsetl.PriceAnswer, "price") == []


def test_a_claim_has_the_keys_and_types_it_promises(sampled: Path) -> None:
    lines = [
        {"hcpcs": "G9901", "date": "2025-01-15", "claim": "a"},
        {"hcpcs": "G9901", "date": "2025-01-15", "modifiers": "50"},
        {"hcpcs": "G0000", "date": "2025-01-15"},
    ]
    answer = pfsetl.claim(lines, output=sampled)
    assert (len(answer["lines"]), len(answer["bad"])) == (2, 1)
    assert problem(answer, pfsetl.ClaimAnswer, "claim") == []


@pytest.mark.slow
def test_a_users_program_is_checked_strictly_against_the_types(tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text(SCRIPT)
    (tmp_path / "wrong.py").write_text(MISTAKES)
    (tmp_path / "mypy.ini").write_text(SETTINGS)
    environment = {**os.environ, "PYTHONPATH": str(Path(pfsetl.__file__).parents[1])}
    command = [sys.executable, "-m", "mypy", "--cache-dir", os.devnull, "right.py", "wrong.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    places = [line.split(": error")[0] for line in done.stdout.splitlines() if ": error" in line]
    assert places == ["wrong.py:4", "wrong.py:5", "wrong.py:6"], done.stdout + done.stderr


def test_a_version_prints_its_number_its_store_and_its_releases(tmp_path: Path) -> None:
    store = pfsetl.open_store(tmp_path / "fees")
    assert repr(pfsetl.open(store)) == f"<Version 0 of {store}: nothing published>"
    publisher.published(store, "RVU25A")
    publisher.published(store, "RVU26A")
    assert repr(pfsetl.open(store)) == f"<Version 2 of {store}: RVU25A, RVU26A>"


def test_a_version_of_many_releases_counts_them(tmp_path: Path) -> None:
    store = pfsetl.open_store(tmp_path / "fees")
    for label in ("RVU24D", "RVU24A", "RVU26A", "RVU25A"):
        publisher.published(store, label)
    assert repr(pfsetl.open(store)) == f"<Version 4 of {store}: 4 releases, RVU24A to RVU26A>"


@pytest.mark.parametrize(("published", "said"), [(True, "published as version 1"), (False, "unchanged, version 1")])
def test_a_build_prints_what_it_did(tmp_path: Path, published: bool, said: str) -> None:
    version = publisher.published(pfsetl.open_store(tmp_path / "fees"), "RVU25A")
    build = pfsetl.Build("RVU25A", version, published=published, record=publisher.record("RVU25A", content="x" * 1000))
    assert repr(build) == f"<Build of RVU25A: {said} of {version.store}>"


def test_a_backfill_prints_its_counts_and_names_what_failed(tmp_path: Path) -> None:
    version = publisher.published(pfsetl.open_store(tmp_path / "fees"), "RVU25A")
    backfill = Backfill(version, ("RVU25A",), (), {"RVU25B": "a long message"})
    counts = "1 published, 0 unchanged, 1 failed (RVU25B)"
    assert repr(backfill) == f"<Backfill, version 1 of {version.store}: {counts}>"


def test_every_public_name_can_be_imported() -> None:
    assert [name for name in pfsetl.__all__ if not hasattr(pfsetl, name)] == []


def test_importing_pfsetl_imports_no_library() -> None:
    asked = "import sys, pfsetl; print(sorted({'polars', 'pyarrow', 'requests', 'rich', 'cyclopts'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout == "[]\n"
