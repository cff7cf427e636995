"""CMS's worked examples of its manuals and transmittals, as claims with the dollars that they give.

They lie beside the published amounts (`worked_examples.json`): name, source, lines, and what Medicare allows in all,
or what sequestration takes.
"""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pfsetl.pricing.claims import price_claim
from pfsetl.pricing.reductions import Line

DOLLARS = ("payment", "technical", "professional", "therapy", "base_payment", "charge", "uncapped_technical")
SHARES = ("preoperative", "intraoperative", "postoperative")
# What an example says nothing of: no indicator, no part, and the package that most surgery has.
PLAIN: Mapping[str, Any] = dict.fromkeys(
    [*DOLLARS, "reason", "endoscopic_base", "imaging_family", "pctc"]
) | {
    "multiple_procedure": "0", "bilateral": "0", "assistant_surgeon": "2", "co_surgeons": "2", "team_surgery": "2",
    "preoperative": Decimal("0.10"), "intraoperative": Decimal("0.69"), "postoperative": Decimal("0.21"),
}  # fmt: skip


def line(given: Mapping[str, Any]) -> Line:
    """A line of an example; its dollars are those of one unit."""
    read = {name: round(Decimal(str(given[name])) * 100) for name in DOLLARS if given.get(name) is not None}
    read |= {name: Decimal(str(given[name])) for name in SHARES if name in given}
    read |= {"date": date.fromisoformat(given["date"]), "modifiers": tuple(given["modifiers"])}
    return Line(**(PLAIN | given | read))


@pytest.fixture(scope="module")
def examples(oracles: Path) -> list[dict[str, Any]]:
    path = oracles / "worked_examples.json"
    if not path.is_file():
        pytest.skip(f"SKIPPED, NOT PASSED: no {path}")
    found: list[dict[str, Any]] = json.loads(path.read_text())["examples"]
    return found


def test_every_worked_example_comes_to_what_cms_says(examples: list[dict[str, Any]]) -> None:
    wrong = []
    for one in examples:
        priced = price_claim([line(given) for given in one["lines"]])
        what = "sequestration" if "sequestration" in one["expected_is"] else "allowed"
        ours = Decimal(sum(getattr(entry, what) or 0 for entry in priced)).scaleb(-2)
        if ours != Decimal(str(one["expected"])):
            wrong.append((one["name"], one["expected"], ours, [entry.reason for entry in priced]))
    assert (wrong, len(examples) >= 43) == ([], True)
