"""The price of single services against amounts that CMS published, on real releases.

Samples, the same ones every time: `test_published_amounts.py` compares every published amount with the tables.
"""

import csv
import io
import zipfile
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest

import pfsetl
from pfsetl.declared import declarations, registry
from pfsetl.loading import load as loading
from pfsetl.pricing.counties import counties, county_of
from tests.golden.published import SETTINGS, published_amounts
from tests.kinds import Built

MPFS, UNCAPPED, OPPS, THERAPY = "mpfs", "mpfs (before OPPS cap)", "opps cap amount", "therapy mppr 50% of PE"
BINDS, FREE, CEILING = (
    f"lower of mpfs and opps cap: {outcome}"
    for outcome in ("cap binds", "cap does not bind", "opps cap (carrier priced)")
)
# Of the archives at hand those that price a day: RVU09A and RVU18A were corrected, RVU11A and RVU13A never paid.
IN_FORCE = ["RVU14A", "RVU15A", "RVU17A", "RVU20A", "RVU22A", "RVU24A", "RVU25A"]
SEED = 20_200_101


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.fixture(scope="module")
def sample(oracles):
    """Return some published amounts of a release and rules, the same ones every time."""
    amounts = published_amounts(oracles / "published_amounts.csv")

    def rows(release: str, rules: list[str], n: int) -> list[dict[str, object]]:
        found = amounts.filter(pl.col("rule").is_in(rules), release=release)
        assert found.height >= n
        return found.sample(n, seed=SEED).rows(named=True)

    return rows


@pytest.fixture(scope="module")
def priced(built: Built):
    """Return the price of a published row as CMS names it: contractor, locality, code, modifier, setting."""

    def price(release: str, row, **asked):
        day = registry.find(release).effective_from
        assert day is not None
        return pfsetl.price(
            row["hcpcs"], day, locality=f"{row['mac']}/{row['locality']}",
            modifiers=row["modifier"], setting=row["setting"], output=built(release), **asked,
        )  # fmt: skip

    return price


def step(answer, name: str):
    return next(one for one in answer["steps"] if one["step"] == name)


def different(release: str, rows, mine) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for row in rows:
        ours = mine(row)
        if ours != row["published"]:
            found.append((release, row["hcpcs"], row["modifier"], row["locality"], row["published"], ours))
    return found


@pytest.mark.parametrize(
    ("release", "rules", "n"), [("RVU20A", [MPFS], 100), ("RVU20A", [UNCAPPED], 50), ("RVU25D", [MPFS], 100)]
)
def test_the_amount_is_that_of_cmss_payment_file(sample, priced, release, rules, n):
    rows = sample(release, rules, n)
    assert different(release, rows, lambda row: step(priced(release, row), "amount")["value"]) == []


@pytest.mark.parametrize("release", ["RVU20A", "RVU24A"])
def test_the_cap_is_that_of_cmss_payment_file(sample, priced, release):
    def cap(row):
        return step(priced(release, row), "OPPS amount")["value"]

    assert different(release, sample(release, [OPPS], 30), cap) == []


@pytest.mark.parametrize("release", IN_FORCE)
def test_what_is_allowed_is_the_lower_of_amount_and_cap(sample, priced, release):
    rows = sample(release, [BINDS, FREE], 20)
    assert different(release, rows, lambda row: priced(release, row)["allowed"]) == []


@pytest.mark.parametrize("release", ["RVU20A", "RVU25A"])
def test_a_ceiling_on_the_contractors_price_is_no_price(sample, priced, release):
    answers = [priced(release, row) for row in sample(release, [CEILING], 10)]
    assert {(one["allowed"], one["reason"]) for one in answers} == {(None, "carrier_priced")}


@pytest.mark.parametrize(("release", "n"), [("RVU20A", 25), ("RVU24A", 40)])
def test_the_second_therapy_unit_is_that_of_cmss_payment_file(sample, priced, release, n):
    def second_unit(row):
        return priced(release, row, units=2)["allowed"] - priced(release, row)["allowed"]

    assert different(release, sample(release, [THERAPY], n), second_unit) == []


@pytest.mark.parametrize("release", ["RVU26A", "RVU20A"])
def test_a_price_is_the_row_of_the_payment_table(built: Built, release):
    version = built(release)
    table = version.scan("payment_locality", release).collect().sample(250, seed=SEED)
    day = registry.find(release).effective_from
    assert day is not None
    wrong = []
    for number, row in enumerate(table.rows(named=True)):
        participant, setting = row["participant"], SETTINGS[number % 2]
        answer = pfsetl.price(
            row["hcpcs"], day, locality=f"{row['state']}/{row['locality']}", modifiers=row["modifier"],
            setting=setting, participant=None if participant == "all" else participant, output=version,
        )  # fmt: skip
        ours = (answer["allowed"], answer["reason"], answer["nonparticipating_amount"], answer["limiting_charge"])
        kinds = ("payment", "nonparticipating_amount", "limiting_charge")
        payment, *limits = (row[f"{setting}_{kind}"] for kind in kinds)
        if ours != (payment, row["reason"], *limits):
            wrong.append((row["hcpcs"], row["modifier"], row["state"], row["locality"], setting, ours))
    assert wrong == []


# 26A: 0.50 + 0.70 + 0.01 = 1.21 RVUs; the second unit has half the practice expense.
@pytest.mark.parametrize(("participant", "factor"), [("non_qp", "33.4009"), ("qp", "33.5675")])
def test_the_worked_therapy_example_of_2026(built: Built, participant, factor):
    asked = {"participant": participant, "output": built("RVU26A")}
    one = pfsetl.price("97761", "2026-02-01", **asked)
    assert one["allowed"] == cents(Decimal("1.21") * Decimal(factor))
    assert one["limiting_charge"] == cents(one["allowed"] * Decimal("1.0925"))
    two = pfsetl.price("97761", "2026-02-01", units=2, **asked)
    assert two["allowed"] is not None
    assert two["allowed"] - one["allowed"] == cents(Decimal("0.86") * Decimal(factor))


# --- files beside the releases -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def beside(cms):
    folder = cms.parent / "companions"
    if not folder.is_dir():
        pytest.skip(f"SKIPPED, NOT PASSED: no companion files in {folder}")
    return folder


def test_anesthesia_is_cmss_base_units_and_cmss_locality_factor(built: Built, beside, release_path):
    version = built("RVU25A")
    path = beside / "CY_2022_Anesthesia_Base_Units_110921.txt"
    loading.load(version.store, path)
    base = [line.split() for line in path.read_text().splitlines() if line[:1].isdigit()][::25]
    with zipfile.ZipFile(release_path("RVU25A")) as archive:
        name = next(n for n in archive.namelist() if n.upper().startswith("ANES") and n.lower().endswith(".csv"))
        cells = list(csv.reader(io.StringIO(archive.read(name).decode("cp1252"))))
    factors = [(c[0].strip().zfill(5), c[1].strip().zfill(2), c[3]) for c in cells if c[0].strip().isdigit()][::20]
    assert (len(base), len(factors)) == (12, 6)
    for (code, units), (mac, locality, factor) in ((b, f) for b in base for f in factors):
        minutes = 17 + int(units)
        time = (Decimal(minutes) / 15).quantize(Decimal("0.1"), ROUND_HALF_UP)
        answer = pfsetl.price(code, "2025-02-01", locality=f"{mac}/{locality}", minutes=minutes, output=version)
        assert answer["allowed"] == cents((int(units) + time) * Decimal(factor)), (code, mac, locality)


def test_both_formats_of_the_base_units_say_the_same(beside, tmp_path):
    store = pfsetl.open_store(tmp_path)
    text, workbook = (
        loading.load(store, beside / f"CY_2022_Anesthesia_Base_Units_110921.{suffix}")
        .companion.frame(store)
        .drop("line")
        for suffix in ("txt", "xlsx")
    )
    assert text.height == 276
    assert text.equals(workbook)


def test_every_locality_of_the_zip_file_has_indices(built: Built, beside):
    version = built("RVU25D")
    zips = loading.load(version.store, beside / "ZIP5_OCT2025.txt").companion.frame(version.store)
    gpci = version.scan("gpci", "RVU25D").select("state", "locality").collect()
    without = zips.join(gpci, on=["state", "locality"], how="anti").select("state", "locality").unique()
    assert (zips.height, without.rows()) == (42_956, [])


def test_the_zip_file_reaches_every_locality_with_indices(built: Built, beside):
    version = built("RVU25D")
    zips = loading.load(version.store, beside / "ZIP5_OCT2025.txt").companion.frame(version.store)
    gpci = version.scan("gpci", "RVU25D").select("state", "locality").collect()
    assert gpci.join(zips, on=["state", "locality"], how="anti").rows() == []


# CMS's record "CA 90012 01182 18": Los Angeles, and its amount in the payment file for that locality.
def test_a_zip_code_is_priced_as_its_locality(built: Built, beside):
    version = built("RVU25D")
    loading.load(version.store, beside / "ZIP5_OCT2025.txt")
    by_zip, by_number = (
        pfsetl.price("99213", "2025-10-15", locality=place, output=version) for place in ("90012", "CA/18")
    )
    assert (by_zip["state"], by_zip["locality"], by_zip["allowed"]) == ("CA", "18", by_number["allowed"])


# 15LOCCO has Alameda in CA/07; $130.47 is the amount of San Francisco, where CMS's ZIP file of 2025 puts Oakland.
@pytest.mark.parametrize("locality", ["94601", "CA/Alameda", "CA/07"])
def test_a_zip_code_is_priced_where_its_county_was_on_the_day(built: Built, beside, locality):
    version = built("RVU15A")
    loading.load(version.store, beside / "ZIP5_OCT2025.txt")
    assert pfsetl.price("99214", "2015-02-01", locality=locality, output=version)["allowed"] == Decimal("122.96")


# $114.05: CMS's Look-Up Tool, 99203 in 0441299 in 2026.
@pytest.mark.parametrize("locality", ["0441299", "441299", "TX/99"])
def test_a_locality_as_cmss_tool_writes_it_has_the_amount_of_the_tool(built: Built, locality):
    answer = pfsetl.price("99203", "2026-02-01", locality=locality, output=built("RVU26A"))
    assert (answer["state"], answer["locality"], answer["allowed"]) == ("TX", "99", Decimal("114.05"))


# (5 base units + 3.1 time units) x 21.22: CMS's base units of 2022 and ANES2025 of Los Angeles.
def test_a_physical_status_leaves_the_amount_of_an_anesthesia(built: Built, beside):
    version = built("RVU25D")
    loading.load(version.store, beside / "CY_2022_Anesthesia_Base_Units_110921.xlsx")
    answer = pfsetl.price("00100", "2025-11-01", modifiers="AA P3", minutes=47, locality="CA/18", output=version)
    assert answer["allowed"] == Decimal("171.88")


# CMS Program Memorandum B-03-017: an add-on code has its base unit alone, but for the obstetrical ones. NCCI Policy
# Manual chapter 2: management of an epidural is paid once a day. Base units 1, 3 and 2; ANES2025 of Los Angeles: 21.22.
@pytest.mark.parametrize(
    ("hcpcs", "minutes", "allowed"),
    [("01953", None, "21.22"), ("01953", 60, "21.22"), ("01996", None, "63.66"), ("01968", 60, "127.32")],
)
def test_some_anesthesia_has_no_time_units(built: Built, beside, hcpcs, minutes, allowed):
    version = built("RVU25D")
    loading.load(version.store, beside / "CY_2022_Anesthesia_Base_Units_110921.xlsx")
    answer = pfsetl.price(hcpcs, "2025-11-01", minutes=minutes, locality="CA/18", output=version)
    assert answer["allowed"] == Decimal(allowed)


@pytest.mark.parametrize("label", ["RVU15A", "RVU26A"])
def test_every_county_that_cms_names_is_one_of_the_census_bureaus(built: Built, label):
    named = counties(built(label), label).named
    declared = {county_of(row["state"], row["county"]) for row in declarations.texts("counties.csv")}
    assert set(named) - declared == set()


def test_a_contractors_price_is_said_to_be_at_most_what_cms_published_as_its_cap(built: Built):
    # OPPSCAP member of RVU25A: 78282-TC in metropolitan Kansas City, status C, 380.87
    answer = pfsetl.price("78282", "2025-02-01", locality="MO/02", modifiers="TC", output=built("RVU25A"))
    assert answer["allowed"] is None
    assert "the contractor's price is at most the OPPS amount, $380.87" in answer["notes"]
