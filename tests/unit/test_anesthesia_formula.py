"""Anesthesia factors follow from the indices: invented shares, the formula of CMS's factors, and single wrong cells."""

import random
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest

from pfsetl.checks.anesthesia import anesthesia
from pfsetl.declared import registry

NATIONAL, SHARES = 20.3178, (0.769, 0.166, 0.065)  # of 2025, as CMS's factors of that year show them
RELEASE = registry.find("RVU25A")


def localities(count: int = 60, seed: int = 5) -> pl.DataFrame:
    draw = random.Random(seed)
    return pl.DataFrame(
        {
            "state": [f"{chr(65 + i // 26)}{chr(65 + i % 26)}" for i in range(count)],
            "locality": ["00"] * count,
            "work_gpci": [round(draw.uniform(1.0, 1.1), 3) for _ in range(count)],
            "pe_gpci": [round(draw.uniform(0.85, 1.4), 3) for _ in range(count)],
            "mp_gpci": [round(draw.uniform(0.3, 2.5), 3) for _ in range(count)],
        }
    )


def factors(indices: pl.DataFrame, national: float = NATIONAL) -> pl.DataFrame:
    """What CMS would print: the national factor by the weighted mean of the indices, in cents."""
    exact = (
        national * sum(share * row[f"{part}_gpci"] for part, share in zip(("work", "pe", "mp"), SHARES, strict=True))
        for row in indices.rows(named=True)
    )
    printed = [Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP) for value in exact]
    return indices.select(
        "state", "locality", participant=pl.lit("all"), conversion_factor=pl.Series(printed, dtype=pl.Decimal(9, 4))
    )


def judged(indices: pl.DataFrame, printed: pl.DataFrame):
    paid = pl.DataFrame({"participant": ["all"], "conversion_factor": [Decimal("32.3465")]})
    ((told, findings),) = anesthesia({"gpci": indices, "anesthesia": printed, "rvu": paid}, RELEASE)
    return told, {f.check: f for f in findings}


def with_value(frame: pl.DataFrame, column: str, at: int, value: object) -> pl.DataFrame:
    values = frame[column].to_list()
    values[at] = value
    return frame.with_columns(pl.Series(column, values, dtype=frame.schema[column]))


def test_factors_that_follow_from_the_indices_agree():
    told, found = judged(localities(), factors(localities()))
    assert (told.compared, told.agree) == (60, 60)
    assert [f.violations for f in found.values()] == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("cents", [2, -2, 10, -100])
def test_one_wrong_factor_is_named_with_what_the_formula_gives(cents):
    printed = factors(localities())
    right = printed["conversion_factor"][7]
    told, found = judged(localities(), with_value(printed, "conversion_factor", 7, right + Decimal(cents) / 100))
    assert found["formula_all"].severity == "warn"
    assert (told.compared - told.agree, found["formula_all"].examples[0][:5]) == (1, "AH/00")


@pytest.mark.parametrize(("index", "by"), [("work_gpci", 0.01), ("pe_gpci", 0.01), ("mp_gpci", 0.1)])
def test_one_wrong_index_is_named_by_its_locality(index, by):
    wrong = with_value(localities(), index, 3, localities()[index][3] + by)
    told, found = judged(wrong, factors(localities()))
    assert (told.compared - told.agree, found["formula_all"].examples[0][:5]) == (1, "AD/00")


# CMS's factors of 14 releases: work weighs 0.76 to 0.83, practice expense 0.10 to 0.17, malpractice 0.06 to 0.09.
@pytest.mark.parametrize(("one", "other"), [("pe_gpci", "mp_gpci"), ("work_gpci", "pe_gpci"), ("work_gpci", "mp_gpci")])
def test_swapped_columns_of_indices_stop_the_build_though_the_factors_follow_from_them(one, other):
    swapped = localities().rename({one: other, other: one})
    _, found = judged(swapped, factors(localities()))
    assert (found["formula_all"].violations, found["shares_all"].severity, found["shares_all"].violations) == (
        0,
        "error",
        1,
    )


def test_a_conversion_factor_of_zero_is_left_to_its_own_rule():
    nothing = pl.DataFrame({"participant": ["all"], "conversion_factor": [Decimal("0.0000")]})
    tables = {"gpci": localities(), "anesthesia": factors(localities()), "rvu": nothing}
    assert [f.check for f in anesthesia(tables, RELEASE)[0][1]] == ["formula_all", "apart_all", "shares_all"]


def test_a_factor_farther_off_than_cms_s_ever_were_stops_the_build_and_names_the_locality():
    printed = factors(localities())
    right = printed["conversion_factor"][7]
    _, found = judged(localities(), with_value(printed, "conversion_factor", 7, right + Decimal("0.35")))
    apart = found["apart_all"]
    assert (apart.severity, apart.violations, apart.examples[0][:5], len(apart.examples)) == ("error", 1, "AH/00", 1)


def test_a_wrong_work_index_of_one_locality_stops_the_build():
    # RVU26A has no OPPSCAP: two points of the work index move a factor by 20.3178 x 0.769 x 0.02 = $0.31.
    wrong = with_value(localities(), "work_gpci", 3, localities()["work_gpci"][3] + 0.02)
    assert judged(wrong, factors(localities()))[1]["apart_all"].examples[0][:5] == "AD/00"


def test_a_factor_as_far_off_as_cms_s_of_2017_is_named_and_published():
    printed = factors(localities())
    _, found = judged(
        localities(), with_value(printed, "conversion_factor", 7, printed["conversion_factor"][7] + Decimal("0.26"))
    )
    assert (found["formula_all"].violations, found["apart_all"].violations) == (1, 0)


def test_indices_of_another_year_stop_the_build():
    told, found = judged(localities(seed=6), factors(localities(seed=5)))
    assert (found["formula_all"].severity, told.agree < 30) == ("error", True)


def test_factors_of_another_year_are_named_though_they_follow_from_the_same_indices():
    """The indices of 2024 and 2025 are the same; the national factor of 2024 was 20.4349."""
    told, found = judged(localities(), factors(localities(), national=20.4349))
    assert (told.agree, found["known_factor_all"].violations) == (60, 1)


def test_factors_in_another_unit_are_out_of_proportion_to_the_conversion_factor():
    _, found = judged(localities(), factors(localities(), national=25.0))
    assert found["ratio_all"].violations == 1


def test_a_sample_s_few_localities_cannot_tell_shares_from_errors():
    few = localities(8)
    paid = pl.DataFrame({"participant": ["all"], "conversion_factor": [Decimal("32.3465")]})
    assert anesthesia({"gpci": few, "anesthesia": factors(few), "rvu": paid}, RELEASE) == []
