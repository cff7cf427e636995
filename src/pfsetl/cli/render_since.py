"""What a build says in the end: how its release differs from the last one in force, in a few lines."""

from collections.abc import Iterator, Mapping
from typing import Any

from pfsetl.declared import declarations

SHOWN = 5


def lines(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is said and how: a word, and its text. Nothing for a record from before this was kept."""
    told = record.get("since")
    if told is None:
        return
    if told.get("unread"):
        yield "unread", f"{told['unread']}, so what changed since isn't known"
    elif told["release"]:
        yield "since", f"{told['release']}, the last release in force here"
        yield "factor", "; ".join(map(_factor, told["factors"]))
        if told["localities"]:
            yield "places", _both({word: (len(names), names) for word, names in told["localities"].items()})
        yield "codes", _both({word: (side["count"], side["first"]) for word, side in told["codes"].items()})
    elif not record.get("sample"):
        yield "since", "nothing to compare with: no earlier release in force is here"
    for one in told["new_values"]:
        unlisted = [value for value in one["values"] if value not in one["listed"]]
        if one["listed"]:
            yield "values", f"new in {one['column']}: {', '.join(one['listed'])}"
        if unlisted:
            where = declarations.named(f"codes/{one['column']}.csv")
            yield "values", f"new in {one['column']}: {', '.join(unlisted)}; a row for each goes into {where}"
    for text in told["not_compared"]:
        yield "alone", text
    if columns := record.get("not_published"):
        named = (f"{', '.join(names)} ({member})" for member, names in columns.items())
        yield "columns", f"read and not published: {', '.join(named)}"


def _factor(one: Mapping[str, Any]) -> str:
    whose = "" if one["participant"] == "all" else f"{one['participant']} "
    if one["was"] is None:
        return f"{whose}{one['now']}, new"
    if one["was"] == one["now"]:
        return f"{whose}{one['now']}, unchanged"
    return f"{whose}{one['now']}, was {one['was']} ({one['percent']:+.2f} %)"


def _both(sides: Mapping[str, tuple[int, list[str]]]) -> str:
    return ", ".join(f"{count:,} {word}{_named(count, names)}" for word, (count, names) in sides.items())


def _named(count: int, names: list[str]) -> str:
    if not count:
        return ""
    return f" ({', '.join(names[:SHOWN])}{', ...' if count > SHOWN else ''})"
