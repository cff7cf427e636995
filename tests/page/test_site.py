"""The folder of a site: a version is always the same bytes, made again only what changed, never over other things."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from pfsetl import Version
from pfsetl.errors import UsageError
from pfsetl.site import serving, writing
from pfsetl.site.files import by_prefix

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(sample: Version, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of the sample; tests that change it put it back."""
    made = tmp_path_factory.mktemp("site") / "out"
    writing.write(sample, made)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_two_makings_of_a_version_are_the_same_bytes(sample: Version, folder: Path, tmp_path: Path) -> None:
    writing.write(sample, tmp_path)
    assert contents(tmp_path) == contents(folder)


def test_made_again_nothing_is_written(sample: Version, folder: Path) -> None:
    assert writing.write(sample, folder).written == 0


def test_made_again_a_damaged_file_alone_is_written(sample: Version, folder: Path) -> None:
    (folder / "data/words.json").write_bytes(b"{}")
    assert writing.write(sample, folder).written == 1
    assert json.loads((folder / "data/words.json").read_bytes())["indicators"]


def test_a_file_of_a_release_that_is_gone_is_removed(sample: Version, folder: Path) -> None:
    manifest = json.loads((folder / "site.json").read_bytes())
    manifest["files"]["data/releases/RVU01A.json"] = {}
    (folder / "site.json").write_text(json.dumps(manifest))
    (folder / "data/releases/RVU01A.json").write_text("{}")
    assert writing.write(sample, folder).removed == 1
    assert not (folder / "data/releases/RVU01A.json").exists()


def test_the_manifest_has_the_hash_of_every_file(folder: Path) -> None:
    told = json.loads((folder / "site.json").read_bytes())["files"]
    found = {name: hashlib.sha256(data).hexdigest() for name, data in contents(folder).items() if name != "site.json"}
    assert {name: one["sha256"] for name, one in told.items()} == found


def test_the_manifest_says_what_it_was_made_of(sample: Version, folder: Path) -> None:
    made_of = json.loads((folder / "site.json").read_bytes())["made_of"]
    assert made_of["version"] == sample.number
    assert made_of["releases"] == {label: one.archive.sha256 for label, one in sample.releases.items()}


def test_a_folder_of_other_things_is_refused(sample: Version, tmp_path: Path, run: Run) -> None:
    (tmp_path / "letter.txt").write_text("Dear")
    code, _, error = run("site", tmp_path, "--output", sample.store)
    assert (code, sorted(p.name for p in tmp_path.iterdir())) == (2, ["letter.txt"])
    assert "not a site that pfsetl made" in error


def test_a_manifest_that_names_files_elsewhere_removes_none(sample: Version, tmp_path: Path) -> None:
    outside = tmp_path / "mine.txt"
    outside.write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "site.json").write_text(json.dumps({"files": {"../mine.txt": {}}}))
    with pytest.raises(UsageError, match="names files outside"):
        writing.write(sample, tmp_path / "out")
    assert outside.read_text() == "mine"


def test_an_empty_store_says_what_to_build(tmp_path: Path, run: Run) -> None:
    code, _, error = run("site", tmp_path / "out", "--output", tmp_path / "store")
    assert code == 2
    assert "nothing is published there. Publish a release into it" in error


def test_the_command_tells_machines_what_it_wrote(sample: Version, folder: Path, run: Run) -> None:
    _, printed, _ = run("site", folder, "--output", sample.store, "--json")
    told = json.loads(printed)
    assert (told["version"], told["files"]) == (sample.number, len(contents(folder)) - 1)


def test_what_is_served_is_what_is_written(sample: Version, serve: Callable[[Version], str], folder: Path) -> None:
    address = serve(sample)
    written = (folder / "index.html").read_bytes().replace(b'"parquet":""', b'"parquet":"parquet"')
    assert urlopen(f"{address}?code=G0101").read() == written
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{address}../pyproject.toml")
    with pytest.raises(HTTPError, match="404"):  # the name of another page, given this address
        urlopen(Request(address, headers={"Host": "example.org"}))


def test_a_port_that_is_taken_is_said(sample: Version, serve: Callable[[Version], str]) -> None:
    taken = urlsplit(serve(sample)).port
    assert taken
    with pytest.raises(UsageError, match="Name another"):
        serving.server(sample, taken)


def test_codes_are_split_by_the_shortest_beginning_that_fits() -> None:
    texts = {"97760": "x" * 60, "97761": "x" * 30, "97810": "x" * 50, "G0101": "x"}
    assert by_prefix(texts, limit=80) == {"97760": ["97760"], "97761": ["97761"], "978": ["97810"], "G": ["G0101"]}


def test_only_level_ii_codes_have_words(folder: Path) -> None:
    files = [json.loads(data)["codes"] for name, data in contents(folder).items() if name.startswith("data/codes/")]
    worded = [code for codes in files for code, said in codes.items() if "t" in said]
    assert worded  # CMS's own words for G0101
    assert [code for code in worded if not re.fullmatch("[ABCE-V][0-9]{4}", code)] == []


def test_search_engines_are_told_what_the_site_is(folder: Path) -> None:
    inside = (folder / "index.html").read_text().partition('<script type="application/ld+json">')[2]
    told = json.loads(inside.partition("</script>")[0])
    # RVU25D is in force from 2025-10-01, RVU26A to 2026-03-31, by CMS's pages
    assert (told["@type"], told["temporalCoverage"]) == ("Dataset", "2025-10-01/2026-03-31")


def test_a_site_knows_where_browsers_find_the_store(sample: Version, tmp_path: Path, run: Run) -> None:
    assert run("site", tmp_path / "out", "--output", sample.store, "--parquet", "../mpfs/")[0] == 0
    base = (tmp_path / "out" / "index.html").read_text().partition('id="base">')[2].partition("</script>")[0]
    assert json.loads(base)["parquet"] == "../mpfs"
