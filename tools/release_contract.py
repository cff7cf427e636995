"""Take the contract of the public tables as released: write down what consumers may rely on from this version on.

Run it when a version of the contract is released. It writes `tests/released/pfs.json`, with which the tests compare
the contract; it refuses a contract whose number doesn't say how much has changed since the last release.
"""

import json
import sys
from enum import IntEnum
from pathlib import Path
from typing import Any

from pfsetl.declared import contracts
from pfsetl.declared.contracts import Contract

RELEASED = Path(__file__).parents[1] / "tests" / "released" / "pfs.json"

Snapshot = dict[str, Any]


class Bump(IntEnum):
    """How much a version number must grow at least."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


def snapshot(contract: Contract) -> Snapshot:
    """Return what consumers rely on: tables, keys in their order, and of each column type, unit, nulls and meaning."""
    return {
        "id": contract.id,
        "version": contract.version,
        "tables": {
            name: {
                "key": list(table.key),
                "meaning": table.description,
                "columns": {
                    c.name: {
                        "type": contracts.type_name(c.dtype),
                        "unit": c.unit,
                        "nullable": c.nullable,
                        "meaning": c.description,
                    }
                    for c in table.columns
                },
            }
            for name, table in contract.tables.items()
        },
    }


def changes(before: Snapshot, now: Snapshot) -> list[tuple[Bump, str]]:
    """Return every change that consumers can notice, with the bump it asks for.

    Gone or renamed, another key, type or unit, and null where there was none: major. New: minor. A description in
    other words: patch, for only a person can tell other words from another meaning; another meaning is major.
    """
    found = []
    for name in before["tables"].keys() | now["tables"].keys():
        was, is_ = before["tables"].get(name), now["tables"].get(name)
        if was is None or is_ is None:
            found.append((Bump.MAJOR if is_ is None else Bump.MINOR, f"{name}: {'new' if is_ else 'gone'}"))
            continue
        if was["key"] != is_["key"]:
            found.append((Bump.MAJOR, f"{name}: its key is {is_['key']}, was {was['key']}"))
        if was["meaning"] != is_["meaning"]:
            found.append((Bump.PATCH, f"{name}: described in other words"))
        for column in was["columns"].keys() | is_["columns"].keys():
            found += _column(f"{name}.{column}", was["columns"].get(column), is_["columns"].get(column))
    return sorted(found, key=lambda change: (-change[0], change[1]))


def bumped(before: str, now: str) -> Bump:
    """Return how much a version number grew.

    >>> bumped("1.2.3", "1.3.0").name, bumped("1.2.3", "2.0.0").name, bumped("1.2.3", "1.2.3").name
    ('MINOR', 'MAJOR', 'NONE')
    """
    old, new = ([int(part) for part in version.split(".")] for version in (before, now))
    grown = [bump for bump, a, b in zip((Bump.MAJOR, Bump.MINOR, Bump.PATCH), old, new, strict=True) if a != b]
    if new < old:
        raise ValueError(f"the contract's version went back from {before} to {now}")
    return grown[0] if grown else Bump.NONE


def refused(before: Snapshot, now: Snapshot) -> list[str]:
    """Return the changes that the new version number is too small for."""
    grown = bumped(before["version"], now["version"])
    return [
        f"{what} ({bump.name.lower()}; the version went from {before['version']} to {now['version']})"
        for bump, what in changes(before, now)
        if bump > grown
    ]


def _column(name: str, was: dict[str, Any] | None, is_: dict[str, Any] | None) -> list[tuple[Bump, str]]:
    if was is None or is_ is None:
        return [(Bump.MAJOR, f"{name}: gone")] if is_ is None else [(Bump.MINOR, f"{name}: new")]
    found = [(Bump.MAJOR, f"{name}: its {x} is {is_[x]}, was {was[x]}") for x in ("type", "unit") if is_[x] != was[x]]
    if was["nullable"] != is_["nullable"]:
        found.append((Bump.MAJOR, f"{name}: may be null") if is_["nullable"] else (Bump.MINOR, f"{name}: never null"))
    if was["meaning"] != is_["meaning"]:
        found.append((Bump.PATCH, f"{name}: described in other words"))
    return found


def main() -> None:
    now = snapshot(contracts.load())
    if RELEASED.exists() and (wrong := refused(json.loads(RELEASED.read_text()), now)):
        sys.exit("\n".join([*wrong, "Raise 'version' in schemas/pfs.odcs.yaml accordingly."]))
    RELEASED.parent.mkdir(exist_ok=True)
    RELEASED.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{RELEASED}: contract {now['version']}, {len(now['tables'])} tables")


if __name__ == "__main__":
    main()
