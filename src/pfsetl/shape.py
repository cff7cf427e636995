"""Which declared layout fits a member: exactly one must, and its records are cut into named fields.

Fits is strict: every header, every record length, every column between the fields. What doesn't fit is refused
with a comparison to the nearest layout, because a column read one place off is worse than no data.
"""

import re
from dataclasses import dataclass

import polars as pl

from pfsetl import registry
from pfsetl.errors import LayoutError
from pfsetl.grid import END_MARKERS, Grid
from pfsetl.registry import Layout

HEADER_SEARCH_ROWS = 60
TRIAL_RECORDS = 200


@dataclass(frozen=True, slots=True)
class Cut:
    """A member cut by a layout: `frame` has `line` and one column of text per field; counts sum to all lines."""

    layout: str
    frame: pl.DataFrame
    banner: str
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Fit:
    layout: Layout
    problems: list[str]
    cut: Cut | None


def cut_text(member: str, lines: pl.DataFrame, place: str) -> Cut:
    """Cut the lines (`line`, `text`) of a fixed-width or pattern-shaped text member."""
    trials = [layout for layout in registry.layouts(member) if layout.medium in ("fixed", "line")]
    fits = [(_fit_fixed if layout.medium == "fixed" else _fit_lines)(layout, lines) for layout in trials]
    return _only(fits, member, place)


def cut_grid(member: str, grid: Grid) -> Cut:
    """Cut a grid of cells whose columns must be those of a declared layout, in its order."""
    trials = [layout for layout in registry.layouts(member) if layout.medium == "grid"]
    fits = [_fit_grid(layout, grid) for layout in trials]
    if all("header not found" in fit.problems for fit in fits):
        bare = [x for x in registry.layouts(member) if x.medium == "grid_without_header"]
        fits = [_fit_bare_grid(layout, grid) for layout in bare] or fits
    return _only(fits, member, grid.place)


def _only(fits: list[_Fit], member: str, place: str) -> Cut:
    cuts = [fit.cut for fit in fits if fit.cut]
    if len(cuts) == 1:
        return cuts[0]
    if cuts:
        raise LayoutError(
            f"{place}: fits {' and '.join(c.layout for c in cuts)}. Make the layouts in "
            f"schemas/layouts/{member}.csv exclude each other."
        )
    nearest = min(fits, key=lambda fit: len(fit.problems))
    shown = "; ".join(nearest.problems[:6]) + (f"; and {len(nearest.problems) - 6} more" * (len(nearest.problems) > 6))
    raise LayoutError(
        f"{place}: a shape that isn't declared. Nearest is layout {nearest.layout.name} "
        f"({nearest.layout.valid_for}): {shown}. If CMS changed the file, declare the new shape in "
        f"schemas/layouts/shapes.csv and schemas/layouts/{member}.csv."
    )


def _fit_fixed(layout: Layout, lines: pl.DataFrame) -> _Fit:
    text, length = pl.col("text"), layout.record_length
    lines = lines.with_columns(length=text.str.len_chars())
    records = lines.filter(pl.col("length") == length)
    if records.is_empty():
        common = lines.filter(pl.col("length") > 0)["length"].mode().sort()
        found = f"records have {common[0]} characters" if len(common) else "no records"
        return _Fit(layout, [f"{found}, {layout.name} has {length}", "no record fits"], None)
    first = records["line"][0]
    others = lines.filter(pl.col("length") != length)
    blank = pl.col("text").str.strip_chars() == ""
    end = pl.col("text").str.strip_chars(" ").is_in(END_MARKERS)
    stray = others.filter((pl.col("line") > first) & ~blank & ~end)
    if stray.height:
        line, found = stray.row(0)[0], stray.row(0)[2]
        return _Fit(layout, [f"line {line} has {found} characters, a record of {layout.name} has {length}"], None)
    # NOTE: most layouts that don't fit already fail on the first records.
    problems = _cut_records(layout, records.head(TRIAL_RECORDS))[1]
    if problems:
        return _Fit(layout, problems, None)
    frame, problems = _cut_records(layout, records)
    preamble = others.filter((pl.col("line") < first) & ~blank & ~end)
    counts = {
        "records": records.height,
        "header": preamble.height,
        "blank": others.filter(blank & ~end).height,
        "end_marker": others.filter(end).height,
        "note": 0,
    }
    cut = Cut(layout.name, frame, "\n".join(preamble["text"]), counts)
    return _Fit(layout, problems, None if problems else cut)


def _fit_lines(layout: Layout, lines: pl.DataFrame) -> _Fit:
    text = pl.col("text")
    lines = lines.with_columns(record=text.str.contains(layout.line))
    records = lines.filter("record")
    others = lines.filter(~pl.col("record"))
    looks = others.filter(text.str.contains(r"^\s*\d{5}\s"))
    problems = [f"line {line} isn't {' '.join(f.field for f in layout.fields)}" for line in looks["line"]]
    if records.is_empty():
        return _Fit(layout, [*problems, "no record fits"], None)
    first, last = records["line"][0], records["line"][-1]
    blank = text.str.strip_chars() == ""
    end = text.str.strip_chars(" ").is_in(END_MARKERS)
    between = others.filter(pl.col("line").is_between(first, last) & ~blank & ~end)
    problems += [f"line {line} stands between records and isn't one" for line in between["line"]]
    frame = (
        records.select("line", text.str.extract_groups(layout.line).alias("groups"))
        .unnest("groups")
        .with_columns(pl.exclude("line").fill_null("").str.strip_chars())
    )
    speaks = others.filter(~blank & ~end)
    header = speaks.filter(pl.col("line") < first)
    counts = {
        "records": records.height,
        "header": header.height,
        "blank": others.filter(blank & ~end).height,
        "end_marker": others.filter(end).height,
        "note": speaks.height - header.height,
    }
    cut = Cut(layout.name, frame, "\n".join(header["text"]), counts)
    return _Fit(layout, problems, None if problems else cut)


def _fit_grid(layout: Layout, grid: Grid) -> _Fit:
    head = grid.frame.head(HEADER_SEARCH_ROWS).drop("line").rows()
    anchor = layout.fields[0].header
    at = next((i for i, row in enumerate(head) if anchor and anchor.fullmatch(header_text(row[:1]))), None)
    if at is None:
        return _Fit(layout, ["header not found"] + [f"{f.field} missing" for f in layout.fields], None)
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
    problems = compare_headers(layout, titles)
    body = grid.frame.slice(bottom + 1)
    extra = [f"c{i}" for i in range(len(layout.fields) + 1, grid.width + 1)]
    for column in extra:
        filled = body.filter(pl.col(column) != "")
        if filled.height and not problems:
            problems.append(f"column {column[1:]} has no header but a value at line {filled['line'][0]}")
    if problems:
        return _Fit(layout, problems, None)
    banner = "\n".join(" ".join(cell for cell in row if cell) for row in [*head[:top], *head[at : at + 1]])
    return _Fit(layout, [], _cut_rows(layout, body, bottom + 1, banner))


def _fit_bare_grid(layout: Layout, grid: Grid) -> _Fit:
    if grid.width != len(layout.fields):
        problem = f"{grid.width} columns without a header, {layout.name} has {len(layout.fields)}"
        return _Fit(layout, [problem], None)
    field = registry.fields()[layout.fields[0].field]
    first = grid.frame["c1"][0].zfill(field.pad)
    if not re.fullmatch(field.pattern, first):
        return _Fit(layout, [f"neither a header nor a {field.field} in row 1: {first!r}"], None)
    return _Fit(layout, [], _cut_rows(layout, grid.frame, 0, ""))


def _cut_rows(layout: Layout, body: pl.DataFrame, header_rows: int, banner: str) -> Cut:
    names = [f.field for f in layout.fields]
    cells = [c for c in body.columns if c != "line"]
    key = registry.fields()[names[0]]
    body = body.with_columns(blank_rest=pl.all_horizontal([pl.col(c) == "" for c in cells[1:]]))
    alone = pl.col("blank_rest")
    blank = alone & (pl.col("c1") == "")
    end = alone & pl.col("c1").is_in(END_MARKERS)
    keyed = pl.col("c1").str.zfill(key.pad).str.contains(f"^(?:{key.pattern})$")
    note = alone & ~blank & ~end & ~keyed
    records = body.filter(~(blank | end | note))
    counts = {
        "records": records.height,
        "header": header_rows,
        "blank": body.filter(blank).height,
        "end_marker": body.filter(end).height,
        "note": body.filter(note).height,
    }
    frame = records.select("line", *(pl.col(f"c{i}").alias(n) for i, n in enumerate(names, 1)))
    return Cut(layout.name, frame, banner, counts)


def _cut_records(layout: Layout, records: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Cut fixed-width records into fields; also say where data stands between fields or a field is blank."""
    text, length = pl.col("text"), layout.record_length
    ranges = sorted((f.start, f.end) for f in layout.fields)
    gaps = [(a[1] + 1, b[0] - 1) for a, b in zip([(0, 0), *ranges], [*ranges, (length + 1, 0)], strict=True)]
    frame = records.select(
        "line",
        *(text.str.slice(f.start - 1, f.end - f.start + 1).str.strip_chars().alias(f.field) for f in layout.fields),
        *((text.str.slice(a - 1, b - a + 1).str.strip_chars() != "").alias(f"gap {a}-{b}") for a, b in gaps if b >= a),
    )
    problems = []
    for gap in (c for c in frame.columns if c.startswith("gap ")):
        bad = frame.filter(pl.col(gap))
        if bad.height:
            problems.append(f"columns {gap[4:]} hold data (line {bad['line'][0]}), {layout.name} has none there")
    frame = frame.select("line", *(f.field for f in layout.fields))
    return frame, problems + _blank_fields(layout, frame)


def _blank_fields(layout: Layout, frame: pl.DataFrame) -> list[str]:
    required = [f.field for f in layout.fields if not _may_be_blank(f.field)]
    empty = frame.select((pl.col(required) == "").all()).row(0)
    return [f"{field} is blank throughout" for field, blank in zip(required, empty, strict=True) if blank]


def _may_be_blank(name: str) -> bool:
    field = registry.fields()[name]
    return field.kind == "text" or (field.kind != "decimal" and re.fullmatch(field.pattern, "") is not None)


def header_text(cells: object) -> str:
    """Join stacked header cells to one upper-case title without punctuation.

    >>> header_text(["", "NON-FAC", "PE RVU"])
    'NON FAC PE RVU'
    """
    assert isinstance(cells, (list, tuple))
    joined = re.sub(r"[^A-Z0-9.]+", " ", " ".join(cells).upper())
    return re.sub(r"\.(?!\d)", " ", joined).replace("  ", " ").strip()


def compare_headers(layout: Layout, titles: list[str]) -> list[str]:
    """Say how the titles of a grid differ from a layout: columns missing, moved, or not declared."""
    problems: list[str] = []
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
            problems.append(f"column {field.start} {pattern.pattern!r} ({field.field}) is missing")
        else:
            claimed.add(elsewhere)
            problems.append(f"{titles[elsewhere]!r} ({field.field}) moved from column {field.start} to {elsewhere + 1}")
    problems += [
        f"column {i + 1} {title!r} isn't in {layout.name}"
        for i, title in enumerate(titles)
        if title and i not in claimed
    ]
    return problems
