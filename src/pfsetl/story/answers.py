"""What `history` and `profile` answer: plain dictionaries, with the type of every key and its meaning."""

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


class RelationAnswer(TypedDict):
    """What goes with a code, as `code_relation` has it."""

    relation: Annotated[str, "what the other code is to this one, such as `endoscopic_base` or `nearest_in_work`"]
    other: Annotated[str, "the other code; the same one for one of its own parts"]
    rank: Annotated[int | None, "1 to 5 of `nearest_in_work`, else None"]
    work_rvu_difference: Annotated[Decimal | None, "of `nearest_in_work`, the other code's work RVU less this one's"]
    companion_from: Annotated[date | None, "first day of the file beside the release that says it, if one does"]


class CodeEditAnswer(TypedDict):
    """A code that isn't paid beside another one on one day, by NCCI's pairs."""

    other: Annotated[str, "the other code of the pair"]
    is_paid: Annotated[bool, "whether this code of the two is paid; else the other one is"]
    modifier_indicator: Annotated[str, "0 where no modifier makes both payable, 1 where one does"]
    rationale: Annotated[str, "NCCI's reason"]
    valid_from: Annotated[date, "first day of the pair"]
    valid_to: Annotated[date | None, "last day of it, None while it has none"]
    companion_from: Annotated[date, "first day of NCCI's file"]


class ProfileAnswer(TypedDict):
    """What a code is in one release, as `code_profile` has it, with what goes with it."""

    release: Annotated[str, "CMS's label"]
    hcpcs: Annotated[str, "the code"]
    section: Annotated[str | None, "section by the code's number"]
    subsection: Annotated[str | None, "subsection by the code's number"]
    text: Annotated[str | None, "CMS's own words for it; None for CPT and D codes"]
    status: Annotated[str | None, "CMS's status of the code"]
    pctc: Annotated[str | None, "CMS's PC/TC indicator"]
    global_days: Annotated[str | None, "CMS's global period"]
    has_parts: Annotated[bool, "it has rows for its professional or technical part"]
    add_on: Annotated[bool, "it's an add-on to another service"]
    anesthesia: Annotated[bool, "it's anesthesia"]
    endoscopy: Annotated[bool, "it's paid by the rule for endoscopies"]
    global_surgery: Annotated[bool, "it has a global period"]
    imaging: Annotated[bool, "it's imaging that is reduced beside other imaging"]
    incident_to: Annotated[bool, "it's done by auxiliary staff, incident to a physician's service"]
    laboratory: Annotated[bool, "it's laboratory or pathology"]
    maternity: Annotated[bool, "it's maternity care"]
    radiology: Annotated[bool, "it's radiology"]
    reporting_only: Annotated[bool, "it only reports something"]
    supply: Annotated[bool, "it's a supply"]
    test_or_radiology: Annotated[bool, "it's a diagnostic test or radiology service"]
    therapy: Annotated[bool, "it's a therapy service"]
    timed: Annotated[bool, "its units are time"]
    paid: Annotated[bool, "one of its rows has a national payment"]
    in_nonfacility: Annotated[bool | None, "it's done outside facilities; None where it isn't paid"]
    in_facility: Annotated[bool | None, "it's done in facilities; None where it isn't paid"]
    relations: Annotated[int, "how many in `related`, without those nearest in work"]
    modifiers: Annotated[int | None, "how many modifiers go with it; None for a code that has no national payment"]
    add_on_type: Annotated[str | None, "NCCI's type of an add-on code"]
    add_on_from: Annotated[date | None, "first day of NCCI's list of add-on codes"]
    mue_units: Annotated[int | None, "most units (NCCI's MUE); None where it has no limit, or none is published"]
    mue_indicator: Annotated[str | None, "whether that is of a line (1) or a day (2, 3)"]
    mue_rationale: Annotated[str | None, "NCCI's reason"]
    mue_from: Annotated[date | None, "first day of the file of limits"]
    rbcs_id: Annotated[str | None, "category, subcategory and family of RBCS, such as RT021N"]
    rbcs_category: Annotated[str | None, "name of the category"]
    rbcs_subcategory: Annotated[str | None, "name of the subcategory"]
    rbcs_family: Annotated[str | None, "name of the family; None where it's in none"]
    rbcs_from: Annotated[date | None, "first day of the file of RBCS"]
    missing: Annotated[str | None, "files beside the release that aren't loaded"]
    related: Annotated[list[RelationAnswer], "what goes with it"]
    edits: Annotated[list[CodeEditAnswer] | None, "what it isn't paid beside; None where NCCI's pairs aren't loaded"]
    samples: Annotated[list[str], "files beside the release of which just a part is loaded"]
