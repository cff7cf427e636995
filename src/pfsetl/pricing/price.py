"""What users call: the price of one service, and of the lines of a claim, from a store or an open version."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pfsetl.errors import UsageError
from pfsetl.pricing.claim_file import ClaimLine, claim_lines, read_claim_lines
from pfsetl.pricing.explain import explain
from pfsetl.pricing.quote import Quote, prepare, quote, together
from pfsetl.pricing.service import day_of, service
from pfsetl.publication.store import first_build
from pfsetl.publication.version import Version, open_version


def price(
    hcpcs: str,
    date: date | str,
    *,
    locality: str | None = None,
    setting: str | int = "nonfacility",
    participant: str | None = None,
    modifiers: str | Iterable[str] = (),
    units: int | str = 1,
    minutes: int | str | None = None,
    practitioner: str = "physician",
    charge: Decimal | str | int | None = None,
    days: int | str | None = None,
    as_of: date | str | None = None,
    output: str | Path | Version = "output",
    unknown_modifiers: bool = False,
) -> dict[str, Any]:
    """Return what Medicare allows for a service on a day, with every step and the source of every number.

    `locality` is `CA/18`, a ZIP code (after `pfsetl load`), `CA/Los Angeles`, or None for the national amount; `days`
    are those of postoperative care (modifier 55); `as_of` prices by the releases known on that day; `output` is a store
    or an open version. The result is what `pfsetl price --json` prints, amounts as Decimal dollars. With
    `unknown_modifiers` a modifier that isn't declared changes nothing and is noted. Raises UsageError.

    >>> pfsetl.price("99213", "2026-02-01", locality="CA/18")["allowed"]  # doctest: +SKIP
    Decimal('104.89')
    """
    one = service(
        hcpcs, date, locality=locality, setting=setting, participant=participant, modifiers=modifiers, units=units,
        minutes=minutes, practitioner=practitioner, charge=charge, days=days,
        unknown_modifiers=unknown_modifiers,
    )  # fmt: skip
    return explain(quote(_version(output), [one], _known(as_of))[0])


def claim(
    lines: str | Path | Iterable[Mapping[str, Any]],
    *,
    as_of: date | str | None = None,
    output: str | Path | Version = "output",
    unknown_modifiers: bool = False,
) -> dict[str, Any]:
    """Return claim lines priced together, by Medicare's rules on modifiers and on several services of a day.

    `lines` is a CSV or JSON file, or mappings with the same names, or those of `schemas/claim_columns.csv`. A line that
    can't be priced is in `bad` with its problem; the others are priced without it. Lines of different `claim` don't
    touch each other.
    """
    read = (
        read_claim_lines(Path(lines), unknown_modifiers=unknown_modifiers)
        if isinstance(lines, str | Path)
        else claim_lines(enumerate(lines, start=1), unknown_modifiers=unknown_modifiers)
    )
    version = _version(output)
    ready, bad = _prepared(read, version, _known(as_of))
    claims: dict[str, list[tuple[ClaimLine, Quote]]] = {}
    for line, one in ready:
        claims.setdefault(line.claim, []).append((line, one))
    priced = []
    for own in claims.values():
        quotes = together([one for _, one in own])
        priced += [(line, one) for (line, _), one in zip(own, quotes, strict=True)]
    priced.sort(key=lambda pair: pair[0].number)
    return {
        "version": version.number,
        "lines": [{"line": line.number, "claim": line.claim or None, **explain(one)} for line, one in priced],
        "bad": [{"line": line.number, "problem": line.problem} for line in bad],
        "allowed": sum((one.allowed or Decimal(0) for _, one in priced), Decimal("0.00")),
        "sequestration": sum((Decimal(one.line.sequestration).scaleb(-2) for _, one in priced), Decimal("0.00")),
    }


def _prepared(
    lines: Sequence[ClaimLine], version: Version, as_of: date | None
) -> tuple[list[tuple[ClaimLine, Quote]], list[ClaimLine]]:
    services = [(line.number, line.service) for line in lines if line.service]
    quotes = iter(prepare(version, as_of)(services))
    ready: list[tuple[ClaimLine, Quote]] = []
    bad: list[ClaimLine] = []
    for line in lines:
        one = next(quotes) if line.service else None
        if isinstance(one, Quote):
            ready.append((line, one))
        else:
            bad.append(line if one is None else ClaimLine(line.number, line.claim, None, str(one)))
    return ready, bad


def _version(output: str | Path | Version) -> Version:
    version = output if isinstance(output, Version) else open_version(output)
    if not version.releases:
        raise UsageError(f"{version.store}: nothing is published there. {first_build(version.store)}")
    return version


def _known(as_of: date | str | None) -> date | None:
    return None if as_of in (None, "") else day_of(as_of, "as-of day")
