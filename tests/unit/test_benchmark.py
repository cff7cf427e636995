"""A CSV of payers' rates beside Medicare's: each row has its percentage or a reason, and none is lost.

Medicare's amounts are CMS's own RVUs and indices of January 2026 by the formula: G0101 is $39.75 in the nation and
$43.72 in Los Angeles outside a facility, $25.94 in one there.
"""

import csv
import gzip
import random
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl
import pytest

import pfsetl
from pfsetl import Version
from pfsetl.errors import UsageError
from pfsetl.payers import contracts, summary
from pfsetl.payers.opening import opened
from pfsetl.payers.rate import REASONS
from pfsetl.payers.reading import Wanted, reading
from pfsetl.payers.spool import Spool
from pfsetl.payers.told import Told
from tests.payers import in_network, item, price

pytestmark = pytest.mark.long

Run = Callable[..., tuple[int, str, str]]
DAY, PLACE = "2026-02-01", "CA/18"
FACTOR = Decimal("33.4009")
RVUS = {"nonfacility": ("0.44", "0.68", "0.07"), "facility": ("0.44", "0.23", "0.07")}  # of G0101
LOS_ANGELES = ("1.041", "1.183", "0.664")
IN_LOS_ANGELES = Decimal("43.72")


def medicare(setting: str = "nonfacility", indices: tuple[str, ...] = LOS_ANGELES) -> Decimal:
    """CMS: (work x GPCI + PE x GPCI + MP x GPCI) x conversion factor, rounded once."""
    rvus = sum(Decimal(r) * Decimal(g) for r, g in zip(RVUS[setting], indices, strict=True))
    return (rvus * FACTOR).quantize(Decimal("0.01"), ROUND_HALF_UP)


def percent(rate: str, of: Decimal = IN_LOS_ANGELES) -> Decimal:
    return (100 * Decimal(rate) / of).quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.fixture
def compared(sample: Version, tmp_path: Path):
    """Compare the lines of a CSV; return the rows that were written, and the answer."""

    def compare(text: str | bytes, header: str = "code,rate", **asked):
        rates, out = tmp_path / "rates.csv", tmp_path / "out.parquet"
        for old in tmp_path.glob("out*"):
            old.unlink()
        lines = text if isinstance(text, bytes) else f"{header}\n{text}\n".encode()
        rates.write_bytes(lines)
        answer = pfsetl.benchmark(rates, out, output=sample, **{"date": DAY, "locality": PLACE, **asked})
        return pl.read_parquet(out).to_dicts(), answer

    return compare


# --- what a rate is in percent of Medicare ----------------------------------------------------------------------


def test_a_rate_is_a_percentage_of_what_medicare_pays_there_and_then(compared) -> None:
    (row,), _ = compared("G0101,50.00")
    assert medicare() == IN_LOS_ANGELES
    assert (row["medicare"], row["percent_of_medicare"]) == (IN_LOS_ANGELES, percent("50.00"))


@pytest.mark.parametrize("rate", ["0.01", "43.72", "99999999.99", "43.7201", "21.86"])
def test_a_percentage_is_exact_and_rounded_half_up(compared, rate: str) -> None:
    assert compared(f"G0101,{rate}")[0][0]["percent_of_medicare"] == percent(rate)


@pytest.mark.parametrize(("pos", "setting"), [("11", "nonfacility"), ("22", "facility"), ("facility", "facility")])
def test_a_place_of_service_has_the_setting_of_the_table_of_cms(compared, pos: str, setting: str) -> None:
    (row,), _ = compared(f"G0101,50,{pos}", "code,rate,pos")
    assert (row["setting"], row["medicare"]) == (setting, medicare(setting))


@pytest.mark.parametrize("written", ["Non-Facility", "non facility", "NONFACILITY"])
def test_a_setting_is_read_however_it_is_written(compared, written: str) -> None:
    (row,), _ = compared(f"G0101,50,{written}", "code,rate,setting")
    assert row["setting"] == "nonfacility"


def test_a_rate_for_places_of_both_settings_is_a_row_for_each(compared) -> None:
    rows, answer = compared('G0101,50,"11, 22, 49"', "code,rate,pos")
    assert [(r["row"], r["setting"], r["medicare"]) for r in rows] == [
        (2, "nonfacility", medicare()),
        (2, "facility", medicare("facility")),
    ]
    assert (answer["rates"], answer["rows"]) == (1, 2)


def test_a_row_has_its_own_day_and_place_where_it_says_them(compared) -> None:
    (row,), _ = compared("G0101,50,1/15/2026,AL/00", "code,rate,dos,locality")
    assert (str(row["date"]), row["locality"]) == ("2026-01-15", "AL/00")
    assert row["medicare"] != IN_LOS_ANGELES


def test_without_a_place_it_is_the_nation_and_that_is_said(compared) -> None:
    (row,), answer = compared("G0101,50", locality=None)
    assert row["medicare"] == medicare(indices=("1", "1", "1"))
    assert "rates that name no locality are compared with the nation: every GPCI is 1.000" in answer["notes"]


def test_without_a_day_it_is_one_that_a_release_prices_and_that_is_said(compared) -> None:
    (row,), answer = compared("G0101,50", date=None)
    assert row["percent_of_medicare"] is not None
    assert any(note.startswith(f"rates that name no day are compared on {answer['date']}") for note in answer["notes"])


def test_what_is_assumed_in_the_prices_of_medicare_is_said_with_how_many_it_is_of(compared) -> None:
    _, answer = compared(
        "G0101,50,,2026-02-01\nG0102,20,25,2026-02-01\nG0101,50,,2025-10-15", "code,rate,modifiers,date"
    )
    assert "2 of Medicare's prices, such as of G0101: participant not given: non_qp" in answer["notes"]
    assert any(note.startswith("1 of Medicare's prices, such as of G0102: modifier 25: ") for note in answer["notes"])


# Social Security Act 1833(a)(1)(O) isn't at hand, so that the 85 % are likely and not certain.
def test_what_is_likely_in_the_prices_of_medicare_is_said_and_who_pays_them_is_not(compared) -> None:
    _, answer = compared("G0101,50,AJ", "code,rate,modifiers")
    likely = [note.partition("source: ")[2] for note in answer["notes"] if "likely, not certain" in note]
    assert likely == ["practitioner: Social Security Act 1833(a)(1)(F)"]


# --- codes as files have them -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["g0101", " G0101 ", '"=""G0101"""', "'G0101"])
def test_a_code_is_read_however_it_is_dressed(compared, code: str) -> None:
    assert compared(f"{code},50")[0][0]["code"] == "G0101"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("9.92E+04,50", "not_a_code"),
        ("101,50", "not_a_code"),
        (",50", "not_a_code"),
        ("Z9999,50", "not_in_schedule"),
        ("G0101,0", "rate_not_positive"),
        ("G0101,-5.00", "rate_not_positive"),
        ("G0101,call us", "rate_not_a_number"),
        ("G0101,1e99", "rate_not_a_number"),
        ("G0101,", "no_rate"),
        ("G0101,65%", "percentage_of_charge"),
        ("G0101,1,234.50", "not_readable"),
    ],
)
def test_what_has_no_percentage_has_a_reason(compared, line: str, reason: str) -> None:
    (row,), answer = compared(line)
    assert (row["percent_of_medicare"], row["reason"], answer["reasons"]) == (None, reason, {reason: 1})


@pytest.mark.parametrize(("rate", "reason"), [("1,234", "rate_not_a_number"), ("1,234.00", None), ("1234", None)])
def test_a_comma_that_may_part_decimals_is_not_guessed(compared, rate: str, reason: str | None) -> None:
    (row,), _ = compared(f"code;rate\nG0101;{rate}\n".encode())
    assert row["reason"] == reason
    assert reason is None or "thousands or decimals" in row["detail"]


def test_numbers_are_read_with_the_decimals_that_programs_write(compared) -> None:
    (row,), _ = compared("G0101,50.0,25.0,22.0", "code,rate,mod1,pos")
    assert (row["modifiers"], row["setting"], row["medicare"]) == ("25", "facility", medicare("facility"))


@pytest.mark.parametrize(
    ("header", "line", "reason"),
    [
        ("code,rate,mod", "G0101,50,ZZ", "modifier_unknown"),
        ("code,rate,pos", "G0101,50,98", "setting_unknown"),
        ("code,rate,pos", "G0101,50,ward", "setting_unknown"),
        ("code,rate,setting", "G0101,50,not a facility", "setting_unknown"),
        ("code,rate,date", "G0101,50,soon", "not_readable"),
        ("code,rate,date", "G0101,50,1999-01-01", "day_not_priced"),
        ("code,rate,locality", "G0101,50,ZZ/99", "place_unknown"),
        ("code,rate,code_type", "G0101,50,MS-DRG", "not_in_schedule"),
        ("code,rate,mod", "G0101,50,26", "not_priced_as_asked"),
    ],
)
def test_what_cannot_be_priced_as_it_stands_has_a_reason_and_says_why(compared, header, line, reason) -> None:
    (row,), _ = compared(line, header)
    assert (row["percent_of_medicare"], row["reason"]) == (None, reason)
    assert row["detail"]


def test_a_code_that_medicare_does_not_price_says_why(compared, sample: Version) -> None:
    rows = sample.scan("payment_national", "RVU26A").filter(pl.col("reason") == "carrier_priced").head(1).collect()
    (row,), _ = compared(f"{rows['hcpcs'][0]},50")
    assert (row["reason"], row["detail"]) == ("no_medicare_price", "carrier_priced")


def test_every_row_of_a_file_comes_out_in_its_order(compared) -> None:
    rows, answer = compared("\n".join(["G0101,50", "bad,1", "G0101,50", "", "Z9999,2", "G0101,N/A"]))
    assert [row["row"] for row in rows] == [2, 3, 4, 6, 7]
    assert answer["percentages"] + sum(answer["reasons"].values()) == answer["rows"] == 5


def test_one_code_may_be_asked_for_as_text(compared) -> None:
    rows, _ = compared("G0101,50\nG0102,60", codes="g0101")
    assert [row["code"] for row in rows] == ["G0101"]


def test_only_the_codes_asked_for_are_compared_and_the_others_counted(compared) -> None:
    rows, answer = compared("G0101,50\nG0102,60", codes=["g0101"])
    assert ([row["code"] for row in rows], answer["left_out"]) == (["G0101"], {"of another code": 1})


# --- files as they come -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda b: b, gzip.compress, lambda b: gzip.compress(gzip.compress(b))])
def test_a_file_is_told_by_its_bytes_and_may_be_gzipped_twice(compared, wrap) -> None:
    rows, _ = compared(wrap(b"\xef\xbb\xbfcode;rate\nG0101;50\n"))
    assert rows[0]["percent_of_medicare"] == percent("50")


def test_names_in_the_code_page_of_windows_are_kept(compared) -> None:
    rows, _ = compared("code,rate,payer\nG0101,50,Société\n".encode("cp1252"))
    assert rows[0]["payer"] == "Société"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"code,cost\nG0101,50\n", "the header has no rate. It has code, cost"),
        (b"rate\n50\n", "the header has no hcpcs"),
        (b"code,cpt,rate\nG0101,G0101,50\n", "hcpcs more than once"),
        (b"", "empty"),
        (b'code,rate\nG0101,"50\nG0102,60\n', "line 3: unexpected end of data"),
        (b"PK\x03\x04....", "Unzip it"),
        ("code,rate\n".encode("utf-16"), "Save it as UTF-8"),
        (gzip.compress(b"code,rate\n" + b"G0101,50\n" * 99)[:-20], "the gzip is cut"),
        (gzip.compress(gzip.compress(gzip.compress(b"code,rate\n"))), "gzipped more than 2 times"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",  # a gzip has the time in it
)
def test_a_file_that_is_not_of_rates_is_refused_in_words(compared, data: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        compared(data)


def test_nothing_is_left_where_reading_fails(compared, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        compared(gzip.compress(b"code,rate\n" + b"G0101,50\n" * 99_999)[:-20])
    assert [path.name for path in tmp_path.iterdir()] == ["rates.csv"]


# --- the summary ------------------------------------------------------------------------------------------------


def test_a_rate_that_is_repeated_for_many_providers_is_one_contract(compared) -> None:
    lines = [f"G0101,40,Acme,{n}" for n in range(9)] + ["G0101,50,Acme,9", "G0101,60,Acme,9"]
    _, answer = compared("\n".join(lines), "code,rate,payer,provider")
    (row,) = [one for one in answer["summary"] if one["level"] == "payer"]
    assert (row["contracts"], row["median"]) == (3, percent("50"))


def test_quartiles_lie_between_contracts_in_proportion(compared) -> None:
    _, answer = compared("\n".join(f"G0101,{rate}" for rate in (43.72, 87.44, 131.16, 174.88)))
    (row,) = [one for one in answer["summary"] if one["level"] == "code"]
    # By hand, of 100, 200, 300 and 400 %: 1/4 of the way from the first to the last of four is 0.75 steps.
    shown = [row[name] for name in ("least", "lower_quartile", "median", "upper_quartile", "most")]
    assert shown == [Decimal(n) for n in ("100", "175", "250", "325", "400")]


def test_quartiles_of_many_contracts_are_those_of_all_of_them_in_order(compared) -> None:
    rates = random.Random(5).sample(range(1, 50_000), 800)
    _, answer = compared("\n".join(f"G0101,{cents / 100}" for cents in rates))
    percents = sorted(percent(str(Decimal(cents) / 100)) for cents in rates)
    quartiles = [percents[0]]
    for quarter in (1, 2, 3):
        place, rest = divmod(799 * quarter, 4)
        between = percents[place] + (percents[place + 1] - percents[place]) * rest / 4
        quartiles.append(between.quantize(Decimal("0.01"), ROUND_HALF_UP))
    for row in answer["summary"]:  # of the payer, of the section and of the code
        shown = [row[name] for name in ("least", "lower_quartile", "median", "upper_quartile", "most")]
        assert shown == [*quartiles, percents[-1]]


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_contracts_that_are_not_in_memory_together_are_summed_up_the_same(compared, monkeypatch, at_once: int) -> None:
    lines = [f"{code},{rate},{payer}" for code in ("G0101", "G0102", "bad") for rate in (40, 50) for payer in "AB"]
    _, whole = compared("\n".join(lines), "code,rate,payer")
    monkeypatch.setattr(contracts, "GROUPS", at_once)
    monkeypatch.setattr(contracts, "PART", at_once)
    monkeypatch.setattr(summary, "_MOST_BINS", at_once)
    assert compared("\n".join(lines), "code,rate,payer")[1]["summary"] == whole["summary"]


def test_payers_and_sections_are_apart(compared) -> None:
    _, answer = compared("G0101,40,A\nG0101,50,B\nG0102,60,B", "code,rate,payer")
    assert [(one["payer"], one["contracts"]) for one in answer["summary"] if one["level"] == "payer"] == [
        ("A", 1),
        ("B", 2),
    ]


def test_a_rate_of_ones_own_has_a_place_among_contracts(compared, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("code,rate\nG0101,50\n")
    lines = "\n".join(f"G0101,{rate}" for rate in (40, 45, 50, 60))
    _, answer = compared(lines, mine=mine)
    (row,) = [one for one in answer["summary"] if one["level"] == "code"]
    assert (row["my_percent"], row["contracts_below"], row["contracts_equal"]) == (percent("50"), 2, 1)


def test_a_rate_within_the_quotes_of_another_is_not_lost_without_a_word(compared) -> None:
    rows, _ = compared('G0101,50,"Acme\nG0102,60,Acme"\nG0101,40,Acme', "code,rate,payer")
    assert [(row["rate"], row["reason"]) for row in rows] == [(None, "not_readable"), (40, None)]


def test_what_of_ones_own_rates_is_not_compared_is_said(compared, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("code,rate,charge_master\nG0101,50,1\nG0102,call us,2\n")
    _, answer = compared("G0101,40", mine=mine)
    assert "mine.csv: columns that aren't used: charge_master" in answer["notes"]
    assert "mine.csv: 1 of 2 rows aren't compared: rate_not_a_number" in answer["notes"]


def test_several_rates_of_ones_own_for_a_service_are_said(compared, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("code,rate,pos\nG0101,50,11\nG0101,60,11\nG0101,60,22\nG0102,40,11\nG0102,40,11\n")
    _, answer = compared("G0101,40", mine=mine)
    (said,) = (note for note in answer["notes"] if "several rates" in note)
    assert said == "mine.csv: services with several rates: 1 (G0101). The highest of each counts"


# --- the command ------------------------------------------------------------------------------------------------


@pytest.fixture
def rates(tmp_path: Path) -> Path:
    path = tmp_path / "rates.csv"
    path.write_text("code,rate,payer,notes\nG0101,50,=1+1,x\nG0102,65%,Acme,x\n")
    return path


def test_a_text_that_a_spreadsheet_would_run_is_written_so_that_it_does_not(demo, run: Run, rates, tmp_path) -> None:
    assert run("benchmark", rates, tmp_path / "out.csv", "--date", DAY, "-o", demo)[0] == 0
    with (tmp_path / "out.csv").open() as file:
        assert [row["payer"] for row in csv.DictReader(file)] == ["'=1+1", "Acme"]


def test_the_screen_says_what_has_no_percentage_and_what_was_not_used(demo, run: Run, rates, tmp_path) -> None:
    _, out, _ = run("benchmark", rates, tmp_path / "out.csv", "--date", DAY, "-o", demo)
    assert "1 of 2 rows have a percentage" in out
    assert "percentage_of_charge" in out
    assert "columns that aren't used: notes" in out


@pytest.mark.parametrize("name", ["out.xlsx", "out", "out.json"])
def test_another_ending_is_refused_in_words(demo, run: Run, rates, tmp_path, name: str) -> None:
    code, _, told = run("benchmark", rates, tmp_path / name, "-o", demo)
    assert (code, "ends in .csv or .parquet" in told) == (2, True)


def test_a_file_that_is_there_is_never_overwritten(demo, run: Run, rates, tmp_path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    assert run("benchmark", rates, tmp_path / "out.csv", "-o", demo)[0] == 2
    assert (tmp_path / "out.csv").read_text() == "mine"


@pytest.mark.parametrize("name", ["out.csv", "./out.csv", "out-providers.csv"])
def test_the_summary_never_takes_the_place_of_another_file(demo, run: Run, rates, tmp_path, name: str) -> None:
    code, _, told = run("benchmark", rates, tmp_path / "out.csv", "--summary", tmp_path / name, "-o", demo)
    assert (code, "needs a file of its own" in told) == (2, True)


def test_a_zip_code_and_a_locality_are_not_both_given(demo, run: Run, rates, tmp_path) -> None:
    asked = ["--zip", "90210", "--locality", "CA/18"]
    code, _, told = run("benchmark", rates, tmp_path / "out.csv", *asked, "-o", demo)
    assert (code, "give one of them" in told) == (2, True)


def test_the_page_lists_every_reason() -> None:
    page = (Path(__file__).parents[2] / "docs" / "benchmark.md").read_text()
    assert [name for name in REASONS if f"| `{name}` |" not in page] == []


# --- disks ------------------------------------------------------------------------------------------------------


def test_where_what_waits_can_not_be_kept_the_place_is_named_and_not_the_file_of_rates(tmp_path: Path) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text("code,rate\nG0101,50\n")
    with (
        pytest.raises(UsageError, match=f"{tmp_path}/waits: .*another folder in TMPDIR"),
        opened(rates) as file,
        reading(file, Told(), Wanted()) as read,
    ):
        read.fill(Spool(tmp_path / "waits" / "gone"))


def test_a_place_that_takes_no_file_is_named_and_not_the_file_of_rates(sample: Version, tmp_path: Path) -> None:
    rates = tmp_path / "rates.json"
    rates.write_bytes(in_network(item(price())))
    with pytest.raises(UsageError, match=f"{rates}/out.*Check the path"):
        pfsetl.benchmark(rates, rates / "out.csv", date=DAY, output=sample)


@pytest.mark.parametrize("network", [True, False])
def test_where_the_summary_can_not_be_written_nothing_is_left_in_the_way(
    network: bool, sample: Version, tmp_path: Path
) -> None:
    rates, out = tmp_path / "rates", tmp_path / "out.csv"
    rates.write_bytes(in_network(item(price())) if network else b"code,rate\nG0101,50\n")
    with pytest.raises(UsageError, match="Check the path"):
        pfsetl.benchmark(rates, out, summary_out=rates / "summary.csv", date=DAY, output=sample)
    assert list(tmp_path.iterdir()) == [rates]
    assert pfsetl.benchmark(rates, out, date=DAY, output=sample)["rates"] == 1
