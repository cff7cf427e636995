"""`pfsetl history` and `pfsetl.history`: what a code paid since when and why, on the bundled sample."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl
import pytest

import pfsetl
from pfsetl.errors import UsageError
from pfsetl.pricing.loaded import Loaded
from pfsetl.pricing.place import Place, find_place
from pfsetl.story import local
from pfsetl.story.sentences import blocks, moved

Run = Callable[..., tuple[int, str, str]]
CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def version(demo: Path) -> pfsetl.Version:
    return pfsetl.open(demo)


# --- from Python ----------------------------------------------------------------------------------------------------


def test_many_codes_at_once_are_a_frame_in_the_order_of_codes_and_time(version: pfsetl.Version) -> None:
    found = pfsetl.history(["G0105", "g0101"], participant="qp", output=version).frame
    assert found.select("hcpcs", "release", "participant").rows() == [
        ("G0101", "RVU25D", "all"), ("G0101", "RVU26A", "qp"), ("G0105", "RVU25D", "all"), ("G0105", "RVU26A", "qp"),
        ("G0105", "RVU25D", "all"), ("G0105", "RVU26A", "qp"),
    ]  # fmt: skip  # the last two are modifier 53


def test_both_participants_are_there_where_none_is_asked_for(version: pfsetl.Version) -> None:
    rows = pfsetl.history("G0101", output=version).rows
    assert [row["participant"] for row in rows] == ["all", "non_qp", "qp"]


def test_releases_of_which_a_part_is_published_are_named(version: pfsetl.Version, run: Run, demo: Path) -> None:
    assert pfsetl.history("G0101", output=version).samples == ("RVU25D", "RVU26A")
    assert pfsetl.history("G0101", since=2026, output=version).samples == ("RVU26A",)
    _, out, _ = run("history", "G0101", "-o", demo)
    assert "samples  RVU25D, RVU26A: a code without a row there" in out


def test_a_place_that_the_newest_release_lacks_is_looked_up_in_those_before(
    version: pfsetl.Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(of: pfsetl.Version, label: str, wanted: str, day: date, loaded: Loaded) -> Place:
        if label == "RVU26A":
            raise UsageError(f"locality {wanted}: {label} has no locality of this number")
        return find_place(of, label, wanted, day, loaded)

    monkeypatch.setattr(local, "find_place", find)
    found = pfsetl.history("G0101", locality="01182/18", output=version)
    assert found.place.startswith("CA/18 Los Angeles")
    with pytest.raises(UsageError, match="locality CA/99: RVU26A has no locality"):
        pfsetl.history("G0101", locality="CA/99", output=version)


def test_a_row_has_the_keys_that_its_type_promises(version: pfsetl.Version) -> None:
    national = pfsetl.history("G0101", output=version).rows[0]
    local = pfsetl.history("G0101", locality="CA/18", output=version).rows[0]
    required, extra = pfsetl.HistoryAnswer.__required_keys__, pfsetl.HistoryAnswer.__optional_keys__
    assert (set(national), set(local)) == (set(required), set(required | extra))


def test_amounts_of_a_locality_are_those_of_payment_locality(version: pfsetl.Version) -> None:
    columns = ["release", "participant", "nonfacility_amount", "facility_amount", "nonfacility_payment"]
    where = {"hcpcs": "G0101", "modifier": "", "state": "CA", "locality": "18"}
    expected = version.scan("payment_locality").filter(**where).select(columns).collect().sort(columns[:2])
    found = pfsetl.history("G0101", locality="CA/18", output=version).frame
    assert found.select(columns).sort(columns[:2]).rows() == expected.rows()


@pytest.mark.parametrize("code", ["G0101", "G0105", "G0104"])
def test_the_causes_of_a_locality_add_up_and_are_those_of_decimal_arithmetic(
    code: str, version: pfsetl.Version
) -> None:
    """RVUs at the old indices and factor, then the indices, then the factor: each by hand from `rvu` and `gpci`."""
    parts = ("work_rvu", "facility_pe_rvu", "mp_rvu")
    gpcis = version.scan("gpci").filter(state="CA", locality="18").collect()
    place = {row["release"]: [row[f"{p}_gpci"] for p in ("work", "pe", "mp")] for row in gpcis.iter_rows(named=True)}
    before, now = (
        row for row in pfsetl.history(code, modifier="", participant="qp", locality="CA/18", output=version).rows
    )
    old, new = ([row[p] for p in parts] for row in (before, now))  # type: ignore[literal-required]
    at, to = place["RVU25D"], place["RVU26A"]
    index = sum(b * (t - a) for b, a, t in zip(new, at, to, strict=True)) * before["conversion_factor"]
    factor = sum(b * t for b, t in zip(new, to, strict=True)) * (now["conversion_factor"] - before["conversion_factor"])
    rvus = [(b - a) * g * before["conversion_factor"] for a, b, g in zip(old, new, at, strict=True)]
    causes = [now[f"facility_change_{c}"] for c in ("work", "pe", "mp", "index", "factor")]  # type: ignore[literal-required]
    assert causes == [v.quantize(Decimal("0.000001"), ROUND_HALF_UP) for v in (*rvus, index, factor)]
    assert now["facility_change"] == sum(causes) + now["facility_change_rounding"]


def test_a_year_before_which_nothing_is_wanted_leaves_earlier_releases_out(version: pfsetl.Version) -> None:
    assert {row["release"] for row in pfsetl.history("G0101", since=2026, output=version).rows} == {"RVU26A"}


def test_releases_in_force_that_are_not_published_are_named(version: pfsetl.Version) -> None:
    assert pfsetl.history("G0101", since=2025, output=version).unpublished == ("RVU25A", "RVU25B", "RVU25C")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"codes": "G0102X"}, "G0102X: no code. Codes have five characters"),
        ({"codes": "G0107"}, r"G0107: in no release of version 2 .* Near: G0103, G0104"),
        ({"codes": ""}, "an empty code: no code"),
        (
            {"codes": "G0101", "modifier": "26"},
            "G0101 with 26: no release has such a row. It has rows with no modifier",
        ),
        ({"codes": "G0101-26", "modifier": "TC"}, "two modifiers"),
        ({"codes": "G0101", "since": -5}, "from -5: no year of the fee schedule"),
        ({"codes": "G0101", "since": "²"}, "no year of the fee schedule"),
        ({"codes": "G0101", "participant": "qpp"}, "participant qpp: not known. Did you mean qp"),
        ({"codes": "G0101", "locality": "CA/99"}, "locality CA/99: RVU26A has no locality of this number"),
    ],
)
def test_what_is_not_known_is_refused_with_what_is_near(
    asked: dict[str, object], said: str, version: pfsetl.Version
) -> None:
    with pytest.raises(UsageError, match=said):
        pfsetl.history(**asked, output=version)  # type: ignore[arg-type]


def test_a_code_that_no_release_has_costs_no_other_its_rows(version: pfsetl.Version) -> None:
    found = pfsetl.history(["G0101", "x9999", "G0110-26"], output=version)
    assert (set(found.frame["hcpcs"]), found.unknown) == ({"G0101"}, ("X9999", "G0110"))


def test_many_codes_are_looked_for_at_once_not_one_by_one(
    version: pfsetl.Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = version.scan("code_profile").select("hcpcs").unique().collect()["hcpcs"].to_list()
    looks: list[object] = []

    def filtered(frame: pl.DataFrame, *by: pl.Expr, **equal: object) -> pl.DataFrame:
        looks.append(by)
        return frame.lazy().filter(*by, **equal).collect()

    monkeypatch.setattr(pl.DataFrame, "filter", filtered)
    assert pfsetl.history(codes, output=version).frame.height == version.scan("code_history").collect().height
    assert len(looks) < 10 < len(codes)


def test_a_modifier_that_is_not_there_is_refused_beside_one_that_is(version: pfsetl.Version) -> None:
    with pytest.raises(UsageError, match=r"G0105 with 26: no .* It has rows with no modifier, 53"):
        pfsetl.history(["G0105-53", "G0105-26"], output=version)


def test_a_code_may_be_written_in_lower_case_with_spaces_and_its_modifier(version: pfsetl.Version) -> None:
    found = pfsetl.history(" g0105-53 ", output=version).rows
    assert {(row["hcpcs"], row["modifier"]) for row in found} == {("G0105", "53")}


@pytest.mark.parametrize("written", ["facility", "Facility", "non-facility", "Non Facility"])
def test_a_setting_is_taken_however_it_is_written_as_for_a_price(written: str, demo: Path, run: Run) -> None:
    """G0101 in RVU26A, by CMS's RVUs x 33.4009: 1.19 outside a facility, 0.74 in one."""
    _, out, _ = run("history", "G0101", "--setting", written, "--from", "2026", "--output", demo)
    assert ("$24.72" if written.lower() == "facility" else "$39.75") in out


@pytest.mark.parametrize("written", ["g0105-53", "G0105:53", "G0105 53", "G010553"])
def test_the_command_takes_a_code_with_its_modifier_as_python_does(written: str, demo: Path, run: Run) -> None:
    _, out, _ = run("history", written, "--json", "--output", demo)
    assert {(row["hcpcs"], row["modifier"]) for row in json.loads(out)["rows"]} == {("G0105", "53")}


def test_an_empty_store_says_what_publishes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is published there"):
        pfsetl.history("G0101", output=tmp_path / "none")


# --- in words -------------------------------------------------------------------------------------------------------


def row(change: str, work: str, factor: str) -> dict[str, Decimal]:
    causes = {"work": work, "pe": "0", "mp": "0", "factor": factor}
    told = {f"facility_change_{name}": Decimal(value) for name, value in causes.items()}
    return told | {"facility_change": Decimal(change), "facility_amount": Decimal("10.00")}


def test_causes_that_add_up_in_cents_are_told_alone() -> None:
    assert moved(row("0.05", "0.02", "0.03"), "facility") == "$9.95 to $10.00: RVUs +0.02, factor +0.03"


def test_where_cents_do_not_add_up_rounding_is_a_cause() -> None:
    assert moved(row("-0.02", "0", "-0.0149"), "facility") == "$10.02 to $10.00: factor -0.01, rounding -0.01"


def test_what_did_not_move_has_no_sentence() -> None:
    assert moved(row("0.00", "0", "0"), "facility") is None


def test_equal_amounts_are_a_level_line() -> None:
    assert blocks([Decimal(1)] * 3) == "▁▁▁"


# --- on the command line --------------------------------------------------------------------------------------------


def test_a_terminal_of_eighty_columns_shows_a_row_in_a_line(
    demo: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run("history", "G0101", "--output", demo)
    (now,) = (line for line in out.splitlines() if line.startswith("RVU26A"))
    assert (code, len(now) <= 80, now.split()[:3]) == (0, True, ["RVU26A", "2026-01-01", "A"])


def test_the_sentence_names_both_amounts_and_every_cause(demo: Path, version: pfsetl.Version, run: Run) -> None:
    columns = ["release", "nonfacility_amount", "nonfacility_total_rvu", "conversion_factor"]
    rows = pfsetl.history("G0101", participant="non_qp", output=version).frame.select(columns).rows()
    (_, before, old, paid), (_, now, new, pays) = rows
    rvus, factor = (
        ((new - old) * paid).quantize(CENT, ROUND_HALF_UP),
        (new * (pays - paid)).quantize(CENT, ROUND_HALF_UP),
    )
    _, out, _ = run("history", "G0101", "--output", demo)
    assert f"RVU25D to RVU26A: ${before} to ${now}: RVUs {rvus:+}, factor {factor:+}" in out


def test_unpublished_releases_are_named_before_the_first_row(demo: Path, run: Run) -> None:
    _, out, _ = run("history", "G0101", "--from", "2025", "--output", demo)
    assert out.index("not published here  RVU25A, RVU25B, RVU25C") < out.index("\nRVU25D")


def test_json_has_rows_sentences_and_what_is_not_published(demo: Path, run: Run) -> None:
    data = json.loads(run("history", "G0101", "--from", "2025", "--json", "--output", demo)[1])
    assert (len(data["rows"]), len(data["sentences"]["facility"]), data["unpublished"][0]) == (2, 1, "RVU25A")


def test_csv_is_the_whole_table(demo: Path, version: pfsetl.Version, run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("history", "G0101", "--csv", "--output", demo)[1])))
    frame = pfsetl.history("G0101", participant="non_qp", output=version).frame
    assert ([r["nonfacility_change"] for r in rows], list(rows[0])) == (
        [str(v) if v is not None else "" for v in frame["nonfacility_change"]],
        frame.columns,
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--from=-5"], "from -5: no year"),
        (["--csv", "--json"], "give one of them"),
        (["--setting", "home"], "setting 'home': not known. There are nonfacility, facility"),
    ],
)
def test_odd_options_are_refused(asked: list[str], said: str, demo: Path, run: Run) -> None:
    code, _, err = run("history", "G0101", *asked, "--output", demo)
    assert (code, said in err) == (2, True)


def test_every_column_of_a_local_history_is_a_decimal_as_in_the_nations(version: pfsetl.Version) -> None:
    local = pfsetl.history("G0101", locality="CA/18", output=version).frame
    national = pfsetl.history("G0101", output=version).frame
    assert {c: local.schema[c] for c in national.columns} == dict(national.schema)
    assert local.schema["facility_change_index"] == pl.Decimal(12, 6)
