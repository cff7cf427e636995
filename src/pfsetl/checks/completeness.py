"""Whether a release is whole: against what every full schedule has, what is known of it, and what was published.

Sets within one release (participants, parts of a service, localities) are rules of the contract, of the dimension
`completeness`. Here are the checks that need something from outside. All of them can be accepted as a loss; a sample
is asked none of them.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from pfsetl.checks.check import EXAMPLES, WHOLE, Finding
from pfsetl.declared import contracts, declarations, registry
from pfsetl.declared.records.bounds import FLOORS, FloorRow
from pfsetl.declared.records.services import STATUS
from pfsetl.declared.registry import Release

# What a new revision is compared by with the one before: keys, and the column that says what a row weighs.
_KEPT = {
    "rvu": ("participant", ["hcpcs", "modifier"], "status"),
    "gpci": (None, ["state", "locality"], None),
    "locality_county": (None, ["state", "locality"], None),
    "anesthesia": ("participant", ["state", "locality"], None),
    "opps_cap": (None, ["hcpcs", "modifier", "state", "locality"], "status"),
}


def columns(table: str) -> list[str]:
    """Return the columns of a published table that `lost` compares; none for a table it doesn't look at."""
    split, key, weight = _KEPT.get(table, (None, [], None))
    return [c for c in (split, *key, weight) if c]


def floors(tables: Mapping[str, pl.DataFrame], day: date) -> list[Finding]:
    """Hold tables against the least that a full file has on a day (`schemas/floors.csv`); an empty one is no matter.

    A member that an archive lacks is named as missing, and leaves its table empty.
    """
    found = []
    for floor in declarations.rows_on(FLOORS, day):
        rows = tables.get(floor.table)
        if rows is None:
            continue
        rows = _of_participants(rows, floor)
        if rows.is_empty():
            continue
        if floor.value:
            count = rows.filter(pl.col(floor.columns[0]) == floor.value).height
            said = f"{floor.columns[0]} {floor.value} is missing, and every full file has it: {floor.source}"
        else:
            count = _different(rows, floor.columns)
            named = "localities" if "locality" in floor.columns else f"values of {' and '.join(floor.columns)}"
            said = f"a full file has at least {floor.at_least:,} {named}, this one has {count:,}: {floor.source}"
        name = "_".join(["whole", *floor.columns, *([floor.value.lower()] if floor.value else [])])
        found.append(_finding(floor.table, name, "error", said, max(0, floor.at_least - count)))
    return found


def _different(rows: pl.DataFrame, columns: Sequence[str]) -> int:
    """Return how many different values columns have together."""
    if len(columns) == 2 and all(rows.schema[c] == pl.Enum for c in columns):
        # NOTE: two texts of which each is kept once are one number; a set of millions of pairs takes 240 MB.
        first, second = (pl.col(c).to_physical().cast(pl.UInt64) for c in columns)
        return rows.select(first * 2**32 + second).to_series().sort().n_unique()
    return rows.select(columns).n_unique()


def known(tables: Mapping[str, pl.DataFrame], release: Release) -> list[Finding]:
    """Hold a release against the rows and localities that `schemas/releases.csv` knows of it.

    A little less may be another posting of the same label, and is said; more than `known_rows_missing_at_most` is an
    error, as is any row that Medicare pays for (`schemas/payable_rows.csv`), any locality, and exactly as many rows as
    another release has. More rows, and as many of which Medicare pays for more or fewer, are said.
    """
    whose = tables["rvu"]["participant"].unique()
    rvu = tables["rvu"].filter(pl.col("participant").is_in([p for p in whose if registry.is_everyone(p)]))
    found = [_rows_of_another(rvu.height, release)]
    if release.expected_rows and rvu.height:
        gone = max(0, release.expected_rows - rvu.height)
        least = registry.thresholds()["known_rows_missing_at_most"]
        said = f"CMS's {release.label} has {release.expected_rows:,} rows, this one {rvu.height:,}"
        payable = release.expected_payable or 0
        left = rvu.filter(pl.col("status").is_in(payable_statuses())).height if payable else 0
        if left != payable:
            said += f"; with status {payable_words()} it has {payable:,}, this one {left:,}"
        severity = "error" if left < payable or gone > least.value * release.expected_rows else "warn"
        found.append(_finding("rvu", "rows_known", severity, said, gone))
        more = rvu.height - release.expected_rows
        others = (more or abs(left - payable)) if not (gone or found[0].violations) else 0
        told = f"{said}: rows of another release may be among them, or CMS has posted it again"
        found.append(Finding("rvu", "rows_as_known", "warn", told, others, counted=True))
    for name in ("gpci", "locality_county", "anesthesia"):
        rows = tables[name]
        if release.expected_localities and rows.height:
            count = rows.select("state", "locality").n_unique()
            gone = max(0, release.expected_localities - count)
            said = f"CMS's {release.label} has {release.expected_localities} localities, this one {count:,}"
            found.append(_finding(name, "localities_known", "error", said, gone))
    return found


def _rows_of_another(rows: int, release: Release) -> Finding:
    own, quarter = release.expected_rows, (release.year, release.quarter)
    same = (r for r in registry.releases().values() if rows and r.expected_rows == rows != own)
    others = [r.label for r in same if (r.year, r.quarter) != quarter]  # a correction may have as many
    told = f"this one has {rows:,} rows, which is what CMS's {' and '.join(others)} has"
    said = f"{told}; {release.label} has {own:,}" if own else told
    return Finding("rvu", "rows_of_another", "error" if own else "warn", said, len(others), counted=True)


def lost(before: Mapping[str, pl.DataFrame], now: Mapping[str, pl.DataFrame], revision: str) -> list[Finding]:
    """Say which rows of the published revision a new one lacks; `before` has the `columns` of each table.

    Rows of services are held when they are more than `revision_rows_lost_at_most` of a participant's, or any of status
    A, R or T; of localities any; fewer are warnings. A member that is gone takes all of its rows with it.
    """
    found = []
    for name, was in before.items():
        split, key, weight = _KEPT[name]
        gone = was.join(now[name].select(was.columns), on=[c for c in (split, *key) if c], how="anti")
        sides = (
            [(str(p), pl.col(split) == p) for p in was[split].unique().sort()] if split else [("", pl.lit(value=True))]
        )
        for participant, mine in sides:
            found.append(_lost(name, participant, was.filter(mine), gone.filter(mine), revision, key, weight))
    return found


def replaced_by_sample(revision: str, rows: int, table: str = "rvu") -> Finding:
    """Say that a sample would take the place of what is whole."""
    said = f"A sample would replace {revision}, which is whole, with {rows:,} rows; a store of its own would keep both"
    return _finding(table, "rows_kept", "error", said, rows)


def codes_lost(table: str, before: pl.DataFrame, now: pl.DataFrame, what: str) -> Finding:
    """Say which keys a companion lacks of one that it takes the place of; any is an error."""
    key = list(contracts.companions().tables[table].key)
    gone = (
        before.join(now.select(pl.col(c).cast(before.schema[c]) for c in key), on=key, how="anti")
        .sort(key)
        .select(pl.concat_str(key, separator=" "))
    )
    said = f"{len(gone):,} of {before.height:,} rows of {what} are gone"
    return _finding(table, "rows_kept", "error", said, len(gone), tuple(gone.to_series().head(EXAMPLES)))


def parts_lost(kind: str, count: int, gone: Sequence[str]) -> Finding:
    """Say which files of a companion that comes in several weren't given."""
    which = f"parts {', '.join(gone)} of them are" if len(gone) > 1 else f"part {gone[0]} of them is"
    said = f"CMS posts it in {count} files, and {which} missing"
    return _finding(kind, "whole_parts", "error", said, len(gone))


def rows_fewer(kind: str, before: int, now: int, at_most: float, what: str) -> Finding:
    """Say that a companion has fewer rows than the one of an earlier day, by more than a share of them."""
    gone = max(0, before - now)
    kept = ", which keeps what has ended" if at_most == 0 else ""
    said = f"{now:,} rows, {gone:,} fewer than the {before:,} of {what}{kept}"
    return Finding(
        kind, "rows_before", "error", said, gone if gone > at_most * before else 0, dimension=WHOLE, counted=True
    )


def _lost(
    table: str,
    participant: str,
    was: pl.DataFrame,
    gone: pl.DataFrame,
    revision: str,
    key: Sequence[str],
    weight: str | None,
) -> Finding:
    paid = payable_statuses()
    payable = gone.filter(pl.col(weight).is_in(paid)) if weight else gone
    most = registry.thresholds()["revision_rows_lost_at_most"].value
    held = payable.height > 0 or gone.height > most * was.height
    share = 100 * gone.height / was.height if was.height else 0
    whose = f" of participant {participant}" if participant not in ("", "all") else ""
    said = f"{gone.height:,} of {was.height:,} rows{whose} ({share:.1f} %) of {revision} are gone"
    if weight and payable.height:
        said += f", {payable.height:,} of them with status {payable_words()}"
    if gone.height == was.height:
        said = f"All {was.height:,} rows{whose} of {revision} are gone"
    first = (payable if payable.height else gone).sort(key).head(EXAMPLES).select(key)
    name = "_".join(["rows_kept", *([participant] if participant not in ("", "all") else [])])
    examples = tuple("/".join(row) if "hcpcs" not in key else " ".join(c for c in row if c) for row in first.rows())
    return _finding(table, name, "error" if held else "warn", said, gone.height, examples)


def payable_statuses() -> list[str]:
    """Return the statuses of rows that Medicare pays for, by `schemas/codes/status.csv`."""
    return [row.code for row in declarations.rows(STATUS) if row.payable]


def payable_words() -> str:
    """Return the statuses of rows that Medicare pays for as a sentence has them: `A, R or T`."""
    *others, last = payable_statuses()
    return f"{', '.join(others)} or {last}" if others else last


def _finding(
    table: str, check: str, severity: str, said: str, violations: int, examples: tuple[str, ...] = ()
) -> Finding:
    return Finding(table, check, severity, said, violations, examples, WHOLE, counted=True)


def _of_participants(rows: pl.DataFrame, floor: FloorRow) -> pl.DataFrame:
    """Return the rows that a floor is about: a file of one participant isn't the full schedule that others have."""
    if not floor.participants:
        return rows
    whose = pl.col("participant")
    if rows.select((whose == floor.without).any()).item():
        return rows.clear()
    return rows.filter(whose.is_in(floor.participants))
