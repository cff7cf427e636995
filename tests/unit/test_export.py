"""Rows leave a store as files for spreadsheets and databases, with codes as text and amounts as numbers."""

import csv
import json
import re
import resource
import sqlite3
import sys
from collections.abc import Callable
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import fastexcel
import polars as pl
import pytest

import pfsetl
from pfsetl import Version
from pfsetl.cli import main
from pfsetl.errors import UsageError
from pfsetl.export import databases, delimited, workbook
from tests.copied import copied

pytestmark = pytest.mark.long

Run = Callable[..., tuple[int, str, str]]
# G0101 in RVU26A as CMS prints it: work 0.44, and 1.19 in total outside of a facility.
G0101 = ("G0101", Decimal("0.44"), Decimal("1.19"))
OF_G0101 = (
    "SELECT DISTINCT hcpcs, work_rvu, nonfacility_total_rvu FROM rvu WHERE hcpcs = 'G0101' AND release = 'RVU26A'"
)


@pytest.fixture(scope="module")
def store(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled sample, published."""
    return copied(demo, tmp_path_factory.mktemp("export") / "a store of one's own")


@pytest.fixture(scope="module")
def sample(store: Path) -> Version:
    return pfsetl.open(store)


# --- the rows that are asked for --------------------------------------------------------------------------------


def test_csv_has_the_digits_of_the_tables_and_codes_as_they_are(store: Path, run: Run, tmp_path: Path) -> None:
    chosen = ["--release", "RVU26A", "--code", "g0101", "--table", "rvu"]
    assert run("export", tmp_path / "out", "--format", "csv", *chosen, "--output", store)[0] == 0
    rows = list(csv.DictReader((tmp_path / "out/rvu.csv").open()))
    assert {(r["hcpcs"], Decimal(r["work_rvu"]), Decimal(r["nonfacility_total_rvu"])) for r in rows} == {G0101}


def test_without_a_choice_of_tables_those_with_the_columns_are_written_and_the_others_named(
    store: Path, run: Run, tmp_path: Path
) -> None:
    _, out, _ = run("export", tmp_path / "out", "--format", "csv", "--code", "G0101", "--output", store)
    written = {path.stem for path in (tmp_path / "out").iterdir()}
    assert {"rvu", "payment_national", "payment_locality"} <= written
    assert "gpci" not in written
    assert "gpci" in out.split("left out")[1]


def test_a_condition_is_sql_over_the_columns(store: Path, sample: Version, run: Run, tmp_path: Path) -> None:
    where = "status = 'A' AND work_rvu > 1 AND release = 'RVU26A'"
    run("export", tmp_path / "out", "--table", "rvu", "--where", where, "--output", store)
    found = pl.read_parquet(tmp_path / "out/rvu.parquet")
    rvu = sample.scan("rvu", "RVU26A").collect()
    assert found.equals(rvu.filter((rvu["status"] == "A") & (rvu["work_rvu"] > 1)))


# CMS's A9155 is in RVU25D and not in RVU26A.
def test_a_code_that_the_releases_asked_for_lack_and_tables_without_a_row_are_said(
    store: Path, run: Run, tmp_path: Path
) -> None:
    chosen = ["--release", "RVU26A", "--code", "a9155", "--code", "G0101", "--table", "rvu", "--output", store]
    _, out, _ = run("export", tmp_path / "both", *chosen)
    assert ("not in RVU26A: A9155\n" in out, "empty" in out) == (True, False)
    where = ["--where", "state = 'ZZ'", "--table", "gpci", "--table", "payment_locality", "--output", store]
    code, out, _ = run("export", tmp_path / "none", "--format", "csv", *where)
    assert (code, "empty, as no row fits: gpci, payment_locality\n" in out) == (0, True)


def test_parquet_without_a_choice_is_still_an_exact_copy(store: Path, run: Run, tmp_path: Path) -> None:
    run("export", tmp_path / "out", "--output", store)
    assert (tmp_path / "out/datapackage.json").exists()


REFUSED = {
    "a table that isn't there": (["--table", "rvus"], "Did you mean rvu"),
    "a release that isn't there": (["--release", "RVU25Z"], "RVU25D, RVU26A"),
    "a code that isn't there": (["--code", "G0100"], "Near it are"),
    "a column that isn't there": (["--table", "rvu", "--where", "statuss = 'A'"], "has no column statuss"),
    "no condition": (["--table", "rvu", "--where", "work_rvu >"], "not a condition in SQL"),
    "a table without codes": (["--table", "gpci", "--code", "G0101"], "no codes to choose by"),
}


READING = [
    "hcpcs in (select hcpcs from read_csv('{file}'))",
    "hcpcs IN (FROM read_csv('{file}'))",
    "exists (SeLeCt 1 from read_parquet('{file}'))",
    "hcpcs = (with a as (select 1) select * from a)",
]


@pytest.mark.parametrize("where", READING)
def test_a_condition_reads_no_file(where: str, store: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("swordfish\n1\n")
    chosen = ["--table", "rvu", "--where", where.format(file=tmp_path / "secret.csv")]
    code, out, told = run("export", tmp_path / "o", "--format", "csv", *chosen, "--output", store)
    assert (code, "isn't allowed in a condition" in told, "swordfish" in out + told) == (2, True, False)


def test_a_word_of_sql_in_a_text_is_a_text(store: Path, run: Run, tmp_path: Path) -> None:
    chosen = ["--table", "rvu", "--where", "section = 'select from with'"]
    assert run("export", tmp_path / "o", "--format", "csv", *chosen, "--output", store)[0] == 0


@pytest.mark.parametrize("where", ["effective_from >= '2026-01-01'", "release > 99"])
def test_a_condition_that_does_not_fit_its_column_is_no_damage(
    where: str, store: Path, run: Run, tmp_path: Path
) -> None:
    chosen = ["--table", "releases", "--where", where]
    code, _, told = run("export", tmp_path / "o", "--format", "csv", *chosen, "--output", store)
    assert (code, "doesn't fit" in told, "DATE '2026-01-01'" in told, "verify" in told) == (2, True, True, False)


def test_a_condition_that_can_not_be_computed_is_named(store: Path, run: Run, tmp_path: Path) -> None:
    chosen = ["--table", "rvu", "--where", "work_rvu / 0 > 1"]
    code, _, told = run("export", tmp_path / "o", "--format", "csv", *chosen, "--output", store)
    assert (code, "--where 'work_rvu / 0 > 1': can't be computed (division by zero" in told) == (2, True)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("place", ["latest/mine", "tree/000002/mine", "mine"])
def test_nothing_is_exported_into_the_store(place: str, store: Path, run: Run) -> None:
    exported = run("export", store / place, "--format", "csv", "--table", "gpci", "--output", store)
    viewed = run("views", store / place, "--output", store)
    assert [(code, "inside the store" in told) for code, _, told in (exported, viewed)] == [(2, True), (2, True)]
    assert not (store / place).exists()


@pytest.mark.parametrize("why", REFUSED)
def test_what_can_t_be_chosen_is_refused_and_nothing_is_left(why: str, store: Path, run: Run, tmp_path: Path) -> None:
    options, said = REFUSED[why]
    code, _, told = run("export", tmp_path / "out", "--format", "csv", *options, "--output", store)
    assert (code, said in told, (tmp_path / "out").exists()) == (2, True, False)


@pytest.mark.parametrize("form", ["csv", "parquet", "xlsx", "duckdb", "sqlite"])
def test_a_disk_that_takes_no_more_is_said_and_nothing_is_left(
    form: str, store: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # or what is imported here first is compiled and cut
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 10, before[1]))  # bytes of one file
    try:
        code, _, said = run("export", tmp_path / "out", "--format", form, "--table", "rvu", "--output", store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (code, [*tmp_path.glob("out*")]) == (1, [])
    assert re.search(r"Check path(, rights)? and space", said)
    assert "Unexpected" not in said


@pytest.mark.parametrize("form", ["csv", "xlsx", "duckdb", "sqlite"])
def test_what_is_there_is_never_written_over(form: str, store: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    code, _, _ = run("export", tmp_path / "mine", "--format", form, "--table", "gpci", "--output", store)
    assert (code, (tmp_path / "mine").read_text()) == (2, "mine")


# --- spreadsheets -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pl.String, pl.Categorical])
def test_no_text_of_a_csv_runs_as_a_formula_and_numbers_keep_their_sign(
    kind: type[pl.DataType], tmp_path: Path
) -> None:
    texts = ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "\tx", "-1.50", "+2", "26", "", None]
    delimited.write({"t": pl.LazyFrame({"text": pl.Series(texts, dtype=kind), "n": range(len(texts))})}, tmp_path)
    rows = [row["text"] for row in csv.DictReader((tmp_path / "t.csv").open())]
    assert rows == ["'=1+1", "'+cmd|' /C calc'!A0", "'@SUM(A1)", "'-2+3", "'\tx", "-1.50", "+2", "26", "", ""]


@pytest.fixture(scope="module")
def book(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook of two tables of RVU26A."""
    file = tmp_path_factory.mktemp("book") / "mpfs.xlsx"
    chosen = ["--table", "rvu", "--table", "gpci", "--table", "releases", "--release", "RVU26A"]
    main(["export", str(file), "--format", "xlsx", *chosen, "--output", str(store)])
    return file


def sheet(book: Path, name: str) -> pl.DataFrame:
    return fastexcel.read_excel(book).load_sheet(name, dtype_coercion="strict").to_polars()


def test_a_workbook_has_a_sheet_a_table_and_one_that_says_what_columns_mean(book: Path, sample: Version) -> None:
    assert fastexcel.read_excel(book).sheet_names == ["rvu", "gpci", "releases", "columns"]
    told = sheet(book, "columns").filter(pl.col("table") == "gpci")["column"].to_list()
    assert told == sample.scan("gpci").collect_schema().names()


def test_a_workbook_has_every_row(book: Path, sample: Version) -> None:
    assert sheet(book, "rvu").height == sample.scan("rvu", "RVU26A").select(pl.len()).collect().item()


def test_codes_are_text_in_a_workbook_and_values_numbers(book: Path) -> None:
    rvu, gpci = sheet(book, "rvu"), sheet(book, "gpci")
    assert [rvu.schema["hcpcs"], gpci.schema["locality"]] == [pl.String(), pl.String()]
    assert "01" in gpci["locality"].to_list()
    row = rvu.filter(pl.col("hcpcs") == "G0101").row(0, named=True)
    assert (row["work_rvu"], row["nonfacility_total_rvu"]) == (0.44, 1.19)


def test_days_are_days_in_a_workbook(book: Path) -> None:
    assert str(sheet(book, "releases")["effective_from"][0])[:10] == "2026-01-01"


def test_more_rows_than_a_sheet_holds_are_refused_with_what_to_choose(
    store: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 100)
    code, _, told = run("export", tmp_path / "x.xlsx", "--format", "xlsx", "--table", "rvu", "--output", store)
    assert (code, "--code" in told, (tmp_path / "x.xlsx").exists()) == (2, True, False)


# --- databases --------------------------------------------------------------------------------------------------


def test_duckdb_keeps_decimals_and_says_what_columns_mean(store: Path, run: Run, tmp_path: Path) -> None:
    run("export", tmp_path / "x.duckdb", "--format", "duckdb", "--table", "rvu", "--output", store)
    with duckdb.connect(str(tmp_path / "x.duckdb"), read_only=True) as database:
        assert database.execute(OF_G0101).fetchall() == [G0101]
        comments = database.execute("SELECT comment FROM duckdb_columns() WHERE column_name = 'hcpcs'").fetchall()
    assert "HCPCS" in str(comments)


def test_sqlite_has_every_row_under_its_key_and_codes_as_text(
    sampled: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "PART", 3)  # rows at a time, of which these tables have fewer than a part else
    run("export", tmp_path / "x.sqlite", "--format", "sqlite", "--release", "RVU25A", "--output", sampled)
    database = sqlite3.connect(tmp_path / "x.sqlite")
    for table in ("payment_locality", "gpci", "rvu"):
        rows = pfsetl.open(sampled).scan(table, "RVU25A").select(pl.len()).collect().item()
        assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)
    asked = "SELECT DISTINCT typeof(locality), typeof(work_gpci) FROM gpci"
    assert {kind for row in database.execute(asked) for kind in row} <= {"text", "real", "integer"}
    assert database.execute("SELECT typeof(locality) FROM gpci LIMIT 1").fetchone() == ("text",)
    database.close()


# --- SQL --------------------------------------------------------------------------------------------------------


def asked(run: Run, store: Path, query: str, *options: str) -> tuple[int, str, str]:
    return run("sql", query, "--output", store, *options)


def test_sql_answers_from_the_newest_version(store: Path, run: Run) -> None:
    code, out, _ = asked(run, store, OF_G0101, "--json")
    assert (code, [tuple(row.values()) for row in json.loads(out, parse_float=Decimal)]) == (0, [G0101])


def test_sql_of_an_earlier_version_doesn_t_see_later_releases(store: Path, run: Run) -> None:
    _, out, _ = asked(run, store, "SELECT DISTINCT release FROM rvu", "--at", "1", "--csv")
    assert out.split() == ["release", "RVU25D"]


def test_lists_and_intervals_are_their_text(store: Path, run: Run) -> None:
    query = "SELECT [1, 2] AS l, {'a': 1} AS s, INTERVAL 1 DAY AS i"
    (code, out, _), (also, told, _) = (asked(run, store, query, form) for form in ("--csv", "--json"))
    assert (code, also, "[1, 2]" in out, json.loads(told)[0]["l"]) == (0, 0, True, "[1, 2]")


def test_a_decimal_of_more_digits_than_a_double_has_keeps_them(store: Path, run: Run) -> None:
    amount = "12345678901234567890123456789.123456789"
    out = asked(run, store, f"SELECT {amount}::DECIMAL(38, 9) AS x, -0.10::DECIMAL(9, 2) AS y", "--json")[1]
    assert json.loads(out, parse_float=str) == [{"x": amount, "y": "-0.10"}]


@pytest.mark.parametrize(
    ("asked_for", "said"),
    [
        ("TIME '01:02:03'", "01:02:03"),
        ("TIME '24:00:00'", "24:00:00"),
        ("TIMESTAMP '2026-02-01 01:02:03'", "2026-02-01T01:02:03"),
        ("170141183460469231731687303715884105727::HUGEINT", 170141183460469231731687303715884105727),
        ("sum(9007199254740993::BIGINT)", 9007199254740993),  # a double has ...992
        ("340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455"),
        ("[1.10::DECIMAL(4, 2)]", "[1.10]"),
        ("{'a': 1.10::DECIMAL(4, 2)}", "{'a': 1.10}"),
        ("'a'::ENUM('a', 'b')", "a"),
        ("NULL", None),
        ("DATE '9999-12-31'", "9999-12-31"),
        ("DATE '10000-01-01'", "10000-01-01"),
        ("DATE 'infinity'", "infinity"),
        ("TIMESTAMP '-infinity'", "-infinity"),
        ("TIMESTAMP_S '20000-01-01 00:00:00'", "20000-01-01 00:00:00"),
    ],
)
def test_every_kind_of_value_is_json_with_all_that_it_says(store: Path, run: Run, asked_for: str, said: object) -> None:
    code, out, _ = asked(run, store, f"SELECT {asked_for} AS x, 'b' AS x", "--json")
    assert (code, json.loads(out)) == (0, [{"x": said, "x_1": "b"}])


def test_of_several_queries_none_is_dropped_without_a_word(store: Path, run: Run) -> None:
    code, _, told = asked(run, store, "SELECT 1; SELECT 2")
    assert (code, "2 queries" in told) == (2, True)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_no_finite_number_is_null_as_json_has_none(store: Path, run: Run, number: str) -> None:
    assert json.loads(asked(run, store, f"SELECT '{number}'::DOUBLE AS x", "--json")[1]) == [{"x": None}]


def test_an_answer_with_many_columns_is_shown_row_by_row(store: Path, run: Run) -> None:
    out = asked(run, store, "SELECT * FROM rvu WHERE hcpcs = 'G0101' AND participant = 'qp'")[1]
    assert ("row 1" in out, any(line.split() == ["hcpcs", "G0101"] for line in out.splitlines())) == (True, True)


def test_a_text_of_an_answer_does_not_run_in_a_spreadsheet(store: Path, run: Run) -> None:
    assert asked(run, store, "SELECT '=1+1' AS x", "--csv")[1].split() == ["x", "'=1+1"]


OUTSIDE = [
    "COPY rvu TO '{file}'",
    "FROM read_csv('{file}')",
    "FROM '{file}'",
    "ATTACH '{file}'",
    "SET enable_external_access = true",
    "INSTALL httpfs",
    "FROM glob('/*')",
    "COPY (SELECT 1) TO '{store}/latest/rvu.parquet'",
    "COPY (SELECT 1) TO '{store}/objects/rvu/mine.parquet'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{store}/objects/rvu/mine.parquet'",
    "SELECT 1; COPY (SELECT 1) TO '{store}/objects/rvu/mine.parquet'",
    "WITH a AS (SELECT 1) COPY a TO '{store}/objects/rvu/mine.parquet'",
    "EXPORT DATABASE '{store}/objects/rvu'",
    "PREPARE p AS COPY (SELECT 1) TO '{store}/objects/rvu/mine.parquet'; EXECUTE p",
]


@pytest.mark.parametrize("query", OUTSIDE)
def test_sql_neither_writes_nor_reads_outside_of_the_store(query: str, store: Path, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("a\n1\n")
    before = sorted(path for path in store.rglob("*"))
    code, _, told = asked(run, store, query.format(file=file, store=str(store).replace("'", "''")))
    assert (code, "Traceback" in told) == (2, False)
    assert sorted(path for path in store.rglob("*")) == before


def test_sql_that_is_none_is_refused_in_words(store: Path, run: Run) -> None:
    code, _, told = asked(run, store, "SELEC 1")
    assert (code, "syntax error" in told, "The tables are" in told) == (2, True, True)


def test_sql_that_takes_a_code_for_a_number_is_told_how_it_is_written(store: Path, run: Run) -> None:
    code, _, told = asked(run, store, "FROM rvu WHERE hcpcs = 99213")
    assert (code, "hcpcs = '99213'" in told, "The tables are" in told) == (2, True, False)


def test_a_text_that_a_cell_does_not_hold_is_refused_and_not_cut(sample: Version, tmp_path: Path) -> None:
    # Excel specifications and limits: a cell contains at most 32,767 characters.
    for length, said in ((32_767, ""), (32_768, "rejects.text: a text of 32,768 characters in row 2")):
        tables = {"rejects": pl.LazyFrame({"text": ["x", "x" * length]})}
        with pytest.raises(UsageError, match=said) if said else nullcontext():
            workbook.write(sample, tables, tmp_path / f"{length}.xlsx")


# --- views ------------------------------------------------------------------------------------------------------


def test_a_database_of_views_reads_the_published_files(store: Path, sample: Version, run: Run, tmp_path: Path) -> None:
    run("views", tmp_path / "v", "--output", store)
    with duckdb.connect(str(tmp_path / "v/pfs.duckdb"), read_only=True) as database:
        for table in {r.table for r in sample.resources}:
            rows = sum(r.rows for r in sample.resources if r.table == table)
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)


def test_the_script_of_views_makes_them_under_the_address_that_is_given(store: Path, run: Run, tmp_path: Path) -> None:
    run("views", tmp_path / "v", "--base", str(store), "--output", store)
    assert not (tmp_path / "v/pfs.duckdb").exists()
    with duckdb.connect() as database:
        database.execute((tmp_path / "v/views.sql").read_text())
        assert database.execute("SELECT count(*) > 0 FROM payment_national").fetchone() == (True,)


def test_views_of_an_address_elsewhere_name_it(store: Path, run: Run, tmp_path: Path) -> None:
    run("views", tmp_path / "v", "--base", "https://example.org/it's/", "--output", store)
    assert "'https://example.org/it''s/objects/rvu/" in (tmp_path / "v/views.sql").read_text()


def test_views_that_are_there_are_never_written_over(store: Path, run: Run, tmp_path: Path) -> None:
    assert [run("views", tmp_path / "v", "--output", store)[0] for _ in range(2)] == [0, 2]


def test_views_that_could_not_be_made_are_made_once_what_lacked_is_there(
    store: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.setattr("builtins.__import__", missing("duckdb"))
        code, _, told = run("views", tmp_path / "v", "--output", store)
        assert (code, "DuckDB isn't installed" in told) == (2, True)
    assert run("views", tmp_path / "v", "--output", store)[0] == 0


def missing(name: str) -> Any:
    """An import that doesn't find one library."""
    real = __import__

    def found(module: str, *rest: Any, **options: Any) -> Any:
        if module == name:
            raise ImportError(module)
        return real(module, *rest, **options)

    return found


@pytest.mark.parametrize(("library", "form", "extra"), [("duckdb", "duckdb", "duckdb"), ("xlsxwriter", "xlsx", "xlsx")])
def test_a_library_that_isn_t_there_is_named_with_how_to_install_it(
    library: str, form: str, extra: str, store: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.__import__", missing(library))
    code, _, told = run("export", tmp_path / "x", "--format", form, "--table", "gpci", "--output", store)
    assert (code, f"pip install 'pfsetl[{extra}]'" in told) == (2, True)


def test_sql_names_a_file_that_is_missing(store: Path, run: Run, tmp_path: Path) -> None:
    damaged = copied(store, tmp_path / "damaged")
    gone = next((damaged / "objects" / "rvu").glob("RVU26A-*"))
    gone.unlink()
    code, _, told = run("sql", "SELECT count(*) FROM rvu", "--output", damaged)
    assert (code, f"{gone}: missing. 'pfsetl verify" in told) == (1, True), told
