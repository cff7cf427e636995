"""`code_modifier` says of every code and modifier what a price of the same line says, to the cent and reason."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import pfsetl
from pfsetl.declared import calendar, contracts, registry
from pfsetl.declared.records import rules
from pfsetl.errors import UsageError
from pfsetl.pricing.quote import price_alone, together
from pfsetl.pricing.service import service
from pfsetl.publication import publish, staging
from pfsetl.storage.folder import LocalStore
from pfsetl.tables import code_modifier, columns, derive, key_order
from tests import publisher as p

pytestmark = pytest.mark.long

Cells = Mapping[str, object]
# Factors as paid on the first day, from CMS's files: what is printed and what is paid are the same here.
PAID = {"RVU10AR1": "36.0791", "RVU14A": "35.8228", "RVU20A": "36.0896", "RVU22A": "34.6062"}
ZERO = {pl.String: "", pl.Boolean: False, pl.Decimal: Decimal(0), pl.Int32: 0}
INDICATORS = {
    "pctc": "0123456789", "bilateral": "01239", "assistant_surgeon": "0129", "co_surgeons": "0129",
    "team_surgery": "0129", "multiple_procedure": "02345679",
}  # fmt: skip


def rvus() -> st.SearchStrategy[Decimal]:
    return st.decimals(min_value=0, max_value=30, places=2)


@st.composite
def services(draw: st.DrawFn, hcpcs: str) -> list[dict[str, object]]:
    """The rows of a code: the whole service, and sometimes 26, TC or 53."""
    indicators: dict[str, object] = {name: draw(st.sampled_from(values)) for name, values in INDICATORS.items()}
    indicators["global_days"] = draw(st.sampled_from(["000", "010", "090", "MMM", "XXX", "YYY", "ZZZ"]))
    indicators["imaging_family"] = draw(st.sampled_from(["88", "99", "02"]))
    package = draw(st.sampled_from([("0.00", "0.00", "0.00"), ("0.10", "0.69", "0.21"), ("0.00", "1.00", "0.00")]))
    indicators |= {n: Decimal(x) for n, x in zip(rules.PACKAGE, package, strict=True)}
    status = draw(st.sampled_from("AAAARTC"))
    cap = draw(st.sampled_from(["0.00", "0.40"]))
    rows = []
    for modifier in ["", *draw(st.lists(st.sampled_from(["26", "TC", "53"]), unique=True))]:
        parts = {f"{name}_rvu": draw(rvus()) for name in ("work", "nonfacility_pe", "facility_pe", "mp")}
        capped = {f"opps_{name}_rvu": Decimal(cap) for name in ("nonfacility_pe", "facility_pe", "mp")}
        rows.append({"hcpcs": hcpcs, "modifier": modifier, "status": status, **indicators, **parts, **capped})
    return rows


CODES = ("10021", "71045", "71250", "92507", "97761", "G0105")  # X-ray and CT are known by their codes


def rvu(label: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    table = contracts.load().tables["rvu"]
    zeros = {c.name: ZERO[type(c.dtype)] for c in table.columns if not c.nullable}
    cells = dict.fromkeys(table.schema) | zeros | {"release": label, "participant": "all"}
    cells["conversion_factor"] = Decimal(PAID[label])
    return pl.DataFrame([cells | row for row in rows], schema=table.schema)


def both(folder: Path, label: str, rows: list[dict[str, object]]) -> tuple[list[Cells], list[Cells]]:
    """What the table says, and what a price of each of its lines says."""
    release, contract = registry.find(label), contracts.load()
    frame = key_order.in_order(rvu(label, rows), contract.tables["rvu"])
    paid = derive.payment_national(frame, release)
    found = code_modifier.code_modifier({"rvu": frame, "payment_national": paid}, release)["code_modifier"]
    said = columns.shaped(found, contract.tables["code_modifier"])
    lines = contract.tables["source_lines"].empty()
    store = LocalStore(folder)
    staged = staging.stage(store, label, {"rvu": frame, "source_lines": lines}, p.record(label), contract)
    version = publish.commit(store, [staged], pfsetl.open(store), contract)
    day = str(calendar.formula_day(release))
    keys = said.select("hcpcs", "modifier", "setting").rows()
    asked = [(n, service(h, day, modifiers=m, setting=s, documented=True)) for n, (h, m, s) in enumerate(keys)]
    priced: list[Cells] = []
    for alone in price_alone(version, asked):
        if isinstance(alone, UsageError):
            assert "has no such row" in str(alone)
            priced.append({"payment": None, "reason": "no_row"})
        else:
            (quoted,) = together([alone])
            allowed = quoted.line.allowed
            amount = None if allowed is None else Decimal(allowed).scaleb(-2)
            priced.append({"payment": amount, "reason": quoted.line.reason})
    told: list[Cells] = [{"payment": row["payment"], "reason": row["reason"]} for row in said.to_dicts()]
    return told, priced


@settings(max_examples=8, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(label=st.sampled_from(sorted(PAID)), rows=st.tuples(*(services(code) for code in CODES)))
def test_every_payment_is_what_a_price_of_the_line_is(
    tmp_path_factory: pytest.TempPathFactory, label: str, rows: tuple[list[dict[str, object]], ...]
) -> None:
    said, priced = both(tmp_path_factory.mktemp("modifiers") / "store", label, [row for one in rows for row in one])
    assert said == priced


def test_a_second_side_whose_technical_part_is_not_priced_has_no_payment(tmp_path: Path) -> None:
    """A whole service without a TC row, each side paid by itself, under the imaging reduction of 2010."""
    whole = {
        "hcpcs": "71250", "status": "A", "work_rvu": Decimal("1.16"), "nonfacility_pe_rvu": Decimal("5.00"),
        "multiple_procedure": "4", "imaging_family": "88", "bilateral": "3", "pctc": "0", "global_days": "XXX",
    }  # fmt: skip
    said, priced = both(tmp_path / "store", "RVU10AR1", [whole])
    assert {"payment": None, "reason": "technical_part_not_known"} in said
    assert said == priced


def test_a_second_side_of_a_technical_part_alone_is_reduced_by_its_own_amount(tmp_path: Path) -> None:
    """CMS's record layout, PC/TC 3 and multiple procedure 6: 25 % off the second, which is technical throughout.

    18.64 RVUs x 34.6062 are $645.06, and twice that less a quarter of it $1,128.86, whatever a TC row says.
    """
    alone = {
        "hcpcs": "71250", "status": "A", "work_rvu": Decimal("18.64"), "pctc": "3", "multiple_procedure": "6",
        "bilateral": "3", "global_days": "XXX",
    }  # fmt: skip
    said, priced = both(tmp_path / "store", "RVU22A", [alone, alone | {"modifier": "TC", "work_rvu": Decimal("30.00")}])
    assert {"payment": Decimal("1128.86"), "reason": None} in said
    assert said == priced


def test_both_sides_of_an_operation_pay_half_more(tmp_path: Path) -> None:
    """CMS's record layout, bilateral surgery 1: 150 %. 2.00 RVUs x 36.0896 are $72.18, of which $108.27 are 150 %."""
    whole = {"hcpcs": "10021", "status": "A", "work_rvu": Decimal("2.00"), "bilateral": "1", "global_days": "000"}
    said, _ = both(tmp_path / "store", "RVU20A", [whole])
    assert said.count({"payment": Decimal("108.27"), "reason": None}) == 2  # outside facilities, and in them
