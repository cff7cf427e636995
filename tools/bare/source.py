"""What somebody reads in polars who wants every table of RVU25A: each of its five files once, and the tables of lines.

Of the formats of a file the one is read that the tables name as their source, so that a row's line is the same.
"""

import zipfile
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tools.bare import payment
from tools.bare.payment import LABEL

SCHEMAS = Path(__file__).parents[2] / "schemas"
FILES = {
    "rvu": "PPRRVU25_JAN.txt", "gpci": payment.GPCI_FILE, "locality_county": "25LOCCO.csv",
    "anesthesia": "ANES2025.csv", "opps_cap": "OPPSCAP_JAN.txt",
}  # fmt: skip
TABLES = ("locality_county", "anesthesia", "opps_cap", "code_text", "rejects", "source_lines")
COUNTY = ("mac", "locality", "state_name", "fee_schedule_area", "counties")
PLACE = ("state", "locality")
SOURCE_KEY = ("participant", "hcpcs", "modifier", "state", "locality", "counties")


class Lines(NamedTuple):
    """The lines of each file, every cell as text without blanks around it."""

    rvu: pl.DataFrame
    gpci: pl.DataFrame
    locality_county: pl.DataFrame
    anesthesia: pl.DataFrame
    opps_cap: pl.DataFrame


def read(archive: Path) -> Lines:
    """Read the five files."""
    with zipfile.ZipFile(archive) as files:
        rvu, gpci, counties, anesthesia, caps = (files.read(name) for name in FILES.values())
    return Lines(
        _fixed(rvu, "pprrvu", "N171"),
        _cells(gpci, payment.PLACE),
        _cells(counties, COUNTY),
        _cells(anesthesia, ("mac", "locality", "name", "conversion_factor")),
        _fixed(caps, "opps_cap", "OPPSCAP38"),
    )


def declared(name: str) -> pl.DataFrame:
    """Return a file of declarations, every cell as text and an empty one as null."""
    return pl.read_csv(SCHEMAS / f"{name}.csv", infer_schema=False)


def _fixed(text: bytes, member: str, layout: str) -> pl.DataFrame:
    fields = declared(f"layouts/{member}").filter(layout=layout).select("field", "start", "end").rows()
    line = pl.col("text")
    cells = (line.str.slice(int(start) - 1, int(end) - int(start) + 1).alias(name) for name, start, end in fields)
    rows = pl.read_lines(text, name="text", row_index_name="line", row_index_offset=1)
    rows = rows.filter(line.str.contains(r"^[A-Z]?\d{4}"))
    return rows.select("line", *cells).with_columns(pl.col(pl.String).str.strip_chars())


def _cells(text: bytes, names: tuple[str, ...]) -> pl.DataFrame:
    rows = pl.read_csv(
        text, has_header=False, new_columns=[*names], infer_schema=False, row_index_name="line", row_index_offset=1
    )
    rows = rows.with_columns(pl.col(pl.String).fill_null("").str.strip_chars())
    return rows.filter(pl.col("mac").str.contains(r"^\d+$"))


def tables(lines: Lines, folder: Path) -> pl.DataFrame:
    """Write what CMS lists beside the RVUs and the indices, and where each row was read; return `code_text`."""
    # NOTE: a contractor of a state has several numbers, of which the first three digits are the same.
    states = lines.gpci.select(pl.col("mac").str.head(3).alias("area"), *PLACE, contractor="mac").unique()
    counties, repeated = _counties(lines.locality_county)
    money = (pl.col(name).cast(pl.Decimal(9, 2)) for name in ("nonfacility_amount", "facility_amount"))
    placed = {
        "locality_county": _by_place(counties, states, (*PLACE, "counties")).with_columns(
            pl.col("fee_schedule_area").str.strip_chars("* ")
        ),
        "anesthesia": _by_place(lines.anesthesia, states, PLACE).with_columns(
            pl.col("conversion_factor").cast(pl.Decimal(9, 4)), participant=pl.lit("all")
        ),
        "opps_cap": _by_place(lines.opps_cap, states, ("hcpcs", "modifier", *PLACE)).with_columns(money),
    }
    columns = {
        "locality_county": (*PLACE, "counties", "mac", "macs", "fee_schedule_area"),
        "anesthesia": ("participant", *PLACE, "mac", "macs", "conversion_factor"),
        "opps_cap": ("hcpcs", "modifier", *PLACE, "mac", "macs", "status", "nonfacility_amount", "facility_amount"),
    }
    label = pl.lit(LABEL).alias("release")
    for name, rows in placed.items():
        payment.keep(rows.select(label, *columns[name]), folder, name)
    text = _text(lines.rvu)
    payment.keep(text, folder, "code_text")
    payment.keep(repeated, folder, "rejects")
    rvu = lines.rvu.select("line", "modifier", pl.col("hcpcs").str.zfill(5), participant=pl.lit("all"))
    payment.keep(_source_lines({"rvu": rvu, "gpci": lines.gpci, **placed}), folder, "source_lines")
    return text


def _counties(lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the lists of counties, and the lines that say one again."""
    cells = [pl.col(name) for name in COUNTY]
    first = pl.col("line").min().over([c for c in COUNTY if c != "state_name"])
    rows = lines.with_columns(first=first)
    again = rows.filter(pl.col("line") > pl.col("first")).select(
        pl.lit(LABEL).alias("release"),
        pl.lit(FILES["locality_county"]).alias("file"),
        pl.col("line").cast(pl.Int32),
        pl.lit("locality_county").alias("member"),
        pl.format("repeats line {}", "first").alias("reason"),
        pl.concat_str(cells, separator="|").alias("text"),
    )
    return rows.filter(pl.col("line") == pl.col("first")), again


def _by_place(lines: pl.DataFrame, states: pl.DataFrame, key: tuple[str, ...]) -> pl.DataFrame:
    """Return one row for each key in its state, by the indices' contractor, with all that are listed in `macs`."""
    mac = pl.col("mac").str.zfill(5)
    rows = lines.with_columns(mac, pl.col("locality").str.zfill(2), area=mac.str.head(3))
    macs = pl.col("mac").unique().sort().str.join(",")
    found = rows.join(states, on=["area", "locality"]).group_by(key)
    merged = found.agg(pl.exclude("line", "mac").first(), pl.col("line").min(), macs=macs)
    return merged.rename({"contractor": "mac"}).sort(key)


def _text(rvu: pl.DataFrame) -> pl.DataFrame:
    own = rvu.filter(pl.col("hcpcs").str.contains(r"^[ABCE-V]\d{4}$"), pl.col("description") != "")
    first = own.sort("hcpcs", "modifier").unique("hcpcs", keep="first", maintain_order=True)
    words = pl.col("description").str.replace_all(r"\s+", " ")
    return first.select(pl.lit(LABEL).alias("release"), "hcpcs", text=words)


def _source_lines(rows: dict[str, pl.DataFrame]) -> pl.DataFrame:
    nothing = pl.lit("")
    parts = (
        part.select(
            pl.lit(LABEL).alias("release"),
            pl.lit(name).alias("table"),
            *(pl.col(key) if key in part.columns else nothing.alias(key) for key in SOURCE_KEY),
            pl.lit(FILES[name]).alias("file"),
            pl.col("line").cast(pl.Int32),
        )
        for name, part in rows.items()
    )
    return pl.concat(parts).sort("release", "table", *SOURCE_KEY)
