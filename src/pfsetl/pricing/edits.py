"""What NCCI's edits say of claim lines: more units than are paid, and pairs of codes that aren't paid together.

They warn and leave every price alone: a contractor applies them, and looks at records that aren't here. Limits and
pairs are the files that are loaded (`mue`, `ptp`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import polars as pl

from pfsetl.declared import declarations
from pfsetl.declared.records.modifiers import PAIR_MODIFIERS
from pfsetl.pricing.answers import EditAnswer
from pfsetl.pricing.claim_file import ClaimLine
from pfsetl.publication import companions
from pfsetl.publication.companions import Companion
from pfsetl.remedies import command
from pfsetl.storage.scanning import scan_files
from pfsetl.storage.store import Store

MUE, PTP = "mue", "ptp"
LINE, NEVER, NOT_AN_EDIT = "1", "0", "9"  # of an MUE the indicator of a line; of a pair those without and of no edit
_MEANT = {MUE: "units aren't held against NCCI's limits", PTP: "lines aren't held against NCCI's pairs"}
_EXAMPLE = {MUE: "MCR_MUE_PractitionerServices_Eff_04-01-2026.csv", PTP: "ccipra-v320r0-f*.txt"}
_DAY = {"2": "policy", "3": "clinical"}
_GROUP = ["claim", "day"]
_BEYOND = 20  # times the lines: pairs of lines from which codes are looked up among NCCI's pairs instead
_LINES_AT_ONCE = 10_000


def edits_of(store: Store, lines: Sequence[ClaimLine]) -> tuple[list[EditAnswer], list[str]]:
    """Return what is wrong with lines by the loaded edits, in their order, and which files were used or aren't loaded.

    Lines of different claims don't touch each other. A day before the first loaded list is held against that list, and
    the second part of the answer says of how many lines.
    """
    loaded = {kind: companions.loaded(store, kind) for kind in (MUE, PTP)}
    said = [
        f"{kind}: none is loaded, so {_MEANT[kind]} ({command(f'load {_EXAMPLE[kind]}', store)})"
        for kind, files in loaded.items()
        if not files
    ]
    frame = _frame(lines) if any(loaded.values()) else None
    if frame is None or frame.is_empty():
        return [], said
    found: list[EditAnswer] = []
    asked: tuple[tuple[str, Callable[[Store, Companion, pl.DataFrame], Iterator[EditAnswer]]], ...] = (
        (MUE, _beyond_units), (PTP, _not_beside),
    )  # fmt: skip
    for kind, asking in asked:
        for file, days in _by_file(frame["day"].unique().to_list(), loaded[kind]).items():
            own = frame.filter(pl.col("day").is_in(days))
            early = own.filter(pl.col("day") < file.effective_from).height
            count = "1 line is of a day" if early == 1 else f"{early:,} lines are of days"
            before = f"; {count} before it" if early else ""
            said.append(f"{kind}: {file.file} from {file.effective_from}{before}")
            found += asking(store, file, own)
    return sorted(found, key=lambda one: (one["lines"], one["edit"], one["beside"] or "")), said


def _frame(lines: Sequence[ClaimLine]) -> pl.DataFrame:
    asked = [(line.number, line.claim, line.service) for line in lines if line.service]
    apart = _apart()
    return pl.DataFrame(
        {
            "number": [number for number, _, _ in asked],
            "claim": [claim for _, claim, _ in asked],
            "day": [one.day for _, _, one in asked],
            "hcpcs": [one.hcpcs for _, _, one in asked],
            "units": [one.units for _, _, one in asked],
            "apart": [bool(one.modifiers) and not apart.isdisjoint(one.modifiers) for _, _, one in asked],
        },
        schema={
            "number": pl.Int64, "claim": pl.String, "day": pl.Date, "hcpcs": pl.String, "units": pl.Int64,
            "apart": pl.Boolean,
        },
    )  # fmt: skip


def _by_file(days: Sequence[date], files: Sequence[Companion]) -> Mapping[Companion, list[date]]:
    """Return the days that each loaded file answers for."""
    found: dict[Companion, list[date]] = {}
    for day in sorted(days):
        if file := companions.holding(files, day):
            found.setdefault(file, []).append(day)
    return found


def _beyond_units(store: Store, file: Companion, lines: pl.DataFrame) -> Iterator[EditAnswer]:
    """Yield the lines, or all lines of a code on a day, that have more units than are paid."""
    limited = lines.join(file.frame(store).select("hcpcs", "most_units", "indicator"), on="hcpcs")
    whole = limited.filter(pl.col("indicator") == LINE).with_columns(numbers=pl.concat_list("number"))
    days = limited.filter(pl.col("indicator") != LINE).group_by(*_GROUP, "hcpcs", "most_units", "indicator").agg(
        pl.col("units").sum(), numbers=pl.col("number").sort()
    )  # fmt: skip
    columns = ["numbers", "claim", "day", "hcpcs", "units", "most_units", "indicator"]
    for row in pl.concat([whole.select(columns), days.select(columns)]).filter(
        pl.col("units") > pl.col("most_units")
    ).iter_rows(named=True):  # fmt: skip
        kind = "a line" if row["indicator"] == LINE else f"a day ({_DAY[row['indicator']]})"
        text = f"{row['hcpcs']}: {row['units']:,} units on {row['day']}, at most {row['most_units']:,} {kind} are paid"
        yield _answer(MUE, file, row, None, text, row["units"], row["most_units"])


def _not_beside(store: Store, file: Companion, lines: pl.DataFrame) -> Iterator[EditAnswer]:
    """Yield the pairs of codes on a day of a claim of which one isn't paid."""
    codes = lines["hcpcs"].unique()
    among = pl.col("column_1").is_in(codes.implode()) & pl.col("column_2").is_in(codes.implode())
    pairs = (
        scan_files(store, file.path)
        .filter(among, pl.col("modifier_indicator") != NOT_AN_EDIT)
        .select("column_1", "column_2", "valid_from", "valid_to", "modifier_indicator", "rationale")
        .collect()
    )
    if pairs.is_empty():
        return
    bare = pl.col("number").filter(~pl.col("apart")).sort()
    each = lines.group_by(*_GROUP, "hcpcs").agg(all=pl.col("number").sort(), bare=bare).sort(*_GROUP, "hcpcs")
    for some in _some_claims(each):
        for row in _met(some, pairs).iter_rows(named=True):
            never = row["modifier_indicator"] == NEVER
            numbers = sorted([*row["all" if never else "bare"], *row["all_2" if never else "bare_2"]])
            unless = "whatever modifier it has" if never else "unless a modifier says that they were apart, such as 59"
            text = (
                f"{row['column_2']} isn't paid beside {row['column_1']} on {row['day']}, {unless}: {row['rationale']}"
            )
            yield _answer(
                PTP, file, row | {"numbers": numbers, "hcpcs": row["column_2"], "indicator": row["modifier_indicator"]},
                row["column_1"], text, None, None,
            )  # fmt: skip


def _met(each: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs that hold on a day among the codes of a claim; with indicator 1 those not told apart alone.

    A pair whose days are there twice counts once, by the edit that began last.
    """
    first = each.rename({"hcpcs": "column_1"})
    second = each.rename({"hcpcs": "column_2", "all": "all_2", "bare": "bare_2"})
    together = each.group_by(_GROUP).len().select((pl.col("len") ** 2).sum()).item()
    if together <= _BEYOND * each.height:
        both = first.join(second, on=_GROUP).join(pairs, on=["column_1", "column_2"])
    else:
        both = first.join(pairs, on="column_1").join(second, on=[*_GROUP, "column_2"])
    holds = (pl.col("valid_from") <= pl.col("day")) & (
        pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("day"))
    )
    bare = (pl.col("bare").list.len() > 0) & (pl.col("bare_2").list.len() > 0)
    latest = both.filter(holds).sort("valid_from", "modifier_indicator", descending=[True, False])
    latest = latest.unique([*_GROUP, "column_1", "column_2"], keep="first", maintain_order=True)
    return latest.filter((pl.col("modifier_indicator") == NEVER) | bare)


def _some_claims(each: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield codes of whole days of claims, some thousands at once, so that what they are joined to stays small."""
    numbered = each.with_columns(at=pl.int_range(pl.len()).min().over(_GROUP) // _LINES_AT_ONCE)
    yield from (some.drop("at") for some in numbered.partition_by("at", maintain_order=True))


def _answer(
    edit: str, file: Companion, row: Mapping[str, Any], beside: str | None, text: str, units: int | None,
    most: int | None,
) -> EditAnswer:  # fmt: skip
    return {
        "lines": row["numbers"],
        "claim": row["claim"] or None,
        "edit": edit,
        "date": row["day"],
        "hcpcs": row["hcpcs"],
        "beside": beside,
        "indicator": row["indicator"],
        "units": units,
        "most_units": most,
        "warning": text,
        "file": file.file,
        "effective_from": file.effective_from,
    }


@cache
def _apart() -> frozenset[str]:
    """Return the modifiers that say that two services of a pair were apart, by `schemas/pair_modifiers.csv`."""
    return frozenset(row.modifier for row in declarations.rows(PAIR_MODIFIERS))
