"""A file of another year must not be published under this label."""

import polars as pl
import pytest

from pfsetl.declared import registry
from pfsetl.errors import ArchiveError
from pfsetl.parsing import banner
from pfsetl.parsing.read import RawTable

TITLE = "{} National Physician Fee Schedule Relative Value File {} Release"


def pprrvu(file: str, year: str = "", month: str = "January", member: str = "pprrvu") -> RawTable:
    title = TITLE.format(year, month) if year else "HDR CPT CODES AND DESCRIPTIONS ONLY ARE COPYRIGHT"
    return RawTable(member, "all", file, "csv", "0" * 64, "G31", pl.DataFrame(), title, {})


def notices(raw: RawTable, label: str = "RVU25A") -> list[str]:
    return banner.notices([raw], registry.find(label))


@pytest.mark.parametrize("file", ["PPRRVU25_JAN.csv", "PPRRVU2025_Jan.csv", "RVU25A/PPRRVU25_JAN.csv", "rvus.csv"])
def test_the_right_year_passes(file: str) -> None:
    assert notices(pprrvu(file, "2025")) == []


def test_a_title_of_another_year_is_refused() -> None:
    with pytest.raises(ArchiveError, match=r"PPRRVU24.csv: says it is of 2024, but RVU25A is of 2025\. Give"):
        notices(pprrvu("PPRRVU24.csv", "2024"))


def test_a_name_of_another_year_is_refused() -> None:
    with pytest.raises(ArchiveError, match=r"PPRRVU24.txt: says it is of 2024"):
        notices(pprrvu("PPRRVU24.txt"))


def test_title_and_name_at_odds_are_noticed() -> None:
    assert notices(pprrvu("PPRRVU25.csv", "2024")) == [
        "PPRRVU25.csv: title and name disagree about the year ([2024, 2025])"
    ]


def test_another_quarter_is_noticed() -> None:
    assert notices(pprrvu("PPRRVU25.csv", "2025", "October")) == [
        "PPRRVU25.csv: titled October release, built as RVU25A"
    ]


def test_the_right_quarter_passes() -> None:
    assert notices(pprrvu("PPRRVU25.csv", "2025", "October"), "RVU25D") == []


def test_titles_of_companions_are_not_asked() -> None:
    # LOCCO of 2011 and 2018 carry the title of the year before.
    assert notices(pprrvu("25LOCCO.csv", "2024", member="locality_county")) == []


def test_another_quarter_in_title_and_name_is_refused() -> None:
    with pytest.raises(
        ArchiveError, match=r"PPRRVU2026_Jan_nonQPP.csv: title and name say January, but RVU26B .* April"
    ):
        notices(pprrvu("PPRRVU2026_Jan_nonQPP.csv", "2026", "January"), "RVU26B")


def test_another_quarter_in_the_title_alone_is_noticed() -> None:
    assert notices(pprrvu("PPRRVU2025_Jul.csv", "2025", "April"), "RVU25C") == [
        "PPRRVU2025_Jul.csv: titled April release, built as RVU25C"
    ]
