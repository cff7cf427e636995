"""What users call: the price of one service, and of the lines of a claim, from a store or an open version."""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any, Unpack, overload

from pfsetl.errors import UsageError
from pfsetl.pricing.answers import ClaimAnswer, LineAnswer, PriceAnswer
from pfsetl.pricing.claim_file import ClaimLine, claim_lines, read_claim_lines
from pfsetl.pricing.edits import edits_of
from pfsetl.pricing.explain import explain
from pfsetl.pricing.quote import Alone, Quote, price_alone, quote, together
from pfsetl.pricing.service import Billed, day_of, service
from pfsetl.publication.published import published
from pfsetl.publication.version import Version
from pfsetl.tables.exact import decimal_of

LINES_AT_ONCE = 10_000


def price(
    hcpcs: str,
    date: date | str,
    *,
    as_of: date | str | None = None,
    output: str | Path | Version = "output",
    **billed: Unpack[Billed],
) -> PriceAnswer:
    """Return what Medicare allows for a service on a day, with every step and the source of every number.

    `as_of` prices by the releases known on that day; `output` is a store or an open version. The result is what
    `pfsetl price --json` prints, amounts as Decimal dollars. Raises UsageError.

    >>> pfsetl.price("99213", "2026-02-01", locality="CA/18")["allowed"]  # doctest: +SKIP
    Decimal('104.89')
    """
    one = service(hcpcs, date, **billed)
    return explain(quote(published(output), [one], _known(as_of))[0])


def claim(
    lines: str | Path | Mapping[str, Any] | Iterable[Mapping[str, Any]],
    *,
    as_of: date | str | None = None,
    output: str | Path | Version = "output",
    unknown_modifiers: bool = False,
) -> ClaimAnswer:
    """Return claim lines priced together, by Medicare's rules on modifiers and on several services of a day.

    `lines` is a CSV or JSON file, or a mapping or several with the same names, or those of `schemas/claim_columns.csv`.
    A line that can't be priced is in `bad` with its problem; the others are priced without it. Lines of different
    `claim` don't touch each other.
    """
    with uncollected():
        return _claim(lines, published(output), _known(as_of), unknown_modifiers=unknown_modifiers)


@contextmanager
def uncollected() -> Iterator[None]:
    """Let Python not look for cycles meanwhile.

    There are none among the million records of a large file, and looking takes a quarter of the time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _claim(
    lines: str | Path | Mapping[str, Any] | Iterable[Mapping[str, Any]],
    version: Version,
    as_of: date | None,
    *,
    unknown_modifiers: bool,
) -> ClaimAnswer:
    read = (
        read_claim_lines(Path(lines), unknown_modifiers=unknown_modifiers)
        if isinstance(lines, str | Path)
        else claim_lines(enumerate(_one_by_one(lines), start=1), unknown_modifiers=unknown_modifiers)
    )
    bad = [(line.number, str(line.problem)) for line in read if line.service is None]
    priced: list[tuple[ClaimLine, Quote]] = []
    for own in _at_once(read):
        alone = price_alone(version, [(line.number, line.service) for line in own if line.service], as_of)
        for line, one in _quoted(own, alone):
            if isinstance(one, Quote):
                priced.append((line, one))
            else:
                bad.append((line.number, str(one)))
    warnings, edits = edits_of(version.store, read)
    return {
        "version": version.number,
        "lines": Explained(tuple(sorted(priced, key=lambda pair: pair[0].number))),
        "bad": [{"line": number, "problem": problem} for number, problem in sorted(bad)],
        "warnings": warnings,
        "edits": edits,
        "allowed": decimal_of(sum(one.line.allowed or 0 for _, one in priced), 2),
        "sequestration": decimal_of(sum(one.line.sequestration for _, one in priced), 2),
    }


def _one_by_one(lines: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the lines without their empty cells, and with Python's own values for numpy's."""
    for one in [lines] if isinstance(lines, Mapping) or not isinstance(lines, Iterable) else lines:
        if isinstance(one, Mapping):
            yield {name: _plain(said) for name, said in one.items() if not _is_empty_cell(said)}
        else:
            yield one


def _is_empty_cell(value: Any) -> bool:
    """Return whether a value is what pandas has for an empty cell: NaN and NaT aren't equal to themselves."""
    try:
        return not isinstance(value, Sized) and bool(value != value)
    except TypeError:  # NA doesn't say whether it's equal to itself
        return True


def _plain(value: Any) -> Any:
    """Return a value of numpy as Python's own, a day of it as text: its days have more digits than Python's."""
    if not hasattr(value, "tolist"):
        return list(value) if isinstance(value, tuple) else value
    return str(value) if value.dtype.kind == "M" else value.tolist()


class Explained(Sequence[LineAnswer]):
    """Priced lines in their order, each explained when it's looked at: that takes longer than to price it."""

    def __init__(self, priced: Sequence[tuple[ClaimLine, Quote]]) -> None:
        self._priced = priced

    def __len__(self) -> int:
        return len(self._priced)

    @overload
    def __getitem__(self, at: int) -> LineAnswer: ...
    @overload
    def __getitem__(self, at: slice) -> "Explained": ...
    def __getitem__(self, at: int | slice) -> "LineAnswer | Explained":
        if isinstance(at, slice):
            return Explained(self._priced[at])
        line, one = self._priced[at]
        return {"line": line.number, "claim": line.claim or None, **explain(one)}

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # what it holds can be compared, and has no hash

    def __repr__(self) -> str:
        return repr(list(self))


def _at_once(lines: Iterable[ClaimLine]) -> Iterator[list[ClaimLine]]:
    """Yield the lines with a service, claim by claim, as many claims as are priced in one go.

    What is held of a line until it's explained is large; places are looked up once for all.
    """
    claims: dict[str, list[ClaimLine]] = {}
    for line in lines:
        if line.service:
            claims.setdefault(line.claim, []).append(line)
    some: list[ClaimLine] = []
    for own in claims.values():
        some += own
        if len(some) >= LINES_AT_ONCE:
            yield some
            some = []
    yield some


def _quoted(
    lines: Sequence[ClaimLine], prices: Sequence[Alone | UsageError]
) -> Iterator[tuple[ClaimLine, Quote | UsageError]]:
    """Yield lines with their quotes after the rules of each claim; a line that can't be priced touches no other."""
    for _, own in groupby(zip(lines, prices, strict=True), key=lambda pair: pair[0].claim):
        pairs = list(own)
        priced = iter(together([one for _, one in pairs if isinstance(one, Alone)]))
        for line, one in pairs:
            yield line, next(priced) if isinstance(one, Alone) else one


def _known(as_of: date | str | None) -> date | None:
    return None if as_of in (None, "") else day_of(as_of, "as-of day")
