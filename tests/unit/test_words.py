"""Coded values and modifiers in words: `code_values` and `modifier`, which are made of declarations alone."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

import pfsetl
from pfsetl import Version
from pfsetl.declared import contracts, declarations
from pfsetl.errors import ContractError
from pfsetl.tables import columns, words
from tests import declared, in_words
from tests import synthetic as s

RELEASES = {"RVU09A": date(2009, 1, 1), "RVU25A": date(2025, 1, 1), "RVU26A": date(2026, 1, 1)}  # each shape of PPRRVU


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    folder = tmp_path_factory.mktemp("words")
    for label in RELEASES:
        family = "88" if label >= "RVU11A" else "02"  # CMS had eleven families until 2010, one since
        rows = [s.changed(row, imaging=family) if row["imaging"] == "88" else row for row in s.CODES]
        archive = s.write_zip(folder / f"{label}.zip", s.release(label, rows))
        built = pfsetl.build(label, store=pfsetl.open_store(folder / "store"), archive=archive, sample=True)
    return built.version


def rows_of(frame: pl.DataFrame, **key: str) -> list[dict[str, object]]:
    return frame.filter(**key).to_dicts()


def table(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    return columns.shaped(frame, contracts.load().tables[name])


# --- values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", RELEASES)
def test_no_value_of_a_release_is_without_its_words(version: Version, release: str) -> None:
    assert list(in_words.unsaid(version, release, RELEASES[release])) == []


def test_every_column_with_coded_values_has_words() -> None:
    said = set(words.code_values(None, {})["column"])
    coded = {column for one in contracts.load().tables.values() for column in in_words.coded(one)}
    assert coded - said == set()


def test_every_value_of_cmss_lists_is_there_with_its_days() -> None:
    # CMS's record layouts: the therapy reduction is from 2011 on, functional codes (Q) were reported from 2013 to 2019.
    found = table("code_values", words.code_values(None, {}))
    therapy = rows_of(found, column="multiple_procedure", code="5")
    assert [(row["valid_from"], row["valid_to"]) for row in therapy] == [(date(2011, 1, 1), None)]
    functional = rows_of(found, column="status", code="Q")
    assert [(row["valid_from"], row["valid_to"]) for row in functional] == [(date(2013, 1, 1), date(2019, 12, 31))]
    listed = {(name, code) for name, codes in declarations.code_lists().items() for code in codes["code"]}
    assert listed <= set(found.select("column", "code").rows())


def test_a_value_without_a_first_day_counts_from_the_first_day_of_the_fee_schedule() -> None:
    # Omnibus Budget Reconciliation Act of 1989, section 6102: services from 1992-01-01 on.
    (row,) = rows_of(words.code_values(None, {}), column="bilateral", code="1")
    assert row["valid_from"] == date(1992, 1, 1)


def test_a_status_of_your_own_gives_its_reason_words(tmp_path: Path) -> None:
    declared.write(
        tmp_path / "own", "codes/status.csv", {"code": "Z", "meaning": "a trial", "payable": "no", "reason": "on_trial"}
    )
    with declared.laid_over(tmp_path / "own"):
        (row,) = rows_of(words.code_values(None, {}), column="reason", code="on_trial")
    assert row["meaning"] == "a trial"


def test_a_list_without_a_title_is_refused_with_the_file_to_add_it_to(tmp_path: Path) -> None:
    shutil.copytree(declarations.folder(), tmp_path / "schemas")
    titles = tmp_path / "schemas" / "words" / "titles.csv"
    kept = [line for line in titles.read_text().splitlines() if not line.startswith("pctc,")]
    titles.write_text("\n".join(kept) + "\n")
    with declared.shipped_from(tmp_path / "schemas"), pytest.raises(ContractError, match=r"pctc: .*words/titles\.csv"):
        words.code_values(None, {})


def test_words_for_a_column_without_a_title_are_refused(tmp_path: Path) -> None:
    declared.write(tmp_path / "own", "words/values.csv", {"column": "colour", "code": "red", "meaning": "red"})
    with declared.laid_over(tmp_path / "own"), pytest.raises(pfsetl.PfsetlError, match=r"values\.csv line 2: .*colour"):
        words.code_values(None, {})


def test_duckdb_alone_says_why_there_is_no_payment(version: Version) -> None:
    latest = Path(version.store.uri("latest"))
    asked = f"""
        SELECT hcpcs, meaning FROM '{latest}/payment_national/RVU26A.parquet'
        JOIN '{latest}/code_values/all.parquet' ON "column" = 'reason' AND code = reason
        WHERE modifier = '' AND participant = 'non_qp' ORDER BY hcpcs
    """
    with duckdb.connect() as connection:
        found = connection.execute(asked).fetchall()
    assert found == [("G9904", "Medicare doesn't cover it"), ("Q9905", "the local contractor sets the price")]


# --- modifiers --------------------------------------------------------------------------------------------------


def test_every_declared_modifier_is_there_once(version: Version) -> None:
    shipped = [row["modifier"] for row in declarations.texts("modifiers.csv")]
    assert version.scan("modifier").collect()["modifier"].to_list() == sorted(shipped)


def test_a_modifier_by_a_rule_has_the_source_of_the_rule(version: Version) -> None:
    (row,) = rows_of(version.scan("modifier").collect(), modifier="62")
    assert "Medicare Claims Processing Manual chapter 12 section 40.8" in str(row["source"])


def test_a_modifier_is_as_sure_as_the_rule_that_names_it(version: Version) -> None:
    """The 16 % for an assistant at surgery stands in the Act, which wasn't read."""
    found = dict(version.scan("modifier").select("modifier", "certainty").collect().rows())
    assert (found["80"], found["26"]) == ("likely", "certain")


def test_a_modifier_of_your_own_comes_with_the_next_commit(tmp_path: Path) -> None:
    declared.write(tmp_path / "own", "modifiers.csv", {"modifier": "ZZ", "effect": "none", "note": "informs"})
    with declared.laid_over(tmp_path / "own"):
        (row,) = rows_of(table("modifier", words.modifier(None, {})), modifier="ZZ")
    assert (row["name"], row["category"], row["certainty"]) == (None, "informational", "unconfirmed")
