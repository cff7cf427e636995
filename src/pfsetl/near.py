"""What a name that isn't known may have meant: the same suggestions in every message."""

import bisect
import difflib
from collections.abc import Iterable, Sequence

MOST = 4
BESIDE = 3  # codes to look at on either side of a mistyped one


def alike(name: str, known: Iterable[str], most: int = MOST) -> list[str]:
    """Return the names that look most like one that isn't known, best first.

    >>> alike("RVU25AA", ["RVU24A", "RVU25A", "RVU25B"]), alike("CQ", ["CO", "GP"]), alike("x", [])
    (['RVU25A', 'RVU25B', 'RVU24A'], ['CO'], [])
    """
    cutoff = 0.5 if len(name) <= 2 else 0.6  # one letter of two is enough
    return difflib.get_close_matches(name, known, most, cutoff)


def beside(code: str, ordered: Sequence[str]) -> list[str]:
    """Return the codes beside which one that isn't known would stand, if they begin as it does, else those alike.

    >>> beside("97762", ["97760", "97761", "97763", "99213"]), beside("G11O", ["G110", "J1885"])
    (['97760', '97761', '97763'], ['G110'])
    """
    at = bisect.bisect(ordered, code)
    around = [one for one in ordered[max(0, at - BESIDE) : at + BESIDE] if one[:2] == code[:2]]
    return around or difflib.get_close_matches(code, ordered, MOST, 0.75)  # one character of four or five is wrong


def did_you_mean(name: str, known: Iterable[str], most: int = MOST) -> str:
    """Return a question that begins with a blank, "" where nothing looks alike.

    >>> did_you_mean("facilty", ["nonfacility", "facility"], 1)
    ' Did you mean facility?'
    """
    return f" Did you mean {', '.join(found)}?" if (found := alike(name, known, most)) else ""
