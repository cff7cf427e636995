"""Every column of a source table has what fills it, and every field that is read has a column: else it's refused."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pfsetl.declared import contracts, registry
from pfsetl.declared.contracts import Column, Contract, Table
from pfsetl.errors import ContractError
from pfsetl.parsing.parse import Parsed
from pfsetl.parsing.read import RawTable
from pfsetl.pipeline.examine import examine
from pfsetl.publication.parquet import write
from pfsetl.tables import columns
from pfsetl.tables.derived import derived
from tests import synthetic as s

CONTRACT = contracts.load()


def changed(table: str, change: Callable[[tuple[Column, ...]], tuple[Column, ...]]) -> Contract:
    one = CONTRACT.tables[table]
    tables = {**CONTRACT.tables, table: dataclasses.replace(one, columns=change(one.columns))}
    return dataclasses.replace(CONTRACT, tables=tables)


def more(name: str) -> Callable[[tuple[Column, ...]], tuple[Column, ...]]:
    return lambda there: (*there, Column(name, pl.String(), nullable=True, key=False, unit=None, description="new"))


def without(name: str) -> Callable[[tuple[Column, ...]], tuple[Column, ...]]:
    return lambda there: tuple(c for c in there if c.name != name)


def test_what_is_shipped_fits_together() -> None:
    columns.refuse_unfilled(CONTRACT)


@pytest.mark.parametrize("table", columns.MEMBER_OF)
def test_a_column_that_nothing_fills_is_refused_by_name(table: str) -> None:
    with pytest.raises(ContractError, match=rf"^{table}\.invented: in the contract, and nothing fills it"):
        columns.refuse_unfilled(changed(table, more("invented")))


@pytest.mark.parametrize(
    ("table", "field"),
    [("rvu", "supervision"), ("gpci", "mp_gpci"), ("opps_cap", "facility_amount"), ("locality_county", "counties")],
)
def test_a_field_that_no_column_takes_is_refused_by_name(table: str, field: str) -> None:
    with pytest.raises(ContractError, match=rf"{field} is read and in no column of {table}"):
        columns.refuse_unfilled(changed(table, without(field)))


@pytest.mark.parametrize(("table", "field"), [("rvu", "description"), ("anesthesia", "anesthesia_factor_qp")])
def test_a_field_that_is_listed_as_not_published_is_no_column_too(table: str, field: str) -> None:
    with pytest.raises(ContractError, match=rf"^{table}\.{field}: a column, and .* Drop one"):
        columns.refuse_unfilled(changed(table, more(field)))


def test_a_build_stops_at_a_column_that_nothing_fills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts, "load", lambda: changed("anesthesia", more("remark")))
    archive = s.write_zip(tmp_path / "RVU25A.zip", s.release())
    with pytest.raises(ContractError, match=r"anesthesia\.remark: in the contract"):
        examine("RVU25A", archive, records={}, sample=True)


def gpci() -> Table:
    return CONTRACT.tables["gpci"]


def test_a_column_is_null_where_the_layout_has_no_field_for_it() -> None:
    frame = gpci().empty().drop("work_gpci_without_floor")
    assert "work_gpci_without_floor" in columns.filled(frame, gpci(), ["GPCI7"]).columns


@pytest.mark.parametrize(
    ("column", "layout"), [("work_gpci_without_floor", "GPCI8"), ("mp_gpci", "GPCI7"), ("macs", "GPCI7")]
)
def test_a_column_that_the_layout_or_code_fills_is_never_null_unsaid(column: str, layout: str) -> None:
    with pytest.raises(ContractError, match=rf"gpci\.{column}: to be filled by {layout} or by code"):
        columns.filled(gpci().empty().drop(column), gpci(), [layout])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop("payment"), "payment made by nothing"),
        (lambda f: f.with_columns(extra=pl.lit(1)), "extra not in the contract"),
    ],
    ids=["one less", "one more"],
)
def test_a_derived_table_has_the_columns_of_the_contract_and_no_others(change, said):
    table = Table("t", "", tuple(Column(c, pl.Int32(), True, c == "key", None, "") for c in ("key", "payment")), (), ())
    with pytest.raises(ContractError, match=said):
        columns.shaped(change(table.empty()), table)


def test_text_that_comes_as_numbers_in_a_list_of_words_is_the_same_table(tmp_path: Path) -> None:
    key = Column("code", pl.String(), nullable=False, key=True, unit=None, description="new")
    table = Table("t", "", (key, *more("reason")(())), ())
    text = pl.DataFrame({"code": ["10021", "G0105", "99213"], "reason": ["no_row", None, "by_report"]})
    words = pl.Schema(
        {"code": pl.Enum(["G0105", "99213", "10021"]), "reason": pl.Enum(["by_report", "never_said", "no_row"])}
    )
    one, other = (write(columns.shaped(rows, table), table, tmp_path / "t") for rows in (text, text.cast(words)))
    assert one.digest == other.digest


# --- tables -----------------------------------------------------------------------------------------------------


def declaring(*names: str, without: str = "") -> Contract:
    tables = {name: table for name, table in CONTRACT.tables.items() if name != without}
    return dataclasses.replace(
        CONTRACT, tables=tables | {name: dataclasses.replace(CONTRACT.tables["rejects"], name=name) for name in names}
    )


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        (declaring("stray"), "stray: in the contract, and nothing makes it"),
        (declaring(without="section_stats"), "section_stats: made by .*, and not in the contract"),
    ],
)
def test_a_table_and_what_makes_it_come_together(contract: Contract, message: str) -> None:
    sources = {
        name: CONTRACT.tables[name].empty() for name in (*columns.MEMBER_OF, "rejects", "source_lines", "code_text")
    }
    with pytest.raises(ContractError, match=message):
        derived(sources, registry.find("RVU26A"), contract)


def test_a_column_that_a_layout_reads_and_no_table_has_is_named():
    tables = {"rvu": ["hcpcs", "status"], "anesthesia": ["locality", "conversion_factor"]}
    empty = pl.DataFrame()
    parsed = [
        Parsed(RawTable(member, "all", "", "csv", "", "", empty, "", {}), pl.DataFrame(schema=columns), empty)
        for member, columns in {
            "pprrvu": ["line", "hcpcs", "status", "efficiency_adjustment"],
            "anesthesia": ["line", "locality", "anesthesia_factor_qp"],
        }.items()
    ]
    assert columns.not_published(parsed, tables) == {"pprrvu": ["efficiency_adjustment"]}


def test_numbers_that_a_field_of_your_own_allows_more_decimals_than_the_column_are_said_to_be_rounded():
    raw = RawTable("gpci", "all", "GPCI2026.csv", "csv", "", "", pl.DataFrame(), "", {})
    text = pl.DataFrame({"pe_gpci": ["1.0651", "0.8750", "0.5664"], "mp_gpci": ["0.551"] * 3})
    frame = text.cast({"pe_gpci": pl.Decimal(9, 4), "mp_gpci": pl.Decimal(9, 3)})
    told = columns.rounded([Parsed(raw, frame, pl.DataFrame())], {"gpci": gpci().schema})
    assert told == [
        "GPCI2026.csv: 2 cells of pe_gpci rounded to the 3 decimals that gpci.pe_gpci keeps; all that is computed is "
        "made of these"
    ]
