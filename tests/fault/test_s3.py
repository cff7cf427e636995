"""The store in a bucket of a real S3 server: the same tables; lost answers, kills and wrong keys lose nothing."""

import json
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import FileSelector, FileType

import pfsetl
from pfsetl.errors import StoreError
from pfsetl.pipeline.backfill import backfill
from pfsetl.publication import manifest, publish, version
from pfsetl.publication.json_records import plain
from pfsetl.publication.version import Version
from pfsetl.storage import bucket as object_store
from tests import forks
from tests import publisher as p
from tests.s3_server import BUCKET, Proxy, Server, heedless, once

Run = Callable[..., tuple[int, str, str]]
LABEL = "RVU25A"


@pytest.fixture(scope="module")
def archive(sampled: Path) -> Path:
    return sampled.with_name(f"{LABEL}.zip")


@pytest.fixture(scope="module")
def local(sampled: Path) -> Version:
    return pfsetl.open(sampled)


@pytest.fixture(scope="module")
def kept(s3: Server, archive: Path) -> Iterator[pfsetl.Build]:
    """The archive built into a bucket once; a test that changes it there puts it back."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in s3.environment.items():
            patched.setenv(name, value)
        yield build(f"s3://{BUCKET}/kept", archive)


def build(address: str, archive: Path) -> pfsetl.Build:
    return pfsetl.build(LABEL, store=pfsetl.open_store(address), archive=archive, sample=True)


def problems(at: Version) -> list[str]:
    return [f"{name}: {problem}" for name, problem in at.verify() if problem]


# --- what is published -------------------------------------------------------------------------------------------


def test_a_bucket_holds_the_tables_of_a_folder(kept: pfsetl.Build, local: Version) -> None:
    built = kept.version
    for table in sorted({r.table for r in local.resources}):
        if table != "releases":  # says when it was published
            assert built.scan(table).collect().equals(local.scan(table).collect()), table


def test_a_bucket_holds_the_bytes_of_a_folder(kept: pfsetl.Build, local: Version) -> None:
    assert {r.path: r.hash for r in kept.version.resources} == {r.path: r.hash for r in local.resources}


def test_a_price_from_a_bucket_is_that_from_a_folder(kept: pfsetl.Build, local: Version) -> None:
    paid = local.scan("payment_national").filter(pl.col("nonfacility_payment") > 0, modifier="").collect()
    asked = (paid["hcpcs"][0], "2025-02-01")
    assert pfsetl.price(*asked, output=kept.version)["allowed"] == pfsetl.price(*asked, output=local)["allowed"]


def test_a_second_build_of_the_same_archive_does_nothing(kept: pfsetl.Build, archive: Path) -> None:
    builds = [kept, build(str(kept.version.store), archive)]
    assert [(b.published, b.version.number) for b in builds] == [(True, 1), (False, 1)]


def test_another_client_reads_what_the_manifest_says(s3: Server, kept: pfsetl.Build) -> None:
    there, folder = s3.arrow(), f"{kept.version.store}".removeprefix("s3://")
    with there.open_input_stream(f"{folder}/versions/000001.json") as file:
        manifest = json.load(file)
    rows = {r["path"]: pq.read_table(f"{folder}/{r['path']}", filesystem=there).num_rows for r in manifest["resources"]}
    assert rows == {r.path: r.rows for r in kept.version.resources}


def test_polars_alone_reads_the_addresses_of_a_version(s3: Server, kept: pfsetl.Build) -> None:
    files = kept.version.files("rvu")
    options = {name.lower(): value for name, value in s3.environment.items()} | {"aws_allow_http": "true"}
    assert pl.read_parquet(files, storage_options=options).height == 7


def test_duckdb_reads_a_scan_of_a_bucket(kept: pfsetl.Build) -> None:
    # NOTE: not through DuckDB's own httpfs, which is a download of its own.
    rows = kept.version.scan("rvu", LABEL).collect()
    counted = duckdb.sql("select count(*) from rows")
    assert counted is not None
    assert counted.fetchall() == [(rows.height,)] == [(7,)]


def test_an_earlier_version_stays_readable(bucket: str) -> None:
    store = pfsetl.open_store(bucket)
    p.published(store, LABEL, "1.0000")
    p.published(store, LABEL, "2.0000")
    assert [p.factors(pfsetl.open(bucket, n)) for n in (1, 2)] == [{LABEL: "1.0000"}, {LABEL: "2.0000"}]


def test_an_export_from_a_bucket_holds_the_same_bytes(kept: pfsetl.Build, tmp_path: Path) -> None:
    built = kept.version
    built.export(tmp_path / "out")
    for r in built.resources:
        exported = tmp_path / "out" / r.table / f"{r.release}.parquet"
        assert exported.read_bytes() == built.store.get(r.path)


def test_nothing_is_left_beside_what_is_published(s3: Server, kept: pfsetl.Build) -> None:
    folder = f"{kept.version.store}".removeprefix("s3://")
    found = s3.arrow().get_file_info(FileSelector(folder, recursive=True))
    files = [f.path.removeprefix(folder + "/") for f in found if f.type == FileType.File]
    assert {path.split("/")[0] for path in files} == {
        "catalog", "catalog.json", "chain", "objects", "schemas", "runs", "versions",
    }  # fmt: skip


def test_a_large_file_goes_up_in_parts(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "SINGLE_PUT_BYTES", 1 << 20)
    monkeypatch.setattr(object_store, "PART_BYTES", 5 << 20)
    file = tmp_path / "large"
    file.write_bytes(os.urandom(11 << 20))
    store = pfsetl.open_store(bucket)
    assert store.put_new("objects/large", file) is True
    assert store.get("objects/large") == file.read_bytes()
    assert store.names("tmp") == []


def test_a_large_file_leaves_a_taken_name_as_it_is(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "SINGLE_PUT_BYTES", 1 << 20)
    file = tmp_path / "large"
    file.write_bytes(os.urandom(2 << 20))
    store = pfsetl.open_store(bucket)
    store.put_new("objects/large", b"first")
    assert store.put_new("objects/large", file) is False
    assert store.get("objects/large") == b"first"


def test_a_stopped_backfill_is_resumed(bucket: str, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    store = pfsetl.open_store(bucket)
    with monkeypatch.context() as patch:
        patch.setattr("pfsetl.publication.publish.commit", killed)
        with pytest.raises(KeyboardInterrupt):
            backfill({LABEL: archive}, store=store, sample=True)
    monkeypatch.setattr("pfsetl.pipeline.stage.stage", killed)  # nothing may be made a second time
    assert backfill({LABEL: archive}, store=store, sample=True).version.number == 1


def test_the_commands_work_on_a_bucket(bucket: str, archive: Path, tmp_path: Path, run: Run) -> None:
    commands: list[tuple[object, ...]] = [
        ("build", LABEL, "--archive", archive, "--sample"),
        ("check", LABEL),
        ("code", "G9901"),
        ("list",),
        ("versions",),
        ("verify",),
        ("export", tmp_path / "out"),
        ("backfill", LABEL, "--archives", archive.parent, "--sample"),
    ]
    assert {c[0]: run(*c, "--output", bucket)[0] for c in commands} == {c[0]: 0 for c in commands}


def test_the_demo_prints_commands_that_read_a_bucket(bucket: str, run: Run) -> None:
    code, printed, _ = run("demo", "--output", bucket)
    commands = [
        shlex.split(line)
        for line in printed.split("Next")[1].split("To look at it")[0].splitlines()
        if " -m pfsetl" in line or " -c " in line
    ]
    assert (code, [words[1] for words in commands]) == (0, ["-m", "-c", "-c"])
    assert {Path(words[0]).absolute() for words in commands} == {Path(sys.executable)}
    assert run(*commands[0][3:])[0] == 0
    for words in commands[1:]:
        exec(words[2], {})


# --- what the network loses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["/objects/", "/schemas/", "/versions/", "/tmp/"])
@pytest.mark.parametrize("fate", ["request lost", "answer lost", "500 after"])
def test_a_publish_survives_a_lost(
    fate: str, part: str, s3: Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(s3, once(fate, "PUT", part)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.server.endpoint)
        at = p.published(pfsetl.open_store(bucket), LABEL, "1.0000")
        assert sum(1 for method, path in proxy.seen if method == "PUT" and part in path) > 1
        assert (at.number, version.numbers(at.store), problems(at)) == (1, [1], [])
        assert p.factors(at) == {LABEL: "1.0000"}


@pytest.mark.parametrize("fate", ["stall", "stall after"])
@pytest.mark.parametrize("part", ["/objects/", "/versions/"])
def test_a_publish_survives_an_answer_that_never_comes(
    part: str, fate: str, s3: Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "TIMEOUT", "1s")
    with Proxy(s3, once(fate, "PUT", part)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.server.endpoint)
        at = p.published(pfsetl.open_store(bucket), LABEL, "1.0000")
        assert (at.number, version.numbers(at.store), problems(at)) == (1, [1], [])


def test_a_write_whose_answer_was_lost_is_known_for_its_own(
    s3: Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(s3, once("answer lost", "PUT", "/versions/")) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.server.endpoint)
        store = pfsetl.open_store(bucket)
        assert store.put_new("versions/mine", b"mine") is True
        assert [path for _, path in proxy.seen].count(f"/{bucket.removeprefix('s3://')}/versions/mine") == 3
        assert store.put_new("versions/mine", b"other") is False


def test_a_lost_answer_does_not_hide_who_won(s3: Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest's number goes to another writer while this one's request is on its way."""
    store = pfsetl.open_store(bucket)
    theirs = p.staged(store, "RVU25B")
    base = version.open_version(store)

    def rule(method: str, path: str) -> str | None:
        if method == "PUT" and path.endswith("/versions/000001.json") and not version.numbers(store):
            publish.commit(store, [theirs], base, p.CONTRACT)
            return "request lost"
        return None

    with Proxy(s3, rule) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.server.endpoint)
        mine = p.published(pfsetl.open_store(bucket), LABEL, base=None)
    assert (mine.number, sorted(mine.releases)) == (2, [LABEL, "RVU25B"])


@pytest.mark.parametrize(
    ("part", "fate"), [("/objects/", "stall"), ("/versions/", "stall"), ("/versions/", "stall after")]
)
def test_a_killed_writer_breaks_nothing(part: str, fate: str, s3: Server, bucket: str) -> None:
    before = p.published(pfsetl.open_store(bucket), "RVU24D")
    with Proxy(s3, once(fate, "PUT", part)) as proxy, pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", proxy.server.endpoint)
        writer, connection = forks.started(p.publish_in_turn, bucket, "RVU25A", 1)
        try:
            assert connection.recv() == "ready"
            connection.send("go")
            assert proxy.stalled.wait(30)
        finally:
            writer.kill()
            writer.join(30)
    assert p.factors(before) == {"RVU24D": "32.3465"}
    finished = p.published(pfsetl.open_store(bucket), "RVU25A00")
    assert (finished.number, sorted(finished.releases)) == (2, ["RVU24D", "RVU25A00"])
    assert [problems(pfsetl.open(bucket, n)) for n in (1, 2)] == [[], []]


# --- what is refused ---------------------------------------------------------------------------------------------


def test_a_server_that_ignores_conditions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with heedless() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        store = pfsetl.open_store("s3://heedless/store")
        with pytest.raises(StoreError, match=r"s3://heedless/store: this server ignores conditions on a write"):
            p.published(store, LABEL)
        assert (store.names("versions"), store.exists("versions/000001.json")) == ([], False)


REFUSALS = {
    "wrong secret": ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch.*Check AWS_ACCESS_KEY_ID"),
    "unknown key": ({"AWS_ACCESS_KEY_ID": "wrong"}, "InvalidAccessKeyId.*Check AWS_ACCESS_KEY_ID"),
    "nobody listens": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "Check AWS_ENDPOINT_URL"),
    "no such host": ({"AWS_ENDPOINT_URL": "http://nowhere.invalid"}, "Check AWS_ENDPOINT_URL"),
}


@pytest.mark.parametrize("case", REFUSALS)
@pytest.mark.parametrize("command", ["build", "versions"])
def test_what_cannot_be_reached_is_said(
    command: str, case: str, bucket: str, archive: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, said = REFUSALS[case]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    what = ("build", LABEL, "--archive", archive, "--sample") if command == "build" else ("versions",)
    began = time.monotonic()
    code, _, errors = run(*what, "--output", bucket)
    assert (code, time.monotonic() - began < 30) == (1, True)
    assert "Traceback" not in errors
    assert re.search(said, errors)


def test_a_bucket_that_is_not_there_is_said(bucket: str, archive: Path, run: Run) -> None:
    code, _, errors = run("build", LABEL, "--archive", archive, "--output", "s3://not-there/store", "--sample")
    assert (code, "no such bucket" in errors, "Traceback" in errors) == (1, True, False)


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://host", "http://"])
def test_an_endpoint_that_is_none_is_a_matter_of_usage(
    endpoint: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert run("versions", "--output", "s3://bucket/store")[0] == 2


# --- what is damaged ---------------------------------------------------------------------------------------------


def test_verify_names_a_changed_and_a_deleted_object(s3: Server, bucket: str, run: Run) -> None:
    for label in ("RVU25A", "RVU25B"):
        at = p.published(pfsetl.open_store(bucket), label)
    changed, deleted = (r.path for r in at.resources if r.table == "conversion_factor")
    data = bytearray(at.store.get(changed))
    data[len(data) // 2] ^= 1
    with s3.arrow().open_output_stream(f"{bucket.removeprefix('s3://')}/{changed}") as file:
        file.write(bytes(data))
    at.store.delete(deleted)
    code, _, errors = run("verify", "--output", bucket)
    assert code == 1
    assert f"{bucket}/{changed}: its sha256 is" in errors
    assert f"{bucket}/{deleted}: missing" in errors
    with pytest.raises(StoreError, match=f"{deleted}: missing"):
        at.scan("conversion_factor")


def test_building_again_restores_a_deleted_object(kept: pfsetl.Build, archive: Path) -> None:
    at = kept.version
    at.store.delete(at.resources[0].path)
    assert problems(at) != []
    assert problems(build(str(at.store), archive).version) == []


def test_a_manifest_of_a_newer_pfsetl_is_refused(s3: Server, bucket: str, run: Run) -> None:
    at = p.published(pfsetl.open_store(bucket), LABEL)
    newer = {**plain(at.manifest), "pfsetl": {"format": manifest.FORMAT + 1, "releases": {}}}
    with s3.arrow().open_output_stream(f"{bucket.removeprefix('s3://')}/versions/000002.json") as file:
        file.write(json.dumps(newer).encode())
    code, _, errors = run("verify", "--output", bucket)
    assert (code, "written by a newer pfsetl" in errors) == (1, True)


@pytest.mark.parametrize("prefix", ["with space", "médecins%20", "a[1]*"])
def test_a_prefix_of_odd_characters_is_a_name_like_any_other(prefix: str, bucket: str) -> None:
    p.published(pfsetl.open_store(f"{bucket}/{prefix}"), LABEL)
    there = pfsetl.open(f"{bucket}/{prefix}")
    assert (problems(there), p.factors(there)) == ([], {LABEL: "32.3465"})
