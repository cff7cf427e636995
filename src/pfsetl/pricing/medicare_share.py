"""What Medicare itself pays of what is allowed: its share after coinsurance, therapist assistants, sequestration.

Rules on Medicare's payment leave the patient's part as it is; what they take off isn't the patient's to pay.
"""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from pfsetl.declared.records.rules import ReductionRow
from pfsetl.pricing.apply import amount_of, stepped
from pfsetl.pricing.lines import Line, PricedLine, by_rules
from pfsetl.pricing.reductions import find
from pfsetl.tables.exact import share_of


def own_share(line: Line) -> ReductionRow | None:
    """Return the coinsurance that a line's code or modifier sets, None where it's that of all services."""
    share = find("coinsurance", line)
    return share if share and (share.indicator or share.modifier) else None


@by_rules
def _rules(line: Line) -> tuple[ReductionRow | None, ReductionRow | None, ReductionRow | None]:
    return find("coinsurance", line), find("therapy_assistant", line), find("sequestration", line)


def parted(one: PricedLine) -> PricedLine:
    """Return a finished line with what sequestration takes, and with less allowed where an assistant gave therapy.

    Social Security Act 1834(v)(1): Medicare pays 85 % of what it would pay, after every reduction and the charge.
    """
    share, assistant, cut = _rules(one.line)
    if share is None:
        return one
    paid = share_of(amount_of(one), share.numerator, share.denominator)
    if own_share(one.line):
        one = replace(one, medicare=paid, patient=amount_of(one) - paid)
    if assistant:
        patient = amount_of(one) - paid
        paid = share_of(paid, assistant.numerator, assistant.denominator)
        percent = 100 * Fraction(assistant.numerator, assistant.denominator)
        text = (
            f"Medicare pays ${Decimal(paid).scaleb(-2):,}, {percent} % of its part; the patient's "
            f"${Decimal(patient).scaleb(-2):,} stays"
        )
        of_medicare, off = Fraction(share.numerator, share.denominator), 1 - percent / 100
        left = 100 * (1 - of_medicare * off)
        whole = (int(left), 100) if left == int(left) else (left / 100).as_integer_ratio()
        one = replace(stepped(one, assistant, patient + paid, text, whole), medicare=paid, patient=patient)
    taken = share_of(paid, cut.numerator, cut.denominator) if cut else 0
    return PricedLine(one.line, one.allowed, one.reason, one.steps, taken, one.medicare, one.patient)
