"""Read JSON that may come from anywhere, within bounds."""

import json
import re
from typing import Any

from pfsetl.errors import ValueRefused

MOST_BYTES = 64 << 20
DEEPEST = 100
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def parse(data: bytes, place: str) -> Any:
    """Return a JSON document; `place` names it in messages.

    Raises ValueRefused for what isn't JSON (RFC 8259), for NaN and Infinity, for a key given twice, and for more than
    64 MB or 100 levels.
    """
    if len(data) > MOST_BYTES:
        raise ValueRefused(f"{place}: {len(data):,} bytes of JSON; at most {MOST_BYTES:,} are read. Is it this file?")
    _refuse_deep(data, place)
    try:
        return json.loads(data, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ValueRefused(f"{place}: not JSON that can be read ({error}).") from error


def _refuse_deep(data: bytes, place: str) -> None:
    depth = 0
    for bracket in re.finditer(rb"[\[\]{}]", _STRING.sub(b"", data)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > DEEPEST:
            raise ValueRefused(f"{place}: brackets nested more than {DEEPEST} levels deep.")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands there twice")
    return found
