"""The table `code_history`: what each row is held against, and what its national amounts moved by, cause by cause."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pfsetl
from pfsetl.declared import contracts
from pfsetl.publication import publish
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from pfsetl.tables.code_history import code_history
from tests.stories import FITTING, FITTING_26, Rvus, committed, staged, tables

CAUSES = ("work", "pe", "mp", "factor", "rounding")
CENT, MILLIONTH = Decimal("0.01"), Decimal("0.000001")


def split(frame: pl.DataFrame, setting: str = "nonfacility", **where: str) -> list[str]:
    """The change of one row and its causes, as text."""
    (row,) = frame.filter(**where).select(f"^{setting}_change.*$").rows()
    return [str(value) for value in row]


def against(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return frame.select("participant", "previous_release", "previous_participant", "not_compared").sort(pl.all()).rows()


# --- what moved an amount: orthotic fitting from $40.43 to $40.42 ---------------------------------------------------


def test_ninety_seven_seven_sixty_one_fell_a_cent_since_its_rvus_fell_more_than_the_factor_rose() -> None:
    """1.25 x 32.3465 = 40.433125; 1.21 x 33.4009 = 40.415089. RVUs -0.04 x 32.3465, factor 1.21 x 1.0544."""
    found = code_history(tables("RVU25D", FITTING), tables("RVU26A", FITTING_26))
    assert split(found, participant="non_qp") == [
        "-0.01", "0.000000", "-1.293860", "0.000000", "1.275824", "0.008036",
    ]  # fmt: skip


def test_qualifying_participants_gained_on_everybodys_amount_of_before() -> None:
    """1.21 x 33.5675 = 40.616675, so $40.62; the factor 1.21 x 1.2210."""
    found = code_history(tables("RVU25D", FITTING), tables("RVU26A", FITTING_26))
    assert split(found, participant="qp") == ["0.19", "0.000000", "-1.293860", "0.000000", "1.477410", "0.006450"]


def test_a_setting_has_its_own_practice_expense() -> None:
    before, now = {"G9901": ("1.00", "2.00", "0.50", "0.10")}, {"G9901": ("1.10", "2.00", "0.40", "0.10")}
    found = code_history(tables("RVU25C", before), tables("RVU25D", now))
    assert (split(found)[1:4], split(found, "facility")[1:4]) == (
        ["3.234650", "0.000000", "0.000000"],
        ["3.234650", "-3.234650", "0.000000"],
    )


def test_the_end_of_a_calculation_flag_is_a_change_of_the_factor() -> None:
    """Flag 2 added 5 % for mental health until 29 February 2012: 1.05 x 33.9764 = 35.67522 became 34.0376."""
    rvus = {"G9901": ("1.00", "0.00", "0.00", "0.00")}
    found = code_history(tables("RVU11D", rvus, calculation_flag="2"), tables("RVU12B", rvus, calculation_flag="2"))
    assert split(found) == ["-1.64", "0.000000", "0.000000", "0.000000", "-1.637620", "-0.002380"]


MONEY = st.integers(0, 20_000).map(lambda n: f"{Decimal(n) / 100:.2f}")
RVUS = st.tuples(MONEY, MONEY, MONEY, MONEY)


def dollars(rvus: Rvus, factor: str, setting: str) -> Decimal:
    work, nonfacility, facility, mp = map(Decimal, rvus)
    total = work + mp + (facility if setting == "facility" else nonfacility)
    return (total * Decimal(factor)).quantize(CENT, ROUND_HALF_UP)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(RVUS, RVUS), min_size=1, max_size=5))
def test_every_split_is_that_of_decimal_arithmetic_and_adds_up(sides: list[tuple[Rvus, Rvus]]) -> None:
    before = {f"G{n:04}": was for n, (was, _) in enumerate(sides)}
    now = {f"G{n:04}": becomes for n, (_, becomes) in enumerate(sides)}
    found = code_history(tables("RVU25D", before), tables("RVU26A", now)).filter(participant="non_qp")
    for setting, expense in (("nonfacility", 1), ("facility", 2)):
        for (was, becomes), row in zip(sides, found.iter_rows(named=True), strict=True):
            old, new = Decimal("32.3465"), Decimal("33.4009")
            moved = [(Decimal(becomes[n]) - Decimal(was[n])) * old for n in (0, expense, 3)]
            total = sum(Decimal(becomes[n]) for n in (0, expense, 3))
            change = dollars(becomes, "33.4009", setting) - dollars(was, "32.3465", setting)
            causes = [value.quantize(MILLIONTH, ROUND_HALF_UP) for value in (*moved, total * (new - old))]
            expected = [change, *causes, change - sum(causes)]
            assert [row[f"{setting}_change{c and '_'}{c}"] for c in ("", *CAUSES)] == expected


@settings(max_examples=15, deadline=None)
@given(st.lists(RVUS, min_size=1, max_size=8))
def test_with_equal_rvus_the_change_is_the_factors_share_to_the_cent(rvus: list[Rvus]) -> None:
    rows = {f"G{n:04}": one for n, one in enumerate(rvus)}
    found = code_history(tables("RVU25D", rows), tables("RVU26A", rows))
    off = pl.col("nonfacility_change") - pl.col("nonfacility_change_factor")
    assert found.select((off.abs() < CENT).all()).item()


# --- what a row is held against -------------------------------------------------------------------------------------


def test_everybodys_row_goes_on_in_both_participants_of_2026() -> None:
    found = code_history(tables("RVU25D", FITTING), tables("RVU26A", FITTING_26))
    assert against(found) == [("non_qp", "RVU25D", "all", None), ("qp", "RVU25D", "all", None)]


def test_from_then_on_each_participant_is_held_against_itself() -> None:
    found = code_history(tables("RVU26A", FITTING_26), tables("RVU26B", FITTING_26))
    assert against(found) == [("non_qp", "RVU26A", "non_qp", None), ("qp", "RVU26A", "qp", None)]


def test_no_row_is_there_twice() -> None:
    found = code_history(tables("RVU25D", FITTING), tables("RVU26A", FITTING_26))
    assert (found.height, found.select("participant", "hcpcs", "modifier").is_unique().all()) == (2, True)


def test_a_code_that_was_not_in_the_release_before_has_no_change() -> None:
    found = code_history(tables("RVU25C", FITTING), tables("RVU25D", {"G9901": FITTING["97761"]}))
    assert against(found) == [("all", "RVU25C", None, "not_in_release_before")]
    assert split(found) == ["None"] * 6


def test_a_component_is_held_against_the_same_component() -> None:
    found = code_history(
        tables("RVU25C", FITTING), tables("RVU25D", FITTING | {"97761-26": ("0.50", "0.10", "0.10", "0.01")})
    )
    assert found.sort("modifier")["not_compared"].to_list() == [None, "not_in_release_before"]


def test_the_first_release_says_that_there_is_none_before() -> None:
    assert against(code_history(None, tables("RVU25C", FITTING))) == [("all", None, None, "no_release_before")]


@pytest.mark.parametrize(
    ("label", "standing"),
    [("RVU25D", "in_force"), ("RVU13A", "never_effective"), ("RVU18A", "superseded")],
)
def test_a_release_says_whether_it_priced_a_day(label: str, standing: str) -> None:
    """RVU13A's factor of 25.0008 was never paid; RVU18AR1 took over the days of RVU18A."""
    assert code_history(None, tables(label, FITTING))["standing"].to_list() == [standing]


# --- in a store -----------------------------------------------------------------------------------------------------


def history(at: Version) -> pl.DataFrame:
    return at.scan("code_history").collect()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """Releases around one that was never in force: the factor of RVU13A was never paid."""
    store = LocalStore(tmp_path_factory.mktemp("history"))
    rvus = {"G9901": ("1.00", "2.00", "0.50", "0.10"), "97761": FITTING["97761"]}
    return committed(store, *(staged(store, label, rvus) for label in ("RVU12D", "RVU13A", "RVU13B")))


def test_what_was_never_in_force_is_marked_and_stands_between_none(published: Version) -> None:
    found = history(published).filter(hcpcs="G9901").select("release", "standing", "previous_release", "not_compared")
    assert found.rows() == [
        ("RVU12D", "in_force", None, "no_release_before"),
        ("RVU13A", "never_effective", None, "not_in_force"),
        ("RVU13B", "in_force", "RVU12D", None),
    ]


def test_the_factor_as_paid_is_beside_the_one_that_is_printed(published: Version) -> None:
    """As printed in RVU13A and never paid, and the $34.0230 that the year had."""
    found = history(published).filter(hcpcs="G9901").select("conversion_factor", "conversion_factor_paid").rows()
    assert [tuple(map(str, row)) for row in found] == [
        ("34.0376", "34.0376"), ("25.0008", "None"), ("34.0230", "34.0230"),
    ]  # fmt: skip


def test_rows_are_in_the_order_of_codes(published: Version) -> None:
    assert history(published)["hcpcs"].to_list() == ["97761"] * 3 + ["G9901"] * 3


def test_its_amounts_are_those_of_payment_national(published: Version) -> None:
    columns = ["release", "participant", "hcpcs", "modifier", "nonfacility_amount", "facility_amount",
               "nonfacility_payment", "facility_payment", "reason"]  # fmt: skip
    national = published.scan("payment_national").select(columns).sort(columns[:4]).collect()
    assert history(published).select(columns).sort(columns[:4]).equals(national)


STATES = {"RVU25B": "1.20", "RVU25C": "1.25", "RVU25D": "1.25", "RVU26A": "1.30"}


def of_work(work: str) -> dict[str, Rvus]:
    return {"G9901": (work, "2.00", "0.50", "0.10"), "G9902": ("0.50", "0.00", "0.00", "0.01")}


def file_of(at: Version) -> str:
    return next(r.hash for r in at.resources if r.table == "code_history")


@pytest.mark.long
def test_whatever_is_built_first_the_file_has_the_same_bytes(tmp_path: Path) -> None:
    once, steps = LocalStore(tmp_path / "once"), LocalStore(tmp_path / "steps")
    committed(steps, staged(steps, "RVU25C", of_work("9.99")))  # CMS posts it again below
    for label in ("RVU26A", "RVU25C", "RVU25B", "RVU25D"):  # after it, again, before both, between
        at = committed(steps, staged(steps, label, of_work(STATES[label])))
    whole = committed(once, *(staged(once, label, of_work(work)) for label, work in STATES.items()))
    assert file_of(at) == file_of(whole)


def test_two_that_publish_at_once_lose_none_of_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    base = pfsetl.open(store)
    for label in ("RVU25D", "RVU25C"):  # both on the empty version
        at = publish.commit(store, [staged(store, label, of_work(STATES[label]))], base, contracts.load())
    found = history(at).filter(hcpcs="G9901").select("release", "previous_release").rows()
    assert found == [("RVU25C", None), ("RVU25D", "RVU25C")]
