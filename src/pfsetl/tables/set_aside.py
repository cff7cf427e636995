"""Lines whose contractor or locality nobody knows: placed where the archive tells it, else set aside.

GPCI stays strict, because every price is made of it. One place that only OPPSCAP has must not cost the release;
`checks.unplaced` counts what was set aside.
"""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from pfsetl.parsing.parse import Parsed, without
from pfsetl.tables import places

MEMBERS = ("opps_cap", "locality_county", "anesthesia")
IN_NO_STATE = "in no known state: contractor {} locality {}"
IN_NO_LOCALITY = "in no known locality: contractor {} locality {} of {}"
_ALONE = ("opps_cap", "locality_county")  # members that no payment is made of; anesthesia factors are strict

Members = Mapping[tuple[str, str], Parsed]


def set_aside(members: Members, told: pl.DataFrame) -> dict[tuple[str, str], Parsed]:
    """Return the members with `state`; lines that nothing places are among the rejects, with contractor and locality.

    `told` is what `places.known_states` says. Raises ValueRefused for a place of GPCI that is in no known state.
    """
    gpci = members.get(("gpci", "all"))
    indexed = None if gpci is None else places.with_state(gpci.frame, told, gpci.raw.file)
    placed: dict[tuple[str, str], Parsed] = {}
    for key, one in members.items():
        if key[0] == "gpci" and indexed is not None:
            placed[key] = replace(one, frame=indexed)
        if key[0] not in MEMBERS:
            placed.setdefault(key, one)
            continue
        placed[key] = replace(one, frame=places.with_likely_state(one.frame, told, indexed))
        if placed[key].frame["state"].has_nulls():
            lost = placed[key].frame.filter(pl.col("state").is_null())
            placed[key] = without(placed[key], lost.select("line", reason=pl.format(IN_NO_STATE, "mac", "locality")))
    return placed if indexed is None else {key: _in_gpci(key, one, placed) for key, one in placed.items()}


def _in_gpci(key: tuple[str, str], one: Parsed, members: Members) -> Parsed:
    """Set lines aside whose place no other member names: a place that two of them name is missing from GPCI."""
    if key[0] not in _ALONE:
        return one
    others = [m.frame for k, m in members.items() if k[0] != key[0] and k[0] in ("gpci", *MEMBERS)]
    named = pl.concat([rows.select("state", "locality") for rows in others])
    aside = one.frame.join(named, on=["state", "locality"], how="anti", maintain_order="left").select(
        "line", reason=pl.format(IN_NO_LOCALITY, "mac", "locality", "state")
    )
    return without(one, aside) if aside.height else one
