"""Tables whose upper heading lines someone has cut off: what is left of them must be the end of one layout's."""

import re
from dataclasses import dataclass
from functools import cache

from pfsetl.declared import registry
from pfsetl.declared.registry import Layout
from pfsetl.errors import LayoutError
from pfsetl.parsing.grid import Grid

SEARCH_ROWS = 60
_SHOWN = 3
_AGAIN = "Give the file with its headings, as CMS posted it."


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a layout's headings, in rows `top` to `bottom`.

    `shortened` is how many columns lost a part of their heading, `problems` say what doesn't fit.
    """

    layout: Layout
    top: int
    bottom: int
    shortened: int
    problems: tuple[str, ...]


def rest_of_headings(layouts: list[Layout], grid: Grid) -> Rest | None:
    """Return the heading lines that are left of a table, where they are the end of exactly one layout's headings.

    None where no heading line seems to be missing: then the layouts themselves say what doesn't fit. Raises LayoutError
    where lines are missing, and what is left fits no layout or several.
    """
    rows = grid.frame.head(SEARCH_ROWS).drop("line").rows()
    record = next((i for i, row in enumerate(rows) if _is_record(layouts[0], row)), None)
    if record is None:
        return None
    lines = [i for i in range(record) if _filled(rows[i]) > 1]
    if not lines:
        raise LayoutError(
            f"{grid.place}: the heading lines are missing: line {record + 1} is a record already. {_AGAIN}"
        )
    rests = [_rest(layout, rows, lines, grid.width) for layout in layouts]
    fits = [rest for rest in rests if not rest.problems]
    nearest = min(rests, key=lambda rest: (len(rest.problems), -rest.shortened))
    if len(fits) == 1 and len(lines) < _most_lines(fits[0].layout):
        return fits[0]
    missing = f"{grid.place}: heading lines are missing above line {lines[0] + 1}, and what is left"
    if len(fits) > 1:
        names = " and ".join(rest.layout.name for rest in fits)
        raise LayoutError(f"{missing} fits {names}. {_AGAIN}")
    # NOTE: headings of one line, of which a column is new or gone, are nearer to their own layout as they are.
    as_they_are = min(len(rest.problems) + rest.shortened for rest in rests)
    if len(nearest.problems) < as_they_are and len(lines) < _most_lines(nearest.layout):
        more = f"; and {len(nearest.problems) - _SHOWN} more" if len(nearest.problems) > _SHOWN else ""
        raise LayoutError(
            f"{missing} doesn't fit. Nearest is layout {nearest.layout.name} ({nearest.layout.valid_for}): "
            f"{'; '.join(nearest.problems[:_SHOWN])}{more}. {_AGAIN}"
        )
    return None


def header_text(cells: object) -> str:
    """Join stacked header cells to one upper-case title without punctuation.

    >>> header_text(["", "NON-FAC", "PE RVU"])
    'NON FAC PE RVU'
    """
    assert isinstance(cells, (list, tuple))
    joined = re.sub(r"[^A-Z0-9.]+", " ", " ".join(cells).upper())
    return re.sub(r"\.(?!\d)", " ", joined).replace("  ", " ").strip()


def _rest(layout: Layout, rows: list[tuple[str, ...]], lines: list[int], width: int) -> Rest:
    top, bottom = lines[0], lines[-1]
    titles = [header_text([rows[i][column] for i in lines]) for column in range(width)]
    problems = [
        f"column {i + 1} {title!r} isn't in {layout.name}"
        for i, title in enumerate(titles)
        if title and i >= len(layout.fields)
    ]
    if width < len(layout.fields):
        problems.append(f"{width} columns, {layout.name} has {len(layout.fields)}")
    # NOTE: where headings go on below the line that names the key, that line and the cells above others may be gone.
    may_be_blank = layout.header_below > 0 and not titles[0]
    shortened = 0
    for field, title in zip(layout.fields, titles, strict=False):
        heading = field.header
        if heading is None or heading.fullmatch(title):
            continue
        if any(end.fullmatch(title) for end in _ends(heading.pattern)) if title else may_be_blank:
            shortened += 1
        else:
            problems.append(f"column {field.start} {title!r} isn't the end of {heading.pattern!r} ({field.field})")
    return Rest(layout, top, bottom, shortened, tuple(problems))


@cache
def _ends(heading: str) -> tuple[re.Pattern[str], ...]:
    """Return the ends of a heading, word by word; what stands in brackets isn't divided.

    >>> [end.pattern for end in _ends("NON FAC (PE|MP) RVU")]
    ['FAC (PE|MP) RVU', '(PE|MP) RVU', 'RVU']
    """
    depth, spaces = 0, []
    for at, character in enumerate(heading):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == " " and not depth:
            spaces.append(at)
    return tuple(re.compile(heading[at + 1 :].removeprefix("?")) for at in spaces)


def _most_lines(layout: Layout) -> int:
    return layout.header_above + 1 + layout.header_below


def _is_record(layout: Layout, row: tuple[str, ...]) -> bool:
    """Return whether a row begins with a key; HCPCS itself looks like a code, but has no digit."""
    key = registry.fields()[layout.fields[0].field]
    fits = re.fullmatch(key.pattern, row[0].zfill(key.pad)) is not None
    return fits and any(c.isdigit() for c in row[0]) and _filled(row) > 1


def _filled(row: tuple[str, ...]) -> int:
    return sum(cell != "" for cell in row)
