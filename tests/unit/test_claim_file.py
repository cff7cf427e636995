"""Claim files: what is read from CSV and JSON, how a bad line is named, and that the others are priced all the same."""

import itertools
import json
import subprocess
import sys
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pfsetl
from pfsetl.errors import UsageError
from pfsetl.pricing.claim_file import read_claim_lines
from tests import synthetic as s

DAY = "2025-01-15"
GOOD = {"hcpcs": "G9901", "date": DAY}
FACTOR = Decimal("32.3465")  # as paid in 2025
VISIT = Decimal("1.21") + Decimal("1.40") + Decimal("0.09")
SURGERY = Decimal("12.50") + Decimal("9.75") + Decimal("2.25")
SMALL = s.code("G9906", "Synthetic small surgery", work="3.00", facility_pe="1.50", nonfacility_pe="1.50", mp="0.30",
               multiple="2", **{"global": "010"}, pre="0.10", intra="0.80", post="0.10")  # fmt: skip
LARGE = s.changed(s.SURGERY, endo="", multiple="2")


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("claims")
    rows = [row for row in s.CODES if row["hcpcs"] != "G9903"] + [LARGE, SMALL]
    archive = s.write_zip(folder / "a.zip", s.release(rows=rows))
    pfsetl.build("RVU25A", store=pfsetl.open_store(folder / "o"), archive=archive, sample=True)
    return folder / "o"


@pytest.fixture
def claimed(output: Path, tmp_path: Path):
    """Return what `pfsetl.claim` makes of a file's content."""

    def claim(content: str | bytes, name: str = "claim.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        return pfsetl.claim(path, output=output)

    return claim


def problems(answer) -> dict[int, str]:
    return {bad["line"]: bad["problem"] for bad in answer["bad"]}


# --- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_as_excel_saves_it(tmp_path, encoding):
    path = tmp_path / "c.csv"
    path.write_text("hcpcs\tdate\nG9902\t2025-01-15\n", encoding=encoding)
    (line,) = read_claim_lines(path)
    assert line.service
    assert line.service.hcpcs == "G9902"


@pytest.mark.parametrize("before", [[], ["--log"], ["--debug"]])
def test_a_dash_reads_what_comes_through_a_pipe(output, before):
    asked = [sys.executable, "-m", "pfsetl", *before, "claim", "-", "--output", str(output), "--json"]
    done = subprocess.run(asked, input=f"hcpcs,date\nG9901,{DAY}\n", text=True, capture_output=True, check=True)
    assert json.loads(done.stdout)["allowed"] == float(cents(VISIT * FACTOR))


# --- CSV ---------------------------------------------------------------------------------------------------------


def test_a_csv_line_becomes_a_service(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(
        "hcpcs,date,modifiers,units,minutes,locality,setting,participant,practitioner,charge,claim\n"
        'g9902,2025-01-15,"26,59",2,,CA/18,facility,qp,np,"1,250.50",A7\n'
    )
    (line,) = read_claim_lines(path)
    assert (line.number, line.claim, line.problem) == (2, "A7", None)
    one = line.service
    assert one is not None
    assert (one.hcpcs, one.day, one.modifiers, one.units) == ("G9902", date(2025, 1, 15), ("26", "59"), 2)
    assert (one.minutes, one.locality, one.setting, one.participant) == (None, "CA/18", "facility", "qp")
    assert (one.practitioner, one.charge) == ("np", 125050)


@pytest.mark.parametrize(
    "content",
    [
        "hcpcs,date\nG9901,2025-01-15\n",
        "\ufeffHCPCS , Date\r\n G9901 , 2025-01-15 \r\n",
        "hcpcs,date\rG9901,2025-01-15\r",
        "\n\nhcpcs,date,units\n\nG9901,2025-01-15,\n\n",
        'date,hcpcs\n"2025-01-15","G9901"',
        "CPT/HCPCS,DOS,Line Charge\nG9901,2025-01-15,\n",
        'hcpcs,date\n"=""G9901""",2025-01-15 00:00:00\n',
        "hcpcs,date\n'G9901,1/15/2025 12:00:00 AM\n",
        "hcpcs,date,units,mod1,pos\nG9901,2025-01-15T00:00:00.000,1.0,25.0,11.00\n",
    ],
)
def test_csv_is_read_as_spreadsheets_write_it(claimed, content):
    answer = claimed(content)
    assert (answer["bad"], answer["allowed"]) == ([], cents(VISIT * FACTOR))


def test_lines_are_numbered_as_an_editor_shows_them(claimed):
    answer = claimed('hcpcs,date,charge\n\nG9901,2025-01-15,"1\n0"\nG9900,2025-01-15,\nG9901,2025-01-15,\n')
    assert sorted(problems(answer)) == [4, 5]
    assert [line["line"] for line in answer["lines"]] == [6]


def test_dollars_whose_comma_may_part_decimals_are_not_guessed(claimed):
    answer = claimed("hcpcs;date;charge\nG9901;2025-01-15;1,234\nG9901;2025-01-15;1,234.50\nG9901;2025-01-15;43,72\n")
    assert problems(answer)[2].startswith("1,234: its comma may part thousands or decimals")
    assert sorted(problems(answer)) == [2, 4]
    assert not problems(claimed('hcpcs,date,charge\nG9901,2025-01-15,"1,234"\n'))


def test_a_line_within_quotes_is_not_a_part_of_another_without_a_word(claimed):
    answer = claimed('hcpcs,date,claim\nG9901,2025-01-15,"A\nG9901,2025-01-15,A"\nG9901,2025-01-15,A\n')
    assert problems(answer)[3].startswith("a cell goes over several lines")
    assert [line["line"] for line in answer["lines"]] == [4]


# --- as claims have it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_the_columns_of_a_claim_are_read_by_their_own_names(tmp_path, separator):
    path = tmp_path / "c.txt"
    lines = ("cpt dos mod1 mod2 mod3 mod4 pos charges", "g9902 1/5/2025 26 59  GP 22 1,250.50")
    path.write_text("\n".join(separator.join(f'"{c}"' for c in line.split(" ")) for line in lines) + "\n")
    (line,) = read_claim_lines(path)
    one = line.service
    assert (line.problem, one and (one.hcpcs, one.day, one.modifiers)) == (
        None, ("G9902", date(2025, 1, 5), ("26", "59", "GP"))
    )  # fmt: skip
    assert one is not None
    assert (one.setting, one.place_of_service, one.charge) == ("facility", "22", 125050)


@pytest.mark.parametrize("written", ["GP:CQ", "GP,CQ", "GP CQ", "gp;cq", "GP|CQ", "GP-CQ", "GP/CQ", ["GP", "CQ"]])
def test_modifiers_are_parted_as_claims_part_them(output, written):
    (line,) = pfsetl.claim([{"cpt": "G9901", "dos": "01/15/2025", "modifiers": written}], output=output)["lines"]
    assert line["modifiers"] == ["GP", "CQ"]


# CMS's record layout, assistant at surgery 0: paid (16 %) where documentation shows the need.
@pytest.mark.parametrize(
    ("header", "written", "reason"),
    [
        ("documented", "yes", None),
        ("documentation", "Y", None),
        ("documented", "no", "documentation_required"),
        ("documented", "", "documentation_required"),
    ],
)
def test_a_column_says_that_documentation_was_given(claimed, header, written, reason):
    (line,) = claimed(f"hcpcs,date,modifiers,{header}\nG9906,{DAY},80,{written}\n")["lines"]
    assert (line["documented"], line["reason"]) == (reason is None, reason)


@pytest.mark.parametrize("given", [True, "true", 1])
def test_documentation_is_a_truth_value_in_json(output, given):
    line = {"hcpcs": "G9906", "date": DAY, "modifiers": "80", "documented": given}
    small = cents((Decimal("3.00") + Decimal("1.50") + Decimal("0.30")) * FACTOR)
    assert pfsetl.claim([line], output=output)["allowed"] == cents(small * Decimal("0.16"))


@pytest.mark.parametrize("given", [True, "true", 1])
def test_an_aco_is_a_truth_value_in_json(output, given):
    found = pfsetl.claim([{"hcpcs": "G9901", "date": DAY, "aco": given}], output=output)
    assert found["bad"] == []
    assert any(note.startswith("aco: ") for note in found["lines"][0]["notes"])


@pytest.mark.parametrize("day", ["13/1/2025", "2/30/2025", "1/15/25", "1-15-2025"])
def test_a_day_that_is_none_in_american_writing_is_refused(output, day):
    (bad,) = pfsetl.claim([{"cpt": "G9901", "dos": day}], output=output)["bad"]
    assert "write it as 2024-03-08" in bad["problem"]


def test_two_names_of_one_column_in_one_object_are_refused(output):
    (bad,) = pfsetl.claim([{"cpt": "G9901", "hcpcs": "G9902", "date": DAY}], output=output)["bad"]
    assert bad["problem"] == "hcpcs is given twice, once as hcpcs. Keep one."


# --- bad lines ---------------------------------------------------------------------------------------------------

COLUMNS = "hcpcs,date,modifiers,units,minutes,locality,setting,participant,practitioner,charge"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("G9909,2025-01-15", "code G9909: not in RVU25A. Near: G9903, G9904, G9906"),
        ("99,2025-01-15", "a code has five letters or digits"),
        (",2025-01-15", "hcpcs missing"),
        ("G9901", "date missing"),
        ("G9901,2025-02-30", "date of service '2025-02-30': write it as 2024-03-08"),
        ("G9901,2025-04-01", "Build it: 'pfsetl build RVU25B --output "),
        ("G9901,1999-01-01", "no release prices this day"),
        ("G9901,2025-01-15,ZZ", "modifier 'ZZ': not known"),
        ("G9901,2025-01-15,TC", "RVU25A has no such row"),
        ("G9901,2025-01-15,,two", "units 'two': give a whole number"),
        ("G9901,2025-01-15,,-2", "units '-2': give a whole number"),
        ("G9901,2025-01-15,,,45", "isn't an anesthesia service"),
        ("G9901,2025-01-15,,,0", "minutes '0'"),
        ("G9901,2025-01-15,,,,CA/99", "RVU25A has no locality of this number"),
        ("G9901,2025-01-15,,,,90012", "no ZIP file is loaded"),
        ("G9901,2025-01-15,,,,,office", "setting 'office': not known"),
        ("G9901,2025-01-15,,,,,,all", "participant 'all': not known"),
        ("G9901,2025-01-15,,,,,,,doctor", "practitioner 'doctor': not known"),
        ("G9901,2025-01-15,,,,,,,,free", "charge 'free': give dollars and cents"),
        ("G9901,2025-01-15,,,,,,,,1.00,more", "10 columns, and behind them more: put what holds a comma in quotes."),
        ("G9901,2025-01-15\0", "date of service '2025-01-15\\x00'"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_priced(claimed, line, problem):
    answer = claimed(f"{COLUMNS}\nG9901,{DAY}\n{line}\nG9901,{DAY},25\n")
    (number,) = problems(answer)
    assert (number, [one["line"] for one in answer["lines"]]) == (3, [2, 4])
    assert problem in problems(answer)[3]
    assert answer["allowed"] == 2 * cents(VISIT * FACTOR)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the header has no hcpcs and no date. Columns are hcpcs, date, modifiers"),
        ("\n \n", "the header has no hcpcs and no date"),
        ("hcpcs,units\nG9901,1\n", "the header has no date"),
        ("hcpcs:date\nG9901:2025-01-15\n", "schemas/claim_columns.csv. It has hcpcs:date."),
        ("hcpcs,date\n", "no claim lines"),
        ("hcpcs,date,modifers\nG9901,2025-01-15,25\n", "column 'modifers': not known. Did you mean modifiers?"),
        ("hcpcs,date,colour\nG9901,2025-01-15,red\n", "column 'colour': not known. There are hcpcs"),
        ("hcpcs,date,hcpcs\nG9901,2025-01-15,G9902\n", "the header has hcpcs more than once"),
        ('hcpcs,date,claim\nG9901,2025-01-15,"A\nG9902,2025-01-15,A\n', "line 3: unexpected end of data"),
        ("hcpcs,date,cpt\nG9901,2025-01-15,G9902\n", "the header has hcpcs more than once"),
        ("cpt,dos,pos,setting\nG9901,2025-01-15,11,facility\n", "the header has setting more than once"),
        ("cpt,dos,mod1,mod1\nG9901,2025-01-15,25,59\n", "the header has modifiers more than once"),
        (b"hcpcs,date\nG9901\xff,2025-01-15\n", "not UTF-8 text"),
        (b"PK\x03\x04\x80\x81\xff", "not UTF-8 text"),
        ("hcpcs,date\nG9901,2025-01-15\n".encode("utf-16-le"), "it has NUL bytes, as UTF-16 has. Save it as UTF-8"),
        ("hcpcs,date\n" + "x" * 200_000 + "\n", "line 2: field larger than field limit"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no claim lines"),
        ("{}", 'give a list of objects, or an object with "lines"'),
        ('{"lines": {"hcpcs": "G9901"}}', "give a list of objects"),
        ('{"lines": []}', "no claim lines"),
    ],
)
def test_a_file_that_holds_no_claim_says_what_to_give(claimed, content, message):
    with pytest.raises(UsageError) as refused:
        claimed(content)
    assert message in str(refused.value)


@pytest.mark.parametrize("path", ["", "missing.csv"])
def test_what_is_no_file_is_refused(output, tmp_path, path):
    with pytest.raises(UsageError, match="Give a CSV or JSON file of claim lines"):
        pfsetl.claim(tmp_path / path, output=output)


# --- JSON --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        {**GOOD, "units": 2},
        {**GOOD, "units": "2", "charge": None, "modifiers": []},
        {**GOOD, "units": 2.0, "modifiers": ["25", "59"]},
        {**GOOD, "units": 2, "charge": 999.5, "modifiers": 25},
        {"HCPCS": "g9901", "Date": DAY, "Units": "2"},
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_json_is_a_list_or_an_object_with_lines(claimed, line, wrapped):
    content = {"lines": [line]} if wrapped else [line]
    answer = claimed(json.dumps(content), "claim.json")
    assert (answer["bad"], answer["allowed"]) == ([], 2 * cents(VISIT * FACTOR))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1", "'1': not a line of a claim. A line has at least hcpcs and date."),
        ('["G9901"]', "not a line of a claim. A line has at least hcpcs and date."),
        ("null", "'None': not a line of a claim. A line has at least hcpcs and date."),
        ("{}", "hcpcs and date missing"),
        ('{"hcpcs": 99213, "date": "2025-01-15"}', "hcpcs 99213: give it as text"),
        ('{"hcpcs": "G9901", "date": 20250115}', "date 20250115: give it as text"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "units": NaN}', "units 'nan'"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "units": -Infinity}', "units '-inf'"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "units": 1e400}', "units 'inf'"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "units": 1e15}', "give a whole number from 1 to 9,999"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "units": 1.5}', "units '1.5'"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "units": -1}', "units '-1'"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "units": true}', "units True: give it as text"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "units": {"n": 1}}', "give it as text"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "minutes": 0}', "minutes '0'"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "charge": NaN}', "charge 'nan'"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "charge": 1e999}', "charge 'inf'"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "charge": -5}', "charge '-5'"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "modifiers": ["25", null]}', "modifiers None: give it as text"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "modifiers": {"a": "25"}}', "give it as text"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "claim": {"id": 1}}', "claim {'id': 1}: give it as text"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "setting": false}', "setting False: give it as text"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "output": "x"}', "column 'output': not known"),
        ('{"hcpcs": "G9901", "date": "2025-01-15", "locality": "\\ud800"}', "no county of this name"),
    ],
)
def test_a_bad_object_is_named_and_the_others_are_priced(claimed, line, problem):
    answer = claimed(f"[{json.dumps(GOOD)}, {line}]", "claim.json")
    assert [one["line"] for one in answer["lines"]] == [1]
    assert problem in problems(answer)[2]


def test_a_number_too_long_for_json_is_refused(claimed):
    with pytest.raises(UsageError, match="not JSON"):
        claimed('[{"hcpcs": "G9901", "date": "2025-01-15", "units": ' + "9" * 5000 + "}]")


def test_json_lines_are_read_and_a_bad_one_is_named_by_its_line(claimed):
    content = "\n".join([json.dumps(GOOD), "", '{"hcpcs": "G9901", "hcpcs": "G9902", "date": "2025-01-15"}',
                         '{"hcpcs": }', json.dumps({**GOOD, "units": 2})])  # fmt: skip
    answer = claimed(content, "claim.jsonl")
    assert [(one["line"], one["allowed"]) for one in answer["lines"]] == [
        (1, cents(VISIT * FACTOR)),
        (5, 2 * cents(VISIT * FACTOR)),
    ]
    assert "'hcpcs' occurs twice" in problems(answer)[3]
    assert "not JSON" in problems(answer)[4]


def test_one_object_is_one_line(claimed):
    assert claimed(json.dumps(GOOD), "claim.json")["allowed"] == cents(VISIT * FACTOR)


@pytest.mark.parametrize(
    "content",
    [
        '[{"hcpcs": "G9901", "hcpcs": "G9902", "date": "2025-01-15"}]',
        '{"lines": [], "lines": [{"hcpcs": "G9901", "date": "2025-01-15"}]}',
    ],
)
def test_a_key_given_twice_is_refused(claimed, content):
    with pytest.raises(UsageError, match="occurs twice in one object"):
        claimed(content, "claim.json")


def test_brackets_without_end_are_refused(claimed):
    with pytest.raises(UsageError, match="nested deeper"):
        claimed("[" * 200_000, "claim.json")


def test_mappings_may_hold_dates_and_decimals(output):
    line = {"hcpcs": "G9901", "date": date(2025, 1, 15), "units": Decimal(2), "charge": Decimal("10.00")}
    answer = pfsetl.claim([line], output=output)
    assert (answer["bad"], answer["allowed"]) == ([], Decimal("10.00"))


@pytest.mark.parametrize("empty", [float("nan"), pd.NaT, pd.NA], ids=repr)
def test_an_empty_cell_of_pandas_is_nothing_given(output, empty):
    line = {"hcpcs": "G9901", "date": date(2025, 1, 15), "modifiers": empty, "units": 1.0, "charge": empty}
    answer = pfsetl.claim([line, {**line, "date": empty}], output=output)
    assert (problems(answer), answer["allowed"]) == ({2: "date missing."}, cents(VISIT * FACTOR))


def test_values_of_numpy_are_those_of_python(output):
    given = {"units": np.int64(3), "charge": np.float64(10.0), "documented": np.bool_(1), "modifiers": np.array(["25"])}
    answer = pfsetl.claim({"hcpcs": "G9901", "date": np.datetime64(DAY, "ns"), **given}, output=output)
    assert (problems(answer), answer["allowed"]) == ({}, Decimal("10.00"))
    assert (answer["lines"][0]["units"], answer["lines"][0]["modifiers"]) == (3, ["25"])


def test_modifiers_may_be_any_row_of_texts(output):
    answer = pfsetl.claim({**GOOD, "modifiers": ("25", "59")}, output=output)
    assert answer["lines"][0]["modifiers"] == ["25", "59"]


def test_one_line_alone_and_what_is_none_are_lines(output):
    assert pfsetl.claim({"hcpcs": "G9901", "date": DAY}, output=output)["allowed"] == cents(VISIT * FACTOR)
    answer = pfsetl.claim(5, output=output)  # type: ignore[arg-type]
    assert problems(answer)[1].startswith("'5': not a line of a claim")


# --- claims ------------------------------------------------------------------------------------------------------


def procedure(hcpcs: str, claim: str = "") -> dict[str, str]:
    return {"hcpcs": hcpcs, "date": DAY, "setting": "facility", "claim": claim}


LARGE_PAID, SMALL_PAID = cents(SURGERY * FACTOR), cents(Decimal("4.80") * FACTOR)


def test_the_lines_of_one_claim_touch_each_other(output):
    answer = pfsetl.claim([procedure("G9906"), procedure("G9903")], output=output)
    assert [line["allowed"] for line in answer["lines"]] == [cents(SMALL_PAID / 2), LARGE_PAID]
    assert answer["allowed"] == cents(SMALL_PAID / 2) + LARGE_PAID


def test_the_lines_of_two_claims_do_not(output):
    answer = pfsetl.claim([procedure("G9906", "1"), procedure("G9903", "2")], output=output)
    assert [(line["claim"], line["allowed"]) for line in answer["lines"]] == [("1", SMALL_PAID), ("2", LARGE_PAID)]


def test_lines_come_back_in_their_order_though_claims_alternate(output):
    lines = [procedure("G9903", "b"), procedure("G9906", "a"), procedure("G9906", "b"), procedure("G9903", "a")]
    answer = pfsetl.claim(lines, output=output)
    assert [line["line"] for line in answer["lines"]] == [1, 2, 3, 4]
    half = cents(SMALL_PAID / 2)
    assert [line["allowed"] for line in answer["lines"]] == [LARGE_PAID, half, half, LARGE_PAID]


def test_the_order_of_lines_has_no_effect(output):
    lines = [procedure("G9906"), procedure("G9903"), {**procedure("G9906"), "modifiers": "59"}, procedure("G9901")]
    totals = {pfsetl.claim(order, output=output)["allowed"] for order in itertools.permutations(lines)}
    assert totals == {LARGE_PAID + 2 * cents(SMALL_PAID / 2) + cents(Decimal("1.82") * FACTOR)}


def test_a_bad_line_takes_no_part_in_the_ranking(output):
    answer = pfsetl.claim([procedure("G9906"), {**procedure("G9903"), "units": "x"}], output=output)
    assert [line["allowed"] for line in answer["lines"]] == [SMALL_PAID]


def test_each_line_says_which_rule_touched_it(output):
    small = pfsetl.claim([procedure("G9906"), procedure("G9903")], output=output)["lines"][0]
    (step,) = [one for one in small["steps"] if one["step"] == "surgery"]
    assert step["detail"] == "procedure 2 of the day by amount (50/100)"
    assert step["source"] == "CMS RVU record layout: multiple procedure 2"


def test_a_line_without_a_price_adds_nothing(output):
    answer = pfsetl.claim([GOOD, {"hcpcs": "Q9905", "date": DAY}], output=output)
    assert (answer["allowed"], answer["lines"][1]["reason"]) == (cents(VISIT * FACTOR), "carrier_priced")


def test_sequestration_is_summed_apart(output):
    answer = pfsetl.claim([GOOD, GOOD], output=output)
    one = cents(cents(cents(VISIT * FACTOR) * Decimal("0.80")) * Decimal("0.02"))
    assert answer["sequestration"] == 2 * one


# --- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def command(run, output, tmp_path):
    def claim(content: str, *options: str):
        path = tmp_path / "claim.csv"
        path.write_text(content)
        return run("claim", path, *options, "-o", output)

    return claim


def test_the_command_prices_a_claim(command):
    code, out, err = command(f"hcpcs,date\nG9901,{DAY}\n")
    assert (code, err) == (0, "")
    assert f"allowed ${cents(VISIT * FACTOR)}" in out


def test_the_command_prices_the_good_lines_lists_the_bad_and_ends_with_2(command):
    code, out, err = command(f"hcpcs,date,units\nG9901,{DAY},\nG9999,{DAY},\nG9901,{DAY},x\n", "--json")
    answer = json.loads(out)
    assert (code, answer["allowed"], len(answer["lines"])) == (2, float(cents(VISIT * FACTOR)), 1)
    assert err.startswith("pfsetl: 2 lines weren't priced.\n")
    assert "claim.csv: line 3: code G9999: not in RVU25A." in err
    assert "claim.csv: line 4: units 'x': give a whole number" in err


def test_the_command_says_each_note_once_with_the_lines_it_is_of(command):
    _, out, _ = command(f"hcpcs,date,documented\nG9901,{DAY},yes\nG9902,{DAY},yes\n")
    assert "note  lines 2, 3: documented: no rule on this line asks for documentation" in out


def test_the_command_says_what_is_likely_and_not_certain_with_the_lines_it_is_of(command):
    _, out, _ = command(f"hcpcs,date,practitioner\nG9901,{DAY},np\nG9901,{DAY},\n")
    said = " ".join(out.split())
    assert "likely, not certain by its source, line 2: practitioner: Social Security Act 1833(a)(1)(O)" in said
    assert "likely, not certain by its source, lines 2, 3: coinsurance: Social Security Act 1833(a)(1)(N)" in said


def test_the_command_counts_one_bad_line(command):
    code, _, err = command(f"hcpcs,date\nG9999,{DAY}\n")
    assert (code, err.startswith("pfsetl: 1 line wasn't priced.")) == (2, True)


@pytest.mark.parametrize("file", ["/dev/null", "/", "/nonexistent.csv", ""])
def test_the_command_refuses_what_is_no_claim_file(run, output, file):
    code, _, err = run("claim", file, "-o", output)
    assert (code, err.startswith("pfsetl: "), "Unexpected" in err) == (2, True, False)
