"""Read JSON that may come from anywhere: bounded in size and nesting, with nothing in it that JSON doesn't have."""

import json
import math
from typing import Any

from pfsetl.errors import PfsetlError

MAX_BYTES = 16 << 20  # a manifest of 107 releases has under 2 MB; what it says may take 40 times its bytes
MAX_DEPTH = 32  # a manifest nests 6 deep


class Unreadable(PfsetlError, ValueError):
    """The text isn't JSON that can be taken at its word; the message says why, for a caller that knows the file."""


def parse(data: bytes, place: str) -> Any:
    """Return what the JSON file at `place` says; raises Unreadable, with place and remedy, where `read_json` does."""
    try:
        return read_json(data)
    except Unreadable as error:
        raise Unreadable(f"{place}: not JSON that can be read ({error}). Restore it from a copy.") from error


def read_json(data: bytes | str, most_bytes: int = MAX_BYTES, *, any_number: bool = False) -> Any:
    """Return what a JSON text says.

    Raises Unreadable for a text over `most_bytes`, more than MAX_DEPTH levels, a key given twice in one object (RFC
    8259 leaves open which one counts), text that isn't UTF-8, and NaN and infinite numbers, which JSON doesn't have;
    with `any_number` these are returned, for a caller that judges each number.
    """
    if len(data) > most_bytes:
        raise Unreadable(f"{len(data):,} bytes, more than the {most_bytes:,} that are read")
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        judges: dict[str, Any] = {} if any_number else {"parse_constant": _no_number, "parse_float": _number}
        read = json.loads(text, object_pairs_hook=_object, **judges)
    except Unreadable:
        raise
    except UnicodeDecodeError as error:
        raise Unreadable("it isn't UTF-8 text") from error
    except RecursionError as error:
        raise Unreadable(f"nested deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:
        raise Unreadable(str(error)) from error
    _refuse_deep(read)
    return read


def _refuse_deep(read: Any) -> None:
    level, depth = [read], 0
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels")
        level = [child for one in level for child in (one.values() if isinstance(one, dict) else one)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Unreadable(f"{twice[:80]!r} occurs twice in one object; keep one")
    return made


def _no_number(text: str) -> Any:
    raise Unreadable(f"{text} isn't a JSON number")


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Unreadable(f"{text[:40]} is too large a number")
    return value
