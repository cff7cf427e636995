"""Which declared layout fits a member: exactly one must, and its records are cut into named fields.

Fits is strict: every header, every record length, every column between the fields. What doesn't fit is refused
with a comparison to the nearest layout, because a column read one place off is worse than no data.
"""

import re
from dataclasses import dataclass

import polars as pl

from pfsetl.declared import declarations, registry
from pfsetl.declared.registry import Layout
from pfsetl.errors import LayoutError


@dataclass(frozen=True, slots=True)
class Cut:
    """A member cut by a layout: `frame` has `line` and one column of text per field; counts sum to all lines.

    `note` says what is odd about the file, though it fits.
    """

    layout: str
    frame: pl.DataFrame
    banner: str
    counts: dict[str, int]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """The trial of one layout: the cut, or what is wrong and how far off the layout is."""

    layout: Layout
    problems: list[str]
    cut: Cut | None
    distance: int = 0


def only_fit(fits: list[Fit], member: str, place: str) -> Cut:
    """Return the cut of the one layout that fits; raise LayoutError when none does, or more than one."""
    cuts = [fit.cut for fit in fits if fit.cut]
    if len(cuts) == 1:
        return cuts[0]
    if cuts:
        raise LayoutError(
            f"{place}: fits {' and '.join(c.layout for c in cuts)}. Make the layouts in "
            f"{declarations.named(f'layouts/{member}.csv')} exclude each other."
        )
    nearest = min(fits, key=lambda fit: (fit.distance, len(fit.problems)))
    shown = "; ".join(nearest.problems[:6]) + (f"; and {len(nearest.problems) - 6} more" * (len(nearest.problems) > 6))
    remedy = f"declare the new shape in {declarations.named('layouts/shapes.csv', f'layouts/{member}.csv')}"
    # NOTE: of lines that follow a pattern, a person has to tell the pattern.
    declarable = nearest.layout.medium in ("grid", "fixed") and any(
        kind.member == member for kind in registry.member_kinds()
    )
    raise LayoutError(
        f"{place}: a shape that isn't declared. Nearest is layout {nearest.layout.name} "
        f"({nearest.layout.valid_for}): {shown}. If it's no file of CMS's, leave it out; if CMS changed it, {remedy}.",
        declarable=declarable,
    )


def again_said(count: int) -> str:
    """Say that lines above or below the records stand among them, too, as where pages or files were joined."""
    lines = "a heading line or note stands" if count == 1 else f"{count:,} heading lines or notes stand"
    return f"{lines} among its records again; left out"


def may_be_blank(name: str) -> bool:
    """Return whether a field can be blank in every record of a member; one that is only proposed can."""
    field = registry.fields().get(name)
    return (
        field is None
        or field.kind == "text"
        or (field.kind != "decimal" and re.fullmatch(field.pattern, "") is not None)
    )
