"""What a build says in the end: how its release differs from the last one in force, and from its last revision."""

from collections.abc import Iterator, Mapping, Sequence

from pfsetl.declared import contracts, declarations
from pfsetl.publication import revision
from pfsetl.publication.release_record import ChangedTable, Factor, ReleaseRecord

SHOWN = 5
COLUMNS = 4  # of each table, those with the most changed cells


def lines(record: ReleaseRecord) -> Iterator[tuple[str, str]]:
    """Yield what is said and how: a word, and its text. Nothing for a record from before this was kept."""
    told = record.since
    if not told:
        return
    if told.unread:
        yield "unread", f"{told.unread}, so what changed since isn't known"
    elif told.release:
        yield "since", f"{told.release}, the last release in force here"
        yield "factor", "; ".join(map(_factor, told.factors))
        if told.localities:
            places = {"added": told.localities.added, "gone": told.localities.gone}
            yield "places", _both({word: (len(names), names) for word, names in places.items()})
        if told.codes:
            sides = {"added": told.codes.added, "gone": told.codes.gone}
            yield "codes", _both({word: (side.count, side.first) for word, side in sides.items()})
    elif not record.sample:
        yield "since", "nothing to compare with: no earlier release in force is here"
    for one in told.new_values:
        unlisted = [value for value in one.values if value not in one.listed]
        if one.listed:
            yield "values", f"new in {one.column}: {', '.join(one.listed)}"
        if unlisted:
            where = declarations.named(f"codes/{one.column}.csv")
            yield "values", f"new in {one.column}: {', '.join(unlisted)}; a row for each goes into {where}"
    for text in told.not_compared:
        yield "alone", text
    if columns := record.not_published:
        named = (f"{', '.join(names)} ({member})" for member, names in columns.items())
        yield "columns", f"read and not published: {', '.join(named)}"


def since_revision(record: ReleaseRecord) -> Iterator[tuple[str, str]]:
    """Yield what a new revision changed against the one before it; nothing for a release that was new."""
    told = record.since_revision
    if not told:
        return
    yield "compared", revision.summary(told).removeprefix("compared ")
    if told.unread:
        return
    following = [name for name, one in revision.ordered(told) if "rvu" in told.tables and _follows(name, one)]
    for name, one in revision.ordered(told):
        table = contracts.find_table(name)
        if name in following or (table and "measure" in table.key):  # statistics: they follow from what else is said
            continue
        came = {"added": (one.added, one.first_added), "removed": (one.removed, one.first_removed)}
        parts = [_both({word: (count, names)}) for word, (count, names) in came.items() if count]
        most = sorted(one.columns.items(), key=lambda item: -item[1].cells)
        parts += [f"{column} {c.cells:,}{_named(c.cells, c.first)}" for column, c in most[:COLUMNS]]
        parts += [f"{len(most) - COLUMNS} more columns"] * (len(most) > COLUMNS)
        yield "cells", f"{name}: {', '.join(parts)}"
    if moved := [f for f in told.factors if f.was != f.now]:
        yield "factor", "; ".join(map(_factor, moved))
    if following:
        yield "follow", f"{', '.join(following)}: from rvu; the manifest names the first rows (since_revision)"
    for text in told.not_compared:
        yield "alone", text


def _follows(table: str, one: ChangedTable) -> bool:
    """Whether a table differs as rvu does: modifiers by its indicators and amounts, words where codes came or went."""
    return table == "code_modifier" or (table == "code_text" and not one.changed)


def _factor(one: Factor) -> str:
    whose = "" if one.participant == "all" else f"{one.participant} "
    if one.was is None:
        return f"{whose}{one.now}, new"
    if one.was == one.now:
        return f"{whose}{one.now}, unchanged"
    return f"{whose}{one.now}, was {one.was} ({one.percent:+.2f} %)"


def _both(sides: Mapping[str, tuple[int, Sequence[str]]]) -> str:
    return ", ".join(f"{count:,} {word}{_named(count, names)}" for word, (count, names) in sides.items())


def _named(count: int, names: Sequence[str]) -> str:
    if not count:
        return ""
    return f" ({', '.join(names[:SHOWN])}{', ...' if count > SHOWN else ''})"
