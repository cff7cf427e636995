"""One value that a user gives: text, a name, a number, yes or no, a charge; UsageError says what else was given."""

import re
from decimal import Decimal

from pfsetl.errors import UsageError
from pfsetl.near import did_you_mean

_WHOLE = re.compile(r"[0-9]{1,6}")
_YES, _NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0", "")
_DOLLARS = re.compile(r"\$?([0-9]{1,9}|[0-9]{1,3}(,[0-9]{3}){1,2})(\.[0-9]{1,2}0*)?")


def text_of(what: str, value: object) -> str:
    """Return what was given as text; a number is none, whose leading zeros are lost."""
    if not isinstance(value, str):
        raise UsageError(f"{what} {value!r}: give it as text, in quotes.")
    return value


def one_of(what: str, value: str | None, known: tuple[str, ...]) -> str:
    """Return which of some known names is given, however it's written."""
    if value in known:
        return value
    name = re.sub(r"[-\s]+", "_", text_of(what, value).strip().lower())
    if name not in known:
        name = next((k for k in known if k.replace("_", "") == name.replace("_", "")), name)
    if name not in known:
        raise UsageError(f"{what} {value!r}: not known.{did_you_mean(name, known, 1)} There are {', '.join(known)}.")
    return name


def whole(what: str, value: int | str | None, most: int) -> int:
    """Return a whole number from 1 on."""
    text = str(value).strip()
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= most:
        raise UsageError(f"{what} {value!r}: give a whole number from 1 to {most:,}.")
    return int(text)


def yes(what: str, value: bool | str | int) -> bool:
    """Return whether yes is given, not no."""
    if value is False:
        return value
    text = str(value).strip().lower()
    if text not in (*_YES, *_NO):
        raise UsageError(f"{what} {value!r}: give yes or no.")
    return text in _YES


def cents(value: Decimal | str | int | None) -> int:
    """Return a charge in cents."""
    text = str(value).strip()
    if not _DOLLARS.fullmatch(text):
        raise UsageError(f"charge {value!r}: give dollars and cents below a billion, like 125.00.")
    return int(Decimal(text.lstrip("$").replace(",", "")).scaleb(2))
