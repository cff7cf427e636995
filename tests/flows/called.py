"""The flows as tests call them, and a client of their server. Prefect is imported by the first call.

That takes a second, which each worker that collects tests would need, and most of them call no flow.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


def backfill(**call: Any) -> Any:
    from pfsetl.flows.backfill import backfill as flow

    return flow(**call)


def watch(**call: Any) -> Any:
    from pfsetl.flows.watch import watch as flow

    return flow(**call)


def asking() -> "SyncPrefectClient":
    from prefect.client.orchestration import get_client

    return get_client(sync_client=True)
