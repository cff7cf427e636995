"""Amounts that the page's own script computes, in a browser, against the published Parquet: not one may differ."""

import random
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from pfsetl import Version
from pfsetl.declared import calendar
from tests.page.conftest import Visit

SETTINGS = ("nonfacility", "facility")
COLUMNS = ("amount", "payment", "nonparticipating_amount", "limiting_charge")
ASK = """async (asked) => Promise.all(asked.map(async (one) => {
  const known = await pfs.code_data.loadCode(one.code);
  const {price} = await pfs.view.viewOf(known, one, []);
  const cents = [price.amount, price.payment, price.nonparticipating, price.limiting];
  return cents.map((one) => one === null ? null : Number(one));
}))"""


def drawn(version: Version, release: str, count: int, seed: int) -> pl.DataFrame:
    """Random rows of payment_locality, one in ten of them of a capped service where the release has any."""
    table = version.scan("payment_locality", release).collect()
    capped = table.filter(pl.col("nonfacility_opps_amount").is_not_null())
    few = capped.sample(min(count // 10, capped.height), seed=seed)
    return pl.concat([few, table.sample(count - few.height, seed=seed)])


def compared(version: Version, visit: Callable[..., Visit], address: str, release: str, count: int) -> list[Any]:
    """What differs in `count` random amounts of a release, on its first day."""
    day = calendar.formula_day(version.release(release))
    rows = drawn(version, release, count, seed=17)
    chosen = random.Random(17)
    asked, expected = [], []
    for row in rows.iter_rows(named=True):
        setting = chosen.choice(SETTINGS)
        place = f"{row['state']}/{row['locality']}"
        asked.append(
            {"code": row["hcpcs"], "date": str(day), "locality": place, "setting": setting}
            | {"participant": row["participant"], "modifier": row["modifier"]}
        )
        money = [row[f"{setting}_{column}"] for column in COLUMNS]
        expected.append([None if value is None else int(value * 100) for value in money])
    page = visit(address).go(f"?code={asked[0]['code']}&date={day}").page
    found = page.evaluate(ASK, asked)
    return [(one, want, have) for one, want, have in zip(asked, expected, found, strict=True) if want != have]


def test_amounts_of_the_sample_are_those_of_the_parquet(
    sample: Version, serve: Callable[[Version], str], visit: Callable[..., Visit]
) -> None:
    assert compared(sample, visit, serve(sample), "RVU25D", 500) == []


@pytest.mark.parametrize("release", ["RVU14A", "RVU24A", "RVU26A"])
def test_amounts_of_a_release_are_those_of_the_parquet(
    built: Callable[[str], Version], serve: Callable[[Version], str], visit: Callable[..., Visit], release: str
) -> None:
    version = built(release)
    assert compared(version, visit, serve(version), release, 500) == []
