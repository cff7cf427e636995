"""How results look on a terminal, and as JSON for machines."""

import json
import re
import secrets
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.errors import MarkupError
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from pfsetl.cli import terminal

_PARTICIPANTS = {"all": "everyone", "non_qp": "non-QP", "qp": "QP"}

ANY_WIDTH = 10_000
LONGEST_WORD = 26  # of a cell that isn't broken; a path may be longer
_TAG = re.compile(r"(\\*)(\[[a-z#/@][^[]*?\])")  # as rich reads them
_OWN = frozenset({"[bold]", "[/bold]", "[yellow]", "[/yellow]"})  # the tags that this program writes itself


class _Console(Console):
    """A console that shows text from archives and stores as it is: it can't steer the terminal, nor be markup."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does, each text made plain, and tables so that they keep whole words if they can."""
        for one in objects:
            if isinstance(one, Table) and self._wanted(one) > self.width:
                _fit(one, self.width)
        plain = [terminal.plain(o) if isinstance(o, str) else o for o in objects]
        marked = plain if options.get("markup") is False else [_escaped(o) for o in plain]
        try:
            super().print(*marked, **options)
        except MarkupError:  # a name that looks like one of the tags
            super().print(*plain, **options | {"markup": False})

    def _wanted(self, made: Table) -> int:
        return Measurement.get(self, self.options.update(max_width=ANY_WIDTH), made).maximum

    def on_broken_pipe(self) -> None:
        """Leave it to the command line that whoever read the output has gone."""
        raise BrokenPipeError


def _escaped(one: Any) -> Any:
    """Return text in which only this program's own tags are markup; what is escaped already stays as it is."""
    return _TAG.sub(_as_text, one) if isinstance(one, str) else one


def _as_text(tag: re.Match[str]) -> str:
    is_escaped = len(tag[1]) % 2 == 1
    return tag[0] if is_escaped or tag[2] in _OWN else f"{tag[1] * 2}\\{tag[2]}"


def console() -> Console:
    """Return the console for human output; a pipe gets full width and no colour."""
    piped = not sys.stdout.isatty()
    return _Console(highlight=False, emoji=False, soft_wrap=piped, width=200 if piped else None)


def as_json(data: Any) -> str:
    """Return data as JSON: decimals as numbers with all their digits, dates as ISO text."""
    mark = secrets.token_hex(8)  # that no text of the data has

    def plain(value: object) -> object:
        return f"{mark}{value:f}" if isinstance(value, Decimal) else _plain(value)

    text = json.dumps(data, indent=2, ensure_ascii=False, default=plain)
    text = re.sub(rf'"{mark}([-0-9.]+)"', r"\1", text)
    plainly = str.isprintable if terminal.takes_all(sys.stdout) else _is_ascii
    return "".join(c if plainly(c) or c == "\n" else json.dumps(c)[1:-1] for c in text)


def _is_ascii(one: str) -> bool:
    return one.isascii() and one.isprintable()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a plain table; None shows as nothing, and columns of numbers are aligned right."""
    filled = [[_text(cell) for cell in row] for row in rows]
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(columns):
        numbers = all(row[i].replace(",", "").replace(".", "").lstrip("$-+").isdigit() for row in filled if row[i])
        made.add_column(
            escape(terminal.plain(name)), justify="right" if numbers and filled else "left", overflow="fold"
        )
    for row in filled:
        made.add_row(*row)
    return made


def _fit(made: Table, width: int) -> None:
    """Give a table that is wider than the terminal columns that hold whole words, the longest broken if they must be.

    Where even that is too wide, columns stand closer together. What room is left goes to the columns with most to show.
    """
    words, whole = [], []
    for column in made.columns:
        column.header = str(column.header).replace("_", " ")
        texts = [column.header, *map(str, column.cells)]
        words.append(max(map(len, " ".join(texts).split()), default=1))
        whole.append(max(map(len, texts)))
    gaps = len(words) - 1
    far = sum(min(word, LONGEST_WORD) for word in words) + 2 * gaps <= width
    room = width - gaps * (2 if far else 1)
    longest = next((n for n in range(LONGEST_WORD, 1, -1) if sum(min(word, n) for word in words) <= room), 1)
    widths = [min(word, longest) for word in words]
    while sum(widths) < min(room, sum(whole)):
        widths[max(range(len(widths)), key=lambda n: whole[n] - widths[n])] += 1
    for column, given in zip(made.columns, widths, strict=True):
        column.width = given
    made.padding = (0, 1) if far else (0, 1, 0, 0)


def moment(iso: str) -> str:
    """Return a moment as a person reads it, in UTC, to the minute.

    >>> moment("2026-11-29T23:21:26+00:00")
    '2026-11-29 23:21'
    """
    return iso[:16].replace("T", " ")


def whom(participant: str) -> str:
    """Return how a participant is called on a terminal."""
    return _PARTICIPANTS.get(participant, participant)


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else escape(terminal.plain(str(cell)))


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
