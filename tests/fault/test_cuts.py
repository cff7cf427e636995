"""A file cut at a line's end is a perfect, shorter file. One format, an empty store: refused, or nothing of it is lost.

CMS's own archives, members cut before their last records, near their end, and at lines drawn with a seed.
"""

import hashlib
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from pfsetl.errors import PfsetlError
from pfsetl.parsing import read
from pfsetl.parsing.parse import Parsed, parse
from pfsetl.parsing.read import RawTable
from pfsetl.pipeline.examine import Examined, examine
from pfsetl.source.archive import Archive, open_archive
from pfsetl.source.members import MemberFile
from pfsetl.tables.normalize import Tables

SEED = 20260131
ARCHIVES = {"RVU26A": (".csv",), "RVU17A": (".txt", ".prn"), "RVU25D": (".csv",)}
SOURCE_TABLES = ("rvu", "gpci", "locality_county", "anesthesia", "opps_cap")
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def archives(release_path: Callable[[str], Path]) -> dict[str, Files]:
    """Of each archive the files of one format, as far as they are members."""
    return {label: one_format(release_path(label), endings) for label, endings in ARCHIVES.items()}


@pytest.fixture(scope="module", autouse=True)
def read_once(archives: dict[str, Files]) -> Iterator[None]:
    """Read and parse a file that wasn't cut once only: beside each cut its archive has the same bytes."""
    uncut = {hashlib.sha256(data).hexdigest() for files in archives.values() for data in files.values()}
    raws: dict[tuple[str, str], RawTable] = {}
    parsed: dict[tuple[str, str], Parsed] = {}
    read_member = read.read_member

    def once(archive: Archive, file: MemberFile) -> RawTable:
        key = (file.name, hashlib.sha256(file.load()).hexdigest())
        if key[1] not in uncut:
            return read_member(archive, file)
        return raws.get(key) or raws.setdefault(key, read_member(archive, file))

    def parsed_once(raw: RawTable) -> Parsed:
        key = (raw.file, raw.sha256)
        if key[1] not in uncut:
            return parse(raw)
        return parsed.get(key) or parsed.setdefault(key, parse(raw))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(read, "read_member", once)
        patched.setattr("pfsetl.pipeline.examine.parse", parsed_once)
        yield


def one_format(path: Path, endings: tuple[str, ...]) -> Files:
    names = {entry.name for entry in open_archive(path).files}
    if path.is_dir():
        found = {p.name: p.read_bytes() for p in path.iterdir()}
    else:
        with zipfile.ZipFile(path) as archive:
            found = {Path(name).name: archive.read(name) for name in archive.namelist()}
    return {name: found[name] for name in sorted(names & found.keys()) if name.lower().endswith(endings)}


def examined(label: str, files: Mapping[str, bytes], folder: Path, *, sample: bool = False) -> Examined:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return examine(label, folder, records={}, sample=sample)


@pytest.fixture(scope="module")
def whole(archives: dict[str, Files], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Tables]:
    """The tables of an archive that wasn't cut, made when a cut one is to be held against them."""
    folder = tmp_path_factory.mktemp("whole")
    return cache(lambda label: examined(label, archives[label], folder / label).tables)


WAYS = ("before the last records", "a twentieth from the end", "anywhere")


def cut(data: bytes, way: str, rng: random.Random) -> list[bytes]:
    lines = data.splitlines(keepends=True)
    after = {WAYS[0]: len(lines) - rng.randint(1, 12), WAYS[1]: int(len(lines) * 0.95)}
    return lines[: after.get(way) or rng.randrange(1, len(lines))]


@pytest.mark.parametrize("label", ARCHIVES)
def test_a_cut_of_any_member_is_refused_or_loses_nothing(
    label, archives: dict[str, Files], whole: Callable[[str], Tables], tmp_path
):
    """Each member in another way in each archive, so that over the three every kind of member is cut in every way."""
    rng, silent, tried = random.Random(f"{SEED} {label}"), [], 0
    for number, (name, data) in enumerate(archives[label].items()):
        way = WAYS[(number + list(ARCHIVES).index(label)) % len(WAYS)]
        lines = cut(data, way, rng)
        tried += 1
        try:
            found = examined(label, archives[label] | {name: b"".join(lines)}, tmp_path / name)
        except PfsetlError:
            continue
        if not found.report.errors and not all(found.tables[t].equals(whole(label)[t]) for t in SOURCE_TABLES):
            silent.append((name, way, len(lines)))
    assert (silent, tried >= 5) == ([], True)


def test_without_the_question_whether_it_is_whole_a_cut_goes_through(archives: dict[str, Files], tmp_path):
    """The control: what is called a sample isn't asked."""
    name = next(name for name in archives["RVU17A"] if name.lower().startswith("pprrvu"))
    lines = archives["RVU17A"][name].splitlines(keepends=True)
    cut = archives["RVU17A"] | {name: b"".join(lines[: len(lines) * 95 // 100])}
    cut = {name: data for name, data in cut.items() if not name.lower().startswith("oppscap")}
    assert not examined("RVU17A", cut, tmp_path / "sample", sample=True).report.errors
    assert examined("RVU17A", cut, tmp_path / "whole").report.errors
