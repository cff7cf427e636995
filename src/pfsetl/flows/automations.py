"""Make sure that somebody is notified: `python -m pfsetl.flows.automations --block slack-webhook/ops`.

Makes automations at the Prefect server that PREFECT_API_URL names; run again, it updates them by their names. The block
is any notification block that is saved there.
"""

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from cyclopts import Parameter
from prefect.automations import (
    Automation,
    AutomationCore,
    ChangeFlowRunState,
    EventTrigger,
    Posture,
    SendNotification,
)
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL, get_current_settings

from pfsetl.errors import PfsetlError, UsageError
from pfsetl.flows.command import TAG, run_command

RUN = "prefect.flow-run."
OURS: dict[str, str | list[str]] = {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}
WATCH: dict[str, str | list[str]] = {"prefect.resource.role": "flow", "prefect.resource.name": "watch"}
ENDED_BADLY = {f"{RUN}{state}" for state in ("Failed", "Crashed", "TimedOut")}
ENDED = ENDED_BADLY | {f"{RUN}{state}" for state in ("Completed", "Cancelled")}
HEARTBEAT = f"{RUN}heartbeat"
SHORTEST = 10.0  # seconds of silence that the server can notice


def automations(block: UUID, pool: str, without_look: timedelta, without_heartbeat: timedelta) -> list[AutomationCore]:
    """Return what is to be told through a block, and after how long a silence a look or a run counts as lost."""

    def tell(subject: str, body: str) -> SendNotification:
        return SendNotification(block_document_id=block, subject=subject, body=body)

    return [
        AutomationCore(
            name="pfsetl: a run failed",
            description="A run failed, crashed, or exceeded its time.",
            trigger=_of_runs(OURS, expect=ENDED_BADLY),
            actions=[
                tell(
                    "pfsetl: {{ flow_run.name }} {{ flow_run.state.name }}",
                    "{{ flow_run.state.message }}\n{{ flow_run|ui_url }}",
                )
            ],
        ),
        AutomationCore(
            name="pfsetl: no look at CMS",
            description=f"No run of watch completed within {without_look}.",
            trigger=_of_runs(WATCH, expect={f"{RUN}Completed"}, posture=Posture.Proactive, within=without_look),
            actions=[
                tell(
                    "pfsetl: no look at CMS",
                    f"No run of watch completed within {without_look}. Look at server, worker and schedule.",
                )
            ],
        ),
        AutomationCore(
            name="pfsetl: a run died",
            description="A run gave no sign of life, as when its worker was killed: it counts as crashed.",
            trigger=_of_runs(
                OURS,
                after={HEARTBEAT},
                expect=ENDED | {HEARTBEAT},
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                within=without_heartbeat,
            ),
            actions=[
                ChangeFlowRunState(
                    name="Crashed",
                    force=False,
                    state=StateType.CRASHED,
                    message=f"No sign of life within {without_heartbeat}: its worker or machine is gone. Run it again.",
                )
            ],
        ),
        AutomationCore(
            name="pfsetl: no worker",
            description=f"No worker takes runs of the pool {pool}.",
            trigger=EventTrigger(expect={"prefect.work-pool.not-ready"}, match={"prefect.resource.name": pool}),
            actions=[tell(f"pfsetl: no worker of {pool}", f"No worker takes runs of the pool {pool}. Start one.")],
        ),
    ]


def _of_runs(whose: dict[str, str | list[str]], **trigger: Any) -> EventTrigger:
    return EventTrigger(match={"prefect.resource.id": f"{RUN}*"}, match_related=whose, **trigger)


def put(wanted: Sequence[AutomationCore]) -> list[str]:
    """Create automations, or update those of the same name, paused ones staying paused; return what was done."""
    done = []
    with get_client(sync_client=True) as client:
        for one in wanted:
            known = client.read_automations_by_name(one.name)
            if known:
                changed = one.model_copy(update={"enabled": known[0].enabled})
                Automation(id=known[0].id, **changed.model_dump()).update()
            else:
                client.create_automation(one)
            done.append(f"{'updated' if known else 'made'}  {one.name}")
    return done


def find_block(name: str) -> UUID:
    """Return the id of a saved notification block, named `type/name`; raises UsageError for any other."""
    try:
        block = Block.load(name)
    except ValueError as error:
        raise UsageError(f"{name}: no such block ({error}). 'prefect block ls' lists what the server has.") from error
    if not isinstance(block, NotificationBlock) or block._block_document_id is None:
        raise UsageError(f"{name}: not a notification block. Name one such as slack-webhook/ops or custom-webhook/ops.")
    return block._block_document_id


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the automations; return 0, or the exit code of the error, whose message goes to stderr."""
    return run_command(command, arguments)


def command(
    *,
    block: Annotated[str, Parameter(help="A saved notification block, such as slack-webhook/ops.")],
    within_days: Annotated[float, Parameter(help="Notify after this many days without a completed watch.")] = 2,
    heartbeat_seconds: Annotated[
        float,
        Parameter(
            help="Seconds without a sign of life after which a run counts as crashed; Prefect's runs give one each 180 "
            "(PREFECT_FLOWS_HEARTBEAT_FREQUENCY)."
        ),
    ] = 600,
    pool: Annotated[str, Parameter(help="The work pool.")] = "pfsetl",
) -> int:
    """Notify somebody when runs fail, stop, or don't happen."""
    try:
        if not PREFECT_API_URL.value():
            raise UsageError("PREFECT_API_URL isn't set: automations live at a server. Set it to the server's address.")
        silences = _silences(within_days, heartbeat_seconds)
        made = put(automations(find_block(block), pool, *silences))
    except PfsetlError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except Exception as error:
        what = str(error).strip().splitlines()
        sys.stderr.write(
            f"{type(error).__name__}: {what[0] if what else 'no message'}. Check PREFECT_API_URL and the options.\n"
        )
        return 1
    sys.stdout.write("\n".join(made) + "\n")
    return 0


def _silences(days: float, seconds: float) -> tuple[timedelta, timedelta]:
    """Return how long no look and no heartbeat may come; raises UsageError for times that healthy runs exceed."""
    if days * 86_400 < SHORTEST:
        raise UsageError(f"--within-days {days:g}: too short. Prefect notices {SHORTEST:g} seconds and more.")
    beat = get_current_settings().flows.heartbeat_frequency or 0
    if seconds < max(beat + SHORTEST, SHORTEST):
        raise UsageError(
            f"--heartbeat-seconds {seconds:g}: runs give a sign of life each {beat} s, so healthy ones would count as "
            "dead. Give three times that, or set PREFECT_FLOWS_HEARTBEAT_FREQUENCY here and for the workers."
        )
    return timedelta(days=days), timedelta(seconds=seconds)


if __name__ == "__main__":
    sys.exit(main())
