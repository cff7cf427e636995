"""The contract's version number says how much changed since the contract was last released."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from pfsetl.declared import contracts
from tools import release_contract as released

Change = Callable[[Any], object]
LAST: released.Snapshot = json.loads(released.RELEASED.read_text())


def gpci(snapshot: released.Snapshot) -> Any:
    return snapshot["tables"]["gpci"]


def column(snapshot: released.Snapshot) -> Any:
    return gpci(snapshot)["columns"]["work_gpci"]


BREAKING: dict[str, Change] = {
    "a table is gone": lambda s: s["tables"].pop("gpci"),
    "a column is gone": lambda s: gpci(s)["columns"].pop("work_gpci"),
    "a column has another name": lambda s: gpci(s)["columns"].update(work_index=gpci(s)["columns"].pop("work_gpci")),
    "a column has another type": lambda s: column(s).update(type="Float64"),
    "a column has other decimals": lambda s: column(s).update(type="Decimal(precision=6, scale=4)"),
    "a column has another unit": lambda s: column(s).update(unit="percent"),
    "a column can be null": lambda s: column(s).update(nullable=True),
    "the key is longer": lambda s: gpci(s)["key"].append("mac"),
    "the key has another order": lambda s: gpci(s)["key"].reverse(),
}
ADDING: dict[str, Change] = {
    "a table is new": lambda s: s["tables"].update(more=copy.deepcopy(gpci(s))),
    "a column is new": lambda s: gpci(s)["columns"].update(more=copy.deepcopy(column(s))),
    "a column is never null any more": lambda s: s["tables"]["rvu"]["columns"]["pctc"].update(nullable=False),
}
WORDING: dict[str, Change] = {
    "a table is described in other words": lambda s: gpci(s).update(meaning="Indices."),
    "a column is described in other words": lambda s: column(s).update(meaning="Index of work."),
}


def changed(change: Change, version: str) -> released.Snapshot:
    now = copy.deepcopy(LAST)
    change(now)
    return now | {"version": version}


def later(*, major: int = 0, minor: int = 0, patch: int = 0) -> str:
    parts = [int(part) for part in LAST["version"].split(".")]
    return ".".join(str(part + more) for part, more in zip(parts, (major, minor, patch), strict=True))


def test_the_contract_s_number_allows_for_what_changed_since_its_last_release() -> None:
    assert released.refused(LAST, released.snapshot(contracts.load())) == [], (
        "raise 'version' in schemas/pfs.odcs.yaml; tools/release_contract.py is for releases only"
    )


def test_nothing_changed_needs_no_number() -> None:
    assert released.refused(LAST, copy.deepcopy(LAST)) == []


@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING)
def test_what_breaks_consumers_needs_a_major_version(change: Change) -> None:
    assert released.refused(LAST, changed(change, later(minor=1))) != []
    assert released.refused(LAST, changed(change, later(major=1))) == []


@pytest.mark.parametrize("change", ADDING.values(), ids=ADDING)
def test_what_is_added_needs_a_minor_version(change: Change) -> None:
    assert released.refused(LAST, changed(change, later(patch=1))) != []
    assert released.refused(LAST, changed(change, later(minor=1))) == []


@pytest.mark.parametrize("change", WORDING.values(), ids=WORDING)
def test_other_words_need_a_patch_version(change: Change) -> None:
    assert released.refused(LAST, changed(change, LAST["version"])) != []
    assert released.refused(LAST, changed(change, later(patch=1))) == []


def test_a_refusal_says_what_changed_and_between_which_versions() -> None:
    (said,) = released.refused(LAST, changed(BREAKING["a column has another unit"], LAST["version"]))
    assert said == (
        f"gpci.work_gpci: its unit is percent, was index (major; the version went from {LAST['version']} to "
        f"{LAST['version']})"
    )


def test_a_version_never_goes_back() -> None:
    with pytest.raises(ValueError, match="went back"):
        released.refused(LAST, copy.deepcopy(LAST) | {"version": "0.9.0"})
