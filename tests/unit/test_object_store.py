"""The store in a bucket, as far as it needs no server: the same behaviour as a folder, and what an address may be."""

import sys
import threading
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.exceptions import GenericError
from obstore.store import MemoryStore

from pfsetl.errors import StoreError, UsageError
from pfsetl.publication import version
from pfsetl.storage import aws
from pfsetl.storage import bucket as object_store
from pfsetl.storage.bucket import ObjectStore
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.opening import open_store
from pfsetl.storage.store import Store
from pfsetl.upkeep import prune
from tests import publisher as p


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return LocalStore(tmp_path / "store") if request.param == "folder" else memory()


def memory() -> ObjectStore:
    return ObjectStore("memory://", MemoryStore())


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in aws.CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


# --- the same as a folder ----------------------------------------------------------------------------------------


def test_an_object_comes_back_as_it_went(store: Store) -> None:
    assert store.put_new("a/b", b"bytes") is True
    assert store.get("a/b") == b"".join(store.chunks("a/b")) == b"bytes"


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 20_000])
def test_a_file_can_become_an_object(content: bytes, store: Store) -> None:
    with store.scratch() as temporary:
        temporary.write_bytes(content)
        store.put_new("a/b", temporary)
    assert (store.get("a/b"), store.size("a/b"), temporary.exists()) == (content, len(content), False)


def test_a_taken_name_stays_as_it_is(store: Store) -> None:
    store.put_new("a/b", b"one")
    assert (store.put_new("a/b", b"two"), store.get("a/b")) == (False, b"one")


def test_a_new_object_is_young_and_none_has_no_age(store: Store) -> None:
    store.put_new("a/b", b"one")
    age = store.age("a/b")
    assert age is not None
    assert -1 <= age < 60
    assert store.age("a/c") is None


def test_an_object_that_is_not_there_cannot_be_freshened(store: Store) -> None:
    assert store.freshen("a/b") is False
    assert store.exists("a/b") is False


def test_an_old_object_of_a_bucket_is_freshened_with_the_bytes_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    store = memory()
    store.put_new("a/b", b"one")
    first = obstore.head(store.bucket, "a/b")["last_modified"]
    monkeypatch.setattr(object_store, "FRESH_SECONDS", -60)
    assert store.freshen("a/b") is True
    assert store.get("a/b") == b"one"
    assert obstore.head(store.bucket, "a/b")["last_modified"] > first


def test_a_young_object_of_a_bucket_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store = memory()
    store.put_new("a/b", b"one")
    monkeypatch.setattr(obstore, "put", None)
    assert store.freshen("a/b") is True


def test_a_prune_frees_a_bucket_as_it_does_a_folder(store: Store) -> None:
    for factor in ("1.0000", "2.0000"):
        p.published(store, "RVU25A", factor)
    pruned = prune.prune(store, prune.plan_prune(store, 1, grace=-60), grace=-60)
    assert pruned.versions == (1,)
    assert (version.numbers(store), len(store.names("objects/conversion_factor"))) == ([2], 1)


def test_a_file_does_not_take_a_taken_name(store: Store) -> None:
    store.put_new("a/b", b"one")
    with store.scratch() as temporary:
        temporary.write_bytes(b"two")
        assert (store.put_new("a/b", temporary), store.get("a/b")) == (False, b"one")


def test_of_many_writers_one_wins(store: Store) -> None:
    barrier, won = threading.Barrier(8), []

    def write(mine: bytes) -> None:
        barrier.wait()
        if store.put_new("a/b", mine):
            won.append(mine)

    threads = [threading.Thread(target=write, args=(bytes([n]) * 10_000,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [store.get("a/b")]


def test_names_are_sorted_and_of_one_folder(store: Store) -> None:
    for name in ("v/2", "v/1", "v/deep/3", "vv/4"):
        store.put_new(name, b"x")
    assert (store.names("v"), store.names("w")) == (["v/1", "v/2"], [])


def test_existence_and_size(store: Store) -> None:
    store.put_new("v/1", b"four")
    assert [store.exists(n) for n in ("v/1", "v/2", "v")] == [True, False, False]
    assert [store.size(n) for n in ("v/1", "v/2")] == [4, None]


def test_a_deleted_object_is_gone_and_its_name_is_free(store: Store) -> None:
    store.put_new("v/1", b"one")
    store.delete("v/1")
    assert (store.exists("v/1"), store.names("v"), store.put_new("v/1", b"two")) == (False, [], True)


def test_deleting_what_is_not_there_does_nothing(store: Store) -> None:
    store.put_new("v/1", b"one")
    store.delete("v/2")
    assert store.names("v") == ["v/1"]


@pytest.mark.parametrize("read", ["get", "chunks"])
def test_a_missing_object_is_an_error_of_the_store(read: str, store: Store) -> None:
    with pytest.raises(StoreError, match="nothing"):
        b"".join(getattr(store, read)("v/nothing"))


def test_nothing_temporary_is_left(store: Store) -> None:
    store.put_new("v/1", b"one")
    store.put_new("v/1", b"two")
    assert store.names("tmp") == []


def test_publishing_is_the_same(store: Store) -> None:
    versions = [p.published(store, "RVU25A", value) for value in ("1.0000", "1.0000", "2.0000")]
    assert [v.number for v in versions] == [1, 1, 2]
    for v in versions:
        assert {(r.table, r.release) for r in v.resources} == {
            ("conversion_factor", "RVU25A"), ("code_values", "all"), ("modifier", "all")
        }  # fmt: skip
        names = {name for r in v.resources for name in (r.path, r.schema)}  # of each table its file and its schema
        assert sorted(v.verify()) == [(name, "") for name in sorted(names)]
        assert len(names) == 6


# --- large files -------------------------------------------------------------------------------------------------


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(object_store, "SINGLE_PUT_BYTES", 100)
    (tmp_path / "large").write_bytes(b"x" * 101)
    return tmp_path / "large"


def test_a_large_file_leaves_no_parts(large: Path) -> None:
    store = memory()
    assert (store.put_new("a/b", large), store.put_new("a/b", large)) == (True, False)
    assert [entry["path"] for entry in obstore.list(store.bucket).collect()] == ["a/b"]


def test_a_large_file_takes_no_taken_name(large: Path) -> None:
    store = memory()
    store.put_new("a/b", b"one")
    assert (store.put_new("a/b", large), store.get("a/b")) == (False, b"one")


# --- servers that ignore conditions ------------------------------------------------------------------------------


def ignoring(monkeypatch: pytest.MonkeyPatch, *what: str) -> ObjectStore:
    """A store whose server overwrites a taken name."""

    def put(*arguments: Any, **options: Any) -> object:
        return real_put(*arguments, **options | ({"mode": "overwrite"} if "put" in what else {}))

    def copy(*arguments: Any, **options: Any) -> object:
        return real_copy(*arguments, **options | ({"overwrite": True} if "copy" in what else {}))

    real_put, real_copy = obstore.put, obstore.copy
    monkeypatch.setattr(obstore, "put", put)
    monkeypatch.setattr(obstore, "copy", copy)
    return memory()


def test_a_server_that_ignores_conditions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    store = ignoring(monkeypatch, "put")
    for _ in range(2):
        with pytest.raises(StoreError, match=r"ignores conditions on a write \(If-None-Match\).*or a folder"):
            store.put_new("a/b", b"x")
    assert obstore.list(store.bucket).collect() == []


def test_a_server_that_ignores_conditions_on_copies_gets_no_large_file(
    monkeypatch: pytest.MonkeyPatch, large: Path
) -> None:
    store = ignoring(monkeypatch, "copy")
    assert store.put_new("a/small", b"x") is True
    with pytest.raises(StoreError, match="ignores conditions on a copy"):
        store.put_new("a/large", large)
    assert [entry["path"] for entry in obstore.list(store.bucket).collect()] == ["a/small"]


def test_a_server_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = obstore.put

    def put(bucket: Any, name: str, *arguments: Any, **options: Any) -> object:
        written.append(name)
        return real(bucket, name, *arguments, **options)

    monkeypatch.setattr(obstore, "put", put)
    store = memory()
    for number in range(3):
        store.put_new(f"a/{number}", b"x")
    assert sum(name.startswith("tmp/") for name in written) == 2


# --- lost answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("theirs", "mine"), [(b"mine", True), (b"theirs", False)])
def test_a_refused_repetition_is_told_by_its_bytes(theirs: bytes, mine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    store = memory()
    store.put_new("a/first", b"so that the server is tried")
    real, answers = obstore.put, [GenericError("the answer was lost")]

    def put(*arguments: Any, **options: Any) -> object:
        if answers:
            real(store.bucket, "a/b", theirs)
            raise answers.pop()
        return real(*arguments, **options)

    monkeypatch.setattr(obstore, "put", put)
    assert (store.put_new("a/b", b"mine"), store.get("a/b")) == (mine, theirs)


def test_a_write_that_never_gets_an_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    store = memory()
    store.put_new("a/first", b"so that the server is tried")
    asked = []

    def put(*_: object, **__: object) -> object:
        asked.append(1)
        raise GenericError("no answer")

    monkeypatch.setattr(obstore, "put", put)
    with pytest.raises(StoreError, match=r"memory:///a/b: no answer\. Check AWS_ENDPOINT_URL"):
        store.put_new("a/b", b"x")
    assert len(asked) == object_store.ATTEMPTS


# --- addresses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "address", "uri"),
    [
        ("s3://bucket", "s3://bucket", "s3://bucket/a/b"),
        ("s3://bucket/", "s3://bucket", "s3://bucket/a/b"),
        ("s3://bucket/some/prefix/", "s3://bucket/some/prefix", "s3://bucket/some/prefix/a/b"),
    ],
)
def test_an_address_of_a_bucket(given: str, address: str, uri: str, no_aws: pytest.MonkeyPatch) -> None:
    store = open_store(given)
    assert (str(store), store.uri("a/b")) == (address, uri)


@pytest.mark.parametrize("address", ["s3://", "s3:///prefix", "gs://bucket/prefix", "https://host/x", Path("s3://b/p")])
def test_another_address_is_a_matter_of_usage(address: str | Path) -> None:
    with pytest.raises(UsageError, match="s3://bucket/prefix"):
        open_store(address)


@pytest.mark.parametrize("name", ["a:b", "s3", "s3:x"])
def test_a_folder_with_an_odd_name_is_a_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_store(name), LocalStore)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pfsetl.storage.bucket")
    monkeypatch.delattr("pfsetl.storage.bucket")
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(
        StoreError, match=r"s3://b: needs the package obstore\. Install it: \S+ -m pip install 'pfsetl\[s3\]'"
    ):
        open_store("s3://b")


def test_readers_get_the_endpoint_and_credentials_of_the_environment(no_aws: pytest.MonkeyPatch) -> None:
    no_aws.setenv("AWS_ENDPOINT_URL", "http://general:1")
    no_aws.setenv("AWS_ENDPOINT_URL_S3", "http://for-s3:2")
    no_aws.setenv("AWS_ACCESS_KEY_ID", "key")
    no_aws.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    no_aws.setenv("AWS_REGION", "eu-west-1")
    assert open_store("s3://b").storage_options == {
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
        "aws_region": "eu-west-1",
        "aws_endpoint_url": "http://for-s3:2",
        "aws_allow_http": "true",
    }


def test_a_store_is_opened_once(no_aws: pytest.MonkeyPatch) -> None:
    assert open_store("s3://b/p") is open_store("s3://b/p/")
    before = open_store("s3://b/p")
    no_aws.setenv("AWS_REGION", "eu-west-1")
    assert open_store("s3://b/p") is not before


def test_what_is_kept_of_a_version_is_found_by_its_store(no_aws: pytest.MonkeyPatch) -> None:
    one, same = (version.empty(open_store("s3://b/p")) for _ in range(2))
    assert {one: "kept"}[same] == "kept"


def test_half_of_the_credentials_is_said(no_aws: pytest.MonkeyPatch) -> None:
    no_aws.setenv("AWS_ACCESS_KEY_ID", "key")
    with pytest.raises(StoreError, match=r"Missing SecretAccessKey\. Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"):
        open_store("s3://b")


def test_the_secret_is_not_shown(no_aws: pytest.MonkeyPatch) -> None:
    no_aws.setenv("AWS_ACCESS_KEY_ID", "key")
    no_aws.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    assert "hush-hush" not in repr(open_store("s3://b")) + repr(version.empty(open_store("s3://b")))
