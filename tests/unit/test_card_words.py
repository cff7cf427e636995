"""The card of a code has its indicators in words, and the modifiers that go with it with their dollars."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def card(demo: Path, run: Run) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run("code", "G0101", "--release", "RVU26A", "--output", demo, "--json")[1])
    return told


def paid(card: dict[str, Any], modifier: str, setting: str = "nonfacility") -> tuple[bool, float | None]:
    (row,) = (
        m for m in card["modifiers"] if (m["modifier"], m["participant"], m["setting"]) == (modifier, "non_qp", setting)
    )
    return row["applies"], row["payment"]


def test_every_indicator_of_a_row_is_in_words(card: dict[str, Any]) -> None:
    told = {one["column"]: one["meaning"] for one in card["indicators"]}
    assert {"status", "pctc", "global_days", "bilateral", "assistant_surgeon", "co_surgeons", "supervision"} <= set(
        told
    )
    assert None not in told.values()
    assert told["global_days"] == "no global period"  # XXX, CMS's record layout
    assert told["pricing_indicator"] == "does not apply"  # 9, of everyone but qualifying participants


# G0101 pays $39.75 outside a facility: an assistant 16 % of that (Social Security Act 1848(i)(2)(B)), one who is no
# physician 85 % of the 16 (1833(a)(1)(O), 42 CFR 414.52 and 414.56).
@pytest.mark.parametrize(("modifier", "payment"), [("80", 6.36), ("AS", 5.41)])
def test_a_modifier_that_applies_has_its_dollars(card: dict[str, Any], modifier: str, payment: float) -> None:
    assert paid(card, modifier) == (True, payment)


@pytest.mark.parametrize("modifier", ["26", "54", "62", "66"])
def test_a_modifier_that_does_not_apply_has_none(card: dict[str, Any], modifier: str) -> None:
    assert paid(card, modifier) == (False, None)


def test_both_sides_pay_no_more_where_the_indicator_is_0(card: dict[str, Any]) -> None:
    assert paid(card, "50") == (False, 39.75)


def test_a_terminal_shows_dollars_and_reasons(demo: Path, run: Run) -> None:
    out = run("code", "G0101", "--release", "RVU26A", "--output", demo)[1]
    assert "bilateral surgery (50): 0, no bilateral increase" in out
    assert " $6.36  -$33.39  assistant at surgery, once documented" in out
    assert "54, 55, 56, 78 don't apply, global_days XXX: no global period" in out


def test_a_store_of_before_says_what_it_lacks(
    demo: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from pfsetl import Version
    from pfsetl.errors import UsageError

    scan = Version.scan

    def without(self: Version, table: str, release: str | None = None) -> Any:
        if table == "code_modifier":
            raise UsageError("code_modifier: no such table in version 2.")
        return scan(self, table, release)

    monkeypatch.setattr(Version, "scan", without)
    code, out, _ = run("code", "G0101", "--output", demo)
    assert (code, "not told" in out, "code_modifier: no such table" in out) == (0, True, True)
