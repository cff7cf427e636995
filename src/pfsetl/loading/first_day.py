"""From when a companion holds: what its records, its names and its titles say, which must be one day."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path, PurePosixPath

import polars as pl

from pfsetl.declared import quarters
from pfsetl.declared.records.archives import CompanionRow
from pfsetl.errors import UsageError, ValueRefused

_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def first_day(
    row: CompanionRow, files: Sequence[str], paths: Sequence[Path], records: Iterable[str], titles: Iterable[str]
) -> date | None:
    """Return the first day that a companion holds, None where nothing says it.

    `files` and `paths` are the names of its files and of what was given, `records` the quarters of its records (20254),
    `titles` what stands above them. Titles count before names, which may say the year alone; the last resort is a
    year anywhere. Raises ValueRefused where two names say different days, or a title another year.
    """
    names = list(dict.fromkeys([*(PurePosixPath(file).stem for file in files), *(path.stem for path in paths)]))
    named = {name: day for name in names if (day := _told(row, name))}
    inside = {quarters.first_day(int(told[:4]), int(told[4])) for told in records}
    for name, day in named.items():
        if inside and day not in inside:
            raise ValueRefused(
                f"{name}: its name says {_quarter(day)}, its records {_quarter(min(inside), short=True)}. One of them "
                "is of another file. Get it from CMS again, or correct its name."
            )
    if len(set(named.values())) > 1:
        told = ", ".join(f"{name} says {day}" for name, day in named.items())
        raise ValueRefused(
            f"The names don't agree on the day from which the file holds: {told}. Give the files of one quarter, or "
            "correct the name that is wrong."
        )
    above = list(titles)
    titled = [day for title in above if (day := _told(row, title))]
    for name, day in named.items():
        if titled and titled[0].year != day.year:
            raise ValueRefused(
                f"{name}: its name says {day}, its title {titled[0]}. One of them is of another file. Get it from CMS "
                "again, or correct its name."
            )
    for found in (*inside, *titled, *named.values()):
        return found
    years = _years([*above, *names])
    return date(int(next(iter(years.values()))), 1, 1) if years else None


def other_years(row: CompanionRow, files: Sequence[str], paths: Sequence[Path], titles: Iterable[str]) -> list[str]:
    """Say where a title and a name of a file say different years, of which the title's is taken.

    Only of a kind whose names say no day (`quarter` in `schemas/companions.csv`); others are refused by `first_day`.
    """
    names = dict.fromkeys([*(PurePosixPath(file).stem for file in files), *(path.stem for path in paths)])
    above, named = _years(titles), _years(names)
    if row.quarter or not above:
        return []
    taken = next(iter(above.values()))
    return [
        f"its heading says {taken} and the name {name} {year}: taken as {taken}'s. If the name is right, give the day: "
        f"--effective-from {year}-01-01"
        for name, year in named.items()
        if year != taken
    ]


def _years(texts: Iterable[str]) -> dict[str, str]:
    """Return the year of each text that says one."""
    found = {text: set(_YEAR.findall(text)) for text in texts}
    return {text: years.pop() for text, years in found.items() if len(years) == 1}


def refuse_two_quarters(frame: pl.DataFrame, file: str) -> None:
    """Raise ValueRefused for a file with records (`quarter`, `line`) of several quarters."""
    if "quarter" not in frame.columns or (found := frame["quarter"].unique().sort()).len() < 2:
        return
    odd = frame.filter(pl.col("quarter") != frame["quarter"].mode().sort()[0])
    raise ValueRefused(
        f"{file}: records of {len(found)} quarters ({', '.join(map(str, found))}), line "
        f"{odd['line'][0]} has {odd['quarter'][0]}. A file holds one quarter. Download it again."
    )


def refuse_later(frame: pl.DataFrame, column: str, day: date, what: str) -> None:
    """Raise ValueRefused for rows that begin after the day from which their file holds: it's of another quarter."""
    later = frame.filter(pl.col(column) > day)
    if later.height:
        first = later.sort(column, "line").row(-1, named=True)
        raise ValueRefused(
            f"{what}: line {first['line']} begins on {first[column]}, and the file is said to hold from {day} on "
            f"({later.height:,} rows begin later). It's the file of a later quarter: correct its name, or give the day "
            "with --effective-from."
        )


def refuse_undated(path: Path) -> UsageError:
    """Return the error for a file of which nothing says from when it holds."""
    return UsageError(
        f"{path}: neither its content nor its name says from when it holds. Say it: --effective-from 2022-01-01."
    )


def _told(row: CompanionRow, text: str) -> date | None:
    """Return the first day that a text says by the groups of a companion's `quarter`."""
    match = row.quarter.search(text.upper()) if row.quarter else None
    if match is None:
        return None
    try:
        return _day({name.rstrip("_"): value for name, value in match.groupdict().items() if value}, row.year_zero or 0)
    except ValueError:
        raise ValueRefused(
            f"{text}: its name says a day that there isn't ({match[0]}). Correct its name, or get the file again."
        ) from None


def _day(said: Mapping[str, str], year_zero: int) -> date:
    """Return the day that groups of a `quarter` say; raises ValueError for one that there isn't."""
    if "volume" in said:
        return quarters.first_day(year_zero + int(said["volume"]), int(said.get("number", "0")) + 1)
    year = int(said["year"]) + (2000 if len(said["year"]) == 2 else 0)
    if "quarter" in said:
        return quarters.first_day(year, int(said["quarter"]))
    month = said.get("month", "1")
    number = int(month) if month.isdecimal() else _MONTHS.index(month[:3]) + 1
    return date(year, number, int(said.get("day", "1")))


def _quarter(day: date, *, short: bool = False) -> str:
    number = (day.month + 2) // 3
    return f"{number} of {day.year}" if short else f"quarter {number} of {day.year}"
