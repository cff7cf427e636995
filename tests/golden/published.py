"""What CMS published, as frames: read here with a few lines of their own, not with the parser under test."""

import csv
import zipfile
from pathlib import Path

import polars as pl

SETTINGS = ("nonfacility", "facility")
PLACE = ["hcpcs", "modifier", "mac", "locality"]


def payment_file(path: Path) -> pl.DataFrame:
    """Return the distinct rows of a CMS payment file (PFALL, PFREV).

    CMS's record layout: 16 quoted fields, the 2nd to 7th are carrier, locality, HCPCS, modifier, non-facility and
    facility fee; `TRL` lines end it. PFREV4.txt holds every row twice, with one or two spaces as the modifier.
    """
    with path.open(newline="") as stream:
        lines = [line for line in csv.reader(stream) if line and not line[0].startswith("TRL")]
    cells = [[cell.strip() for cell in line[1:7]] for line in lines]
    names = ["mac", "locality", "hcpcs", "modifier", *SETTINGS]
    return (
        pl.DataFrame(cells, schema=names, orient="row").unique().with_columns(pl.col(*SETTINGS).cast(pl.Decimal(9, 2)))
    )


def published_amounts(path: Path) -> pl.DataFrame:
    """Return `published_amounts.csv`: one amount per row, with the rule that makes it."""
    text = pl.read_csv(path, infer_schema=False).with_columns(pl.col("mod").fill_null(""))
    return text.rename({"mod": "modifier"}).with_columns(published=pl.col("published_amount").cast(pl.Decimal(9, 2)))


def opps_cap_member(data: bytes) -> pl.DataFrame:
    """Return CMS's OPPSCAP text member: 38 characters, two prices right-justified in 21-28 and 30-38."""
    raw = pl.DataFrame({"text": data.decode("ascii").replace("\r", "").split("\n")})
    cut = {
        "hcpcs": (1, 5), "modifier": (6, 7), "status": (9, 9), "mac": (11, 15), "locality": (18, 19),
        "nonfacility": (21, 28), "facility": (30, 38),
    }  # fmt: skip
    return (
        raw.filter(pl.col("text").str.len_chars() == 38)
        .select(
            pl.col("text").str.slice(a - 1, b - a + 1).str.strip_chars().alias(name) for name, (a, b) in cut.items()
        )
        .with_columns(pl.col(*SETTINGS).cast(pl.Decimal(9, 2)))
    )


def ohio_file(path: Path) -> pl.DataFrame:
    """Return CMS's 2020 payment file of Ohio: both fees, both OPPS amounts and both therapy amounts of 8,994 rows."""
    names = {
        "Carrier Number": "mac", "Locality": "locality", "HCPCS Code": "hcpcs", "Modifier": "modifier",
        "Multiple Surgery Indicator": "multiple_procedure", "OPPS Indicator": "opps_indicator",
    }  # fmt: skip
    money = {
        "Non-Facility Fee": "nonfacility", "Facility Fee": "facility",
        "OPPS Non-Facility Fee": "opps_nonfacility", "OPPS Facility Fee": "opps_facility",
        "50% Therapy Reduction Amount (non-institutional)": "therapy",
        "50% Therapy Reduction Amount (institutional)": "therapy_institutional",
    }  # fmt: skip
    rows = pl.read_csv(path, infer_schema=False).rename(names | money).select(*names.values(), *money.values())
    return rows.with_columns(pl.col("modifier").replace("none", ""), pl.col(*money.values()).cast(pl.Decimal(9, 2)))


def member_bytes(archive: Path) -> bytes | None:
    """Return the OPPSCAP text member of an archive, a zip or a folder; None where it has none."""
    if archive.is_dir():
        return next((path.read_bytes() for path in sorted(archive.glob("OPPSCAP*.txt"))), None)
    with zipfile.ZipFile(archive) as files:
        found = (name for name in files.namelist() if name.startswith("OPPSCAP") and name.endswith(".txt"))
        return next((files.read(name) for name in found), None)
