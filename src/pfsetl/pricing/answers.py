"""What `price` and `claim` answer: plain dictionaries, with the type of every key and, for docs/api.md, its meaning."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, NotRequired, TypedDict


class StepAnswer(TypedDict):
    """One step on the way from RVUs to what is allowed."""

    step: Annotated[str, "what is computed, or the rule that is applied"]
    detail: Annotated[str, "how, in words and numbers"]
    value: Annotated[Decimal | int | None, "what comes out: RVUs, units or dollars; None where there is no price"]
    source: NotRequired[Annotated[str, "where a rule is written"]]
    certainty: NotRequired[Annotated[str, "`certain` or `likely`, for a rule"]]


class SourceAnswer(TypedDict):
    """Where a number came from."""

    what: Annotated[str, "RVUs, GPCIs, base units..."]
    file: Annotated[str, "file in the archive, or the file that was loaded"]
    line: Annotated[int | None, "line in it"]
    sha256: Annotated[str, "of the file; empty for a national anesthesia factor"]
    archive: Annotated[str | None, "CMS's zip, None for a file that was loaded by itself"]
    archive_sha256: Annotated[str | None, "of the zip"]


# Written as a call, because `from` can't be the name of an attribute.
WorkIndexAnswer = TypedDict(
    "WorkIndexAnswer",
    {
        "floor_in_force": Annotated[bool, "whether the floor under the work index was law on the day"],
        "floor": Annotated[Decimal | None, "the floor"],
        "act": Annotated[str | None, "the act that has it, or had it last"],
        "from": Annotated[date | None, "first day of that act's floor"],
        "to": Annotated[date | None, "last day of it"],
        "enacted_on": Annotated[date | None, "the day the act became law"],
        "certainty": Annotated[str | None, "`certain` or `likely`"],
        "source": Annotated[str | None, "where the act is written"],
        "used": Annotated[Decimal | None, "the work index that the price is made with; None for anesthesia"],
        "with_floor": Annotated[Decimal | None, "the index with the floor; None where CMS prints none"],
        "without_floor": Annotated[Decimal | None, "the index without it; None where CMS prints none"],
        "amount_with_floor": Annotated[Decimal | None, "dollars, with the first index"],
        "amount_without_floor": Annotated[Decimal | None, "dollars, with the second"],
    },
)
WorkIndexAnswer.__doc__ = "The work index of a place by the law of the day, and the amount with and without the floor."


class PriceAnswer(TypedDict):
    """What Medicare allows for one service, every step to it, and the source of every number; amounts are dollars."""

    hcpcs: Annotated[str, "the code"]
    date: Annotated[date, "the date of service"]
    modifiers: Annotated[list[str], "the modifiers, each once"]
    units: Annotated[int, "how many"]
    minutes: Annotated[int | None, "of anesthesia"]
    days: Annotated[int | None, "of postoperative care, with modifier 55"]
    documented: Annotated[bool, "whether what a rule asks documentation for was documented"]
    setting: Annotated[str, "`nonfacility` or `facility`"]
    practitioner: Annotated[str, "who billed it: `physician`, `pa`..."]
    participant: Annotated[str, "whose conversion factor: `all`, `non_qp` or `qp`"]
    state: Annotated[str | None, "None for the national amount"]
    locality: Annotated[str | None, "number of the locality within the state"]
    locality_name: Annotated[str, "its name"]
    release: Annotated[str, "the release in force on the day"]
    effective_from: Annotated[date | None, "first day of that release"]
    effective_to: Annotated[date | None, "last day of it"]
    version: Annotated[int, "version of the store that was read"]
    status: Annotated[str, "CMS's status of the code"]
    na: Annotated[bool, "CMS says that the service is rarely or never done in this setting"]
    conversion_factor: Annotated[Decimal, "dollars for an RVU, or for a unit of anesthesia"]
    amount: Annotated[Decimal | None, "fee schedule amount of one unit, after the imaging cap"]
    allowed: Annotated[Decimal | None, "what Medicare allows for the line; None with a `reason`"]
    reason: Annotated[str | None, "why there is no price, such as `carrier_priced`"]
    nonparticipating_amount: Annotated[Decimal | None, "95 % of the amount after every rule but the charge"]
    limiting_charge: Annotated[Decimal | None, "109.25 % of the same; None where assignment has to be accepted"]
    sequestration: Annotated[Decimal | None, "what comes off Medicare's 80 %"]
    medicare_pays: Annotated[Decimal | None, "Medicare's part where a rule sets it (CQ, CO), before sequestration"]
    patient_pays: Annotated[Decimal | None, "the patient's part there"]
    steps: Annotated[list[StepAnswer], "in the order they are computed"]
    work_index: Annotated[WorkIndexAnswer | None, "None for the national amount"]
    likely: Annotated[list[str], "rules behind the amount that are likely by their sources, not certain"]
    sources: Annotated[list[SourceAnswer], "file, line and hash of every number"]
    notes: Annotated[list[str], "what else there is to know, in words"]


class LineAnswer(PriceAnswer):
    """One line of a claim that could be priced."""

    line: Annotated[int, "its number in the file, or in the lines given"]
    claim: Annotated[str | None, "the claim it's part of"]


class ProblemAnswer(TypedDict):
    """One line of a claim that couldn't be priced."""

    line: Annotated[int, "its number in the file, or in the lines given"]
    problem: Annotated[str, "what is wrong with it, and what to do"]


class EditAnswer(TypedDict):
    """What NCCI's edits say against lines of a claim; it changes no amount."""

    lines: Annotated[list[int], "the numbers of the lines that it's about"]
    claim: Annotated[str | None, "the claim they are part of"]
    edit: Annotated[str, "`mue` for more units than are paid, `ptp` for a pair that isn't paid together"]
    date: Annotated[date, "the date of service"]
    hcpcs: Annotated[str, "the code that isn't paid, or not all of it"]
    beside: Annotated[str | None, "of a pair the code that is paid"]
    indicator: Annotated[str, "NCCI's: of units 1 line, 2 and 3 day; of a pair 0 no modifier helps, 1 one does"]
    units: Annotated[int | None, "of `mue`: what was billed in the line or on the day"]
    most_units: Annotated[int | None, "of `mue`: what is paid at most"]
    warning: Annotated[str, "the same in words"]
    file: Annotated[str, "the loaded file that says so"]
    effective_from: Annotated[date, "first day of that file"]


class ClaimAnswer(TypedDict):
    """Lines priced together by Medicare's rules on modifiers and on several services of a day."""

    version: Annotated[int, "version of the store that was read"]
    lines: Annotated[Sequence[LineAnswer], "the lines that could be priced, each explained when it's looked at"]
    bad: Annotated[list[ProblemAnswer], "the lines that couldn't"]
    warnings: Annotated[list[EditAnswer], "what NCCI's edits say against the lines, of what is loaded"]
    edits: Annotated[list[str], "which files of edits were used, or that none is loaded"]
    allowed: Annotated[Decimal, "dollars allowed for all lines"]
    sequestration: Annotated[Decimal, "dollars that sequestration takes off Medicare's part"]
