"""One value that a user gives: text, a name, a number, yes or no, a charge; UsageError says what else was given."""

import re
from collections.abc import Iterable
from decimal import Decimal

from pfsetl.errors import UsageError
from pfsetl.near import did_you_mean

_WHOLE = re.compile(r"[0-9]{1,6}")
_AS_TEXT = re.compile(r"=?\s*[\"'](.*?)[\"']?|'(.*)", re.DOTALL)
_WHOLE_NUMBER = re.compile(r"([0-9]{5})\.0+")
_YES, _NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0", "")
_DOLLARS = re.compile(r"\$?([0-9]{1,9}|[0-9]{1,3}(,[0-9]{3}){1,2})(\.[0-9]{1,2}0*)?")


def text_of(what: str, value: object) -> str:
    """Return what was given as text; a number is none, whose leading zeros are lost."""
    if not isinstance(value, str):
        raise UsageError(f"{what} {value!r}: give it as text, in quotes.")
    return value


def several(value: str | Iterable[str]) -> list[str]:
    """Return what was given one by one, or alone, as a list; whoever reads it judges each.

    >>> several("99213"), several(["99213", "G0101"])
    (['99213'], ['99213', 'G0101'])
    """
    return [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)


def code_of(value: object) -> str:
    """Return a code in capitals, out of the quotes and decimals that spreadsheets put around it.

    >>> code_of(" g0101 "), code_of('="99213"'), code_of("99213.0"), code_of("9.92E+04")
    ('G0101', '99213', '99213', '9.92E+04')
    """
    text = str(value).strip()
    if quoted := _AS_TEXT.fullmatch(text):
        text = (quoted[1] or quoted[2] or "").strip()
    if number := _WHOLE_NUMBER.fullmatch(text):
        text = number[1]
    return text.upper()


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
