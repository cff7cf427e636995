"""Whether the localities of a companion's rows are localities: those of the release that prices its first day."""

from datetime import date

import polars as pl

from pfsetl.checks.judgement import EXAMPLES, PLACE
from pfsetl.declared import calendar, declarations, registry
from pfsetl.declared.records.places import LOCALITIES
from pfsetl.errors import StoreError, UsageError, ValueRefused
from pfsetl.publication import version
from pfsetl.storage.store import Store


def unknown_places(store: Store, frame: pl.DataFrame, day: date, file: str) -> list[str]:
    """Say which ZIP codes lie in a locality that there isn't; `frame` has `zip`, `state`, `locality` and `line`.

    Where the release that prices the day isn't published whole, the localities are those that CMS has printed in any
    (`schemas/localities.csv`). Raises ValueRefused for more than `unplaced_at_most` of the rows that aren't of the
    release: the file is of another year.
    """
    label, known = _of_release(store, day)
    whose = f"that {label} doesn't have" if label else "that no release at hand has (localities.csv)"
    odd = frame.join(known, on=PLACE, how="anti").sort(*PLACE, "line")
    if odd.is_empty():
        return []
    places = odd.group_by(PLACE, maintain_order=True).agg(pl.col("zip", "line").first(), n=pl.len())
    told = [
        f"{row['state']}/{row['locality']} ({row['n']:,}, e.g. {row['zip']} in line {row['line']})"
        for row in places.head(EXAMPLES).iter_rows(named=True)
    ]
    more = f" and {places.height - EXAMPLES} more" if places.height > EXAMPLES else ""
    codes = "1 ZIP code lies" if odd.height == 1 else f"{odd.height:,} ZIP codes lie"
    said = f"{codes} in a locality {whose}: {', '.join(told)}{more}"
    if label and odd.height > registry.thresholds()["unplaced_at_most"].value * frame.height:
        raise ValueRefused(
            f"{file}: of {frame.height:,} rows {said}. {label} prices {day}, from which the file is said to hold: it's "
            "of another year, or damaged. Get the file of that day, or give its own day with --effective-from."
        )
    return [f"{said}; nothing has a price there"]


def _of_release(store: Store, day: date) -> tuple[str, pl.DataFrame]:
    """Return the label and the localities of the release that prices a day; "" and all that CMS has had without one."""
    try:
        label = calendar.pricing_release(day).label
        newest = version.newest(store, version.empty(store))
        if label in newest.releases and not newest.releases[label].sample:
            gpci = newest.scan("gpci", label).select(pl.col(PLACE).cast(pl.String)).collect()
            if gpci.height:
                return label, gpci
    except (UsageError, StoreError, pl.exceptions.PolarsError, OSError):
        pass  # it prices nothing, or verify names what can't be read
    rows = {(row.state, row.locality) for row in declarations.rows(LOCALITIES)}
    return "", pl.DataFrame(sorted(rows), schema=dict.fromkeys(PLACE, pl.String), orient="row")
