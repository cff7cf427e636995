"""The price of one service from a store of synthetic releases: expected cents are worked out here with Decimal.

The formula, its rounding and the cap are CMS's record layout; factors as paid are those of `CF_PAID` below.
"""

import hashlib
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

import pfsetl
from pfsetl.declared import declarations
from pfsetl.errors import UsageError
from pfsetl.loading import load as loading
from pfsetl.pipeline.backfill import backfill
from pfsetl.pricing import rates
from pfsetl.pricing.rules import practitioners
from pfsetl.pricing.service import modifiers
from tests import declared
from tests import synthetic as s

pytestmark = pytest.mark.long

JANUARY = "2025-01-15"
CF_PAID = "32.3465"  # CMS, calendar year 2025; the synthetic archives print 33.4000
LOS_ANGELES = ("1.045", "1.173", "0.735")
VISIT = ("1.21", "1.40", "0.09")
VISIT_IN_FACILITY = ("1.21", "0.52", "0.09")
ONE = ("1", "1", "1")

PAIR = s.code("G9906", "Synthetic discontinued", work="3.00", nonfacility_pe="5.00", facility_pe="1.50", mp="0.30")
STOPPED = s.changed(PAIR, modifier="53", work="1.50", nonfacility_pe="2.50", facility_pe="0.75", mp="0.15")
BUNDLED = s.code("G9907", "Synthetic bundled", status="B", work="0.50", nonfacility_pe="0.50", facility_pe="0.50")
RESTRICTED = s.code("G9908", "Synthetic restricted without RVUs", status="R")
ANESTHESIA = s.code("00999", "Synthetic anesthesia", status="J")
ONLY_ALONE = s.code("G9910", "Synthetic, paid only alone", status="T", work="0.10", nonfacility_pe="0.10", mp="0.01")
ONLY_READING = s.code("G9909", "Synthetic, the reading alone", modifier="26", work="0.70", mp="0.03", pctc="2")
THERAPY = s.code("G9911", "Synthetic therapy", work="0.45", nonfacility_pe="0.41", facility_pe="0.41", mp="0.01",
                 multiple="5")  # fmt: skip
# Codes that the rules name by their number; what they cost here is made up.
XRAY, XRAY_READING, XRAY_IMAGE = (s.changed(row, hcpcs="G0279") for row in (s.SCAN, s.SCAN_READING, s.SCAN_IMAGE))
TRIP = s.code("R0075", "Synthetic trip", status="C", pctc="3")
CODES = (
    *s.CODES, PAIR, STOPPED, BUNDLED, RESTRICTED, ANESTHESIA, ONLY_ALONE, ONLY_READING, THERAPY, XRAY, XRAY_READING,
    XRAY_IMAGE, TRIP,
)  # fmt: skip


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def formula(rvus: tuple[str, str, str], gpcis: tuple[str, str, str] = ONE, factor: str = CF_PAID) -> Decimal:
    """CMS: (work x GPCI + PE x GPCI + MP x GPCI) x conversion factor, rounded once."""
    return cents(sum(Decimal(r) * Decimal(g) for r, g in zip(rvus, gpcis, strict=True)) * Decimal(factor))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prices")


@pytest.fixture(scope="module")
def output(folder: Path) -> Path:
    """Return a store with January of 2018 as corrected, of 2024 to 2027, and the October release of 2024."""
    members = {label: s.release(label, CODES) for label in ("RVU24A", "RVU24D", "RVU25A", "RVU26A", "RVU27A")}
    # RVU18AR1 corrected the anesthesia factors alone (the note of its row in releases.csv).
    corrected = [s.ALABAMA | {"factor": "19.54"}, *s.PLACES[1:]]
    members |= {"RVU18A": s.release("RVU18A", CODES), "RVU18AR1": s.release("RVU18A", CODES, corrected)}
    archives = {label: s.write_zip(folder / f"{label}.zip", files) for label, files in members.items()}
    store = pfsetl.open_store(folder / "store")
    pfsetl.build("RVU24A", store=store, archive=archives["RVU24A"], sample=True)  # a version of its own
    assert not backfill(archives, store=store, sample=True).failed
    return folder / "store"


@pytest.fixture
def priced(output: Path):
    def price(hcpcs="G9901", day=JANUARY, **asked):
        return pfsetl.price(hcpcs, day, output=output, **asked)

    return price


def steps(answer) -> list[str]:
    return [step["step"] for step in answer["steps"]]


def value_of(answer, step: str):
    return next(s["value"] for s in answer["steps"] if s["step"] == step)


# --- which release ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "label"),
    [("2024-01-01", "RVU24A"), ("2024-03-08", "RVU24A"), ("2024-12-31", "RVU24D"), ("2025-03-31", "RVU25A")],
)
def test_the_release_in_force_on_the_day_prices_it(priced, day, label):
    assert priced(day=day)["release"] == label


def test_a_correction_prices_the_days_of_what_it_supersedes(priced):
    assert priced(day="2018-02-01")["release"] == "RVU18AR1"


def test_a_day_whose_release_isnt_published_says_which_one_to_build(priced):
    with pytest.raises(UsageError, match=r"RVU24AR prices this day.*pfsetl build RVU24AR"):
        priced(day="2024-03-09")


def test_a_correction_that_isnt_published_is_not_replaced_by_what_it_corrects(folder):
    store = folder / "only_initial"
    pfsetl.build(
        "RVU18A",
        store=pfsetl.open_store(store),
        archive=s.write_zip(folder / "i.zip", s.release("RVU18A")),
        sample=True,
    )
    with pytest.raises(UsageError, match="Build it: 'pfsetl build RVU18AR1 --output "):
        pfsetl.price("G9901", "2018-02-01", output=store)


def test_a_release_that_isnt_declared_yet_prices_the_days_of_its_quarter(priced):
    answer = priced(day="2027-03-31")
    assert (answer["release"], answer["effective_to"]) == ("RVU27A", date(2027, 3, 31))


def test_a_day_after_the_last_release_is_refused(priced):
    with pytest.raises(UsageError, match="2027-04-01: no release prices this day"):
        priced(day="2027-04-01")


def test_a_release_prices_nothing_before_its_first_day_was_there(priced):
    with pytest.raises(UsageError, match="no release prices this day as known on 2024-12-31"):
        priced(as_of="2024-12-31")


def test_a_release_that_was_posted_again_later_was_known_on_its_first_day(priced):
    # CMS's index dates RVU25A 2025-01-10, a re-posting: it priced services from 1 January on.
    assert priced(as_of="2025-01-01")["release"] == "RVU25A"


def test_a_later_version_doesnt_change_what_an_earlier_one_prices(output):
    first = pfsetl.open(output, 1)
    with pytest.raises(UsageError, match="RVU25A prices this day"):
        pfsetl.price("G9901", JANUARY, output=first)


def test_an_empty_store_says_how_to_begin(tmp_path):
    with pytest.raises(UsageError, match=r"nothing is published there. Publish a release into it: 'pfsetl build"):
        pfsetl.price("G9901", JANUARY, output=tmp_path)


# --- the amount -------------------------------------------------------------------------------------------------


def test_a_service_in_a_locality(priced):
    assert priced(locality="CA/18")["allowed"] == formula(VISIT, LOS_ANGELES)


def test_the_facility_has_its_own_practice_expense(priced):
    assert priced(locality="CA/18", setting="facility")["allowed"] == formula(VISIT_IN_FACILITY, LOS_ANGELES)


def test_without_a_locality_every_index_is_one(priced):
    answer = priced()
    assert (answer["allowed"], answer["state"]) == (formula(VISIT), None)
    assert "no locality given: every GPCI is 1.000" in answer["notes"]


def test_the_factor_is_the_one_that_was_paid(priced):
    assert priced()["conversion_factor"] == Decimal(CF_PAID)


def test_a_factor_that_was_paid_and_is_not_the_printed_one_is_noted_with_both(priced):
    # The archives print 33.4000; CMS paid 32.3465 in 2025.
    (said,) = [note for note in priced()["notes"] if note.startswith("conversion factor")]
    assert said == "conversion factor 32.3465 by conversion_factors.csv; the files of RVU25A print 33.4000"


def test_the_printed_factor_needs_no_note(priced):
    assert not [note for note in priced(as_of="2025-02-01")["notes"] if note.startswith("conversion factor")]


def test_as_of_a_day_the_factor_is_the_one_the_release_prints(priced):
    answer = priced(as_of="2025-02-01")
    assert (answer["conversion_factor"], answer["allowed"]) == (Decimal("33.4000"), formula(VISIT, factor="33.4000"))


def test_every_step_of_the_formula_is_shown_unrounded(priced):
    answer = priced(locality="CA/18")
    parts = [Decimal(r) * Decimal(g) for r, g in zip(VISIT, LOS_ANGELES, strict=True)]
    shown = [value_of(answer, name) for name in ("work RVU", "practice expense RVU", "malpractice RVU")]
    assert (shown, value_of(answer, "adjusted RVUs")) == (parts, sum(parts))
    assert value_of(answer, "unrounded") == sum(parts) * Decimal(CF_PAID)


def test_units_multiply_the_rounded_amount(priced):
    answer = priced(locality="CA/18", units=3)
    assert (answer["amount"], answer["allowed"]) == (formula(VISIT, LOS_ANGELES), 3 * formula(VISIT, LOS_ANGELES))


def test_a_lower_charge_is_what_is_allowed(priced):
    assert priced(charge="12.34")["allowed"] == Decimal("12.34")


def test_a_higher_charge_changes_nothing(priced):
    assert priced(charge="$1,200.00")["allowed"] == formula(VISIT)


# SSA 1848(a)(3) and CMS's record layout: 95 %, and 115 % of that.
def test_the_limits_follow_from_what_is_allowed(priced):
    answer = priced(locality="CA/18")
    allowed = formula(VISIT, LOS_ANGELES)
    assert answer["nonparticipating_amount"] == cents(allowed * Decimal("0.95"))
    assert answer["limiting_charge"] == cents(allowed * Decimal("1.0925"))


# SSA 1848(g)(2): the limit follows from the fee schedule amount; what was billed can't lower it.
def test_a_lower_charge_leaves_the_limits_as_they_are(priced):
    answer, whole = priced(locality="CA/18", charge="12.34"), priced(locality="CA/18")
    for limit in ("nonparticipating_amount", "limiting_charge"):
        assert answer[limit] == whole[limit]


def test_the_limits_follow_what_other_rules_leave(priced):
    answer = priced(locality="CA/18", practitioner="np", charge="12.34")
    allowed = cents(formula(VISIT, LOS_ANGELES) * Decimal("0.85"))
    assert answer["nonparticipating_amount"] == cents(allowed * Decimal("0.95"))


# SSA 1842(b)(18): these are paid on assignment alone, so that none can charge more than Medicare allows.
@pytest.mark.parametrize("billed", [{"practitioner": name} for name in practitioners() if name != "physician"])
def test_who_has_to_accept_assignment_has_no_limiting_charge(priced, billed):
    assert priced(locality="CA/18", **billed)["limiting_charge"] is None


def test_an_assistant_who_is_no_physician_has_no_limiting_charge(priced):
    answer = priced("G9902", modifiers="AS", documented=True)
    assert (answer["reason"], answer["limiting_charge"]) == (None, None)


def test_the_screen_says_that_there_is_no_limiting_charge(output, run):
    _, out, _ = run("price", "G9901", "--date", JANUARY, "--practitioner", "np", "-o", output)
    assert "no limiting charge; sequestration" in out


# 2 % off Medicare's 80 %, each rounded to cents.
def test_sequestration_is_shown_apart(priced):
    answer = priced()
    assert answer["sequestration"] == cents(cents(formula(VISIT) * Decimal("0.80")) * Decimal("0.02"))
    assert answer["allowed"] == formula(VISIT)


# --- who ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "factor", "answered"),
    [(None, "33.4009", "non_qp"), ("non_qp", "33.4009", "non_qp"), ("qp", "33.5675", "qp"), ("QP", "33.5675", "qp")],
)
def test_from_2026_the_factor_depends_on_the_participant(priced, asked, factor, answered):
    answer = priced(day="2026-02-01", participant=asked)
    assert (answer["participant"], answer["allowed"]) == (answered, formula(VISIT, factor=factor))


def test_a_participant_that_wasnt_given_is_noted(priced):
    assert "participant not given: non_qp" in priced(day="2026-02-01")["notes"]


@pytest.mark.parametrize("asked", [{}, {"setting": None, "practitioner": None}, {"setting": "", "practitioner": ""}])
def test_a_setting_and_a_practitioner_that_werent_given_are_noted(priced, asked):
    answer = priced(**asked)
    assert (answer["setting"], answer["practitioner"]) == ("nonfacility", "physician")
    assert {"setting not given: nonfacility", "practitioner not given: physician"} <= set(answer["notes"])


@pytest.mark.parametrize(
    "given", [{"setting": "facility", "practitioner": "physician"}, {"setting": 11, "modifiers": "AJ"}]
)
def test_what_was_given_or_is_named_by_a_modifier_is_not(priced, given):
    assert not [note for note in priced(**given)["notes"] if "not given" in note and "locality" not in note]


def test_before_2026_one_factor_served_everyone(priced):
    answer = priced(participant="qp")
    assert (answer["participant"], answer["allowed"]) == ("all", formula(VISIT))
    assert "RVU25A has one conversion factor for everyone" in answer["notes"]


def test_a_code_without_price_says_why_also_to_those_whose_file_does_not_list_it(priced):
    answer = priced("G9904", "2026-02-01", participant="qp")
    assert (answer["allowed"], answer["reason"]) == (None, "noncovered")


# SSA 1833(a)(1)(O) and (H): a nurse practitioner is paid 85 %, a nurse anesthetist in full.
@pytest.mark.parametrize(("who", "share"), [("np", "0.85"), ("NP", "0.85"), ("crna", "1"), ("physician", "1")])
def test_who_bills_has_a_share(priced, who, share):
    assert priced(practitioner=who)["allowed"] == cents(formula(VISIT) * Decimal(share))


# --- rows by modifier --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hcpcs", "modifiers", "rvus"),
    [
        ("G9902", "26", ("1.00", "0.40", "0.04")),
        ("G9902", "26 59", ("1.00", "0.40", "0.04")),
        ("G9906", "", ("3.00", "5.00", "0.30")),
        ("G9906", "53", ("1.50", "2.50", "0.15")),
        ("G9901", "25-59", VISIT),
    ],
)
def test_a_modifier_with_a_row_of_its_own_is_priced_by_it(priced, hcpcs, modifiers, rvus):
    assert priced(hcpcs, modifiers=modifiers)["allowed"] == formula(rvus)


def test_a_list_of_modifiers_is_the_same_as_their_text(priced):
    assert priced(modifiers=["25", "59"])["modifiers"] == priced(modifiers="59,25")["modifiers"][::-1]


def test_a_modifier_without_its_row_is_refused_with_the_rows_there_are(priced):
    with pytest.raises(UsageError, match=r"G9901 with modifier TC: RVU25A has no such row. Its rows .* none"):
        priced(modifiers="TC")


def test_two_modifiers_of_which_each_has_a_row_are_refused(priced):
    with pytest.raises(UsageError, match=r"26 and TC: they contradict each other.* on a line of its own"):
        priced("G9902", modifiers="26 TC")


def test_a_code_with_no_plain_row_is_refused_without_its_modifier(priced):
    with pytest.raises(UsageError, match=r"G9909 with modifier none.* 26"):
        priced("G9909")


def test_a_modifier_whose_effect_isnt_computed_leaves_no_price(priced):
    answer = priced(modifiers="22")
    assert (answer["allowed"], answer["reason"]) == (None, "modifier_22_not_computed")


# Medicare Claims Processing Manual, chapter 12: the bonuses of AQ and AR are paid apart from the claim.
@pytest.mark.parametrize("modifier", ["AQ", "AR"])
def test_a_bonus_paid_apart_leaves_the_price_and_is_noted(priced, modifier):
    answer = priced(modifiers=modifier)
    assert answer["allowed"] == formula(VISIT)
    assert any("bonus" in note for note in answer["notes"])


def test_a_modifier_that_informs_is_noted(priced):
    assert any(note.startswith("modifier 25: informs") for note in priced(modifiers="25")["notes"])


def test_a_rule_that_isnt_in_force_on_the_day_is_noted(priced):
    answer = priced("G9911", modifiers="CQ", day="2018-01-15")
    assert any(note.startswith("modifier CQ: no rule on 2018-01-15") for note in answer["notes"])


def test_a_reading_of_an_x_ray_on_film_keeps_its_amount_and_says_so(priced):
    answer = priced("G0279", modifiers="26 FX")
    assert answer["allowed"] == formula(("1.00", "0.40", "0.04"))
    assert any("no technical part" in note for note in answer["notes"])


def test_a_share_of_the_contractors_price_is_noted(priced):
    answer = priced("R0075", modifiers="UP")
    assert (answer["allowed"], answer["reason"]) == (None, "carrier_priced")
    assert any("1/3 is paid" in note for note in answer["notes"])


# SSA 1834(v)(1): 85 % of what Medicare would pay; the patient's 20 % stays.
def therapy_by_an_assistant():
    whole = formula(("0.45", "0.41", "0.01"))
    medicare = cents(whole * Decimal("0.80"))
    return whole, cents(medicare * Decimal("0.85")), whole - medicare


def test_what_medicare_and_the_patient_pay_of_an_assistants_therapy_is_shown(priced):
    _, medicare, patient = therapy_by_an_assistant()
    answer = priced("G9911", modifiers="GP CQ")
    assert (answer["medicare_pays"], answer["patient_pays"]) == (medicare, patient)
    assert answer["allowed"] == medicare + patient


def test_sequestration_of_an_assistants_therapy_is_off_what_medicare_pays(priced):
    _, medicare, _ = therapy_by_an_assistant()
    assert priced("G9911", modifiers="GP CQ")["sequestration"] == cents(medicare * Decimal("0.02"))


def test_an_assistant_leaves_the_limits_as_they_are(priced):
    whole, _, _ = therapy_by_an_assistant()
    assert priced("G9911", modifiers="GP CQ")["limiting_charge"] == cents(whole * Decimal("1.0925"))


def test_the_screen_shows_what_medicare_and_the_patient_pay(output, run):
    _, medicare, patient = therapy_by_an_assistant()
    _, out, _ = run("price", "G9911", "--date", JANUARY, "--modifier", "CQ", "-o", output)
    assert f"Medicare pays ${medicare} of it, the patient ${patient}" in out


@pytest.mark.parametrize(("documented", "noted"), [(False, 0), (True, 1)])
def test_documentation_that_nothing_asks_for_is_noted(priced, documented, noted):
    assert sum("asks for documentation" in note for note in priced(documented=documented)["notes"]) == noted


def test_a_discontinued_service_without_a_row_of_its_own_is_the_contractors(priced):
    answer = priced(modifiers="53")
    assert (answer["allowed"], answer["reason"]) == (None, "carrier_priced")


# MCPM chapter 12, section 50: base and time units alone; P3 adds no unit for Medicare.
@pytest.mark.parametrize("modifier", ["P1", "P2", "P3", "P4", "P5", "P6"])
def test_a_physical_status_changes_nothing_and_is_noted(priced, with_base_units, modifier):
    answer = priced("00999", locality="CA/18", minutes=47, modifiers=f"AA {modifier}")
    assert answer["allowed"] == cents((5 + Decimal("3.1")) * Decimal("21.32"))
    assert any(note.startswith(f"modifier {modifier}: physical status") for note in answer["notes"])


def test_every_modifier_says_where_its_effect_is_from():
    assert [m.modifier for m in modifiers().values() if not (m.note and m.source)] == []


@pytest.mark.parametrize("name", ["modifiers.csv", "places_of_service.csv"])
def test_what_no_file_of_cms_at_hand_proves_is_marked(name):
    # the record layout is in every archive, reductions.csv has a source for each rule, CMS-1784-F is the rule of 2024
    proved = ("CMS RVU record layout", "schemas/reductions.csv", "CMS-1784-F")
    unmarked = [r for r in declarations.texts(name) if not r["source"].startswith(("general knowledge: ", *proved))]
    assert unmarked == []


def test_an_undeclared_modifier_is_priced_only_when_asked_for_and_noted(priced):
    with pytest.raises(UsageError, match="modifier 'ZZ': not known"):
        priced(modifiers="ZZ")
    answer = priced(modifiers="ZZ", unknown_modifiers=True)
    assert answer["allowed"] == formula(VISIT)
    assert any("modifier ZZ: not declared, priced as if it changed nothing" in note for note in answer["notes"])


@pytest.mark.parametrize("written", ["Z", "ZZZ", "Z\u00c9", "Z."])
def test_what_has_no_pattern_of_a_modifier_is_refused_also_when_asked_for(priced, written):
    with pytest.raises(UsageError, match="not known"):
        priced(modifiers=[written], unknown_modifiers=True)


# --- the place of service ----------------------------------------------------------------------------------------


# MCPM chapter 12, section 20.4.2 (facility rates) and chapter 26, section 10.5; 10 by the rule for 2024.
@pytest.mark.parametrize(
    ("place", "setting"),
    [("11", "nonfacility"), (11, "nonfacility"), ("22", "facility"), ("19", "facility"), ("21", "facility"),
     ("23", "facility"), ("24", "facility"), ("31", "facility"), ("32", "nonfacility"), ("2", "facility"),
     ("02", "facility"), ("10", "nonfacility"), ("12", "nonfacility"), ("81", "nonfacility")],
)  # fmt: skip
def test_a_place_of_service_tells_the_setting(priced, place, setting):
    answer = priced(setting=place)
    assert answer["setting"] == setting
    assert f"place of service {int(place):02}: {setting}" in answer["notes"]
    assert answer["allowed"] == priced(setting=setting)["allowed"]


@pytest.mark.parametrize(
    ("place", "day", "why"),
    [
        ("00", JANUARY, "not in schemas/places_of_service.csv"),
        ("05", JANUARY, "not in schemas/places_of_service.csv"),
        ("10", "2018-02-01", "it tells the setting from 2024-01-01 on"),
    ],
)
def test_a_place_of_service_that_tells_no_setting_is_refused(priced, place, day, why):
    with pytest.raises(UsageError, match=f"place of service {place} on {day}: {why}. Give the setting: nonfacility or"):
        priced(day=day, setting=place)


# --- the imaging cap, NA, and what has no price ------------------------------------------------------------------

SCAN, SCAN_CAP = ("1.00", "4.00", "0.17"), ("1.00", "3.10", "0.15")


def test_the_cap_is_a_step_where_it_binds(priced):
    answer = priced("G9902", locality="CA/18")
    assert value_of(answer, "amount") == formula(SCAN, LOS_ANGELES)
    assert value_of(answer, "OPPS imaging cap") == formula(SCAN_CAP, LOS_ANGELES) == answer["allowed"]


def test_the_cap_shows_the_rvus_and_indices_it_comes_from(priced):
    answer = priced("G9902", locality="CA/18")
    shown = [value_of(answer, f"OPPS {part} RVU") for part in ("practice expense", "malpractice")]
    assert shown == [Decimal(SCAN_CAP[i]) * Decimal(LOS_ANGELES[i]) for i in (1, 2)]
    assert value_of(answer, "OPPS amount") == formula(SCAN_CAP, LOS_ANGELES)


def test_the_reading_has_no_cap(priced):
    assert "OPPS imaging cap" not in steps(priced("G9902", modifiers="26"))


# CMS's record layout, status T.
def test_what_is_paid_only_alone_is_priced_and_said_to_be_so(priced):
    answer = priced("G9910")
    assert answer["allowed"] == formula(("0.10", "0.10", "0.01"))
    assert any("status T" in note for note in answer["notes"])


def test_an_na_setting_is_priced_and_said_to_be_one(priced):
    answer = priced("G9902", setting="facility")
    assert answer["na"] is True
    assert any(note.startswith("NA: rarely or never done in a facility setting") for note in answer["notes"])


def test_the_other_setting_isnt_na(priced):
    answer = priced("G9902")
    assert (answer["na"], [n for n in answer["notes"] if n.startswith("NA")]) == (False, [])


@pytest.mark.parametrize(
    ("hcpcs", "reason"),
    [
        ("Q9905", "carrier_priced"),
        ("G9904", "noncovered"),
        ("G9907", "bundled"),
        ("G9908", "carrier_priced"),
    ],
)
def test_what_has_no_medicare_price_has_a_reason(priced, hcpcs, reason):
    answer = priced(hcpcs, locality="AL/00", units=2, charge="10.00")
    assert (answer["allowed"], answer["reason"], answer["limiting_charge"]) == (None, reason, None)
    assert (steps(answer)[-1], answer["sequestration"]) == ("no price", None)


# --- anesthesia --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_claim_file_priced_in_parts_has_the_lines_of_one_priced_in_one_go(output, monkeypatch, at_once):
    lines = [
        {"hcpcs": code, "date": day, "claim": claim, "locality": "AL/00"}
        for claim, code, day in [
            ("b", "G9901", JANUARY), ("a", "G9901", JANUARY), ("b", "00000", JANUARY), ("c", "G9901", "2024-01-05"),
            ("a", "G9901", "2019-01-05"), ("b", "G9901", JANUARY),
        ]
    ]  # fmt: skip
    whole = pfsetl.claim(lines, output=output)
    monkeypatch.setattr("pfsetl.pricing.price.LINES_AT_ONCE", at_once)
    assert pfsetl.claim(lines, output=output) == whole
    assert [[one["line"] for one in whole[kind]] for kind in ("lines", "bad")] == [[1, 2, 4, 6], [3, 5]]


@pytest.fixture(scope="module")
def with_base_units(folder, output) -> Path:
    path = folder / "CY_2025_Anesthesia_Base_Units.txt"
    path.write_bytes(b"CODE\t2025\r\n\tBASE\r\n\tUNIT\r\n00998\t3\r\n00999\t5\r\n")
    loading.load(pfsetl.open_store(output), path, sample=True)
    return path


# domain: (base units + minutes / 15, to one decimal) x the locality's own factor; 21.32 is Los Angeles's.
@pytest.mark.parametrize(("minutes", "time_units"), [(45, "3.0"), (46, "3.1"), (1, "0.1"), ("20", "1.3")])
def test_anesthesia_is_paid_by_base_and_time_units(priced, with_base_units, minutes, time_units):
    answer = priced("00999", locality="CA/18", minutes=minutes)
    assert value_of(answer, "time units") == Decimal(time_units)
    assert answer["allowed"] == cents((5 + Decimal(time_units)) * Decimal("21.32"))


# Medicare Claims Processing Manual chapter 12 section 50: a line says by AA, AD, QK, QX, QY or QZ whose anesthesia it
# is, and who directs or is directed has half.
@pytest.mark.parametrize(
    ("modifiers", "is_said"), [("", True), ("QS P3", True), ("AA", False), ("QZ QS", False), ("QK", False)]
)
def test_anesthesia_of_nobody_in_particular_is_said_to_be_paid_in_full(priced, with_base_units, modifiers, is_said):
    notes = priced("00999", minutes=30, modifiers=modifiers)["notes"]
    assert any(note.startswith("no modifier says whose anesthesia it is (AA, AD, QK") for note in notes) == is_said


def test_anesthesia_of_the_nation_has_the_national_factor(priced, with_base_units):
    assert priced("00999", minutes=30)["allowed"] == cents((5 + Decimal(2)) * Decimal("20.3178"))


# CMS lists anesthesia codes in the file of non-QPs alone, and factors for both.
@pytest.mark.parametrize(("participant", "factor"), [(None, "19.53"), ("non_qp", "19.53"), ("qp", "19.63")])
def test_anesthesia_in_2026_depends_on_the_participant(priced, with_base_units, participant, factor):
    answer = priced("00999", "2026-02-01", locality="AL/00", minutes=60, participant=participant)
    assert answer["allowed"] == cents((5 + Decimal(4)) * Decimal(factor))
    assert answer["participant"] == (participant or "non_qp")
    assert "base units are those of 2025" in answer["notes"]


# Its price has a factor for the place and no work index: what the law has of one is said of the factor alone.
def test_an_anesthesia_price_claims_no_work_index(priced, with_base_units):
    answer = priced("00999", "2027-01-15", locality="AL/00", minutes=45)
    assert [note for note in answer["notes"] if "work index" in note] == [
        "the anesthesia factor is as printed: CMS doesn't say whether it has the floor of the work index"
    ]
    assert answer["work_index"]["used"] is None


# SSA 1848(a)(4)(B): each of the two who share the service is paid half.
@pytest.mark.parametrize("modifier", ["QK", "QX", "QY"])
def test_a_medically_directed_anesthesia_is_halved(priced, with_base_units, modifier):
    answer = priced("00999", locality="CA/18", minutes=45, modifiers=modifier, practitioner="crna")
    assert answer["allowed"] == cents(cents(8 * Decimal("21.32")) / 2)


@pytest.mark.parametrize("modifier", ["AA", "QZ"])
def test_an_anesthesia_done_alone_is_paid_in_full(priced, with_base_units, modifier):
    answer = priced("00999", locality="CA/18", minutes=45, modifiers=modifier)
    assert answer["allowed"] == cents(8 * Decimal("21.32"))


# 42 CFR 414.46(f), Medicare Claims Processing Manual chapter 12 section 50: three base units, one more for induction.
@pytest.mark.parametrize(("documented", "units"), [(False, 3), (True, 4)])
def test_supervision_of_more_than_four_is_paid_by_three_units_and_one_for_induction(priced, documented, units):
    answer = priced("00999", locality="CA/18", modifiers="AD", documented=documented)
    assert answer["allowed"] == cents(units * Decimal("21.32"))


def test_supervision_needs_no_minutes_and_says_so(priced):
    answer = priced("00999", locality="CA/18", modifiers="AD", minutes=90)
    assert answer["allowed"] == cents(3 * Decimal("21.32"))
    assert any(note.startswith("minutes have no effect") for note in answer["notes"])


def test_supervision_without_documentation_says_what_documentation_would_add(priced):
    assert any("induction would add a unit" in note for note in priced("00999", modifiers="AD")["notes"])


def test_the_sources_of_an_anesthesia_price_are_its_units_and_its_factor(priced, with_base_units):
    sources = {one["what"]: one for one in priced("00999", locality="CA/18", minutes=45)["sources"]}
    units = sources["base units"]
    assert (units["file"], units["line"]) == (with_base_units.name, 5)
    assert units["sha256"] == hashlib.sha256(with_base_units.read_bytes()).hexdigest()
    assert (sources["anesthesia factor"]["file"], sources["anesthesia factor"]["line"]) == ("ANES2025.csv", 4)


@pytest.mark.parametrize(
    ("hcpcs", "asked", "message"),
    [
        ("00999", {}, "priced by time. Give the minutes: --minutes 45, or in a claim the column minutes."),
        ("00999", {"minutes": 45, "units": 2}, "units 2: an anesthesia service has one unit"),
        ("G9901", {"minutes": 45}, "G9901 isn't an anesthesia service"),
    ],
)
def test_minutes_belong_to_anesthesia(priced, with_base_units, hcpcs, asked, message):
    with pytest.raises(UsageError, match=message):
        priced(hcpcs, locality="CA/18", **asked)


def test_anesthesia_without_loaded_base_units_says_what_to_load(folder):
    store = folder / "no_base_units"
    archive = s.write_zip(folder / "n.zip", s.release("RVU25A", CODES))
    pfsetl.build("RVU25A", store=pfsetl.open_store(store), archive=archive, sample=True)
    with pytest.raises(UsageError, match=r"no anesthesia base units are loaded .* 'pfsetl load"):
        pfsetl.price("00999", JANUARY, minutes=45, output=store)


# --- provenance --------------------------------------------------------------------------------------------------


def test_the_rvus_are_the_line_of_the_file_they_came_from(priced):
    source = priced("G9906", modifiers="53")["sources"][0]
    text = s.release("RVU25A", CODES)["PPRRVU2025_JAN.txt"].decode("cp1252").splitlines()
    assert source["file"] == "PPRRVU2025_JAN.txt"
    assert text[source["line"] - 1].startswith("G990653")


def test_the_indices_are_the_line_of_the_file_they_came_from(priced):
    source = priced(locality="CA/18")["sources"][1]
    text = s.release("RVU25A", CODES)["GPCI2025.csv"].decode("cp1252").splitlines()
    assert source["file"] == "GPCI2025.csv"
    assert text[source["line"] - 1].startswith("01182,CA,18")


def test_every_source_has_the_checksums_of_file_and_archive(priced, folder):
    members = s.release("RVU25A", CODES)
    for source in priced(locality="CA/18")["sources"]:
        assert source["sha256"] == hashlib.sha256(members[source["file"]]).hexdigest()
        assert source["archive"] == "RVU25A.zip"
        assert source["archive_sha256"] == hashlib.sha256((folder / "RVU25A.zip").read_bytes()).hexdigest()


# --- codes of other releases ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def changing(folder: Path) -> Path:
    """Return a store in which G9906 ended after RVU24A, G9907 begins with RVU26A, and G9908 was away in RVU24D."""
    without = {"RVU24A": {"G9907"}, "RVU24D": {"G9906", "G9907", "G9908"}, "RVU26A": {"G9906"}}
    for label, gone in without.items():
        rows = [row for row in CODES if row["hcpcs"] not in gone]
        archive = s.write_zip(folder / f"changing_{label}.zip", s.release(label, rows))
        pfsetl.build(label, store=pfsetl.open_store(folder / "changing"), archive=archive, sample=True)
    return folder / "changing"


@pytest.mark.parametrize(
    ("hcpcs", "day", "said"),
    [
        ("G9906", "2026-02-01", "it's last in RVU24A (in force to 2024-03-08) and no longer in RVU24D."),
        ("G9906", "2024-11-01", "it's last in RVU24A (in force to 2024-03-08) and no longer in RVU24D."),
        ("G9907", "2024-11-01", "it's first in RVU26A."),
        (
            "G9908",
            "2024-11-01",
            "it's last in RVU24A (in force to 2024-03-08) and no longer in RVU24D, again in RVU26A.",
        ),
    ],
)
def test_a_code_that_is_gone_or_to_come_says_of_which_releases_it_is(changing, hcpcs, day, said):
    with pytest.raises(UsageError) as refused:
        pfsetl.price(hcpcs, day, output=changing)
    assert str(refused.value).endswith(f"Of the releases in {changing}, {said}")


@pytest.fixture(scope="module")
def sampled(folder: Path) -> Path:
    """Return a store in which RVU24D alone is a sample, without G9906 and G9908; RVU26A lacks G9906, too."""
    for label, gone in {"RVU24A": set(), "RVU24D": {"G9906", "G9908"}, "RVU26A": {"G9906"}}.items():
        rows = [row for row in CODES if row["hcpcs"] not in gone]
        archive = s.write_zip(folder / f"sampled_{label}.zip", s.release(label, rows))
        how = {"sample": True} if label == "RVU24D" else {"accept": ["loss"]}
        pfsetl.build(label, store=pfsetl.open_store(folder / "sampled"), archive=archive, **how)
    return folder / "sampled"


@pytest.mark.parametrize(
    ("hcpcs", "day", "said"),
    [
        ("G9906", "2026-02-01", "it's last in RVU24A (in force to 2024-03-08) and no longer in RVU26A."),
        ("G9908", "2024-11-01", "it's last in RVU24A (in force to 2024-03-08), again in RVU26A. {sample}"),
    ],
)
def test_a_code_is_not_gone_with_a_sample_of_a_release(sampled, hcpcs, day, said):
    with pytest.raises(UsageError) as refused:
        pfsetl.price(hcpcs, day, output=sampled)
    sample = "What is published of RVU24D is a sample; the bundled one has Level II codes alone."
    assert str(refused.value).endswith(f"Of the releases in {sampled}, {said.format(sample=sample)}")


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"hcpcs": "G99"}, "a code has five letters or digits"),
        ({"hcpcs": "27447-54"}, "Give the code 27447 and --modifier 54, or in a claim the column modifiers"),
        ({"hcpcs": "G9901 tc"}, "Give the code G9901 and --modifier TC"),
        ({"hcpcs": "G9900"}, "code G9900: not in RVU25A. Near: G9901, G9902, G9903"),
        ({"hcpcs": "99213"}, "code 99213: not in RVU25A. It has no similar code"),
        ({"day": "2024-02-30"}, "date of service '2024-02-30': write it as 2024-03-08"),
        ({"day": "2025-W01-1"}, "write it as 2024-03-08"),
        ({"day": "0001-01-01"}, "0001-01-01: no release prices this day. Priced are "),
        ({"modifiers": "ZZ"}, "modifier 'ZZ': not known. Near: "),
        ({"modifiers": "2"}, "modifier '2': not known. Near: "),
        ({"setting": "facilty"}, "setting 'facilty': not known. Did you mean facility"),
        ({"participant": "both"}, "participant 'both': not known. There are non_qp, qp"),
        ({"practitioner": "doctor"}, "practitioner 'doctor': not known"),
        ({"units": "1.5"}, "units '1.5': give a whole number from 1 to 9,999"),
        ({"units": 0}, "give a whole number from 1 to 9,999"),
        ({"units": "\u0663"}, "give a whole number"),
        ({"minutes": 2881}, "minutes 2881: give a whole number from 1 to 2,880"),
        ({"charge": "12.345"}, "charge '12.345': give dollars and cents"),
        ({"charge": "1e999999999"}, "give dollars and cents"),
        ({"charge": "NaN"}, "give dollars and cents"),
        ({"charge": "1_000"}, "give dollars and cents"),
        ({"charge": "1,2,3"}, "give dollars and cents"),
        ({"charge": -1}, "give dollars and cents"),
        ({"documented": "perhaps"}, "documented 'perhaps': give yes or no"),
        ({"as_of": "yesterday"}, "as-of day 'yesterday': write it as 2024-03-08"),
    ],
)  # fmt: skip
def test_a_question_that_cant_be_right_says_what_is_wrong_and_what_is_near(priced, asked, message):
    with pytest.raises(UsageError) as refused:
        priced(**asked)
    assert message in str(refused.value)


def test_a_code_may_be_written_small(priced):
    assert priced(" g9901 ")["hcpcs"] == "G9901"


@pytest.mark.parametrize(
    "day", [date(2025, 1, 15), datetime(2025, 1, 15, 8, 30, tzinfo=UTC), " 2025-01-15 ", "20250115"]
)
def test_a_day_may_be_a_date_or_its_text(priced, day):
    assert priced(day=day)["date"] == date(2025, 1, 15)


# --- the command -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hcpcs", "day", "asked"),
    [
        ("G9901", JANUARY, {"locality": "CA/18", "units": "3", "charge": "50"}),
        ("G9902", JANUARY, {"setting": "facility", "modifiers": "26"}),
        ("G9903", "2026-02-01", {"participant": "qp", "locality": "AK/01", "setting": "facility"}),
        ("Q9905", JANUARY, {}),
        ("00999", JANUARY, {"modifiers": "AD", "documented": "yes"}),
    ],
)
def test_the_command_prints_what_the_function_returns(priced, run, output, hcpcs, day, asked):
    options = [f"--{name.rstrip('s') if name == 'modifiers' else name}={value}" for name, value in asked.items()]
    code, out, _ = run("price", hcpcs, "--date", day, *options, "--json", "-o", output)
    expected = json.dumps(priced(hcpcs, day, **asked), default=lambda v: float(v) if isinstance(v, Decimal) else str(v))
    assert (code, json.loads(out)) == (0, json.loads(expected))


def test_the_command_prints_steps_amount_and_sources(run, output):
    code, out, _ = run("price", "G9902", "--date", JANUARY, "--locality", "CA/18", "-o", output)
    assert code == 0
    for said in ("OPPS imaging cap", str(formula(SCAN_CAP, LOS_ANGELES)), "PPRRVU2025_JAN.txt line ", "sha256"):
        assert said in out


@pytest.mark.parametrize(
    ("options", "exit_code"),
    [
        (["", "--date", JANUARY], 2),
        (["G9901", "--date", ""], 2),
        (["G9901", "--date", "9999-12-31"], 2),
        (["G9901", "--date", JANUARY, "--locality", "CA/"], 2),
        (["G9901", "--date", JANUARY, "--locality", "/18"], 2),
        (["G9901", "--date", JANUARY, "--locality", "00000"], 2),
        (["G9901", "--date", JANUARY, "--locality", "\ud800"], 2),
        (["G9901", "--date", JANUARY, "--units", "9" * 5000], 2),
        (["G9901", "--date", JANUARY, "--charge", "1e999999999"], 2),
        (["G9901", "--date", JANUARY, "--modifier", "\u00e9"], 2),
        (["G9901", "--date", JANUARY, "--at", "99"], 2),
        (["G9901"], 2),
        (["G9901", "--date", JANUARY, "--output", "/dev/null"], 1),
    ],
)
def test_odd_arguments_end_with_a_message_and_no_traceback(run, output, options, exit_code):
    where = [] if "--output" in options else ["-o", output]
    code, _, err = run("price", *options, *where)
    assert (code, err.startswith("pfsetl: "), "Traceback" in err, "Unexpected" in err) == (
        exit_code,
        True,
        False,
        False,
    )


# The record layout gives the 150 % of two sides; that sequestration is 2 % since 2022-07 rests on laws not read.
def test_a_rule_that_is_likely_is_said_to_be_and_a_certain_one_is_not(priced) -> None:
    answer = priced(modifiers="50")
    assert [step["certainty"] for step in answer["steps"] if step["step"] == "bilateral"] == ["certain"]
    assert [rule.partition(":")[0] for rule in answer["likely"]] == ["coinsurance", "sequestration"]


@pytest.mark.usefixtures("with_base_units")
def test_a_conversion_factor_that_is_likely_is_said_to_be(priced, tmp_path: Path) -> None:
    paid = {"from": "2026-01-01", "to": "2026-12-31", "category": "anesthesia", "participant": "non_qp"}
    told = {"conversion_factor": "20.49754", "certainty": "likely", "source": "somebody's page"}
    declared.write(tmp_path, "conversion_factors.csv", paid | told)
    with declared.laid_over(tmp_path):
        answer = priced("00999", "2026-02-01", minutes=45)
    assert [one.partition(":")[0] for one in answer["likely"]][-1] == "conversion factor 20.49754"


def test_the_screen_names_what_is_likely(output: Path, run) -> None:
    _, out, _ = run("price", "G9901", "--date", JANUARY, "--output", output)
    assert "likely, not certain by its source: sequestration: " in out


def test_an_argument_that_a_service_does_not_have_is_refused(priced):
    with pytest.raises(TypeError, match=r"localty: a service has no such argument\. There are locality, "):
        priced(localty="CA/18")


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"hcpcs": 99213}, "code 99213"),
        ({"date": 20250115}, "date of service 20250115"),
        ({"locality": 0}, "locality 0"),
        ({"locality": ("CA", "18")}, "locality ('CA', '18')"),
        ({"modifiers": [25]}, "modifier 25"),
        ({"participant": 0}, "participant 0"),
        ({"practitioner": 5}, "practitioner 5"),
    ],
)
def test_what_isnt_text_is_refused_in_words(output, said, what):
    with pytest.raises(UsageError, match=re.escape(f"{what}: give it as text")):
        pfsetl.price(**{"hcpcs": "G9901", "date": JANUARY} | said, output=output)


def test_no_modifiers_may_be_none(output):
    assert pfsetl.price("G9901", JANUARY, modifiers=None, output=output)["modifiers"] == []


@pytest.mark.parametrize("entry", [None, "G9901", ["G9901", JANUARY]])
def test_what_is_no_line_costs_no_other_its_price(output, entry):
    answer = pfsetl.claim([entry, {"hcpcs": "G9901", "date": JANUARY}], output=output)
    assert ([one["line"] for one in answer["lines"]], [bad["line"] for bad in answer["bad"]]) == ([2], [1])


def test_lines_of_a_claim_are_read_like_a_list(output):
    lines = pfsetl.claim([{"hcpcs": "G9901", "date": JANUARY}] * 3, output=output)["lines"]
    assert [one["line"] for one in lines] == [1, 2, 3]
    assert (lines[-1]["line"], [one["line"] for one in lines[1:]], lines == list(lines)) == (3, [2, 3], True)


def test_services_priced_side_by_side_dont_take_each_others_rows(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_CODES", 0)  # so that each thread empties what is kept
    version = pfsetl.open(output)
    codes = [row["hcpcs"] for row in CODES if row["status"] == "A" and not row["modifier"]]
    asked = [(code, day) for code in codes for day in (JANUARY, "2024-02-01", "2025-02-01")]
    alone = [pfsetl.price(code, day, output=version)["allowed"] for code, day in asked]
    switched = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(6) as pool:
            beside = list(pool.map(lambda one: pfsetl.price(*one, output=version)["allowed"], asked * 5))
    finally:
        sys.setswitchinterval(switched)
    assert beside == alone * 5
