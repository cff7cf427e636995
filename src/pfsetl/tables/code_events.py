"""The table `code_events`: in which release each code and component appeared, was gone, and came back.

It follows from the releases of a version that were in force, one against the one before. What appeared when a code was
gone is derived too: CMS's files don't say what replaced a code (docs/decisions/0043).
"""

from collections.abc import Iterable, Mapping

import polars as pl

Tables = Mapping[str, pl.DataFrame]
Before = Mapping[str, str | None]

OF = ("rvu", "release_calendar")  # the calendar of a release that priced no day is empty
ONLY = {"rvu": ("release", "participant", "hcpcs", "modifier", "section", "subsection")}  # the columns that are read
NAMED = 10  # codes that appeared when one was gone; their number is beside them
_CODE = ["hcpcs", "modifier"]
_SCHEMA = {
    "hcpcs": pl.String,
    "modifier": pl.String,
    "release": pl.String,
    "is_there": pl.Boolean,
    "previous_release": pl.String,
    "appeared_when_gone": pl.String,
    "appeared_when_gone_count": pl.Int32,
}


def code_events(before: Tables | None, now: Tables) -> pl.DataFrame:
    """Return what appeared with a release and what was gone, against the release in force before it."""
    if now["release_calendar"].is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    release, here = now["rvu"]["release"][0], _codes(now)
    there = here.clear() if before is None else _codes(before)
    new, lost = (a.join(b, on=_CODE, how="anti").sort(_CODE) for a, b in ((here, there), (there, here)))
    previous = None if before is None else before["rvu"]["release"][0]
    beside = _appeared_beside(lost, new)
    came = new.select(*_CODE, is_there=pl.lit(value=True))
    went = lost.select(*_CODE, is_there=pl.lit(value=False)).hstack(beside)
    told = {"release": pl.lit(release), "previous_release": pl.lit(previous, dtype=pl.String)}
    both = pl.concat([came, went], how="diagonal").with_columns(**told)
    return both.select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())


def with_first_and_last(events: pl.DataFrame, before: Before) -> pl.DataFrame:
    """Return events with what each is, and the first and last release of its code, null while it's there."""
    place = pl.col("release").replace_strict({label: n for n, label in enumerate(before)}, return_dtype=pl.Int64)
    gone = pl.col("is_there").not_()
    ordered = events.with_columns(_place=place).sort(*_CODE, "_place")
    told = ordered.with_columns(
        event=pl.when(gone)
        .then(pl.lit("gone"))
        .when(gone.cast(pl.Int32).cum_sum().over(_CODE) > 0)
        .then(pl.lit("returned"))
        .otherwise(pl.lit("first")),
        first_release=pl.col("release").first().over(_CODE),
        last_release=pl.when(gone).then("previous_release").last().over(_CODE),
    )
    return told.sort(*_CODE, "release").drop("_place")


def _codes(tables: Tables) -> pl.DataFrame:
    """Return each code and component of a release once, with where it stands."""
    rows = tables["rvu"].select(*_CODE, place=pl.concat_str("section", "subsection", separator="/", ignore_nulls=True))
    return rows.unique(_CODE, keep="first", maintain_order=True)


def _appeared_beside(lost: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return, of each row that was gone, the codes of its subsection that appeared in that release, nearest first."""
    appeared: dict[str, list[str]] = {}
    asked = new.filter(pl.col("modifier") == "", pl.col("place").is_in(lost["place"].unique().to_list()))
    for code, place in asked.select("hcpcs", "place").iter_rows():
        appeared.setdefault(place, []).append(code)
    found: list[tuple[str | None, int]] = []
    for code, modifier, place in lost.select(*_CODE, "place").iter_rows():
        beside = appeared.get(place, []) if modifier == "" else []
        found.append((_nearest(code, beside), len(beside)))
    schema = {"appeared_when_gone": pl.String, "appeared_when_gone_count": pl.Int32}
    return pl.DataFrame(found, schema=schema, orient="row")


def _nearest(code: str, others: Iterable[str]) -> str | None:
    """Return the codes whose numbers are nearest, as text; None where there are none.

    >>> _nearest("99201", ["99417", "99202", "G2212"])
    '99202 99417 G2212'
    """
    far = sorted(others, key=lambda other: (abs(int(other, 36) - int(code, 36)), other))
    return " ".join(far[:NAMED]) or None
