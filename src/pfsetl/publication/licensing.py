"""Licensed text stays apart: a store holds public tables or restricted ones, and its manifests say which."""

from collections.abc import Iterable
from pathlib import Path

from pfsetl.declared.contracts import Contract
from pfsetl.errors import ContractError, StoreError, UsageError
from pfsetl.publication.manifest import Resource
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store


def refuse_other_class(at: Version, contract: Contract) -> None:
    """Raise StoreError when a store holds tables of another classification than those of a contract.

    An empty store takes either; its first version decides. Raises ContractError for a contract of both.
    """
    if at.classification != contract.classification and at.number:
        raise StoreError(
            f"{at.store}: a store of {at.classification} tables, and those of contract {contract.id} are "
            f"{contract.classification}. Nothing was published. Name another store."
        )


def refuse_strangers(resources: Iterable[Resource], contract: Contract) -> None:
    """Raise ContractError for staged tables that a contract doesn't have, such as those staged under another one."""
    if strangers := sorted({r.table for r in resources} - contract.tables.keys()):
        raise ContractError(
            f"{', '.join(strangers)}: not of contract {contract.id} ({contract.classification}). Nothing was "
            "published. Commit with the contract that it was staged under."
        )


def refuse_overlap(one: Store, other: Store) -> None:
    """Raise UsageError when two stores are the same place, or one lies inside the other."""
    shorter, longer = sorted((_place(one), _place(other)), key=len)
    if longer[: len(shorter)] == shorter:
        raise UsageError(
            f"{one} and {other}: descriptors are licensed text and need a store of their own, neither inside the "
            "public one nor around it. Name another folder or bucket."
        )


def _place(store: Store) -> tuple[str, ...]:
    address = store.uri("")
    if "://" in address:
        return tuple(part for part in address.split("/") if part)
    return Path(address).resolve().parts
