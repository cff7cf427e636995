"""What holds for every payment, whatever the figures."""

from decimal import Decimal

import polars as pl
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pfsetl.tables import derive
from tests.spec.rows import IN_FORCE, Row, by_place, gpci_rows, rvu_rows

# A frame takes longer than a number: fewer examples, and no search for which parts of a failing one matter.
few = settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
rvu = st.integers(0, 99_999).map(lambda n: Decimal(n).scaleb(-2))
gpci = st.integers(300, 2_000).map(lambda n: Decimal(n).scaleb(-3))
factor = st.integers(150_000, 400_000).map(lambda n: Decimal(n).scaleb(-4))
NUMBERS = ("work_rvu", "nonfacility_pe_rvu", "facility_pe_rvu", "mp_rvu")
CAPS = ("opps_nonfacility_pe_rvu", "opps_facility_pe_rvu", "opps_mp_rvu")
services = st.fixed_dictionaries(dict.fromkeys((*NUMBERS, *CAPS), rvu) | {"conversion_factor": factor})
places = st.fixed_dictionaries(dict.fromkeys(("work_gpci", "pe_gpci", "mp_gpci"), gpci))


def in_one_place(services: list[Row], place: Row) -> pl.DataFrame:
    rows = [{"hcpcs": f"G{i:04}", **service} for i, service in enumerate(services)]
    return by_place(rvu_rows(*rows), gpci_rows({"state": "AL", "locality": "00", **place}))


@few
@given(services.filter(lambda s: sum(s[n] for n in NUMBERS) > 0), st.sampled_from(NUMBERS), rvu, places)
def test_more_rvus_never_pay_less(service, raised, more, place):
    uncapped = service | dict.fromkeys(CAPS, Decimal(0))
    rows = in_one_place([uncapped, uncapped | {raised: uncapped[raised] + more}], place)
    less, after = (rows.filter(pl.col("hcpcs") == code) for code in ("G0000", "G0001"))
    assert all(less[f"{s}_payment"].item() <= after[f"{s}_payment"].item() for s in ("nonfacility", "facility"))


@few
@given(st.lists(services, min_size=1, max_size=6), places)
def test_a_cap_raises_no_payment_and_changes_no_amount(rows, place):
    bare = [{**row, "work_rvu": row["work_rvu"] + 1, **dict.fromkeys(CAPS, Decimal(0))} for row in rows]
    paid = in_one_place([{**row, "work_rvu": row["work_rvu"] + 1} for row in rows], place)
    assert paid.select(
        pl.all_horizontal((pl.col(f"{s}_payment") <= pl.col(f"{s}_amount")).all() for s in ("nonfacility", "facility"))
    ).item()
    amounts = ("nonfacility_amount", "facility_amount")
    assert in_one_place(bare, place).select(amounts).equals(paid.select(amounts))


@few
@given(st.lists(services, min_size=1, max_size=6))
def test_the_nation_is_a_locality_whose_indices_are_one(rows):
    valued = [{"hcpcs": f"G{i:04}", **row, "work_rvu": row["work_rvu"] + 1} for i, row in enumerate(rows)]
    here = in_one_place(valued, {"work_gpci": "1", "pe_gpci": "1", "mp_gpci": "1"})
    nation = derive.payment_national(rvu_rows(*valued), IN_FORCE)
    money = [name for name, dtype in nation.schema.items() if isinstance(dtype, pl.Decimal)]
    assert nation.select(money).equals(here.select(money))


@few
@given(services, places)
def test_a_price_in_whole_numbers_is_the_payment_in_columns(service, place):
    rows = rvu_rows({"hcpcs": "G0000", **service, "work_rvu": service["work_rvu"] + 1})
    where = gpci_rows({"state": "AL", "locality": "00", **place})
    table = derive.payment(rows, where, IN_FORCE).row(0, named=True)
    parts = derive.Parts._make(derive.parts_of(rows, IN_FORCE).row(0))
    work, pe, mp = (int(place[name].scaleb(3)) for name in ("work_gpci", "pe_gpci", "mp_gpci"))
    for setting in ("nonfacility", "facility"):
        cents = derive.payment_cents(parts, setting, (work, pe, mp), int(service["conversion_factor"].scaleb(4)))
        told = [table[f"{setting}_{kind}"] for kind in ("amount", "opps_amount", "payment")]
        assert [None if one is None else Decimal(one).scaleb(-2) for one in cents] == told
