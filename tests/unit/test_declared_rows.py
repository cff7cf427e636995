"""The files of `schemas/` as they're shipped; what can't be right in one is refused with file, line and remedy."""

import csv
import fnmatch
import os
import re
import shutil
from collections.abc import Hashable, Iterable, Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args, get_origin, get_type_hints

import pytest

import pfsetl
from pfsetl.declared import cells, corrections, declarations, records, registry
from pfsetl.declared.files import read
from pfsetl.declared.records.archives import CHECKS
from pfsetl.declared.records.sheet import Reference, Sheet
from pfsetl.errors import ContractError, UsageError
from tests import declared

FILES = sorted(p.relative_to(declarations.folder()).as_posix() for p in declarations.folder().rglob("*.csv"))
FILLED = [name for name in FILES if name != "watch/known_problems.csv"]  # no problem is known to everybody
NONSENSE = "(¿"  # no number, no day, no word of any list, no regular expression, no name
ILLEGIBLE = ("\x1b", "\x00", "\u200b", "\ufffd", "\u202e", "\xa0")
OF_CMS = {("corrections.csv", "field")}  # which may be a rule's name, a date or `(only in the other file)`


def test_every_shipped_file_is_right_alone_and_beside_the_others() -> None:
    assert list(declarations.names()) == FILES
    assert registry.releases()
    assert [name for name in FILES if not declarations.texts(name)] == [name for name in FILES if name not in FILLED]


def table(name: str) -> list[dict[str, str]]:
    """The rows of a shipped file."""
    with (declarations.folder() / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]], columns: list[str] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns or list(rows[0]), lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def refused(path: Path, sheet: Sheet[Any]) -> str:
    """What is said of a file; nothing where it's taken."""
    try:
        read(path, sheet)
    except ContractError as error:
        return str(error)
    return ""


def folder(at: Path, name: str, rows: list[dict[str, str]]) -> Path:
    """The shipped declarations, linked to, with other rows in one file."""
    shutil.copytree(declarations.folder(), at / "schemas", copy_function=os.symlink)
    (at / "schemas" / name).unlink()
    write(at / "schemas" / name, rows)
    return at / "schemas"


def refused_beside(at: Path, name: str, rows: list[dict[str, str]]) -> str:
    """What is said of rows together, and beside the other files; nothing where they're taken."""
    with declared.shipped_from(folder(at, name, rows)):
        try:
            declarations.rows(records.sheet(name))
        except ContractError as error:
            return str(error)
    return ""


def test_every_shipped_row_says_what_it_is_and_where_from() -> None:
    told = {"source", "certainty", "meaning", "what", "why", "valid_for", "unit", "part", "example", "kind"}
    for name in FILLED:
        for column in told & set(declarations.columns(name)) - ({"part"} if name == "reductions.csv" else set()):
            assert [row for row in table(name) if not row[column]] == [], (name, column)


# --- one row ----------------------------------------------------------------------------------------------------


def columns_of(name: str) -> Iterable[str]:
    return cells.columns(cast("Hashable", records.sheet(name).record))


def test_every_column_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    wrong = []
    for name in FILLED:
        last = table(name)[-1]
        for column in (column for column in columns_of(name) if (name, column) not in OF_CMS):
            said = refused(write(tmp_path / name, [last | {column: NONSENSE}]), records.sheet(name))
            if f"{name} line 2: {column} {NONSENSE!r} " not in said:
                wrong.append((name, column, said))
    assert not wrong, "\n".join(map(str, wrong))


def test_every_column_refuses_a_character_that_cannot_be_read(tmp_path: Path) -> None:
    wrong = []
    for name in FILLED:
        rows = table(name)
        for column, odd in zip(columns_of(name), cycle(ILLEGIBLE), strict=False):
            cell = next((row[column] for row in rows if row[column]), "xx")
            row = rows[-1] | {column: f"{cell[:1]}{odd}{cell[1:]}x"}
            said = refused(write(tmp_path / name, [row]), records.sheet(name))
            if f"{name} line 2: {column} " not in said:
                wrong.append((name, column, odd, said))
    assert not wrong, "\n".join(map(str, wrong))


def test_every_column_has_a_type_that_says_what_may_stand_there() -> None:
    of_anything = []
    for name in FILES:
        for field, hint in get_type_hints(records.sheet(name).record, include_extras=True).items():
            kinds = [hint, *(get_args(hint) if get_origin(hint) not in (Annotated, re.Pattern) else ())]
            of_anything += [(name, field) for kind in kinds if kind in (str, int, float, Decimal)]
    assert of_anything == []


@pytest.mark.parametrize("name", ["members.csv", "companions.csv"])
def test_every_example_of_a_file_name_is_one_of_its_pattern(name: str) -> None:
    for row in table(name):
        assert re.search(row["pattern"], row["example"], re.IGNORECASE), row


def test_every_check_that_a_correction_may_name_is_one_of_the_code() -> None:
    source = "\n".join(p.read_text() for p in (Path(pfsetl.__file__).parent / "checks").glob("*.py"))
    assert [check for check in CHECKS if check.rstrip("*_") not in source] == []


def vocabularies() -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    for name in FILLED:
        for field, hint in get_type_hints(records.sheet(name).record, include_extras=True).items():
            for inner in (hint, *get_args(hint)):
                if get_origin(inner) is Literal:
                    yield name, field.rstrip("_"), get_args(inner)


@pytest.mark.parametrize(("name", "column", "words"), list(vocabularies()), ids=lambda value: str(value)[:30])
def test_a_word_that_is_not_one_of_a_column_is_told_with_those_that_are(
    tmp_path: Path, name: str, column: str, words: tuple[Any, ...]
) -> None:
    rows = table(name)
    slip = f"{rows[0][column] or 'x'}x"
    said = refused(write(tmp_path / name, [rows[0] | {column: slip}, *rows[1:]]), records.sheet(name))
    told = {slip, slip.split()[-1]}  # of several words in one cell the wrong one
    assert any(f"{name} line 2: {column} {word!r} is none of " in said for word in told)
    assert set(map(str, words)) - {""} <= set(re.split(r"[ ,.]+", said.partition("none of")[2])) | {
        word for word in map(str, words) if " " in word and word in said
    }


def test_a_column_that_is_missing_or_unknown_is_named(tmp_path: Path) -> None:
    wrong = []
    for name in FILES:
        whole = list(declarations.columns(name))
        headers = {f"lacks {column}": [c for c in whole if c != column] for column in whole}
        for problem, header in (headers | {"extra unknown": [*whole, "extra"]}).items():
            said = refused(write(tmp_path / name, [dict.fromkeys(header, "")], header), records.sheet(name))
            if f"{name} line 1: {problem}. Its columns are {','.join(whole)}." not in said:
                wrong.append((name, problem, said))
    assert not wrong, "\n".join(map(str, wrong))


def test_a_key_that_stands_twice_is_told_with_both_lines(tmp_path: Path) -> None:
    twice = {name: write(tmp_path / name, table(name)[:1] * 2) for name in FILLED}
    said = {name: refused(path, records.sheet(name)) for name, path in twice.items()}
    told = r" line \d+: .* stands already in line 2\. Keep one of the two"
    assert {name: text for name, text in said.items() if not re.search(re.escape(name) + told, text)} == {}


def test_a_last_day_before_the_first_is_told(tmp_path: Path) -> None:
    wrong = []
    for name in FILLED:
        if days := records.sheet(name).days:
            first, last = days
            row = table(name)[0] | {first: "2031-02-01", last: "2031-01-31"}
            said = refused(write(tmp_path / name, [row]), records.sheet(name))
            if f"{name} line 2: {first} 2031-02-01 is after {last} 2031-01-31. Write the first day" not in said:
                wrong.append((name, said))
    assert not wrong, "\n".join(map(str, wrong))


# The seven edits of which each did harm or blamed something else when it was made in the shipped files.
@pytest.mark.parametrize(
    ("name", "key", "change", "said"),
    [
        ("reductions.csv", {"rule": "imaging", "from": "2010-07-01"}, {"rule": "imagin"},
         "rule 'imagin' is none of assistant_surgeon, bilateral,"),
        ("reductions.csv", {"rule": "imaging"}, {"rule": "imagin"}, "Near: imaging"),
        ("fields.csv", {"field": "hcpcs"}, {"kind": "kode"},
         "kind 'kode' is none of code, text, name, flag, decimal, dollars. Near: code"),
        ("reductions.csv", {"rule": "surgery"}, {"from": "1995-13-01"},
         "from '1995-13-01' isn't a day. Write it as 2026-01-31"),
        ("releases.csv", {"release": "RVU25A"}, {"year": "one"}, "year 'one' isn't of the form"),
        ("releases.csv", {"release": "RVU25A"}, {"quarter": "5"}, "quarter '5' is none of 1, 2, 3, 4"),
        ("fields.csv", {"field": "modifier"}, {"pattern": "[0-9A-Z{0,2}"}, "isn't a regular expression"),
        ("fields.csv", {"field": "modifier"}, {"pattern": "(?<!x)[A-Z]{2}"}, "can't be searched for in a column"),
        ("fields.csv", {"field": "work_rvu"}, {"scale": "0"}, "scale 0, whole 5: kind decimal has 1 or more of both"),
        ("layouts/shapes.csv", {"layout": "W206"}, {"record_length": ""}, "medium fixed has one"),
        ("layouts/pprrvu.csv", {"layout": "W206"}, {"start": "9", "end": "5"}, "end 5 is before start 9"),
        ("conversion_factors.csv", {"from": "2025-01-01"}, {"conversion_factor": "-3.2"}, "'-3.2' is below 0"),
        ("conversion_factors.csv", {"from": "2025-01-01"}, {"conversion_factor": "0"}, "a factor is above 0"),
        ("reductions.csv", {"rule": "imaging"}, {"denominator": "0"}, "nothing is divided by it"),
        ("identity.csv", {"says": "month"}, {"pattern": "JANUARY"}, "has no group (?P<month>...)"),
        ("fields.csv", {"field": "hcpcs"}, {"pad": "-5"}, "pad '-5' is below 0. Write 0 or more"),
        ("floors.csv", {"table": "gpci"}, {"at_least": "-1"}, "at_least '-1' is below 0"),
        ("formula.csv", {"rule": "work_adjuster"}, {"numerator": "-8806"}, "numerator '-8806' is below 0"),
        ("codes/global_days.csv", {"code": "090"}, {"postoperative_days": "-90"}, "_days '-90' is below 0"),
        ("layouts/shapes.csv", {"medium": "grid"}, {"header_above": "-1"}, "header_above '-1' is below 0"),
        ("sections.csv", {"rule": "number"}, {"last": "0122"}, "rule number is of five digits"),
        ("work_index_floor.csv", {"act": "P.L. 111-148"}, {"floor": "one"}, "floor 'one' isn't a number"),
        ("codes/status.csv", {"code": "A"}, {"payable": "maybe"}, "payable 'maybe' is none of true, yes, false, no"),
        ("fields.csv", {"field": "hcpcs"}, {"pad": "99"}, "pad '99' is above 9. Write 0 to 9"),
        ("fields.csv", {"field": "hcpcs"}, {"pad": "7"}, "pad 7: pattern '[0-9A-Z]{5}' doesn't fit 7 characters"),
        ("fields.csv", {"field": "work_rvu"}, {"whole": "9"}, "scale 2, whole 9: a number has 9 digits at most"),
        ("releases.csv", {"release": "RVU25A"}, {"effective_to": "3025-03-31"}, "a day of the years 1965 to 2099"),
        ("releases.csv", {"release": "RVU25A"}, {"release": "rvu25a"}, "isn't a label in capitals, such as RVU26A"),
        ("releases.csv", {"release": "RVU25A"}, {"zip": "https://x"}, "isn't a path, such as /files/zip/rvu26a.zip"),
        ("conversion_factors.csv", {"from": "2025-01-01"}, {"conversion_factor": "32346"}, "is above 999"),
        ("thresholds.csv", {"unit": "share"}, {"value": "50"}, "value '50' is above 10"),
        ("reductions.csv", {"rule": "imaging"}, {"numerator": "75000"}, "numerator '75000' is above 10,000"),
        ("reductions.csv", {"rule": "imaging"}, {"rank_from": "0"}, "rank_from '0' is below 1"),
        ("reductions.csv", {"rule": "imaging"}, {"numerator": ""}, "numerator is empty, and denominator isn't"),
        ("participants.csv", {"participant": "qp"}, {"pricing_indicator": "17"}, "isn't of the form [0-9A-Z]"),
        ("floors.csv", {"value": "V5364"}, {"columns": "hcpcs modifier"}, "is of one column, not of hcpcs modifier"),
        ("corrections.csv", {"action": "stale"}, {"field": "hcpcs"}, "nothing reads it for action stale"),
        ("corrections.csv", {"action": "stale"}, {"archive": "12"}, "isn't the beginning of an archive's content hash"),
        ("service_groups.csv", {"field": "global_days"}, {"last": "00100"}, "global_days has 3 characters"),
        ("code_traits.csv", {"trait": "radiology"}, {"last": "7999"}, "a code has 5 characters"),
        ("places_of_service.csv", {"place": "02"}, {"place": "2"}, "place '2' isn't of the form [0-9]{2}"),
        ("states.csv", {"state": "AL"}, {"name": "?"}, "name '?' isn't a name, of 200 characters at most"),
    ],
)  # fmt: skip
def test_an_edit_that_cannot_be_right_is_refused_where_it_was_made(
    tmp_path: Path, name: str, key: dict[str, str], change: dict[str, str], said: str
) -> None:
    rows = table(name)
    at = next(i for i, row in enumerate(rows) if all(row[c] == v for c, v in key.items()))
    rows[at] |= change
    told = refused(write(tmp_path / name, rows), records.sheet(name))
    assert f"{name} line {at + 2}: " in told
    assert said in told


# --- rows of one file together ----------------------------------------------------------------------------------


def test_the_order_of_rows_means_nothing(tmp_path: Path) -> None:
    shutil.copytree(declarations.folder(), tmp_path / "schemas")
    for name in FILLED:
        write(tmp_path / "schemas" / name, table(name)[::-1])
    shipped = {name: declarations.rows(records.sheet(name)) for name in FILES}
    with declared.shipped_from(tmp_path / "schemas"):
        assert {name: declarations.rows(records.sheet(name)) for name in FILES} == shipped


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("formula.csv", {"rule": "work_adjuster", "flag": "", "from": "2008-06-01", "to": "2009-12-31"},
         "with the same rule, flag: both would hold on the same days. End one before the other begins"),
        ("places_of_service.csv", {"place": "02", "setting": "nonfacility", "from": "2020-01-01"},
         "from 2020-01-01 on in the other row, with the same place"),
        ("floors.csv", {"table": "gpci", "columns": "state locality", "value": "", "participants": "",
                        "from": "2024-01-01", "until": ""}, "the same table, columns"),
        ("modifier_conflicts.csv", {"modifier": "50", "other": "LT", "from": "2020-01-01"}, "the same modifier, other"),
        ("modifier_conflicts.csv", {"modifier": "LT", "other": "50", "from": "2020-01-01"}, "the other way round"),
        ("work_index_floor.csv", {"act": "P.L. 1", "enacted_on": "2003-12-08"}, "the same enacted_on"),
        ("sections.csv", {"rule": "number", "first": "00200", "last": "00310"}, "have codes in common"),
        ("imaging_services.csv", {"kind": "x_ray", "first": "70480", "last": "70480"}, "have codes in common"),
        ("identity.csv", {"member": "gpci", "where": "name", "says": "year", "contradiction": "noticed",
                          "pattern": "(?P<year>x)"}, "Write the same contradiction in both"),
        ("reductions.csv", {"rule": "practitioner", "indicator": "", "modifier": "GT"}, "both have priority 0"),
        ("reductions.csv", {"rule": "therapy", "indicator": "5", "setting": "facility", "from": "2014-01-01"},
         "Give the one that comes first a higher priority"),
    ],
)  # fmt: skip
def test_rows_that_say_two_things_of_one_are_refused_naming_both(
    tmp_path: Path, name: str, more: dict[str, str], said: str
) -> None:
    rows = table(name)
    told = refused_beside(tmp_path, name, [*rows, rows[0] | more])
    assert said in told
    assert len(re.findall(rf"{re.escape(name)} line \d+", told)) == 2


def test_of_two_corrections_of_one_release_the_more_exact_one_is_taken_and_equal_ones_are_refused(
    tmp_path: Path,
) -> None:
    row = {"member": "gpci", "action": "stale", "source": "mine"}
    declared.write(
        tmp_path, "corrections.csv",
        row | {"release": "RVU25*", "what": "of all"}, row | {"release": "RVU25C", "what": "of this"},
    )  # fmt: skip
    with declared.laid_over(tmp_path):
        assert [found.what for found in corrections.of("stale", "RVU25C")] == ["of this", "of all"]
    declared.write(
        tmp_path, "corrections.csv",
        row | {"release": "RVU25*", "what": "one"}, row | {"release": "RVU2?C", "what": "another"},
    )  # fmt: skip
    with (
        declared.laid_over(tmp_path),
        pytest.raises(UsageError, match=r"both are for RVU25C, and give different reasons"),
    ):
        declarations.rows(records.sheet("corrections.csv"))


def test_of_rows_that_fit_one_line_the_one_with_the_higher_priority_wins(tmp_path: Path) -> None:
    rows = table("reductions.csv")
    without = [row | {"priority": ""} for row in rows]
    assert "both have priority 0" in refused_beside(tmp_path, "reductions.csv", without)


# --- files beside each other ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key", "change", "said"),
    [
        ("reductions.csv", {"rule": "bilateral"}, {"indicator": "8"}, "indicator '8' is none of 0, 1, 2, 3, 9"),
        ("reductions.csv", {"rule": "medical_direction"}, {"indicator": "S"}, "which codes/status.csv has"),
        ("reductions.csv", {"rule": "return_to_operating_room"}, {"indicator": "011"}, "Near: 010"),
        ("reductions.csv", {"rule": "technical_equipment"}, {"indicator": "mri"}, "is none of ct, x_ray"),
        ("reductions.csv", {"indicator": "preventive"}, {"indicator": "prevented"}, "of mental_health, preventive"),
        ("practitioner_modifiers.csv", {"practitioner": "csw"}, {"practitioner": "ct"}, "'ct' is none of"),
        ("floors.csv", {"value": "V5364"}, {"value": "V536"}, "isn't of the form [0-9A-Z]{5}, which hcpcs has"),
        ("corrections.csv", {"action": "explain", "field": "mp_gpci"}, {"field": "pm_gpci"}, "mp_gpci, work_gpci"),
        ("corrections.csv", {"action": "breaks"}, {"field": "recomputted"}, "is none of "),
        ("corrections.csv", {"action": "identity"}, {"field": "last year"}, "field 'last year' is none of "),
        ("county_names.csv", {"county": "Kusilvak"}, {"county": "Kusilvac"}, "has none of this name in AK"),
        ("zip_counties.csv", {"county": "Orange"}, {"county": "Oragne"}, "counties.csv has none of this name in CA"),
        ("layouts/gpci.csv", {"layout": "GPCI6"}, {"layout": "ANES4"}, "layout 'ANES4' is none of "),
        ("layouts/pprrvu.csv", {"layout": "W206", "field": "opps_mp_rvu"}, {"end": "207"}, "a record of W206 has 206"),
        ("layouts/pprrvu.csv", {"layout": "W206", "field": "status"}, {"end": "59"}, "column 59 of W206 in common"),
        ("layouts/pprrvu.csv", {"layout": "W206", "field": "status"}, {"end": ""}, "end of status: a field of W206,"),
        ("layouts/gpci.csv", {"layout": "GPCI6", "field": "mac"}, {"header": ""}, "header of mac: a field of GPCI6,"),
        ("layouts/gpci.csv", {"layout": "GPCI6", "start": "6"}, {"start": "60"}, "the columns of GPCI6 are 1, 2, 3"),
        ("codes/bilateral.csv", {"code": "2"}, {"code": "21"}, "code '21' isn't of the form [0-9A-Z]?,"),
        ("codes/status.csv", {"code": "T"}, {"code": "TT"}, "code 'TT' isn't of the form [A-Z], which status has"),
    ],
)  # fmt: skip
def test_a_name_that_exists_nowhere_is_refused_where_it_stands(
    tmp_path: Path, name: str, key: dict[str, str], change: dict[str, str], said: str
) -> None:
    rows = table(name)
    at = next(i for i, row in enumerate(rows) if all(row[c] == v for c, v in key.items()))
    rows[at] |= change
    told = refused_beside(tmp_path, name, rows)
    assert re.search(rf"{re.escape(name)} line \d+: ", told)
    assert said in told


def references() -> Iterator[tuple[str, Reference]]:
    for name in FILLED:
        for reference in records.sheet(name).refers:
            yield name, reference


def elsewhere(name: str, reference: Reference) -> tuple[list[dict[str, str]], str]:
    """The rows of a file, one of them with a name that exists nowhere, and what is said of it."""
    rows = table(name)
    if reference.column not in rows[0]:  # made of another column
        reference_column, word = "pattern", "nosuchcolumn all"
    else:
        reference_column, word = reference.column, "RVU99Z" if reference.column == "release" else "zz"
    only, allowed = reference.only[:1], [" ".join(one) if isinstance(one, tuple) else one for one in reference.only[1:]]
    asked = (i for i, row in enumerate(rows) if row[reference_column] and all(row[c] in allowed for c in only))
    if (at := next(asked, -1)) < 0:  # no shipped row is of this kind
        at = len(rows) - 1
        rows[at] |= dict.fromkeys(only, allowed[0])
    forms = {
        "state": "ZZ", "modifier": "Z9", "other": "Z9", "layout": "ZZ9", "flag": "Z",
        "indicator": "ZZZZ", "seen_from": "RVU99Z", "seen_until": "RVU99Z", "value": "ZZ",
    }  # fmt: skip
    if reference.column in ("first", "last"):
        word = "8" if name == "service_groups.csv" and len(rows[at]["first"]) == 1 else "999"
    word = forms.get(reference.column, word)
    rows[at] |= {reference_column: word} | (
        {"first": word, "last": word} if reference.column in ("first", "last") else {}
    )
    column = "first" if reference.column == "last" else reference.column
    return rows, f"{name} line {at + 2}: {column} {word.partition(' ')[0]!r} is none of "


def test_what_a_file_names_exists(tmp_path: Path) -> None:
    wrong = []
    for number, (name, reference) in enumerate(references()):
        rows, expected = elsewhere(name, reference)
        told = refused_beside(tmp_path / str(number), name, rows)
        if expected not in told or (reference.places and ", which " not in told):
            wrong.append((name, reference.column, told))
    assert not wrong, "\n".join(map(str, wrong))


def test_a_row_of_one_s_own_may_name_a_release_that_is_still_to_come(tmp_path: Path) -> None:
    row = {"release": "RVU31A", "member": "gpci", "action": "stale", "what": "mine"}
    declared.write(tmp_path, "corrections.csv", row, row | {"release": "RVU31*"})
    with declared.laid_over(tmp_path):
        assert declarations.rows(records.sheet("corrections.csv"))


# --- the page of the files --------------------------------------------------------------------------------------


def described() -> dict[str, list[str]]:
    """The cells of each row of the page, by file."""
    page = (declarations.folder() / "README.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| `")]
    return {cells_[0].strip("`"): cells_ for cells_ in rows}


def test_the_page_has_every_file_and_every_file_on_it_exists() -> None:
    patterns = list(described())
    assert [name for name in FILES if not any(fnmatchcase(name, pattern) for pattern in patterns)] == []
    assert [pattern for pattern in patterns if not fnmatch.filter(FILES, pattern)] == []


def test_what_the_page_says_reads_a_file_does_name_what_is_read_of_it() -> None:
    source = Path(pfsetl.__file__).parent
    for name, (_, per, _, readers, origin) in described().items():
        assert per, name
        assert origin, name
        for reader in readers.split(", "):
            assert (source / reader.strip("`")).is_file(), (name, reader)
