"""CMS's worked examples of its manuals and transmittals, as claims with the dollars that they give.

They lie beside the published amounts (`worked_examples.json`): name, source, lines, and what Medicare allows in all,
or what sequestration takes.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pfsetl.pricing.claims import price_claim
from tests.golden.claim_lines import line


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
