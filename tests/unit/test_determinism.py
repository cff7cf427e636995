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

BUILD = """
import sys
from pathlib import Path
import pfsetl
from pfsetl.publication import parquet, publish
{before}
store = pfsetl.open_store(sys.argv[1])
for archive in map(Path, sys.argv[2:]):
    pfsetl.build(archive.stem, store=store, archive=archive, sample=True)
"""
TELL = """
import json, locale, os, tempfile, time
import polars as pl
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
    """A folder of its own, and an environment."""

    home: Path
    environment: dict[str, str]

    def runs(self, program: str, *arguments: object) -> str:
        """Run a Python program there and return what it prints."""
        for folder in (self.home / "tmp", self.home / "work"):
            folder.mkdir(parents=True, exist_ok=True)
        environment = os.environ | self.environment | {"TMPDIR": str(self.home / "tmp")}
        command = [sys.executable, "-c", program, *map(str, arguments)]
        done = subprocess.run(
            command, cwd=self.home / "work", env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def builds(self, *archives: Path, before: str = "") -> Published:
        """Build copies of the archives, in this order, into a new store."""
        self.home.mkdir(parents=True)
        copies = [Path(shutil.copy(archive, self.home)) for archive in archives]
        self.runs(BUILD.format(before=before), self.home / "store", *copies)
        return published(self.home / "store")


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


def on_both(folder: Path, *archives: Path, before: str = "") -> tuple[Published, Published]:
    """What two machines publish at the same time; `before` is done on the second alone, before it builds."""
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(Machine(folder / "one", ONE).builds, *archives)
        other = pool.submit(Machine(folder / "another", OTHER).builds, *archives, before=before)
        return one.result(), other.result()


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Published, Published]:
    """Both bundled samples, built on two machines."""
    return on_both(tmp_path_factory.mktemp("machines"), *sorted(SAMPLES.glob("*.zip")))


def test_the_machines_differ_in_all_that_should_not_matter(tmp_path: Path) -> None:
    one, other = (Machine(tmp_path / k, e).runs(TELL) for k, e in (("one", ONE), ("other", OTHER)))
    same = [a for a, b in zip(json.loads(one), json.loads(other), strict=True) if a == b]
    assert same == []


def test_both_publish_the_same_digests(samples: tuple[Published, Published]) -> None:
    one, other = samples
    assert one.digests == other.digests
    assert {release for _, release in one.digests} == {"RVU25D", "RVU26A", ALL}


def test_both_publish_the_same_bytes(samples: tuple[Published, Published]) -> None:
    one, other = samples
    assert one.objects == other.objects
    assert len(one.objects) > len(one.digests)


def test_both_publish_the_same_manifests_but_for_when(samples: tuple[Published, Published]) -> None:
    one, other = samples
    assert one.manifests == other.manifests
    assert len(one.manifests) == 2


def test_other_bytes_of_the_same_rows_would_be_noticed(tmp_path: Path) -> None:
    one, other = on_both(tmp_path, SAMPLES / "RVU26A.zip", before="parquet.ROW_GROUP = 500")
    assert one.digests == other.digests
    assert one.objects != other.objects
    assert one.manifests != other.manifests


# A table that follows the order of a set, as a build that forgot to sort would make it.
BY_SET = """

import polars as pl
staged = publish.stage
def unsorted(store, release, tables, *rest):
    order = {code: place for place, code in enumerate(set(tables["rvu"]["hcpcs"]))}
    rvu = tables["rvu"].sort(pl.col("hcpcs").replace_strict(order))
    return staged(store, release, {**tables, "rvu": rvu}, *rest)
publish.stage = unsorted
"""


def test_rows_in_the_order_of_a_set_would_be_noticed(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        machines = Machine(tmp_path / "one", ONE), Machine(tmp_path / "another", OTHER)
        one, other = pool.map(lambda m: m.builds(SAMPLES / "RVU26A.zip", before=BY_SET), machines)
    differing = {table for (table, of), digest in one.digests.items() if other.digests[table, of] != digest}
    assert "rvu" in differing


def test_a_whole_release_is_the_same_on_both(release_path: Callable[[str], Path], tmp_path: Path) -> None:
    one, other = on_both(tmp_path, release_path("RVU25A"))
    assert (one.digests, one.objects, one.manifests) == (other.digests, other.objects, other.manifests)
