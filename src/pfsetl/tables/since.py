"""What a release adds and drops compared with the last one in force: factors, localities, codes, indicator values.

Participants are paired by `schemas/participants.csv`; what has no counterpart isn't compared, and that is said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from pfsetl.declared import declarations
from pfsetl.tables import row_changes

FIRST = 10  # codes of each kind that are named; `release_changes` has them all
COLUMNS = {
    "rvu": ["participant", "hcpcs"],
    "gpci": ["state", "locality"],
    "conversion_factor": ["participant", "conversion_factor"],
}

Said = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A published release to compare with: its label, and of each table the columns that `columns` names."""

    label: str
    tables: Mapping[str, pl.DataFrame]


def columns(table: str) -> list[str]:
    """Return the columns of a published table that are compared; of `rvu` all that have a list in `schemas/codes`."""
    return COLUMNS[table] + (_indicators() if table == "rvu" else [])


def compared(tables: Mapping[str, pl.DataFrame], earlier: Earlier | None) -> Said:
    """Return what a release has that the earlier one hasn't, and the other way round, for its record.

    Without an earlier one only the values that are in no list of `schemas/codes` are told.
    """
    said: Said = {"release": None, "new_values": _new_values(tables["rvu"], earlier), "not_compared": []}
    if earlier is None:
        return said
    now, was = tables["rvu"]["participant"].unique(), earlier.tables["rvu"]["participant"].unique()
    pairs = row_changes.paired(was, now)
    gpci, old_gpci = tables["gpci"], earlier.tables["gpci"]
    places = None if gpci.is_empty() or old_gpci.is_empty() else _places(gpci, old_gpci)
    alone = [f"{p}: {earlier.label} has no rows of it" for p in sorted(now) if p not in pairs]
    alone += [f"{p}: only {earlier.label} has rows of it" for p in sorted(was) if p not in pairs.values()]
    alone += [] if places else ["localities: one of the two has no indices"]
    return said | {
        "release": earlier.label,
        "factors": _factors(tables["conversion_factor"], earlier.tables["conversion_factor"], pairs),
        "localities": places,
        "codes": _codes(tables["rvu"], earlier.tables["rvu"], pairs),
        "not_compared": alone,
    }


def _indicators() -> list[str]:
    return list(declarations.code_lists())


def _new_values(rvu: pl.DataFrame, earlier: Earlier | None) -> list[Said]:
    """Return the values of each indicator that the earlier release hasn't; `listed` are those of `schemas/codes`."""
    found = []
    now, was = _values(rvu), _values(earlier.tables["rvu"]) if earlier else None
    for name, codes in declarations.code_lists().items():
        known = set(codes["code"].to_list())
        if new := sorted(now[name] - (was[name] if was else known) - {""}):
            found.append({"column": name, "values": new, "listed": [value for value in new if value in known]})
    return found


def _values(rvu: pl.DataFrame) -> dict[str, set[str]]:
    """Return the values of each indicator."""
    values = rvu.select(pl.col(name).drop_nulls().unique().implode() for name in _indicators())
    return {name: set(found) for name, found in values.row(0, named=True).items()}


def _factors(now: pl.DataFrame, was: pl.DataFrame, pairs: Mapping[str, str]) -> list[Said]:
    theirs: dict[str, Decimal] = dict(was.select("participant", "conversion_factor").iter_rows())
    found = []
    for participant, factor in now.select("participant", "conversion_factor").sort("participant").iter_rows():
        old = theirs.get(pairs.get(participant, ""))
        percent = None if old is None else round(float(100 * (factor / old - 1)), 2)
        found.append(
            {
                "participant": participant,
                "now": str(factor),
                "was": None if old is None else str(old),
                "percent": percent,
            }
        )
    return found


def _places(now: pl.DataFrame, was: pl.DataFrame) -> Said:
    mine, others = (set(frame.select("state", "locality").iter_rows()) for frame in (now, was))
    return {"added": _joined(mine - others), "gone": _joined(others - mine)}


def _joined(places: set[tuple[str, str]]) -> list[str]:
    return sorted("/".join(place) for place in places)


def _codes(now: pl.DataFrame, was: pl.DataFrame, pairs: Mapping[str, str]) -> Said:
    """Count the codes that only one of the two has, over the participants that both have."""
    mine, others = (
        frame.filter(pl.col("participant").is_in(list(whose))).select(pl.col("hcpcs").unique())
        for frame, whose in ((now, pairs.keys()), (was, pairs.values()))
    )
    sides = {"added": (mine, others), "gone": (others, mine)}
    found = {word: one.join(two, on="hcpcs", how="anti")["hcpcs"].sort() for word, (one, two) in sides.items()}
    return {word: {"count": len(codes), "first": codes.head(FIRST).to_list()} for word, codes in found.items()}
