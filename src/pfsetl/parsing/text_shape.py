"""Cut text members: fixed-width records, and tables whose widths vary but whose lines follow a pattern."""

import polars as pl

from pfsetl.declared import registry
from pfsetl.declared.registry import Layout
from pfsetl.errors import LayoutError
from pfsetl.parsing.grid import END_MARKERS
from pfsetl.parsing.shape import Cut, Fit, again_said, may_be_blank, only_fit

TRIAL_RECORDS = 200
_LIKE_A_RECORD = r"^\s*\S{4,6}\s+(?:[A-Z]{2}\s+)?\d{1,2}\s"  # a contractor, perhaps damaged, and a locality


def cut_text(member: str, lines: pl.DataFrame, place: str) -> Cut:
    """Cut the lines (`line`, `text`) of a fixed-width or pattern-shaped text member.

    Where no layout fits, and all lines have one length, the blanks that they are padded with are left out.
    """
    try:
        return _cut_text(member, lines, place)
    except LayoutError as error:
        if lines.select(pl.col("text").str.len_chars().n_unique()).item() > 1:
            raise
        bare = lines.with_columns(pl.col("text").str.strip_chars_end(" "))
        try:
            return _cut_text(member, bare, place)
        except LayoutError:
            raise error from None


def _cut_text(member: str, lines: pl.DataFrame, place: str) -> Cut:
    trials = [layout for layout in registry.layouts(member) if layout.medium in ("fixed", "line")]
    fits = [(fit_fixed if layout.medium == "fixed" else _fit_lines)(layout, lines) for layout in trials]
    return only_fit(fits, member, place)


def fit_fixed(layout: Layout, lines: pl.DataFrame) -> Fit:
    """Try a layout of fixed columns on lines (`line`, `text`): every record has its length, nothing stands between."""
    text, length = pl.col("text"), layout.record_length
    lines = lines.with_columns(length=text.str.len_chars())
    records = lines.filter(pl.col("length") == length)
    if records.is_empty():
        common = lines.filter(pl.col("length") > 0)["length"].mode().sort()
        found = int(common[-1]) if len(common) else 0
        problem = f"most lines have {found} characters, a record of {layout.name} has {length}"
        return Fit(layout, [problem], None, distance=abs(found - length))
    first = records["line"][0]
    others = lines.filter(pl.col("length") != length).with_columns(
        blank=text.str.strip_chars() == "", end=text.str.strip_chars(" ").is_in(END_MARKERS)
    )
    speaks = others.filter(~(others["blank"] | others["end"]))
    preamble = speaks.filter(speaks["line"] < first)
    stray = speaks.filter(speaks["line"] > first)
    again = stray["text"].is_in(preamble["text"].implode()) if stray.height else stray["line"] > first
    stray = stray.filter(~again)
    if stray.height:
        line, found = stray.row(0)[0], stray.row(0)[2]
        return Fit(layout, [f"line {line} has {found} characters, a record of {layout.name} has {length}"], None)
    # NOTE: most layouts that don't fit already fail on the first records.
    for some in (records.head(TRIAL_RECORDS), records)[records.height <= TRIAL_RECORDS :]:
        frame, problems, affected = _cut_records(layout, some)
        if affected > some.height // 2:
            return Fit(layout, problems, None, distance=affected)
    problems += _damaged_records(layout, preamble)
    counts = {
        "records": records.height,
        "header": preamble.height + int(again.sum()),
        "blank": int((others["blank"] & ~others["end"]).sum()),
        "end_marker": int(others["end"].sum()),
        "note": 0,
    }
    note = again_said(int(again.sum())) if again.any() else ""
    cut = Cut(layout.name, frame, "\n".join(preamble["text"]), counts, note)
    return Fit(layout, problems, None if problems else cut, distance=affected)


def _damaged_records(layout: Layout, preamble: pl.DataFrame) -> list[str]:
    """Say which lines before the first record are records of another length: titles hold no decimal number."""
    bad = preamble.filter(pl.col("text").str.contains(r"\d\.\d"))
    return [
        f"line {line} has {length} characters, a record of {layout.name} has {layout.record_length}"
        for line, length in bad.select("line", "length").rows()
    ]


def _fit_lines(layout: Layout, lines: pl.DataFrame) -> Fit:
    text = pl.col("text")
    lines = lines.with_columns(record=text.str.contains(layout.line))
    records = lines.filter("record")
    others = lines.filter(~pl.col("record"))
    looks = others.filter(text.str.contains(_LIKE_A_RECORD))
    problems = [f"line {line} isn't {' '.join(f.field for f in layout.fields)}" for line in looks["line"]]
    if records.is_empty():
        return Fit(layout, [*problems, "no record fits"], None)
    first, last = records["line"][0], records["line"][-1]
    blank = text.str.strip_chars() == ""
    end = text.str.strip_chars(" ").is_in(END_MARKERS)
    inside = pl.col("line").is_between(first, last)
    between = others.filter(inside & ~blank & ~end)
    again = between["text"].is_in(others.filter(~inside & ~blank)["text"].implode())
    between = between.filter(~again)
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
    note = again_said(int(again.sum())) if again.any() else ""
    cut = Cut(layout.name, frame, "\n".join(header["text"]), counts, note)
    return Fit(layout, problems, None if problems else cut)


def _cut_records(layout: Layout, records: pl.DataFrame) -> tuple[pl.DataFrame, list[str], int]:
    """Cut fixed-width records into fields; also say what doesn't fit, and how many records that affects at most."""
    text, length = pl.col("text"), layout.record_length
    ranges = sorted((f.start, f.end) for f in layout.fields)
    gaps = [(a[1] + 1, b[0] - 1) for a, b in zip([(0, 0), *ranges], [*ranges, (length + 1, 0)], strict=True)]
    frame = records.select(
        "line",
        *(text.str.slice(f.start - 1, f.end - f.start + 1).str.strip_chars().alias(f.field) for f in layout.fields),
        *((text.str.slice(a - 1, b - a + 1).str.strip_chars() != "").alias(f"gap {a}-{b}") for a, b in gaps if b >= a),
    )
    problems, affected = [], 0
    for gap in (c for c in frame.columns if c.startswith("gap ")):
        if frame[gap].any():
            bad = frame.filter(gap)
            problems.append(f"line {bad['line'][0]}: columns {gap[4:]} hold data, {layout.name} has none there")
            affected = max(affected, bad.height)
    frame = frame[["line", *(f.field for f in layout.fields)]]
    blank = _blank_fields(layout, frame)
    return frame, problems + blank, frame.height if blank else affected


def _blank_fields(layout: Layout, frame: pl.DataFrame) -> list[str]:
    required = [f.field for f in layout.fields if not may_be_blank(f.field)]
    empty = frame.select((pl.col(required) == "").all()).row(0)
    return [f"{field} is blank throughout" for field, blank in zip(required, empty, strict=True) if blank]
