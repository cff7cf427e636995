"""Broken rules are counted and their rows named; the severity decides whether anything is published."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from pfsetl.checks import check, violations
from pfsetl.checks.check import Finding, Report
from pfsetl.declared import contracts, declarations, registry
from pfsetl.declared.records.archives import CORRECTIONS, CorrectionRow
from pfsetl.errors import ChecksFailed
from pfsetl.parsing.parse import parse
from pfsetl.parsing.read import read
from pfsetl.source.archive import open_archive
from pfsetl.tables.normalize import Tables, normalize
from tests import declared
from tests import synthetic as s

CONTRACT = contracts.load()


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = s.write_folder(tmp_path_factory.mktemp("clean"), s.release("RVU26A"))
    return normalize([parse(raw) for raw in read(open_archive(folder))], registry.find("RVU26A"), CONTRACT)[0]


def one(key: str, **cells: object) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Change cells of the rows whose hcpcs (or state) is `key`."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        at = pl.col("hcpcs" if "hcpcs" in frame.columns else "state") == key
        return frame.with_columns(
            pl.when(at).then(pl.lit(value).cast(frame.schema[name])).otherwise(name).alias(name)
            for name, value in cells.items()
        )

    return change


def doubled(key: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda frame: pl.concat([frame, frame.filter(hcpcs=key)])


BROKEN: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], int, str]] = {
    "rvu.required": (one("G9903", status=None), 2, "non_qp G9903"),
    "rvu.key": (doubled("G9904"), 2, "non_qp G9904"),
    "rvu.totals_add_up": (one("G9903", facility_total_rvu=Decimal("9.99")), 2, "non_qp G9903"),
    "rvu.no_negative_rvu": (one("Q9905", opps_mp_rvu=Decimal("-0.01")), 2, "non_qp Q9905"),
    "rvu.one_conversion_factor": (one("G9903", conversion_factor=Decimal("1")), 2, "qp"),
    "rvu.conversion_factor_positive": (one("G9904", conversion_factor=Decimal(0)), 1, "non_qp G9904"),
    "rvu.qp_pricing_indicator": (one("G9904", pricing_indicator="1"), 1, "non_qp G9904"),
    "rvu.known_status": (one("G9904", status="Z"), 1, "non_qp G9904"),
    "rvu.known_modifier": (one("G9904", modifier="27"), 1, "non_qp G9904 27"),
    "gpci.indices_in_range": (one("AK", pe_gpci=Decimal("10.650")), 1, "AK 01"),
    "gpci.required": (one("AK", mp_gpci=None), 1, "AK 01"),
    "anesthesia.factor_in_range": (one("AK", conversion_factor=Decimal("2815")), 2, "non_qp AK 01"),
    "opps_cap.locality_in_gpci": (one("G9902", locality="77"), 8, "G9902 AK 77"),
}


def finding(tables: Tables, name: str) -> Finding:
    report = check.check("RVU26A", tables, CONTRACT)
    return next(f for f in report.findings if f"{f.table}.{f.check}" == name)


def test_clean_tables_break_nothing(clean: Tables) -> None:
    report = check.check("RVU26A", clean, CONTRACT)
    assert (report.errors, report.warnings) == ((), ())
    assert report.raise_if_bad() is report


@pytest.mark.parametrize("name", BROKEN)
def test_violations_are_counted(name: str, clean: Tables) -> None:
    change, count, _ = BROKEN[name]
    table = name.partition(".")[0]
    assert finding(clean | {table: change(clean[table])}, name).violations == count


@pytest.mark.parametrize("name", BROKEN)
def test_an_error_names_its_rows(name: str, clean: Tables) -> None:
    change, _, example = BROKEN[name]
    table = name.partition(".")[0]
    report = check.check("RVU26A", clean | {table: change(clean[table])}, CONTRACT)
    with pytest.raises(ChecksFailed) as caught:
        report.raise_if_bad()
    broken = next(f for f in report.errors if f"{f.table}.{f.check}" == name)
    assert example in broken.examples
    told = "1 row breaks" if broken.violations == 1 else f"{broken.violations:,} rows break"
    assert f" - {told} this, e.g. {'; '.join(broken.examples)}" in str(caught.value)


def test_at_most_three_rows_are_named(clean: Tables) -> None:
    every = clean["rvu"].with_columns(status=pl.lit("Z"))
    assert len(finding(clean | {"rvu": every}, "rvu.known_status").examples) == 3


def test_a_warning_does_not_stop_publication(clean: Tables) -> None:
    report = check.check("RVU26A", clean | {"rvu": one("G9904", pctc="z")(clean["rvu"])}, CONTRACT)
    assert report.raise_if_bad().warnings[0].check == "known_pctc"


ROWS = pl.DataFrame({"code": ["a", "it's", None], "number": [1, 2, None]})
AMONG = "SELECT COUNT(*) FROM t WHERE {} EXISTS (SELECT 1 FROM code_test WHERE code = t.code)"


@pytest.mark.parametrize(
    ("query", "codes", "expected"),
    [
        ("SELECT COUNT(*) FROM t WHERE number > 1", [], 1),
        ("SELECT COUNT(*)\nFROM t\nWHERE NOT number > 1", [], 1),  # of what is null nothing is said
        ("SELECT COUNT(*) FROM t WHERE t.number > 1", [], 1),
        ("SELECT COUNT(*) FROM t WHERE 1 = 1", [], 3),
        ("SELECT COUNT(*) FROM t WHERE number > 5", [], 0),
        (AMONG.format(""), ["it's", "b"], 1),
        (AMONG.format("NOT"), ["it's", "b"], 2),  # null is in no list
        (AMONG.format("number > 1 AND NOT"), ["it's", "b"], 0),
        (AMONG.format(""), [], 0),
        (AMONG.format("NOT"), [], 3),
        ("SELECT COUNT(*) FROM t WHERE number IN (SELECT MAX(number) FROM t)", [], 1),
    ],
)
def test_a_rule_counts_what_its_sql_says(query: str, codes: list[str], expected: int) -> None:
    frames = {"t": ROWS, "code_test": pl.DataFrame({"code": codes}, schema={"code": pl.String})}
    rule = contracts.Rule("rule", "t", query, "error", "A rule.")
    [(count, rows)] = violations.counted([rule], frames, "RVU26A")
    assert count == expected
    assert (rows.collect().height if rows is not None else 0) == expected


def test_all_errors_are_told_at_once() -> None:
    findings = tuple(Finding("rvu", name, "error", f"Rule {name}.", 1, ("G9901",)) for name in ("one", "two"))
    with pytest.raises(ChecksFailed, match=r"(?s)Rule one - 1 row.*Rule two - 1 row.*Nothing was published"):
        Report("RVU26A", findings).raise_if_bad()


# --- what CMS published so --------------------------------------------------------------------------------------

WRONG = Finding("rvu", "totals_add_up", "error", "The total is the sum.", 1)
ROW = {
    "action": "breaks",
    "release": "RVU26*",
    "member": "rvu",
    "field": "totals_add_up",
    "what": "a misprint",
}


def said_of(row: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Report:
    declared.only(monkeypatch, CORRECTIONS, CorrectionRow(**row))
    return Report("RVU26A", (WRONG,)).accepting(())


def test_a_broken_rule_that_corrections_explain_is_published_with_the_reason(monkeypatch) -> None:
    report = said_of(ROW, monkeypatch)
    assert report.errors == ()
    assert [f.description for f in report.warnings] == ["The total is the sum. (CMS: a misprint)"]


@pytest.mark.parametrize(
    "other", [{"release": "RVU25*"}, {"member": "gpci"}, {"field": "key"}, {"action": "explain", "format": "txt"}]
)
def test_a_reason_for_something_else_explains_nothing(other: dict[str, str], monkeypatch) -> None:
    assert said_of(ROW | other, monkeypatch).errors == (WRONG,)


# --- code lists of a day ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", declarations.code_lists())
def test_every_indicator_is_asked_for_the_values_of_its_days(
    column: str, clean: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever list gives a value days is asked for them: here the value `Y` of each list ended before RVU26A."""
    ended = pl.DataFrame([{"code": "Y", "valid_from": "", "valid_to": "2025-12-31"}])
    lists = declarations.code_lists()
    listed = pl.concat([lists[column].select(ended.columns), ended])
    monkeypatch.setattr(declarations, "code_lists", lambda: {**lists, column: listed})
    rvu = one("G9904", **{column: "Y"})(clean["rvu"])
    report = check.check("RVU26A", clean | {"rvu": rvu}, CONTRACT)
    told = [f for f in report.warnings if "of that day" in f.description]
    assert [(f.table, "G9904" in " ".join(f.examples)) for f in told] == [("rvu", True)]
    assert [f.check for f in report.errors if f.check.startswith("known_")] == []


@pytest.mark.parametrize(("label", "warned"), [("RVU09A", True), ("RVU11A", False), ("RVU14D", True), ("RVU26A", True)])
def test_a_calculation_flag_is_known_on_its_days_alone(label: str, warned: bool, clean: Tables) -> None:
    """Flag 3, chiropractic manipulation, counted from 2010 to 30 June 2014 (CMS's record layouts of 2011 to 2014)."""
    flagged = clean["rvu"].with_columns(release=pl.lit(label), calculation_flag=pl.lit("3"))
    report = check.check(label, clean | {"rvu": flagged}, CONTRACT)
    assert ("known_calculation_flag" in {f.check for f in report.warnings}) is warned
