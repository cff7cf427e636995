"""The tables of CMS's files beside the releases, each by one function (`schemas/companions.odcs.yaml`)."""

from collections.abc import Callable, Mapping

import polars as pl

from pfsetl.declared import contracts
from pfsetl.declared.contracts import Table
from pfsetl.errors import ValueRefused
from pfsetl.parsing.parse import Parsed
from pfsetl.tables import days, places, utilization
from pfsetl.tables.columns import refuse_other_columns


def zip_locality(parsed: Parsed) -> pl.DataFrame:
    """Return the locality of each ZIP code; raises ValueRefused for a contractor that nobody knows."""
    placed = places.with_state(parsed.frame, places.known_states(None, None), parsed.raw.file)
    flagged = pl.col("plus_four") == "1"
    return placed.select("zip", "state", "locality", "mac", "region", "rural", plus_four=flagged, line="line")


def anesthesia_base_units(parsed: Parsed) -> pl.DataFrame:
    """Return the base units of each anesthesia service."""
    return parsed.frame.select("hcpcs", "base_units", "line")


def mue(parsed: Parsed) -> pl.DataFrame:
    """Return the most units of each code, and whether they count for a line or for a day."""
    return parsed.frame.select(
        "hcpcs", "most_units", indicator=pl.col("mue_indicator").str.slice(0, 1), rationale="rationale", line="line"
    )


def rbcs(parsed: Parsed) -> pl.DataFrame:
    """Return the classes of each code over time; raises ValueRefused for a class that contradicts its own parts."""
    frame = parsed.frame.with_columns(
        subcategory=pl.col("rbcs_id").str.slice(0, 2), procedure=pl.col("rbcs_procedure").str.slice(0, 1)
    )
    parts = (
        pl.col("rbcs_id") == pl.concat_str("subcategory", "rbcs_family", "procedure"),
        pl.col("subcategory").str.starts_with(pl.col("rbcs_category")),
        pl.col("subcategory").str.ends_with(pl.col("rbcs_subcategory")),
    )
    if (odd := frame.filter(~pl.all_horizontal(parts))).height:
        line, *told = odd.select(
            "line", "rbcs_id", "rbcs_category", "rbcs_subcategory", "rbcs_family", "procedure"
        ).row(0)  # fmt: skip
        raise ValueRefused(
            f"{parsed.raw.file}: line {line}: RBCS {told[0]} isn't of category {told[1]}, subcategory {told[2]}, "
            f"family {told[3]} and procedure {told[4]}, as the line says. Download the file again."
        )
    dated = days.with_days(frame, parsed.raw.file, ("rbcs_from", "rbcs_to", "code_from", "code_to"))
    printed = pl.col("rbcs_latest").is_in(["1", "Y"]) if "rbcs_latest" in dated.columns else None
    by_day = pl.col("rbcs_from") == pl.col("rbcs_from").max().over("hcpcs")
    return dated.select(
        "hcpcs", "rbcs_id", "subcategory", "procedure", "code_from", "code_to", "line",
        valid_from="rbcs_from", valid_to="rbcs_to" if "rbcs_to" in dated.columns else pl.lit(None, pl.Date),
        latest=by_day if printed is None else printed,
        category="rbcs_category", category_name="rbcs_category_name", subcategory_name="rbcs_subcategory_name",
        family="rbcs_family",
        family_name=pl.when(pl.col("rbcs_family") != "000").then("rbcs_family_name"),
    )  # fmt: skip


def one_latest(frame: pl.DataFrame, file: str) -> tuple[pl.DataFrame, list[str]]:
    """Return the classes of codes as they are, and how many codes have no latest one.

    Raises ValueRefused for a code with two, of which nothing says which one to use.
    """
    codes = frame.group_by("hcpcs").agg(pl.col("line").filter("latest").sort()).sort("hcpcs")
    count = pl.col("line").list.len()
    if (twice := codes.filter(count > 1)).height:
        code, lines = twice.row(0)
        more = f"; so have {twice.height - 1:,} more codes" if twice.height > 1 else ""
        raise ValueRefused(
            f"{file}: lines {', '.join(map(str, lines))}: {code} has {len(lines)} latest assignments, and a code has "
            f"one{more}. Download the file again."
        )
    none = codes.filter(count == 0)["hcpcs"]
    many = "1 code has" if len(none) == 1 else f"{len(none):,} codes have"
    said = f"{many} no latest assignment, so nothing tells its class, e.g. {', '.join(none[:3])}"
    return frame, [said] if len(none) else []


def ptp(parsed: Parsed) -> pl.DataFrame:
    """Return the pairs of one part, with the days of each edit; its texts are few, and each is kept once."""
    dated = days.with_days(parsed.frame, parsed.raw.file, ("ptp_from", "ptp_to"))
    words = pl.col("column_1", "column_2", "modifier_indicator", "rationale").cast(pl.Categorical)
    return dated.select(words, "before_1996", "line", valid_from="ptp_from", valid_to="ptp_to")


def with_and_without_modifier(frame: pl.DataFrame, _file: str) -> tuple[pl.DataFrame, list[str]]:
    """Return the pairs as they are, and which hold until one day, or on, both with a modifier and whatever it is.

    Pairs that never held (indicator 9, or an end before the beginning) don't count.
    """
    key = ["column_1", "column_2", "valid_to"]
    ends = frame.filter(
        pl.col("modifier_indicator") != "9",
        pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("valid_from")),
    ).select(*key, "line", indicator=pl.col("modifier_indicator").to_physical())
    least, most = pl.col("indicator").min(), pl.col("indicator").max()
    odd = ends.group_by(key).agg(least.alias("least"), most.alias("most")).filter(pl.col("least") != pl.col("most"))
    if odd.is_empty():
        return frame, []
    lines = ends.join(odd, on=key, nulls_equal=True).group_by(key).agg(pl.col("line").sort())
    first = lines.sort(pl.col("column_1", "column_2").cast(pl.String)).head(3).rows()
    named = "; ".join(f"{one} and {other} in lines {', '.join(map(str, where))}" for one, other, _, where in first)
    many = "1 pair of codes holds" if odd.height == 1 else f"{odd.height:,} pairs of codes hold"
    return frame, [
        f"{many} on the same days with indicator 0 and with 1: {named}. Claims go by the row that began last, and of "
        "two of one day by 0"
    ]


def add_on(parsed: Parsed) -> pl.DataFrame:
    """Return the primary codes of each add-on code, with the days of each edit; NCCI's notes stay in the file."""
    dated = days.with_days(parsed.frame, parsed.raw.file, ("aoc_from", "aoc_to", "add_on_to", "primary_to"))
    return dated.select(
        "add_on", "primary", "add_on_to", "primary_to", "line",
        type="add_on_type", valid_from="aoc_from", valid_to="aoc_to",
    )  # fmt: skip


def telehealth(parsed: Parsed) -> pl.DataFrame:
    """Return which codes are payable by telehealth, without their licensed texts."""
    frame = parsed.frame
    status = "telehealth_status" if "telehealth_status" in frame.columns else pl.lit(None, pl.String)
    audio = pl.col("audio_only").fill_null("NO") == "YES"
    return frame.select("hcpcs", status=status, audio_only=audio, limits="telehealth_limits", line="line")


MADE_BY: Mapping[str, Callable[[Parsed], pl.DataFrame]] = {
    "zip_locality": zip_locality,
    "anesthesia_base_units": anesthesia_base_units,
    "mue": mue,
    "rbcs": rbcs,
    "ptp": ptp,
    "add_on": add_on,
    "telehealth": telehealth,
    "utilization": utilization.utilization,
}
# What is known of a table only once all of its file is there: columns, and what is to be said of it.
FINISHED_BY: Mapping[str, Callable[[pl.DataFrame, str], tuple[pl.DataFrame, list[str]]]] = {
    "utilization": lambda frame, _file: utilization.with_unlisted(frame),
    "rbcs": one_latest,
    "ptp": with_and_without_modifier,
}


def rows(parsed: Parsed, part: int = 1) -> pl.DataFrame:
    """Return the rows of a parsed companion, or of one part of it, in the order of the file."""
    kind = parsed.raw.member
    made = MADE_BY[kind](parsed)
    return made.with_columns(part=pl.lit(part)) if "part" in contracts.companions().tables[kind].schema else made


def finished(frame: pl.DataFrame, kind: str, file: str) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows of a whole companion with the columns that all of them make, and what is to be said of it.

    Raises ValueRefused, naming the file, for rows that contradict each other.
    """
    return FINISHED_BY[kind](frame, file) if kind in FINISHED_BY else (frame, [])


def tables_of(kind: str) -> list[Table]:
    """Return the tables that are made of a kind of companion, the one of its own name first."""
    made = [table for table in contracts.companions().tables.values() if kind in table.members]
    return sorted(made, key=lambda table: table.name != kind)


def in_order(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return rows in the order of a table's key; texts that are kept once stay so, in the order of their letters."""
    once = [name for name, dtype in frame.schema.items() if dtype == pl.Categorical]
    words = {name: pl.Enum(frame[name].unique().drop_nulls().cast(pl.String).sort()) for name in once}
    return frame.with_columns(pl.col(name).cast(dtype) for name, dtype in words.items()).sort(table.key)


def as_promised(frame: pl.LazyFrame, table: Table) -> pl.LazyFrame:
    """Return rows with the columns and the types of their table; raises ContractError for other columns."""
    refuse_other_columns(frame.collect_schema(), table)
    return frame.select(pl.col(c).cast(dtype) for c, dtype in table.schema.items())
