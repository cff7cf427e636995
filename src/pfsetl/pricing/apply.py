"""What a rule does to a claim line: a share of its amount, a step that says so, or a refusal."""

from dataclasses import dataclass, fields

from pfsetl.declared.records.rules import ReductionRow
from pfsetl.declared.records.same_day import SameDayRow
from pfsetl.pricing.lines import Line, PricedLine, Step
from pfsetl.pricing.reductions import sides_of
from pfsetl.tables.exact import share_of

_AFTER_NUMBER = tuple(field.name for field in fields(Line) if field.compare and field.name != "number")


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """The order of a line among others of the same amount: all that has an effect, the line number last."""

    line: Line

    def __lt__(self, other: "Order") -> bool:
        return order_in(self.line) < order_in(other.line)


def scaled(line: Line, cents: int, units: int | None = None) -> int:
    """Multiply cents of one unit by units and sides, as the line's own payment was."""
    sides = sides_of(line)
    total = cents * (line.units if units is None else units)
    return share_of(total, sides.numerator, sides.denominator) if sides else total


def amount_of(one: PricedLine) -> int:
    """Return what is left of a line, in cents; 0 where nothing is paid."""
    return one.allowed or 0


def order_of(one: PricedLine) -> tuple[int, Order]:
    """Largest first; equal amounts by code, modifiers and all else that has an effect, the line number last."""
    return -amount_of(one), Order(one.line)


def order_in(line: Line) -> tuple[tuple[str, ...], int]:
    """Order lines by code, modifiers and all else that has an effect, the line number last."""
    return tuple(str(getattr(line, name)) for name in _AFTER_NUMBER), line.number


def shared(one: PricedLine, rule: ReductionRow, text: str) -> PricedLine:
    """Take a rule's share of a line, or leave it without payment where the rule says why."""
    if rule.outcome:
        return refused(one, rule.outcome)
    return stepped(one, rule, share_of(amount_of(one), rule.numerator, rule.denominator), text)


def stepped(
    one: PricedLine, rule: ReductionRow | SameDayRow, after: int, text: str, share: tuple[int, int] | None = None
) -> PricedLine:
    """Set what is left of a line, and note the rule that did it."""
    numerator, denominator = share or (rule.numerator, rule.denominator)
    step = Step(rule.rule, text, numerator, denominator, amount_of(one), after, rule.source, rule.certainty)
    return PricedLine(one.line, after, one.reason, (*one.steps, step), one.sequestration, one.medicare, one.patient)


def refused(one: PricedLine, reason: str) -> PricedLine:
    """Leave a line without payment, and say why."""
    return PricedLine(one.line, None, reason, one.steps, one.sequestration, one.medicare, one.patient)
