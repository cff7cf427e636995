"""In-network files of Transparency in Coverage: every rate has a percentage or a reason, whatever stands where.

The schema is CMSgov/price-transparency-guide 2.0; 1.x has no setting and may have groups in place or
elsewhere.
"""

import csv
import gzip
import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import pfsetl
from pfsetl import Version
from pfsetl.errors import UsageError
from pfsetl.payers import json_file, pieces
from tests.payers import GROUPS, in_network, item, price

pytestmark = pytest.mark.long

DAY, PLACE = "2026-02-01", "CA/18"
# G0101 there and then, by CMS's RVUs and indices: docs/prices.md has every step of the first.
OUTSIDE, IN_FACILITY = Decimal("43.72"), Decimal("25.94")
SAMPLES = Path(__file__).parents[3] / "shared" / "payer"


@pytest.fixture
def compared(sample: Version, tmp_path: Path):
    """Compare a file; return the rows that were written, and the answer."""

    def compare(data: bytes, **asked):
        source, out = tmp_path / "rates", tmp_path / "out.parquet"
        for old in tmp_path.glob("out*"):
            old.unlink()
        source.write_bytes(data)
        answer = pfsetl.benchmark(source, out, output=sample, **{"date": DAY, "locality": PLACE, **asked})
        return pl.read_parquet(out).to_dicts(), answer

    return compare


def percents(rows) -> list[Decimal | None]:
    return [row["percent_of_medicare"] for row in rows]


# --- rates ------------------------------------------------------------------------------------------------------


def test_a_rate_has_its_percentage_payer_and_plan(compared) -> None:
    (row,), answer = compared(in_network(item(price(87.44))))
    assert (row["percent_of_medicare"], row["payer"], row["plan"], row["provider"]) == (200, "Acme", "PPO", "1")
    assert answer["format"] == "in-network"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"negotiated_type": "percentage"}, "percentage_of_charge"),
        ({"negotiated_type": "per diem"}, "per_diem"),
        ({"negotiated_type": "derived"}, None),
        ({"negotiated_type": "fee schedule"}, None),
        ({"negotiated_type": "by moon"}, "not_readable"),
        ({"billing_class": "institutional"}, "institutional"),
        ({"billing_class": "both"}, None),
        ({"negotiated_rate": 0}, "rate_not_positive"),
        ({"negotiated_rate": "call us"}, "rate_not_a_number"),
        ({"negotiated_rate": None}, "no_rate"),
        ({"service_code": ["05"]}, "setting_unknown"),
        ({"billing_code_modifier": ["ZZ"]}, "modifier_unknown"),
        ({"service_code": "11"}, "not_readable"),
    ],
)
def test_what_is_not_dollars_for_a_service_has_a_reason(compared, said, reason) -> None:
    rows, _ = compared(in_network(item(price(**said))))
    assert [row["reason"] for row in rows] == [reason]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"negotiation_arrangement": "bundle"}, "bundle"),
        ({"negotiation_arrangement": "capitation"}, "capitation"),
        ({"billing_code_type": "MS-DRG"}, "not_in_schedule"),
        ({"billing_code_type": "RC", "billing_code": "0510"}, "not_in_schedule"),
        ({"billing_code": " g0101 "}, None),
        ({"billing_code": "G 0101"}, "not_a_code"),
        ({"billing_code": 99}, "not_a_code"),
    ],
)
def test_what_a_service_is_decides_first(compared, said, reason) -> None:
    rows, _ = compared(in_network(item(price(), **said)))
    assert [row["reason"] for row in rows] == [reason]


@pytest.mark.parametrize("rate", [0.01, 99999999.99, 43.72, 43.7218])
def test_the_smallest_and_the_largest_rates_are_exact(compared, rate: float) -> None:
    exact = (100 * Decimal(str(rate)) / OUTSIDE).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert percents(compared(in_network(item(price(rate))))[0]) == [exact]


@pytest.mark.parametrize(
    "said", [{"service_code": ["11", "22"]}, {"service_code": ["CSTM-00"]}, {"service_code": None}]
)
def test_a_rate_for_both_settings_is_a_row_for_each(compared, said) -> None:
    rows, _ = compared(in_network(item(price(**said))))
    assert [(row["setting"], row["medicare"]) for row in rows] == [("nonfacility", OUTSIDE), ("facility", IN_FACILITY)]


def test_places_that_the_table_lacks_take_nothing_from_those_it_has(compared) -> None:
    (row,), _ = compared(in_network(item(price(service_code=["05", "22"]))))
    assert (row["medicare"], row["detail"]) == (IN_FACILITY, "without place of service 05")


def test_a_rate_that_has_ended_is_compared_and_counted(compared) -> None:
    (row,), answer = compared(in_network(item(price(expiration_date="2025-12-31"))))
    assert (str(row["expires"]), row["reason"], answer["expired"]) == ("2025-12-31", None, 1)


def test_last_days_that_are_none_are_said_once(compared) -> None:
    rows, answer = compared(
        in_network(*[item(price(expiration_date=day)) for day in ("12/31/2025", "06/30/2026", " ")])
    )
    assert [row["expires"] for row in rows] == [None, None, None]
    assert [note for note in answer["notes"] if "expiration_date" in note] == [
        "expiration_date '12/31/2025' isn't a day like 2026-12-31: such rates have no last day"
    ]


def test_an_element_that_is_not_as_the_schema_has_it_costs_no_other_its_rate(compared) -> None:
    rows, _ = compared(in_network(item(price()), {"negotiated_rates": "none"}, item(price())))
    assert [row["reason"] for row in rows] == [None, "not_readable", None]


@pytest.mark.parametrize("arrangement", ["bundle", "barter"])
def test_an_arrangement_that_is_no_price_of_a_service_is_named(compared, arrangement: str) -> None:
    (row,), _ = compared(in_network(item(price(), negotiation_arrangement=arrangement)))
    assert row["detail"] == f"negotiation_arrangement {arrangement}"


def test_a_rate_that_is_not_as_the_schema_has_it_costs_its_element_no_other(compared) -> None:
    own = [{"provider_references": [1], "negotiated_prices": [price(rate)]} for rate in (40, True, 50)]
    rows, _ = compared(in_network(item(negotiated_rates=own)))
    assert [(row["code"], row["reason"]) for row in rows] == [
        ("G0101", None), ("G0101", "not_readable"), ("G0101", None),
    ]  # fmt: skip
    assert "negotiated_rate" in rows[1]["detail"]


@pytest.mark.parametrize("at_once", [1 << 20, 64])
def test_a_price_that_is_not_as_the_schema_has_it_costs_those_beside_it_nothing(
    compared, monkeypatch, at_once: int
) -> None:
    monkeypatch.setattr(pieces, "AT_ONCE", at_once)
    prices: list[Any] = [price(40), price(billing_class=7), "none", price(50)]
    rows, _ = compared(in_network(item(*prices, groups=[2]), item(price(60))))
    assert [(row["row"], row["rate"], row["reason"], row["provider"]) for row in rows] == [
        (1, 40, None, "2"), (2, None, "not_readable", "2"), (3, None, "not_readable", "2"), (4, 50, None, "2"),
        (5, 60, None, "1"),
    ]  # fmt: skip
    assert "billing_class" in rows[1]["detail"]


def test_a_price_that_cannot_be_read_is_left_out_with_those_of_its_provider(compared) -> None:
    rows, answer = compared(in_network(item(price(40), price(True), groups=[2]), item(price(60))), npis=["1111111112"])
    assert ([row["rate"] for row in rows], answer["left_out"]) == ([60], {"of another provider": 2})


def test_the_same_rate_twice_is_two_rows_and_one_contract(compared) -> None:
    rows, answer = compared(in_network(item(price(), price(), groups=[1]), item(price(), groups=[2])))
    assert (len(rows), answer["summary"][0]["contracts"]) == (3, 1)


# --- providers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("asked", [{"npis": ["1222222228"]}, {"tins": ["22-2222222"]}, {"tins": ["222222222"]}])
def test_rates_of_one_provider_are_chosen_wherever_the_groups_stand(compared, asked, late: bool) -> None:
    data = in_network(
        item(price(40), groups=[1]), item(price(50), groups=[1, 2]), item(price(60), groups=[2]), late=late
    )
    rows, answer = compared(data, **asked)
    assert [(row["rate"], row["provider"]) for row in rows] == [(50, "1,2"), (60, "2")]
    assert answer["left_out"] == {"of another provider": 1}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"tins": ["unknown"]}, "tax number 'unknown': it has 9 digits"),
        ({"tins": ["12-345678"]}, "it has 9 digits"),
        ({"npis": ["123456789"]}, "NPI '123456789': an NPI has 10 digits"),
        ({"npis": ["Dr. Smith"]}, "an NPI has 10 digits"),
    ],
)
def test_what_is_no_number_of_a_provider_is_refused_as_it_would_choose_those_without_one(compared, asked, said) -> None:
    with pytest.raises(UsageError, match=said):
        compared(in_network(item(price())), **asked)


def test_a_tax_number_is_found_where_json_has_it_as_a_number_without_its_zero(compared) -> None:
    group = {"npi": [1111111112], "tin": {"type": "ein", "value": 12345678}}
    groups = [{"provider_group_id": 1, "provider_groups": [group]}]
    rows, _ = compared(in_network(item(price()), groups=groups), tins=["01-2345678"])
    assert [row["provider"] for row in rows] == ["1"]


def test_groups_are_written_with_their_numbers(compared, tmp_path: Path) -> None:
    compared(in_network(item(price()), late=True))
    rows = pl.read_parquet(tmp_path / "out-providers.parquet").select("provider", "tin", "npi").rows()
    assert rows == [
        ("1", "11-1111111", "1111111112"),
        ("1", "11-1111111", "1111111120"),
        ("2", "222222222", "1222222228"),
    ]


@pytest.mark.parametrize("late", [False, True])
def test_a_rate_of_groups_that_do_not_exist_has_a_reason(compared, late: bool) -> None:
    data = in_network(item(price(), groups=[7]), item(price(), groups=[1, 7]), item(price(), groups=[2]), late=late)
    rows, answer = compared(data)
    assert [row["reason"] for row in rows] == ["provider_group_missing", None, None]
    assert "provider groups that rates name and the file lacks: 1 (7)" in answer["notes"]


def test_groups_in_place_of_schema_1_are_chosen_by_what_they_hold(compared) -> None:
    own = [{"provider_groups": GROUPS[n]["provider_groups"], "negotiated_prices": [price(n + 1, setting=None)]}
           for n in range(2)]  # fmt: skip
    rows, _ = compared(in_network(item(negotiated_rates=own), groups=()), npis=["1222222228"])
    assert [row["rate"] for row in rows] == [2]


def test_groups_of_schema_1_that_lie_elsewhere_are_counted_and_not_fetched(compared) -> None:
    away = {"provider_group_id": 3, "location": "https://example.org/groups.json"}
    rows, answer = compared(in_network(item(price(), groups=[3]), groups=(away,)))
    assert rows[0]["reason"] is None
    assert "1 provider groups lie in other files (location), which aren't fetched" in answer["notes"]


# --- files of any size and shape --------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [64, 300, 5_000])
@pytest.mark.parametrize("late", [False, True])
def test_a_file_larger_than_what_is_read_at_once_says_the_same(compared, monkeypatch, at_once: int, late: bool) -> None:
    items = [item(*(price(rate, additional_information='"[{\\"') for rate in range(1, n + 2)), groups=[1, 2], code=code)
             for n, code in enumerate(("G0101", "G0102", "G0101"))]  # fmt: skip
    data = in_network(*items, late=late)
    whole, _ = compared(data)
    monkeypatch.setattr(pieces, "AT_ONCE", at_once)
    assert compared(data)[0] == whole


def test_what_stands_between_elements_may_stand_within_them_too(compared, monkeypatch) -> None:
    text = '}, {"negotiation_arrangement": "ffs"'
    inner = [{"negotiation_arrangement": "ffs"}, {"negotiation_arrangement": "ffs"}]
    data = in_network(*(item(price(n + 1, additional_information=text), bundled_codes=inner) for n in range(12)))
    whole, _ = compared(data)
    assert [row["rate"] for row in whole] == list(range(1, 13))
    for at_once in range(900, 2_400, 150):
        monkeypatch.setattr(pieces, "AT_ONCE", at_once)
        assert compared(data)[0] == whole


@pytest.mark.parametrize("order", ["first", "last"])
def test_a_code_may_stand_after_its_rates(compared, monkeypatch, order: str) -> None:
    one = item(*(price(rate) for rate in range(1, 40)))
    bundle = item(price(), negotiation_arrangement="bundle")
    names = sorted(one, key=lambda name: (name == "negotiated_rates") == (order == "last"))
    monkeypatch.setattr(pieces, "AT_ONCE", 200)
    rows, _ = compared(in_network(*({name: whole[name] for name in names} for whole in (one, bundle))), codes=["G0101"])
    assert [row["reason"] for row in rows] == [None] * 39 + ["bundle"]
    assert {row["code"] for row in rows} == {"G0101"}


@pytest.mark.parametrize(
    "wrap", [gzip.compress, lambda data: gzip.compress(gzip.compress(data)), lambda d: b"\xef\xbb\xbf" + d]
)
def test_a_file_is_told_by_its_bytes(compared, wrap) -> None:
    assert len(compared(wrap(in_network(item(price()))))[0]) == 1


@pytest.mark.parametrize("at_once", [64, 1 << 20])
def test_a_file_cut_anywhere_is_refused_and_nothing_is_written(compared, tmp_path, monkeypatch, at_once: int) -> None:
    monkeypatch.setattr(pieces, "AT_ONCE", at_once)
    data = in_network(item(price(), price()), item(price()))
    for end in range(1, len(data), 97):
        with pytest.raises(UsageError, match=r"cut|damaged|isn't a file of rates"):
            compared(data[:end])
        assert [path.name for path in tmp_path.iterdir()] == ["rates"]


@pytest.mark.parametrize("at_once", [64, 1 << 20])
@pytest.mark.parametrize(
    ("now", "then"), [(b'"G0101"', b'"G0101'), (b'"Acme"', b'"Ac\xffme"'), (b'"ffs"', b"ffs"), (b"50.0", b"50.0.0")]
)
def test_damage_within_a_file_is_refused_in_words(compared, monkeypatch, at_once: int, now: bytes, then: bytes) -> None:
    monkeypatch.setattr(pieces, "AT_ONCE", at_once)
    with pytest.raises(UsageError, match=r"damaged|cut|comma|bracket"):
        compared(in_network(item(price()), item(price())).replace(now, then, 1))


@pytest.mark.parametrize("groups", [["North"], [{"npi": "all"}], [{"npi": [1111111112], "tin": 5}]])
def test_groups_in_place_that_cannot_be_read_are_said_and_cost_no_rate(compared, groups) -> None:
    own = {"provider_groups": groups, "negotiated_prices": [price()]}
    (row,), answer = compared(in_network(item(negotiated_rates=[own])))
    assert row["reason"] is None
    assert any(note.startswith("provider_groups: Expected") for note in answer["notes"])


@pytest.mark.parametrize("name", [None, ["Acme"], {"en": "Acme"}])
def test_a_name_that_is_no_text_is_none(compared, name) -> None:
    about = {"reporting_entity_name": name, "plan_name": name, "version": name, "last_updated_on": name}
    (row,), answer = compared(json.dumps(json.loads(in_network(item(price(43.72)))) | about).encode())
    assert (row["payer"], row["plan"], row["percent_of_medicare"]) == ("", "", 100)
    assert not any(note.startswith("the file says") for note in answer["notes"])


def test_a_place_of_service_that_is_blank_is_none(compared) -> None:
    rows, _ = compared(in_network(item(price(service_code=["11", " "]), price(service_code=[""]))))
    assert [(row["reason"], row["detail"]) for row in rows] == [
        (None, None),
        ("setting_unknown", "neither a setting nor a place of service is given"),
    ]


def test_null_in_place_of_an_array_is_an_empty_one(compared) -> None:
    own = {"provider_references": None, "provider_groups": GROUPS[1]["provider_groups"], "negotiated_prices": [price()]}
    by_number = {"provider_references": [1], "provider_groups": None, "negotiated_prices": [price()]}
    rows, answer = compared(in_network(item(negotiated_rates=[own, by_number])))
    assert [row["reason"] for row in rows] == [None, None]
    assert not [note for note in answer["notes"] if note.startswith("provider")]


def test_references_that_cannot_be_read_are_said_and_cost_no_rate(compared) -> None:
    own = {"provider_references": [[1]], "negotiated_prices": [price()]}
    (row,), answer = compared(in_network(item(negotiated_rates=[own])))
    assert row["reason"] is None
    assert any(note.startswith("provider_references: Expected") for note in answer["notes"])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"reporting_structure": []}', "a table of contents"),
        (b'{"reporting_entity_name": "A", "out_of_network": []}', "allowed amounts"),
        (b'{"a": 1, "b": 2}', "It has a, b"),
        (b'[{"in_network": []}]', "isn't a file of rates"),
        (b'{"provider_references": []}', "in_network is absent or empty"),
        (b'{"in_network": [1, 2}', "wrong bracket"),
        (b'{"in_network": []} x', "something follows"),
        (b'{"in_network": [,]}', "damaged"),
        (b"{}", "It has nothing"),
    ],
)
def test_another_kind_of_file_is_named_with_what_works(compared, data: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        compared(data)


def test_pieces_of_any_size_are_the_whole(monkeypatch) -> None:
    document = {
        "a\\": [{"x": '\\"]}', "y": [[], {}, "{", 1e3]} for _ in range(20)],
        "b": {"c": "d\\\\"},
        "in_network": [],
    }
    for at_once in range(8, 120, 7):
        monkeypatch.setattr(pieces, "AT_ONCE", at_once)
        found: dict[str, Any] = {}
        stream = json.dumps(document).encode()
        for path, text in json_file.members(_opened(stream), (), {}):
            value = json.loads(text) if text else type(document[path[0]])()
            found[path[0]] = (
                [*found.get(path[0], []), *value]
                if isinstance(document[path[0]], list)
                else found.get(path[0], {}) | value
            )
        assert found == document


def _opened(data: bytes):
    import io

    from pfsetl.payers.opening import RatesFile

    return RatesFile(Path("made here"), io.BytesIO(data), "json")


# --- CMS's own examples -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rates", "reasons"),
    [
        # Counted by hand in the files, without regard to what the bundled sample prices.
        ("tic-bundle-single-plan-sample", 2, {"bundle": 2}),
        ("tic-all-negotiated-types-sample", 8, {"percentage_of_charge": 2, "institutional": 3}),
        ("tic-fee-for-service-single-plan-sample", 5, {"institutional": 2}),
    ],
)
def test_every_rate_of_the_examples_of_cms_is_accounted_for(
    compared, name: str, rates: int, reasons: dict[str, int]
) -> None:
    path = SAMPLES / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"SKIPPED, NOT PASSED: no {path}")
    _, answer = compared(path.read_bytes())
    assert (answer["rates"], reasons.items() <= answer["reasons"].items()) == (rates, True)
    assert answer["rows"] == answer["percentages"] + sum(answer["reasons"].values())


def test_the_command_chooses_codes_and_providers(sample: Version, run, tmp_path: Path) -> None:
    source = tmp_path / "rates.json"
    source.write_bytes(in_network(item(price(), code="G0102"), item(price(), groups=[2]), item(price())))
    asked = ["--code", "G0101", "--tin", "11-1111111", "--date", DAY, "-o", sample.store]
    assert run("benchmark", source, tmp_path / "out.csv", *asked)[0] == 0
    with (tmp_path / "out.csv").open() as file:
        assert [(row["code"], row["provider"]) for row in csv.DictReader(file)] == [("G0101", "1")]
