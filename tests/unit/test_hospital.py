"""Hospitals' standard charges, in JSON and in CSV, tall and wide: what payers pay in a facility, or a reason.

The schema is CMSgov/hospital-price-transparency 3.0; files of version 2 are made by its data dictionary.
"""

import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

import pfsetl
from pfsetl import Version
from pfsetl.errors import UsageError
from tests.payers import TALL, WIDE, hospital_csv, hospital_json

pytestmark = pytest.mark.long

DAY, PLACE = "2026-02-01", "CA/18"
IN_FACILITY = Decimal("25.94")  # G0101 there and then, by CMS's RVUs and indices
SAMPLES = Path(__file__).parents[3] / "shared" / "payer"


@pytest.fixture
def compared(sample: Version, tmp_path: Path):
    """Compare a file; return the rows that were written, and the answer."""

    def compare(data: bytes, **asked):
        source, out = tmp_path / "charges", tmp_path / "out.parquet"
        source.write_bytes(data)
        answer = pfsetl.benchmark(source, out, output=sample, date=DAY, locality=PLACE, **asked)
        return pl.read_parquet(out).to_dicts(), answer

    return compare


def tall(
    dollars="", percentage="", algorithm="", methodology="fee schedule", setting="outpatient", modifiers=""
) -> bytes:
    line = ("service", "510", "RC", "G0101", "HCPCS", setting, "Acme", "PPO", modifiers, dollars, percentage, algorithm,
            methodology)  # fmt: skip
    return hospital_csv(TALL, line)


KINDS = [
    ({"dollars": 51.88}, None),
    ({"dollars": 51.88, "methodology": "other"}, None),
    ({"dollars": 51.88, "methodology": "case rate"}, "case_rate"),
    ({"dollars": 51.88, "methodology": "per diem"}, "per_diem"),
    ({"percentage": 80, "methodology": "percent of total billed charges"}, "percentage_of_charge"),
    ({"algorithm": "110% of cost", "methodology": "other"}, "algorithm"),
]


@pytest.mark.parametrize("setting", ["inpatient", "outpatient", "both"])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_every_setting_of_a_hospital_is_a_facility(compared, form: str, setting: str) -> None:
    data = (
        tall(51.88, setting=setting)
        if form == "csv"
        else hospital_json({"standard_charge_dollar": 51.88}, setting=setting)
    )
    (row,), _ = compared(data)
    assert (row["setting"], row["medicare"], row["percent_of_medicare"]) == ("facility", IN_FACILITY, 200)


@pytest.mark.parametrize(("said", "reason"), KINDS)
def test_what_a_line_of_a_tall_file_says_is_dollars_or_a_reason(compared, said, reason) -> None:
    (row,), answer = compared(tall(**said))
    assert (row["reason"], row["payer"], row["code"], answer["format"]) == (reason, "Acme", "G0101", "hospital csv")


@pytest.mark.parametrize("version", ["2.0.0", "2.2.1", "3.0.0"])
@pytest.mark.parametrize(("said", "reason"), KINDS)
def test_what_a_plan_in_json_says_is_dollars_or_a_reason(compared, said, reason, version: str) -> None:
    names = {"dollars": "standard_charge_dollar", "percentage": "standard_charge_percentage",
             "algorithm": "standard_charge_algorithm", "methodology": "methodology"}  # fmt: skip
    (row,), answer = compared(hospital_json({names[name]: value for name, value in said.items()}, version=version))
    assert (row["reason"], row["payer"], row["code"], answer["format"]) == (reason, "Acme", "G0101", "hospital json")


def test_a_wide_file_has_a_rate_for_each_plan_that_has_one(compared) -> None:
    lines = [
        ("service", "G0101", "HCPCS", "outpatient", 100, 51.88, "fee schedule", "", 70, "other"),
        ("service", "G0101", "HCPCS", "outpatient", 100, "", "", 25.94, "", "fee schedule"),
        ("service", "G0102", "HCPCS", "outpatient", 100, "", "", "", "", ""),
    ]
    rows, answer = compared(hospital_csv(WIDE, *lines))
    assert [(row["row"], row["payer"], row["plan"], row["percent_of_medicare"], row["reason"]) for row in rows] == [
        (4, "Acme", "PPO", Decimal(200), None),
        (4, "Best Health", "HMO", None, "percentage_of_charge"),
        (5, "Best Health", "HMO", Decimal(100), None),
    ]
    assert answer["left_out"] == {"charges without a payer's rate": 1}


def test_modifiers_stand_apart_by_bars(compared) -> None:
    assert compared(tall(51.88, modifiers="GC|59"))[0][0]["modifiers"] == "GC 59"


def test_a_line_with_more_cells_than_columns_is_not_read(compared) -> None:
    (row,), _ = compared(tall(dollars=51.88, methodology="fee schedule").rstrip() + b",of 2026\n")
    assert (row["percent_of_medicare"], row["reason"]) == (None, "not_readable")


@pytest.mark.parametrize("wrong", [{"payer_name": 7}, {"standard_charge_dollar": True}, "none"])
def test_a_plan_that_is_not_as_the_schema_has_it_costs_no_other_its_rate(compared, wrong) -> None:
    data = json.loads(hospital_json({"standard_charge_dollar": 51.88}))
    plans = data["standard_charge_information"][0]["standard_charges"][0]["payers_information"]
    plans.insert(0, plans[0] | wrong if isinstance(wrong, dict) else wrong)
    rows, _ = compared(json.dumps(data).encode())
    assert [(row["code"], row["reason"], row["percent_of_medicare"]) for row in rows] == [
        ("G0101", "not_readable", None), ("G0101", None, 200),
    ]  # fmt: skip


def test_null_is_what_is_not_there(compared) -> None:
    data = hospital_json({"standard_charge_dollar": 51.88, "plan_name": None}, modifier_code=None, billing_class=None)
    assert [(row["plan"], row["percent_of_medicare"]) for row in compared(data)[0]] == [("", 200)]


@pytest.mark.parametrize("name", [None, ["General"], {"en": "General"}])
def test_a_name_that_is_no_text_is_none(compared, name) -> None:
    data = json.loads(hospital_json({"standard_charge_dollar": 51.88})) | {"hospital_name": name, "version": name}
    (row,), answer = compared(json.dumps(data).encode())
    assert (row["provider"], row["percent_of_medicare"]) == ("", 200)
    assert not any("version" in note for note in answer["notes"])


def test_a_cell_that_took_other_lines_in_is_not_compared_and_is_said(compared) -> None:
    one, other = tall("51.88").decode().replace("Acme", '"Acme'), tall("60.00").decode().splitlines()[-1]
    rows, answer = compared(f"{one}{other.replace('Acme', 'Acme' + chr(34))}\n{other}\n".encode())
    assert [row["reason"] for row in rows] == ["not_readable", None]
    assert any("goes over several lines" in note for note in answer["notes"])


def test_a_file_that_does_not_say_whose_it_is_has_rates_of_no_name(compared) -> None:
    about = "version,last_updated_on,hospital_name\n3.0.0,2026-01-01"  # the comma of an empty cell is left out
    _, _, rest = tall("51.88").decode().split("\n", 2)
    (row,), _ = compared(f"{about}\n{rest}".encode())
    assert (row["provider"], row["percent_of_medicare"]) == ("", 200)


def test_a_line_without_a_code_says_so(compared) -> None:
    line = ("bilateral", "", "", "", "", "both", "Acme", "PPO", "50", "", 150, "", "")
    (row,), _ = compared(hospital_csv(TALL, line))
    assert row["reason"] == "not_a_code"


def test_the_facility_class_of_version_2_is_not_the_physician_schedule(compared) -> None:
    (row,), _ = compared(hospital_json({"standard_charge_dollar": 51.88}, version="2.0.0", billing_class="facility"))
    assert row["reason"] == "institutional"


def test_providers_are_not_chosen_in_a_file_that_names_none(compared) -> None:
    with pytest.raises(UsageError, match="Leave --npi and --tin out"):
        compared(hospital_json({"standard_charge_dollar": 51.88}), npis=["1222222228"])


@pytest.mark.parametrize(
    ("header", "said"), [(("description", "setting"), "no code\\|1"), (TALL[:6], "no negotiated charges")]
)
def test_a_file_of_another_shape_is_named_with_what_it_has(compared, header, said: str) -> None:
    with pytest.raises(UsageError, match=f"{said}. It has description"):
        compared(hospital_csv(header, ["x"] * len(header)))


@pytest.mark.parametrize(
    # Counted by hand in the files, without regard to what the bundled sample prices.
    ("name", "rates", "reasons"),
    [
        ("hospital-v3-example.json", 39, {"algorithm": 8, "case_rate": 6, "per_diem": 5, "percentage_of_charge": 2}),
        (
            "hospital-v3-tall-example.csv",
            45,
            {"algorithm": 8, "case_rate": 6, "per_diem": 5, "percentage_of_charge": 2},
        ),
    ],
)
def test_every_rate_of_the_examples_of_cms_is_accounted_for(
    compared, name: str, rates: int, reasons: dict[str, int]
) -> None:
    path = SAMPLES / name
    if not path.is_file():
        pytest.skip(f"SKIPPED, NOT PASSED: no {path}")
    _, answer = compared(path.read_bytes())
    assert (answer["rates"], reasons.items() <= answer["reasons"].items()) == (rates, True)
    assert answer["rows"] == answer["percentages"] + sum(answer["reasons"].values())
