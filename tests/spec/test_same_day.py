"""A visit and what else is done that day: rules that are proposed, dated by these tests, and one that is in force.

Dollars are worked by hand from the shares of the CY2027 proposed rule (CMS-1848-P): the most expensive service 100 %,
the others 50 %; 16 % of an office visit, 32 % in an ACO.
"""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from pfsetl.errors import UsageError
from pfsetl.pricing import same_day
from pfsetl.pricing.claims import price_claim
from pfsetl.pricing.groups import in_group
from pfsetl.pricing.same_day import CUT, IN_FORCE, SHARE, unapplied
from tests import declared
from tests.spec.test_claims import line

DAY = date(2027, 3, 1)
COMPLEXITY = "G2211"


def visit(number=1, payment=100_00, modifiers="25", **changed):
    return line(number, "99213", payment, modifiers, **({"date": DAY} | changed))


def procedure(number=2, payment=200_00, global_days="000", **changed):
    return line(number, f"G000{number}", payment, global_days=global_days, **({"date": DAY} | changed))


def add_on(number=2, payment=16_00, **changed):
    return line(number, COMPLEXITY, payment, **({"date": DAY} | changed))


def dated(row):
    """A row as a final rule would make it."""
    return replace(row, state=IN_FORCE, proposed_from=None, from_=date(2027, 1, 1))


def lay_down(monkeypatch, rows):
    """Let these be the rows, also where they're asked for by rule."""
    monkeypatch.setattr(same_day, "relations", lambda: rows)
    monkeypatch.setattr(same_day, "_rows_of", same_day._rows_of.__wrapped__)


@pytest.fixture
def final(monkeypatch):
    rows = (*map(dated, same_day.relations()), *same_day.relations())
    lay_down(monkeypatch, rows)


@pytest.fixture
def by_modifier(monkeypatch):
    """The share asked for by a modifier of the visit itself; XX stands for the one a final rule will name."""
    rows = tuple(
        dated(replace(row, group="office_visit", modifier=("XX",), of=""))
        for row in same_day.relations()
        if row.rule == SHARE
    )
    lay_down(monkeypatch, rows)


def allowed(*lines):
    return [one.allowed for one in price_claim(lines)]


def test_as_proposed_the_rules_touch_no_line_on_any_day():
    for day in (date(2026, 12, 31), DAY, date(2099, 1, 1)):
        assert allowed(visit(1, date=day), procedure(2, date=day)) == [100_00, 200_00]
        assert allowed(visit(1, modifiers="", date=day), add_on(2, date=day)) == [100_00, 16_00]


def test_a_line_says_which_proposed_rules_are_not_applied_from_the_day_they_are_proposed_for():
    before, after = date(2026, 12, 31), date(2027, 1, 1)
    assert [unapplied(one) for one in (visit(date=before), add_on(date=before))] == [[], []]
    assert [note.split(" by ")[0] for note in unapplied(visit(date=after))] == [f"proposed and not applied: {CUT}"]
    assert [note.split(" by ")[0] for note in unapplied(add_on(date=after))] == [f"proposed and not applied: {SHARE}"]


def test_an_aco_that_no_rule_asks_for_is_said():
    assert unapplied(visit(aco=True, date=date(2026, 1, 5))) == [
        "aco: no rule in force on this day asks for it; it changes nothing"
    ]


@pytest.mark.usefixtures("final")
def test_a_rule_in_force_is_no_longer_said_to_be_proposed():
    assert unapplied(visit()) == []


@pytest.mark.usefixtures("final")
@pytest.mark.parametrize("period", ["000", "010", "090"])
def test_the_visit_is_halved_beside_a_dearer_procedure(period):
    assert allowed(visit(), procedure(global_days=period)) == [50_00, 200_00]


@pytest.mark.usefixtures("final")
def test_the_procedure_is_halved_beside_a_dearer_visit():
    assert allowed(visit(payment=300_00), procedure(payment=75_01)) == [300_00, 37_51]  # 37.505


@pytest.mark.usefixtures("final")
def test_all_but_the_most_expensive_service_are_halved():
    assert allowed(visit(), procedure(2, 300_00), procedure(3, 80_00)) == [50_00, 300_00, 40_00]


@pytest.mark.usefixtures("final")
@pytest.mark.parametrize(
    "other",
    [
        visit(modifiers=""),
        visit(date=date(2027, 3, 2)),
        visit(date=date(2026, 12, 31)),
        visit(practitioner="np"),
        line(1, "99223", 100_00, "25", date=DAY),
        visit(payment=None, reason="carrier_priced"),
    ],
    ids=["without 25", "another day", "before the rule", "another practitioner", "no office visit", "no payment"],
)
def test_the_procedure_and_what_is_no_such_visit_are_paid_in_full(other):
    own = {"date": date(2026, 12, 31)} if other.date.year == 2026 else {}
    alone = [price_claim([one])[0].allowed for one in (other, procedure(payment=60_00, **own))]
    assert allowed(other, procedure(payment=60_00, **own)) == alone


@pytest.mark.usefixtures("final")
@pytest.mark.parametrize("period", ["XXX", "ZZZ", "MMM", "YYY", None])
def test_a_service_without_a_global_period_leaves_the_visit_whole(period):
    assert allowed(visit(), procedure(global_days=period)) == [100_00, 200_00]


@pytest.mark.usefixtures("final")
def test_procedures_without_a_visit_are_ranked_by_their_own_rule_alone():
    surgery = {"multiple_procedure": "2", "global_days": "090"}
    assert allowed(procedure(1, 200_00, **surgery), procedure(2, 100_00, **surgery)) == [200_00, 50_00]


@pytest.mark.usefixtures("final")
@pytest.mark.parametrize("make", [visit, procedure])
def test_services_of_one_kind_alone_are_not_cut(make):
    assert allowed(make(1), make(2)) == [make().payment] * 2


@pytest.mark.usefixtures("final")
def test_a_procedure_halved_as_second_surgery_is_not_halved_again():
    surgery = {"multiple_procedure": "2", "global_days": "090"}
    lines = [visit(1, 300_00), procedure(2, 200_00, **surgery), procedure(3, 150_00, **surgery)]
    assert allowed(*lines) == [300_00, 100_00, 75_00]


@pytest.mark.usefixtures("final")
def test_an_endoscopy_cut_to_less_than_half_stays_there():
    family = {"multiple_procedure": "3", "endoscopic_base": "G0009", "base_payment": 120_00}
    lines = [visit(1, 300_00), procedure(2, 200_00, **family), procedure(3, 150_00, **family)]
    assert allowed(*lines) == [300_00, 100_00, 30_00]  # 150 - 120


@pytest.mark.usefixtures("final")
def test_every_unit_is_a_service_and_one_of_them_is_paid_in_full():
    assert allowed(visit(), procedure(payment=200_00, units=3)) == [50_00, 400_00]  # 200 + 2 x 100


@pytest.mark.usefixtures("final")
def test_the_order_of_the_lines_has_no_effect():
    lines = [visit(1), procedure(2, 100_00), procedure(3, 100_00), add_on(4)]
    forward, backward = price_claim(lines), price_claim(lines[::-1])
    assert [one.allowed for one in forward] == [one.allowed for one in backward[::-1]]


@pytest.mark.usefixtures("final")
def test_the_cut_comes_before_the_share_of_the_practitioner():
    lines = [visit(practitioner="pa"), procedure(practitioner="pa")]
    assert allowed(*lines) == [42_50, 170_00]  # 100 x 50 % x 85 %, 200 x 85 %


@pytest.mark.usefixtures("final")
def test_the_steps_name_rule_share_and_source():
    step = price_claim([visit(), procedure()])[0].steps[0]
    assert (step.rule, step.numerator / step.denominator, step.before, step.after) == (CUT, 0.5, 100_00, 50_00)
    assert step.source.startswith("CMS-1848-P")
    assert step.certainty == "likely"


@pytest.mark.usefixtures("final")
@pytest.mark.parametrize(("aco", "cents"), [(False, 14_42), (True, 28_84)])  # 90.11 x 16 % = 14.4176; 32 %: 28.8352
def test_an_add_on_is_paid_as_a_percentage_of_the_visit(aco, cents):
    assert allowed(visit(payment=90_11, modifiers=""), add_on(aco=aco)) == [90_11, cents]


@pytest.mark.usefixtures("final")
def test_an_add_on_without_rvus_is_paid_by_its_percentage():
    assert allowed(visit(), add_on(payment=None, reason="no_rvus")) == [100_00, 16_00]


@pytest.mark.usefixtures("final")
@pytest.mark.parametrize("visits", [(100_00, 120_00), (120_00, 100_00)], ids=["dearest last", "dearest first"])
def test_an_add_on_goes_by_the_dearest_visit_of_the_day_and_by_the_whole_of_it(visits):
    lines = [visit(1, visits[0]), visit(2, visits[1]), procedure(3, 300_00), add_on(4, payment=1_00)]
    assert allowed(*lines) == [visits[0] // 2, visits[1] // 2, 300_00, 19_20]


@pytest.mark.usefixtures("final")
@pytest.mark.parametrize("changed", [{"date": date(2027, 3, 2)}, {"practitioner": "np"}])
def test_an_add_on_without_a_visit_of_its_day_and_practitioner_has_a_reason_and_no_amount(changed):
    priced = price_claim([visit(), add_on(**changed)])[1]
    assert (priced.allowed, priced.reason) == (None, "no_visit_to_take_a_share_of")


@pytest.mark.usefixtures("by_modifier")
@pytest.mark.parametrize(("aco", "cents"), [(False, 104_53), (True, 118_95)])  # 90.11 + 14.42, 90.11 + 28.84
def test_a_modifier_of_the_visit_adds_the_percentage_to_it(aco, cents):
    assert allowed(visit(payment=90_11, modifiers="XX", aco=aco)) == [cents]


@pytest.mark.usefixtures("by_modifier")
def test_a_visit_without_the_modifier_gets_nothing_on_top():
    assert allowed(visit(payment=90_11)) == [90_11]


ROW = {
    "rule": CUT, "group": "office_visit", "modifier": "25", "of": "", "aco": "", "rank_from": "1", "rank_to": "1",
    "numerator": "1", "denominator": "1", "state": "in_force", "proposed_from": "", "from": "2027-01-01", "to": "",
    "certainty": "certain", "source": "a final rule",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"from": ""}, "a proposed rule has no first day, one in force has one"),
        ({"state": "proposed"}, "a proposed rule has no first day, one in force has one"),
        ({"state": "final"}, "state 'final' is none of proposed, in_force"),
        ({"rule": "visit"}, "rule 'visit' is none of visit_and_procedure, share_of_visit"),
        (
            {"group": "visits"},
            "group 'visits' is none of anesthesia, anesthesia_by_itself, global_procedure",
        ),
        ({"aco": "maybe"}, "aco 'maybe' is none of true, yes, false, no"),
        ({"rule": SHARE, "modifier": ""}, "needs the modifier that asks for it"),
    ],
)
def test_a_row_that_cannot_be_applied_is_refused_with_what_to_write(changed, said, tmp_path):
    declared.write(tmp_path, "same_day.csv", ROW | changed)
    with declared.laid_over(tmp_path), pytest.raises(UsageError, match=r"same_day\.csv line 2") as caught:
        same_day.relations()
    assert said in str(caught.value)


def test_a_row_that_can_be_applied_has_no_problem(tmp_path):
    declared.write(tmp_path, "same_day.csv", ROW)
    with declared.laid_over(tmp_path):
        assert "in_force" in {row.state for row in same_day.relations()}


# --- what isn't paid beside a visit: in force --------------------------------------------------------------------


# CY2024 final rule, CMS MM13473: G2211 isn't payable where the visit has modifier 25.
@pytest.mark.parametrize(
    ("day", "modifiers", "paid"),
    [
        (date(2023, 12, 31), "25", 16_00),
        (date(2024, 1, 1), "25", 0),
        (date(2024, 1, 1), "", 16_00),
        (date(2026, 3, 1), "25 GC", 0),
    ],
)
def test_visit_complexity_is_not_paid_beside_a_visit_with_modifier_25(day, modifiers, paid):
    assert allowed(visit(modifiers=modifiers, date=day), add_on(date=day))[1] == paid


# CY2026 final rule: beside home or residence visits (99341 to 99350), too, under the same conditions.
@pytest.mark.parametrize(
    ("day", "hcpcs", "modifiers", "paid"),
    [
        (date(2026, 1, 1), "99341", "25", 0),
        (date(2026, 1, 1), "99350", "25", 0),
        (date(2026, 1, 1), "99350", "", 16_00),
        (date(2026, 1, 1), "99215", "25", 0),
    ],
)
def test_from_2026_on_a_home_visit_is_as_an_office_visit_to_visit_complexity(day, hcpcs, modifiers, paid):
    assert allowed(line(1, hcpcs, 100_00, modifiers, date=day), add_on(date=day))[1] == paid


@pytest.mark.parametrize(
    ("day", "hcpcs", "is_said"),
    [
        (date(2023, 12, 31), "99350", False),  # no rule of it
        (date(2025, 12, 31), "99350", True),
        (date(2026, 1, 1), "99350", False),
        (date(2026, 1, 1), "99232", True),
    ],
)
def test_visit_complexity_beside_none_of_its_visits_says_so(day, hcpcs, is_said):
    other, one = price_claim([line(1, hcpcs, 100_00, date=day), add_on(date=day)])
    assert (one.allowed, any(step.rule == same_day.BESIDE for step in one.steps)) == (16_00, is_said)
    assert other.steps == ()


def test_visit_complexity_alone_says_nothing_of_a_visit():
    assert [one.steps for one in price_claim([add_on(date=date(2026, 1, 1))])] == [()]


# CY2025 final rule: it's payable on the day of an annual wellness visit, a vaccination or another preventive service.
@pytest.mark.parametrize(
    ("hcpcs", "modifiers"), [("G0439", ""), ("G0008", ""), ("90480", ""), ("G0442", ""), ("99497", "33")]
)
@pytest.mark.parametrize(("day", "paid"), [(date(2024, 12, 31), 0), (date(2025, 1, 1), 16_00)])
def test_prevention_on_the_day_makes_visit_complexity_paid_from_2025_on(hcpcs, modifiers, day, paid):
    lines = visit(date=day), add_on(date=day), line(3, hcpcs, 30_00, modifiers, date=day)
    assert allowed(*lines)[1] == paid


def test_another_day_s_visit_leaves_visit_complexity_paid():
    assert allowed(visit(date=date(2025, 5, 5)), add_on(date=date(2025, 5, 6)))[1] == 16_00


def test_a_visit_without_the_modifier_pays_for_visit_complexity():
    day = {"date": date(2025, 5, 5)}
    assert allowed(visit(**day), add_on(**day), visit(3, modifiers="", **day))[1] == 16_00


# CMS Program Memorandum B-03-017: of one session the highest base units and the time of all services are paid, with one
# code; add-on codes are priced beside theirs. A claim doesn't say how many sessions there were.
@pytest.mark.parametrize(
    ("codes", "modifiers", "said"),
    [
        (("00100", "00400"), "AA", [False, True]),
        (("00400", "00100"), "AA", [True, False]),
        (("00100", "00400"), "AA 59", [False, False]),
        (("01967", "01968"), "AA", [False, False]),
        (("01952", "01953"), "AA", [False, False]),
        (("00100", "99213"), "AA", [False, False]),
    ],
)
def test_a_second_anesthesia_of_a_day_says_how_one_session_is_paid(codes, modifiers, said):
    paid = {"00100": 190_00, "01952": 270_00, "01967": 190_00}
    lines = [line(n, code, paid.get(code, 100_00), modifiers, status="J") for n, code in enumerate(codes, start=1)]
    assert [any(step.rule == same_day.SESSION for step in one.steps) for one in price_claim(lines)] == said
    assert allowed(*lines) == [paid.get(code, 100_00) for code in codes]


def test_a_file_without_claims_is_priced_in_a_time_that_grows_with_its_lines():
    """Lines that name no claim are one claim: each add-on asks of its own day alone, and of that once."""
    days = [DAY.replace(year=2025) + timedelta(days=n % 50) for n in range(1_000)]
    lines = [make(2 * n + at, date=day) for n, day in enumerate(days) for at, make in enumerate((visit, add_on))]
    asked: Counter[str] = Counter()

    def counted(group, line):
        asked[group] += 1
        return in_group(group, line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(same_day, "in_group", counted)
        assert set(allowed(*lines)[1::2]) == {0}
    assert asked["office_visit"] < 3 * len(lines)


def test_no_line_is_ranked_while_no_share_of_a_visit_is_in_force(monkeypatch):
    ranked: list[object] = []
    monkeypatch.setattr(same_day, "_by_price", ranked.append)
    same_day.pay_shares(price_claim([visit(date=date(2025, 5, 5)), add_on(date=date(2025, 5, 5))]))
    assert ranked == []
