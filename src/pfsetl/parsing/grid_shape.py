"""Cut grids of cells: csv, tab separated text and workbooks, whose columns stand under declared headers."""

import re
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from pfsetl.declared import registry
from pfsetl.declared.registry import Layout
from pfsetl.errors import LayoutError
from pfsetl.parsing.grid import END_MARKERS, Grid
from pfsetl.parsing.headings import SEARCH_ROWS, header_text, rest_of_headings
from pfsetl.parsing.shape import Cut, Fit, again_said, only_fit


def cut_grid(member: str, grid: Grid) -> Cut:
    """Cut a grid of cells whose columns must be those of a declared layout, in its order.

    Where upper heading lines were cut off, what is left must be the end of exactly one layout's headings. Blank rows
    that no layout has among its headings are left out, and counted.
    """
    try:
        return _cut_grid(member, grid)
    except LayoutError as error:
        filled = grid.frame.filter(pl.any_horizontal(pl.exclude("line") != ""))
        blank = grid.frame.height - filled.height
        if not blank or filled.is_empty():
            raise _of_a_column_before(member, grid) or error from None
    try:
        cut = _cut_grid(member, Grid(grid.place, filled))
    except LayoutError as error:
        raise _of_a_column_before(member, Grid(grid.place, filled)) or error from None
    rows = "a blank row among its headings is" if blank == 1 else f"{blank:,} blank rows, some among its headings, are"
    said = f"{rows} left out"
    note = f"{cut.note}; {said}" if cut.note else said
    return replace(cut, counts={**cut.counts, "blank": cut.counts["blank"] + blank}, note=note)


def _of_a_column_before(member: str, grid: Grid) -> LayoutError | None:
    """Return the error for a grid that fits without its first column, as programs write numbers of rows, else None."""
    names = {f"c{i}": f"c{i - 1}" for i in range(2, grid.width + 1)}
    if not names:
        return None
    try:
        cut = _cut_grid(member, Grid(grid.place, grid.frame.drop("c1").rename(names)))
    except LayoutError:
        return None
    if not cut.banner:  # nothing but its headings says that the columns are CMS's
        return None
    return LayoutError(
        f"{grid.place}: column 1 is none of CMS's file; without it the rest fits layout {cut.layout}. Take it out, or "
        "give the file as CMS posted it."
    )


def _cut_grid(member: str, grid: Grid) -> Cut:
    trials = [layout for layout in registry.layouts(member) if layout.medium == "grid"]
    head = [row[1:] for row in grid.frame.head(SEARCH_ROWS).rows()]
    fits = [_fit_grid(layout, grid, head) for layout in trials]
    if all("header not found" in fit.problems for fit in fits):
        bare = [x for x in registry.layouts(member) if x.medium == "grid_without_header"]
        fits += [_fit_bare_grid(layout, grid) for layout in bare]
    if not any(fit.cut for fit in fits) and (rest := rest_of_headings(trials, grid)):
        fits = [_fit_body(rest.layout, grid, rest.bottom, [])]
        if fits[0].cut:
            missing = (
                f"heading lines above line {rest.top + 1} are missing; the rest fits layout {rest.layout.name} alone"
            )
            return replace(fits[0].cut, note=missing)
    return only_fit(fits, member, grid.place)


def _fit_grid(layout: Layout, grid: Grid, head: Sequence[tuple[str, ...]]) -> Fit:
    anchor = layout.fields[0].header
    at = next((i for i, row in enumerate(head) if anchor and anchor.fullmatch(header_text(row[:1]))), None)
    if at is None:
        problems = ["header not found"] + [f"{f.field} missing" for f in layout.fields]
        return Fit(layout, problems, None, distance=len(problems))
    top, bottom = at, at
    while top > 0 and at - top < layout.header_above and not head[top - 1][0]:
        top -= 1
    while (
        bottom + 1 < len(head)
        and bottom - at < layout.header_below
        and not head[bottom + 1][0]
        and any(head[bottom + 1])
    ):
        bottom += 1
    titles = [header_text([row[i] for row in head[top : bottom + 1]]) for i in range(grid.width)]
    return _fit_body(layout, grid, bottom, compare_headers(layout, titles))


def _fit_body(layout: Layout, grid: Grid, bottom: int, problems: list[str]) -> Fit:
    """Fit the rows below the last heading line, unless the headings have problems."""
    body = grid.frame.slice(bottom + 1)
    extra = [f"c{i}" for i in range(len(layout.fields) + 1, grid.width + 1)]
    for column in extra:
        filled = body.filter(pl.col(column) != "")
        if filled.height and not problems:
            problems.append(f"column {column[1:]} has no header but a value at line {filled['line'][0]}")
    if problems:
        return Fit(layout, problems, None, distance=sum("moved from" not in problem for problem in problems))
    heading = grid.frame.head(bottom + 1)
    banner = "\n".join(" ".join(cell for cell in row[1:] if cell) for row in heading.rows())
    body, again = _without_headings(heading, body)
    cut = _cut_rows(layout, body, bottom + 1 + again, banner)
    return Fit(layout, [], replace(cut, note=again_said(again)) if again else cut)


def _without_headings(heading: pl.DataFrame, body: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return a body without the rows that are a heading row again, cell by cell, and how many these were."""
    named = heading.filter(pl.col("c1") != "")["c1"]
    if not body["c1"].is_in(named.implode()).any():
        return body, 0
    whole = pl.concat_str(pl.exclude("line"), separator="\n")
    rows = heading.filter(pl.any_horizontal(pl.exclude("line") != "")).select(whole).to_series()
    left = body.filter(~whole.is_in(rows.implode()))
    return left, body.height - left.height


def _fit_bare_grid(layout: Layout, grid: Grid) -> Fit:
    if grid.width != len(layout.fields):
        problem = f"{grid.width} columns without a header, {layout.name} has {len(layout.fields)}"
        return Fit(layout, [problem], None)
    field = registry.fields()[layout.fields[0].field]
    first = grid.frame["c1"][0].zfill(field.pad)
    if not re.fullmatch(field.pattern, first):
        return Fit(layout, [f"neither a header nor a {field.field} in row 1: {first!r}"], None)
    return Fit(layout, [], _cut_rows(layout, grid.frame, 0, ""))


def _cut_rows(layout: Layout, body: pl.DataFrame, header_rows: int, banner: str) -> Cut:
    names = [f.field for f in layout.fields]
    cells = [c for c in body.columns if c != "line"]
    key = registry.fields()[names[0]]
    alone = pl.all_horizontal([pl.col(c) == "" for c in cells[1:]])
    blank = alone & (pl.col("c1") == "")
    end = alone & pl.col("c1").is_in(END_MARKERS)
    keyed = pl.col("c1").str.zfill(key.pad).str.contains(f"^(?:{key.pattern})$")
    kinds = {"blank": blank, "end_marker": end, "note": alone & ~blank & ~end & ~keyed}
    others = body.select(**kinds)
    records = body.filter(~(others["blank"] | others["end_marker"] | others["note"]))
    counts = {
        "records": records.height,
        "header": header_rows,
        **{kind: int(others[kind].sum()) for kind in kinds},
    }
    frame = records.select("line", *(pl.col(f"c{i}").alias(n) for i, n in enumerate(names, 1)))
    return Cut(layout.name, frame, banner, counts)


def compare_headers(layout: Layout, titles: list[str]) -> list[str]:
    """Say how the titles of a grid differ from a layout: columns missing, moved, or not declared."""
    missing: list[str] = []
    moved: list[str] = []
    claimed: set[int] = set()
    for field in layout.fields:
        at = field.start - 1
        pattern = field.header
        if pattern is None:
            continue
        if at < len(titles) and pattern.fullmatch(titles[at]):
            claimed.add(at)
            continue
        elsewhere = next((i for i, t in enumerate(titles) if i not in claimed and pattern.fullmatch(t)), None)
        if elsewhere is None:
            missing.append(f"column {field.start} {pattern.pattern!r} ({field.field}) is missing")
        else:
            claimed.add(elsewhere)
            moved.append(f"{titles[elsewhere]!r} ({field.field}) moved from column {field.start} to {elsewhere + 1}")
    added = [
        f"column {i + 1} {title!r} isn't in {layout.name}"
        for i, title in enumerate(titles)
        if title and i not in claimed
    ]
    return added + missing + moved
