"""How results look on a terminal, and as JSON for machines."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.errors import MarkupError
from rich.markup import escape
from rich.table import Table

from pfsetl.cli import terminal

_PARTICIPANTS = {"all": "everyone", "non_qp": "non-QP", "qp": "QP"}

_OWN = re.compile(r"\[(?!/?(?:bold|yellow)\])")  # the tags that this program writes itself are left


class _Console(Console):
    """A console that shows text from archives and stores as it is: it can't steer the terminal, nor be markup."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does, each text made plain."""
        plain = [terminal.plain(o) if isinstance(o, str) else o for o in objects]
        marked = plain if options.get("markup") is False else [_escaped(o) for o in plain]
        try:
            super().print(*marked, **options)
        except MarkupError:  # a name that looks like one of the tags
            super().print(*plain, **options | {"markup": False})

    def on_broken_pipe(self) -> None:
        """Leave it to the command line that whoever read the output has gone."""
        raise BrokenPipeError


def _escaped(one: Any) -> Any:
    return _OWN.sub(r"\[", one) if isinstance(one, str) else one


def console() -> Console:
    """Return the console for human output; a pipe gets full width and no colour."""
    piped = not sys.stdout.isatty()
    return _Console(highlight=False, soft_wrap=piped, width=200 if piped else None)


def as_json(data: Any) -> str:
    """Return data as JSON: decimals as numbers with their digits, dates as ISO text."""
    text = json.dumps(data, indent=2, ensure_ascii=False, default=_plain)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a plain table; None shows as nothing, and columns of numbers are aligned right."""
    filled = [[_text(cell) for cell in row] for row in rows]
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(columns):
        numbers = all(row[i].replace(",", "").replace(".", "").lstrip("$-+").isdigit() for row in filled if row[i])
        made.add_column(name, justify="right" if numbers and filled else "left", overflow="fold")
    for row in filled:
        made.add_row(*row)
    return made


def whom(participant: str) -> str:
    """Return how a participant is called on a terminal."""
    return _PARTICIPANTS.get(participant, participant)


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else escape(terminal.plain(str(cell)))


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
