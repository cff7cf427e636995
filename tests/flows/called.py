"""The flows as tests call them, and a client of their server. Prefect is imported by the first call.

That takes a second, which each worker that collects tests would need, and most of them call no flow.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


def flows(module: str) -> ModuleType:
    """Return a module of the flows, with which Prefect is imported."""
    return import_module(f"pfsetl.flows.{module}")


def backfill(**call: Any) -> Any:
    return flows("backfill").backfill(**call)


def watch(**call: Any) -> Any:
    return flows("watch").watch(**call)


def asking() -> "SyncPrefectClient":
    from prefect.client.orchestration import get_client

    return get_client(sync_client=True)
