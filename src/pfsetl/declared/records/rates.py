"""Records of what payers and hospitals write in their files of rates, and what it means beside the fee schedule."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pfsetl.declared.records.sheet import Fits, Name, Prose, Sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class RateColumnRow:
    """A name that a file of rates has for a column; those of claims are in `claim_columns.csv`."""

    column: Name
    means: Literal["rate", "payer", "plan", "provider", "code_type", "hcpcs", "setting"]


RATE_COLUMNS = Sheet("rate_columns.csv", RateColumnRow, ("column",))


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTermRow:
    """A word of a payer's or hospital's file: dollars that can be compared, a setting, or why they can't be."""

    file: Literal["in_network", "hospital", "any"]
    field: Literal[
        "negotiation_arrangement", "negotiated_type", "billing_class", "setting", "service_code", "methodology",
        "code_type",
    ]  # fmt: skip
    value: Annotated[str, Fits(r"[0-9A-Za-z][0-9A-Za-z -]{0,39}", "a word of the file's schema")]
    means: Literal[
        "dollars", "facility", "nonfacility", "both_settings", "percentage_of_charge", "per_diem", "case_rate",
        "bundle", "capitation", "institutional", "not_in_schedule",
    ]  # fmt: skip
    source: Prose = ""


RATE_TERMS = Sheet("rate_terms.csv", RateTermRow, ("file", "field", "value"))
