"""What `history` answers of each release: a plain dictionary, with the type of every key and its meaning."""

from datetime import date
from decimal import Decimal
from typing import Annotated, NotRequired, TypedDict

_Change = Annotated[Decimal | None, "dollars, less those of the row it's compared with; None with `not_compared`"]
_Cause = Annotated[Decimal | None, "part of that change, to a millionth of a dollar; the parts add up to it"]


class HistoryAnswer(TypedDict):
    """One code in one release, as `code_history` has it; with a locality, amounts and changes are those of it."""

    hcpcs: Annotated[str, "the code"]
    modifier: Annotated[str, "`26`, `TC`, `53`, or empty for the whole service"]
    participant: Annotated[str, "whose conversion factor: `all`, `non_qp` or `qp`"]
    release: Annotated[str, "CMS's label"]
    effective_from: Annotated[date | None, "first day of the release"]
    effective_to: Annotated[date | None, "last day of it"]
    standing: Annotated[str, "`in_force`, or why it priced no day: `never_effective`, `superseded`, `days_not_known`"]
    status: Annotated[str, "CMS's status of the code"]
    not_used: Annotated[bool, "CMS doesn't use the RVUs for payment"]
    work_rvu: Annotated[Decimal, "work RVUs"]
    nonfacility_pe_rvu: Annotated[Decimal, "practice expense RVUs in an office"]
    facility_pe_rvu: Annotated[Decimal, "practice expense RVUs in a facility"]
    mp_rvu: Annotated[Decimal, "malpractice RVUs"]
    nonfacility_total_rvu: Annotated[Decimal, "all RVUs in an office"]
    facility_total_rvu: Annotated[Decimal, "all RVUs in a facility"]
    conversion_factor: Annotated[Decimal, "as printed, which amounts are computed with"]
    conversion_factor_paid: Annotated[Decimal | None, "as paid; None for a release that priced no day"]
    nonfacility_amount: Annotated[Decimal | None, "dollars by the formula; None where the locality isn't there"]
    facility_amount: Annotated[Decimal | None, "the same in a facility"]
    nonfacility_payment: Annotated[Decimal | None, "what Medicare pays; None with a `reason`"]
    facility_payment: Annotated[Decimal | None, "the same in a facility"]
    reason: Annotated[str | None, "why there is no price, such as `carrier_priced`"]
    nonfacility_na: Annotated[bool, "CMS says that it's rarely or never done in an office"]
    facility_na: Annotated[bool, "CMS says that it's rarely or never done in a facility"]
    calculation_flag: Annotated[str | None, "a factor on the amount that law once gave some services"]
    previous_release: Annotated[str | None, "the release in force before it, among those published"]
    previous_participant: Annotated[str | None, "whose row of that release it's compared with"]
    not_compared: Annotated[str | None, "why it's compared with nothing"]
    nonfacility_change: _Change
    nonfacility_change_work: _Cause
    nonfacility_change_pe: _Cause
    nonfacility_change_mp: _Cause
    nonfacility_change_factor: _Cause
    nonfacility_change_rounding: _Cause
    facility_change: _Change
    facility_change_work: _Cause
    facility_change_pe: _Cause
    facility_change_mp: _Cause
    facility_change_factor: _Cause
    facility_change_rounding: _Cause
    nonfacility_change_index: NotRequired[
        Annotated[Decimal | None, "the part that came with the GPCIs of the locality"]
    ]
    facility_change_index: NotRequired[Annotated[Decimal | None, "the same in a facility"]]
