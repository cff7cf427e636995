"""Row groups of unlike text get one encoding, and files that were published before that are written again."""

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pfsetl
from pfsetl import Version
from pfsetl.cli import samples
from pfsetl.declared import contracts, table_schemas
from pfsetl.errors import ContractError
from pfsetl.publication import fingerprint, objects, parquet, publish, staging, version
from pfsetl.publication.digest import rows_digest
from pfsetl.publication.parquet import Parts, Written
from pfsetl.publication.staging import StagedRelease
from pfsetl.storage.folder import LocalStore
from pfsetl.tables.numbers import Column, Rows, numbered
from pfsetl.upkeep import verify
from tests import publisher
from tests.present import present
from tests.unit.test_one_encoding import encodings, texts_by_fastparquet

pytestmark = pytest.mark.long

CONTRACT = contracts.load()
LINES = CONTRACT.tables["source_lines"]
NATIONAL = CONTRACT.tables["payment_national"]  # whose `reason` may be null
GROUP = parquet.ROW_GROUP
written_by_us = parquet.write


def filled(table: contracts.Table, **columns: pl.Series) -> pl.DataFrame:
    """A table with these columns; the others hold a letter, 1 or false."""
    fill = {pl.String(): pl.lit("x"), pl.Boolean(): pl.lit(value=False), pl.Date(): pl.lit(date(2025, 1, 1))}
    others = {
        c.name: fill.get(c.dtype, pl.lit(1)).cast(c.dtype).alias(c.name) for c in table.columns if c.name not in columns
    }
    return pl.DataFrame(columns).with_columns(*others.values()).select(table.schema.names())


def codes(*groups: str) -> pl.Series:
    """Codes of row groups of each kind: `one` code, each `another`, no code (`null`), or long ones."""
    kinds: dict[str, Callable[[int], str | None]] = {
        "one": lambda _: "A0021",
        "another": lambda n: f"Z{n:06d}",
        "null": lambda _: None,
        "long": lambda n: f"{n:06d}" + "y" * 1_000,
    }
    values = [kinds[kind](g * GROUP + n) for g, kind in enumerate(groups) for n in range(GROUP)]
    return pl.Series(values, dtype=pl.String)


def by_polars(parts: Parts, table: contracts.Table, target: Path, group: int = GROUP) -> Written:
    """Write a table as it was written before, when polars chose an encoding for each row group."""
    frame = pl.read_parquet(written_by_us(parts, table, target).path)
    frame.write_parquet(
        target, compression="zstd", row_group_size=group, arrow_schema=table_schemas.arrow_schema(table)
    )
    return Written(target, frame.height, rows_digest(frame))


def mixed(path: str | Path) -> set[str]:
    return {name for name, kinds in encodings(str(path)).items() if len(kinds) > 1}


def lost(path: str | Path) -> dict[str, int]:
    """How many values of each text column fastparquet reads otherwise than polars, where it does."""
    frame = pl.read_parquet(path)
    wrong = {}
    for name in (n for n, dtype in frame.schema.items() if dtype == pl.String):
        found = texts_by_fastparquet(str(path), name)
        wrong[name] = sum(a != b for a, b in zip(found, frame[name].to_list(), strict=True))
    return {name: count for name, count in wrong.items() if count}


@pytest.mark.parametrize(
    "groups",
    [
        ("one", "another"),
        ("another", "one"),
        ("one", "another", "one"),
        ("null", "another"),
        ("another", "null", "one"),
        ("one", "long"),
        ("long", "one"),
    ],
    ids=" then ".join,
)
@pytest.mark.parametrize("part", [GROUP, 5_000, 3 * GROUP], ids=lambda rows: f"parts of {rows}")
def test_groups_of_unlike_text_have_one_encoding(groups: tuple[str, ...], part: int, tmp_path: Path) -> None:
    rows = filled(NATIONAL, reason=codes(*groups))
    target = tmp_path / "t.parquet"
    with mock.patch.object(parquet, "STREAMED_ROW_GROUP", GROUP):
        shared = publisher.enums(rows)
        parquet.write((shared[at : at + part] for at in range(0, rows.height, part)), NATIONAL, target)
    assert pl.read_parquet(target).equals(rows)
    assert (mixed(target), lost(target)) == (set(), {})
    assert parquet.is_uniform(target.read_bytes())


def test_a_file_of_polars_shows_what_is_lost_otherwise(tmp_path: Path) -> None:
    rows = filled(LINES, hcpcs=codes("one", "another"))
    by_polars(rows, LINES, tmp_path / "t.parquet")
    assert pl.read_parquet(tmp_path / "t.parquet").equals(rows)
    assert lost(tmp_path / "t.parquet") == {"hcpcs": GROUP}
    assert mixed(tmp_path / "t.parquet") == {"hcpcs"}
    assert not parquet.is_uniform((tmp_path / "t.parquet").read_bytes())


def test_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    written = parquet.write(LINES.empty(), LINES, tmp_path / "t.parquet")
    assert written.rows == 0
    assert pl.read_parquet(tmp_path / "t.parquet").schema == LINES.schema


def test_a_null_where_a_value_is_required_is_told_by_its_column(tmp_path: Path) -> None:
    rows = filled(LINES, hcpcs=pl.Series(["G0101", None]))
    with pytest.raises(ContractError, match=r"source_lines\.hcpcs: 1 nulls, where the contract requires a value"):
        parquet.write(rows, LINES, tmp_path / "t.parquet")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def staged(store: LocalStore) -> StagedRelease:
    rows = filled(LINES, release=pl.Series(["RVU25A"] * 2 * GROUP), hcpcs=codes("one", "another"))
    tables = {"source_lines": rows, "conversion_factor": publisher.factor("RVU25A", "32.3465")}
    return staging.stage(store, "RVU25A", tables, publisher.RECORD, CONTRACT)


def committed(store: LocalStore) -> Version:
    return publish.commit(store, [staged(store)], version.open_version(store), CONTRACT)


def test_a_store_of_before_gets_readable_files_when_a_release_is_built_again(store: LocalStore) -> None:
    with mock.patch.object(objects, "write", by_polars):
        before = committed(store)
    after = committed(store)
    assert (before.number, after.number) == (1, 2)
    assert lost(before.files("source_lines")[0]) == {"hcpcs": GROUP}
    assert [(mixed(f), lost(f)) for f in after.files("source_lines")] == [(set(), {})]
    digests = [{r.table: r.digest for r in at.resources} for at in (before, after)]
    assert digests[0] == digests[1]
    assert present(after.manifest.pfsetl.changes)["RVU25A"].tables == {}  # no row was added, removed or changed
    assert [problem for at in (before, after) for _, problem in at.verify() if problem] == []
    assert after.files("conversion_factor") == before.files("conversion_factor")  # which needed no other file
    assert verify.verify(store).bad == {}


def test_what_was_staged_in_readable_files_beside_those_of_before_is_taken_over(store: LocalStore) -> None:
    with mock.patch.object(objects, "write", by_polars):
        committed(store)
    again = staged(store)
    name = "staged/RVU25A-0123456789abcdef-nothing.json"
    store.put_new(name, staging.encode(again))
    assert any(r.path.endswith(objects.UNIFORM) for r in again.resources)
    assert staging.taken_over(store, name, "RVU25A") == again


def test_readable_files_are_published_once(store: LocalStore) -> None:
    with mock.patch.object(objects, "write", by_polars):
        stale = staged(store)
        committed(store)
    assert [committed(store).number for _ in range(2)] == [2, 2]
    # What an older pfsetl staged of the same rows doesn't bring the other files back.
    assert publish.commit(store, [stale], version.open_version(store), CONTRACT).number == 2


def test_other_bytes_of_one_encoding_stay(store: LocalStore) -> None:
    with mock.patch.object(parquet, "COMPRESSION_LEVEL", 1):
        first = committed(store)
    assert committed(store) == first


def test_tables_that_a_commit_makes_get_readable_files_too(store: LocalStore) -> None:
    paths = {p.stem: p for p in samples.archives()}

    def build(label: str) -> Version:
        return pfsetl.build(label, store=store, archive=paths[label], sample=True).version

    older = mock.Mock(side_effect=partial(by_polars, group=500))  # a sample is short, so its row groups are too
    with mock.patch.object(objects, "write", older), mock.patch.object(parquet, "write", older):
        before = [build(label) for label in sorted(paths)][-1]
    unreadable = {r.table for r in before.resources if mixed(store.uri(r.path))}
    assert {"source_lines", "release_changes"} <= unreadable
    with mock.patch.object(fingerprint, "code", return_value="that of another pfsetl"):
        after = [build(label) for label in sorted(paths)][-1]
    assert [r.path for r in after.resources if mixed(store.uri(r.path))] == []
    assert {(r.table, r.release): r.digest for r in after.resources} == {
        (r.table, r.release): r.digest for r in before.resources
    }


def test_money_handed_over_in_cents_is_read_as_the_decimals_that_the_contract_promises(tmp_path: Path) -> None:
    table = CONTRACT.tables["conversion_factor"]
    decimals = filled(table)
    numbers = {n: d for n, d in table.schema.items() if isinstance(d, pl.Decimal)}
    small = decimals.with_columns((pl.col(n) * 10**d.scale).cast(pl.Int32) for n, d in numbers.items())
    written = [parquet.write(parts, table, tmp_path / name) for parts, name in ((decimals, "a"), (iter([small]), "b"))]
    assert numbers
    assert written[0].digest == written[1].digest
    for one in written:
        assert pl.read_parquet(one.path).equals(decimals)
        assert pq.read_schema(one.path) == table_schemas.arrow_schema(table)


def test_a_dictionary_holds_little_more_than_the_codes_of_its_row_group(tmp_path: Path) -> None:
    groups = 12
    rows = filled(LINES, hcpcs=pl.Series([f"G{n // 50:04}" for n in range(groups * GROUP)]))
    about = pq.read_metadata(parquet.write(rows, LINES, tmp_path / "lines").path)
    at = LINES.schema.names().index("hcpcs")
    sizes = {about.row_group(n).column(at).total_uncompressed_size for n in range(groups)}
    assert max(sizes) < 2 * min(sizes)
    assert max(sizes) < 12 * GROUP // 50 + GROUP


def numbers(**columns: Column) -> Rows:
    """Two rows of `source_lines` as numbers; what a test doesn't name is a letter or 1."""
    return numbered(filled(LINES, hcpcs=pl.Series(["G0101", "G0102"])), LINES.schema) | columns


def test_numbers_are_written_as_the_rows_that_they_stand_for(tmp_path: Path) -> None:
    written = parquet.write(iter([numbers()]), LINES, tmp_path / "t.parquet")
    rows = filled(LINES, hcpcs=pl.Series(["G0101", "G0102"]))
    assert pl.read_parquet(written.path).equals(rows)
    assert written.digest == rows_digest(rows)


@pytest.mark.parametrize("at", [0, 1], ids=["a text that is repeated", "a text that isn't"])
def test_a_number_that_stands_for_no_text_is_never_written(at: int, tmp_path: Path) -> None:
    words = pa.array(["G0101", "G0102"], pa.large_string())
    wild = Column(np.array([[7, 7], [0, 7]][at], np.uint8), words=words)
    with pytest.raises((pa.ArrowIndexError, pa.ArrowInvalid)):
        parquet.write(iter([numbers(hcpcs=wild)]), LINES, tmp_path / "t.parquet")


def test_numbers_of_another_width_than_a_digest_takes_are_refused(tmp_path: Path) -> None:
    wide = Column(np.array([0, 1], np.int64), words=pa.array(["G0101", "G0102"], pa.large_string()))
    with pytest.raises(ContractError, match=r"source_lines\.hcpcs: numbers of int64"):
        parquet.write(iter([numbers(hcpcs=wide)]), LINES, tmp_path / "t.parquet")
