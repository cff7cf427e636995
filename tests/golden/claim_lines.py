"""Lines of a claim as examples give them: dollars of one unit, and what an example says nothing of."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pfsetl.pricing.lines import Line

DOLLARS = ("payment", "technical", "professional", "therapy", "base_payment", "charge", "uncapped_technical")
SHARES = ("preoperative", "intraoperative", "postoperative")
# What an example says nothing of: no indicator, no part, and the package that most surgery has.
PLAIN: dict[str, Any] = dict.fromkeys(
    [*DOLLARS, "reason", "endoscopic_base", "imaging_family", "pctc"]
) | {
    "multiple_procedure": "0", "bilateral": "0", "assistant_surgeon": "2", "co_surgeons": "2", "team_surgery": "2",
    "preoperative": Decimal("0.10"), "intraoperative": Decimal("0.69"), "postoperative": Decimal("0.21"),
}  # fmt: skip


def line(given: Mapping[str, Any]) -> Line:
    """A line of an example; its dollars are those of one unit."""
    read: dict[str, Any] = {
        name: round(Decimal(str(given[name])) * 100) for name in DOLLARS if given.get(name) is not None
    }
    read |= {name: Decimal(str(given[name])) for name in SHARES if name in given}
    read |= {"date": date.fromisoformat(given["date"]), "modifiers": tuple(given["modifiers"])}
    return Line(**{**PLAIN, **given, **read})
