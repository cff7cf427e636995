"""What one look at CMS saw and what needs a person: told in the run's record, which the next look is held against."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from pfsetl.source.discover import Posting
from pfsetl.watching import alarms
from pfsetl.watching.alarms import Acknowledged, Alarm
from pfsetl.watching.plan import Plan


@dataclass(frozen=True, slots=True)
class Look:
    """One look by name: what CMS's index lists, what is new or due, what was asked again, what is lost and not there.

    `listed` are the labels of the index, `lost` those that an earlier look saw and this one doesn't; `vanished` adds
    declared ones. `alarms` stand, `acknowledged` are known to somebody.
    """

    day: date
    listed: tuple[str, ...]
    lost: tuple[str, ...]
    new: tuple[str, ...]
    due: tuple[str, ...]
    asked: Mapping[str, str]
    holes: tuple[str, ...]
    vanished: tuple[str, ...]
    alarms: tuple[Alarm, ...]
    acknowledged: tuple[Acknowledged, ...]

    def as_record(self) -> dict[str, Any]:
        """Return the look as it stands in the record of its run."""
        known = [
            {"release": a.alarm.release, "problem": a.alarm.problem, "until": str(a.until), "reason": a.reason}
            for a in self.acknowledged
        ]
        return asdict(self) | {"day": str(self.day), "acknowledged": known}


def look(
    day: date,
    postings: Sequence[Posting],
    todo: Plan,
    asked: Mapping[str, str],
    *,
    store: object,
    published: Collection[str],
    failed: Mapping[str, str],
    earlier: Mapping[str, Any] | None,
    brought: Collection[str] = (),
) -> Look:
    """Return what a look saw, held against the record of the `earlier` one.

    `published` are the releases of `store` after it, `failed` those that failed with the reason, `brought`
    those of which it fetched other bytes than before.
    """
    listed = {p.label for p in postings if p.state != "vanished"}
    before = {*earlier["listed"], *earlier["lost"]} if earlier else set()
    lost = before - listed
    raised = [
        *(Alarm(label, "failed", why.removeprefix(f"{label}: "), label in brought) for label, why in failed.items()),
        *alarms.vanished(postings, before, day),
        *alarms.absent({*published, *failed}, day, store),
    ]
    standing, known = alarms.acknowledged(raised, day)
    return Look(
        day,
        tuple(sorted(listed)),
        tuple(sorted(lost)),
        todo.new,
        todo.due,
        asked,
        todo.holes,
        tuple(sorted({p.label for p in postings if p.state == "vanished"} | lost)),
        tuple(standing),
        tuple(known),
    )
