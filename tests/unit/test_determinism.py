"""Two machines that build the same archives publish the same: digests, bytes and manifests.

Of a manifest only `created` may differ, which is when the version was committed, and with it the sha256 of the manifest
before. The records of runs (`runs/`) say when
and how long, and belong to no version.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pfsetl.publication.manifest import ALL
from pfsetl.publication.version import Version
from tests import synthetic as s
from tests.conftest import WHERE_CMS_FILES_ARE

pytestmark = pytest.mark.long

SAMPLES = Path(__file__).parents[2] / "src" / "pfsetl" / "sample"
# What differs between machines: processors, hashes of text, and so the order of sets, clock, language, folders.
ONE = {"POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "LANG": "C"}
OTHER = {
    "POLARS_MAX_THREADS": "4",
    "PYTHONHASHSEED": "2",
    "TZ": "Pacific/Midway",
    "LC_ALL": "C.UTF-8",
    "LANG": "C.UTF-8",
}

# Builds the samples, and a whole release where its archive is given; then a part in the ways that are named: as ever,
# in other bytes of the same rows, and in an order of rows that follows that of a set, as a build that forgot to sort
# would make it.
PROGRAM = """
import json, locale, os, sys, tempfile, time
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import polars as pl
import pfsetl
from pfsetl.publication import parquet

ways = sys.argv.pop(1).split(",")
home, part, *archives = map(Path, sys.argv[1:])
whole = [one for one in archives if not one.is_relative_to(home / "samples")]

def build(name, archive, sample=True):
    pfsetl.build(archive.stem, store=pfsetl.open_store(home / name), archive=archive, sample=sample)

written = parquet.write
def unsorted(parts, table, target):
    if table.name == "rvu":
        order = {code: place for place, code in enumerate(set(parts["hcpcs"]))}
        parts = parts.sort(pl.col("hcpcs").replace_strict(order))
    return written(parts, table, target)

for archive in archives:
    build("whole" if archive in whole else "two samples", archive, archive not in whole)
patched = {
    "part": nullcontext(),
    "other bytes": mock.patch.object(parquet, "ROW_GROUP", 3),
    "by a set": mock.patch.object(parquet, "write", unsorted),
}
for way in ways:
    with patched[way]:
        build(way, part)
print(json.dumps([pl.thread_pool_size(), list({"rvu", "gpci", "releases"}), time.tzname,
       tempfile.gettempdir(), os.getcwd(), locale.setlocale(locale.LC_ALL, "")]))
"""


@dataclass(frozen=True, slots=True)
class Published:
    """What a machine published: digests by table and release, sha256 by object, manifests without their `created`."""

    digests: dict[tuple[str, str], str]
    objects: dict[str, str]
    manifests: list[str]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine published, and what it said of itself."""

    home: Path
    said: list[object]

    def published(self, name: str) -> Published:
        return published(self.home / name)


def ran(home: Path, environment: dict[str, str], ways: str, *archives: Path) -> Machine:
    """Build copies of the samples, of these archives and of a part on a machine of its own folder and environment."""
    (home / "tmp").mkdir(parents=True)
    (home / "work").mkdir()
    samples = sorted(
        Path(shutil.copytree(SAMPLES, home / "samples", ignore=shutil.ignore_patterns("*.py"))).glob("*.zip")
    )
    part = s.write_zip(home / "RVU26A.zip", s.release("RVU26A"))
    copies = [Path(shutil.copy(archive, home)) for archive in archives]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ways, *map(str, (home, part, *samples, *copies))],
        cwd=home / "work", env=os.environ | environment | {"TMPDIR": str(home / "tmp")}, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Machine(home, json.loads(done.stdout.splitlines()[-1]))


def published(store: Path) -> Published:
    manifests = [path.read_text("utf-8") for path in sorted((store / "versions").iterdir())]
    documents: list[dict[str, Any]] = [json.loads(text) for text in manifests]
    return Published(
        {(r["table"], r["release"]): r["digest"] for r in documents[-1]["resources"]},
        {
            str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in ("objects", "schemas")
            for path in (store / folder).rglob("*")
            if path.is_file()
        },
        [undated(text, document) for text, document in zip(manifests, documents, strict=True)],
    )


def undated(manifest: str, document: dict[str, Any]) -> str:
    before = document["pfsetl"]["parent_sha256"]
    text = manifest.replace(document["created"], "at some time").replace(document["pfsetl"]["run"], "some run")
    return text.replace(before, "of the one before") if before else text


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, Machine]:
    """Two machines; the second builds a release of CMS's as well, where that is at hand."""
    folder, whole = tmp_path_factory.mktemp("machines"), WHERE_CMS_FILES_ARE / "RVU25A.zip"
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(ran, folder / "one", ONE, "part,by a set")
        also = [whole] if whole.exists() else []
        other = pool.submit(ran, folder / "another", OTHER, "other bytes,by a set", *also)
        return one.result(), other.result()


def on_both(machines: tuple[Machine, Machine], name: str, of_the_other: str = "") -> tuple[Published, Published]:
    """What both machines published in the stores of a name, or the second in that of another."""
    one, other = machines
    return one.published(name), other.published(of_the_other or name)


def test_the_machines_differ_in_all_that_should_not_matter(machines: tuple[Machine, Machine]) -> None:
    assert [a for a, b in zip(machines[0].said, machines[1].said, strict=True) if a == b] == []


def test_both_publish_the_same_digests(machines: tuple[Machine, Machine]) -> None:
    one, other = on_both(machines, "two samples")
    assert one.digests == other.digests
    assert {release for _, release in one.digests} == {"RVU25D", "RVU26A", ALL}


def test_both_publish_the_same_bytes(machines: tuple[Machine, Machine]) -> None:
    one, other = on_both(machines, "two samples")
    assert one.objects == other.objects
    assert len(one.objects) > len(one.digests)


def test_both_publish_the_same_manifests_but_for_when(machines: tuple[Machine, Machine]) -> None:
    one, other = on_both(machines, "two samples")
    assert one.manifests == other.manifests
    assert len(one.manifests) == 2


def test_other_bytes_of_the_same_rows_would_be_noticed(machines: tuple[Machine, Machine]) -> None:
    one, other = on_both(machines, "part", "other bytes")
    assert one.digests == other.digests
    assert one.objects != other.objects
    assert one.manifests != other.manifests


def test_rows_in_the_order_of_a_set_would_be_noticed(machines: tuple[Machine, Machine]) -> None:
    one, other = on_both(machines, "by a set")
    differing = {table for (table, of), digest in one.digests.items() if other.digests[table, of] != digest}
    assert "rvu" in differing


def test_a_whole_release_is_the_same_here_and_there(
    machines: tuple[Machine, Machine], built: Callable[[str], Version]
) -> None:
    here, there = published(Path(str(built("RVU25A").store))), machines[1].published("whole")
    assert (here.digests, here.objects, here.manifests) == (there.digests, there.objects, there.manifests)
