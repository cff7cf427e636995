"""Every modifier that a rule names, on lines worked out by hand from the law's or CMS's own words.

`modifier_lines.json`: name, source, how the dollars were worked out, lines (of one claim), and what each is allowed, or
the reason why it isn't. Payments are invented round figures; the package is 10, 69 and 21 % where a line says nothing.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pfsetl.pricing.claims import price_claim
from pfsetl.pricing.lines import PricedLine
from pfsetl.pricing.rules import reductions
from pfsetl.pricing.service import modifiers
from tests.golden.claim_lines import line

EXAMPLES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "modifier_lines.json").read_text())
RULED = {name for row in reductions() for name in row.modifier}
# What a part is says which rule applies, and the units of supervision are in the amount itself.
# What Medicare pays of an amount is no step of it; sequestration has tests of its own.
WITHOUT_STEP = {"part", "medical_supervision", "practitioner", "coinsurance"}


def priced(example: dict[str, Any]) -> tuple[PricedLine, ...]:
    return price_claim([line({"number": n, "units": 1} | one) for n, one in enumerate(example["lines"], start=1)])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one["name"])
def test_a_line_is_allowed_what_the_source_says(example: dict[str, Any]) -> None:
    ours = [one.reason or Decimal(one.allowed or 0).scaleb(-2) for one in priced(example)]
    expected = [one if isinstance(one, str) else Decimal(str(one)) for one in example["expected"]]
    assert ours == expected, example["worked"]


def test_every_modifier_with_a_rule_is_named_by_one() -> None:
    assert {name for name, one in modifiers().items() if one.effect == "rule"} - RULED == set()


def test_every_modifier_that_a_rule_names_is_declared_to_have_one() -> None:
    effects = {name: modifiers()[name].effect for name in RULED}
    assert {name: effect for name, effect in effects.items() if effect not in ("rule", "row")} == {}


def test_every_modifier_that_a_rule_names_is_on_a_line() -> None:
    assert RULED - {name for one in EXAMPLES for given in one["lines"] for name in given["modifiers"]} == set()


def test_every_rule_that_takes_a_share_for_a_modifier_decides_a_line() -> None:
    decided = {step.rule for example in EXAMPLES for one in priced(example) for step in one.steps}
    taking = {row.rule for row in reductions() if row.modifier and not row.outcome}
    assert taking - WITHOUT_STEP - decided == set()
