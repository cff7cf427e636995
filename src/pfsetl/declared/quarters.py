"""CMS's quarters: the days of each, and the labels that its naming rule gives to their releases.

RVU{yy}{A,B,C,D} is the January, April, July, October release (CMS record layout, every year); a label that ends in R is
a correction.
"""

import re
from datetime import date, timedelta

_LABEL = re.compile(r"^RVU(?P<year>\d{2})(?P<quarter>[A-D])(?:R\d?)?$")
_LETTERS = "ABCD"


def of_label(label: str) -> tuple[int, int] | None:
    """Return the year and quarter that a label says, None where it doesn't follow the rule.

    >>> of_label("RVU24AR"), of_label("RVU10C_PCT22")
    ((2024, 1), None)
    """
    match = _LABEL.match(label)
    return (2000 + int(match["year"]), _LETTERS.index(match["quarter"]) + 1) if match else None


def label_of(day: date) -> str:
    """Return the label of the first release of a day's quarter.

    >>> label_of(date(2027, 2, 1))
    'RVU27A'
    """
    return f"RVU{day:%y}{_LETTERS[(day.month - 1) // 3]}"


def first_day(year: int, quarter: int) -> date:
    """Return the first day of a quarter."""
    return date(year, 3 * quarter - 2, 1)


def last_day(year: int, quarter: int) -> date:
    """Return the last day of a quarter."""
    return first_day(year + quarter // 4, quarter % 4 + 1) - timedelta(days=1)
