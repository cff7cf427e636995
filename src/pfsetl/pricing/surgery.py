"""Several procedures of one surgeon's day: endoscopies of a family, and the ranks by amount.

Postoperative care (55) is no procedure of the day, and a return to the operating room (78) is under the rules on
complications alone, not those on several procedures (Medicare Claims Processing Manual chapter 12 section 40.4).
"""

from collections.abc import Hashable
from decimal import Decimal
from fractions import Fraction

from pfsetl.pricing.apply import amount_of, order_of, refused, scaled, shared, stepped
from pfsetl.pricing.global_package import RETURN, operates
from pfsetl.pricing.lines import Line, PricedLine, by_rules
from pfsetl.pricing.procedures import assistant_of
from pfsetl.pricing.reductions import find
from pfsetl.tables.exact import share_of


def surgeon_of(line: Line) -> Hashable | None:
    """Return whose day of procedures a line is of, None for what is ranked with none.

    An assistant's procedures are ranked apart from the surgeon's, and each of several people's by themselves.
    """
    return (line.date, line.practitioner, assistant_of(line), line.person) if _is_ranked(line) else None


@by_rules
def _is_ranked(line: Line) -> bool:
    return bool(find("surgery", line)) and operates(line) and not (line.modifiers and find(RETURN, line))


def family_of(line: Line, bases: frozenset[str]) -> Hashable | None:
    """Return the family of endoscopies that a line is of, by its base procedure; None for any other line."""
    base = line.endoscopic_base if find("endoscopy", line) else line.hcpcs if line.hcpcs in bases else None
    surgeon = surgeon_of(line)
    return (surgeon, base) if base and surgeon else None


def pay_endoscopies(group: list[PricedLine]) -> list[PricedLine]:
    """Pay the highest of a family in full, the others less the base procedure, the base procedure not at all."""
    base = next((one.line.endoscopic_base for one in group if find("endoscopy", one.line)), None)
    members = sorted((one for one in group if one.line.hcpcs != base), key=order_of)
    rule = find("endoscopy", members[0].line) if members and sum(one.line.units for one in group) > 1 else None
    if rule is None:
        return group
    results = []
    for one in group:
        line, first = one.line, one is members[0]
        less = scaled(line, line.base_payment or 0, line.units - first)
        text = f"less ${Decimal(less).scaleb(-2):,} of the base procedure {base}"
        if line.hcpcs == base:
            results.append(stepped(one, rule, 0, f"base procedure, included in {members[0].line.hcpcs}", (0, 1)))
        elif first and line.units == 1:
            results.append(stepped(one, rule, amount_of(one), f"highest of the family of {base}"))
        elif line.base_payment is None:
            results.append(refused(one, "endoscopic_base_not_priced"))
        else:
            after = max(0, amount_of(one) - less)
            results.append(stepped(one, rule, after, f"one unit in full, others {text}" if first else text))
    return results


def rank_surgery(group: list[PricedLine], bases: frozenset[str]) -> list[PricedLine]:
    """Rank the procedures and endoscopy families of one surgeon's day by amount; the later are paid in part.

    Every unit of a line is a procedure: two units are paid as two lines are.
    """
    if len(group) == 1 and group[0].line.units == 1:
        return group
    procedures: dict[Hashable, list[int]] = {}
    for place, one in enumerate(group):
        name = (family_of(one.line, bases) if bases else None) or place
        procedures.setdefault(name, []).append(place)
    # NOTE: what a family has of further units is less the base procedure already, so that it ranks as one.
    units = {
        name: 1 if any(find("endoscopy", group[p].line) for p in at) else sum(group[p].line.units for p in at)
        for name, at in procedures.items()
    }

    amounts = {name: -sum(amount_of(group[p]) for p in at) for name, at in procedures.items()}
    of_one = {name: Fraction(amount, units[name]) if units[name] > 1 else amount for name, amount in amounts.items()}
    ranked = sorted(procedures, key=of_one.__getitem__)
    if len(set(of_one.values())) < len(ranked):
        ranked.sort(key=lambda name: (of_one[name], min(order_of(group[p]) for p in procedures[name])))
    results, rank, several = list(group), 1, sum(units.values()) > 1
    for name in ranked:
        for place in procedures[name] if several else ():
            results[place] = _ranked(group[place], rank, units[name])
        rank += units[name]
    return results


def _ranked(one: PricedLine, first: int, units: int) -> PricedLine:
    last = first + units - 1
    rules = []
    for rank in range(first, last + 1):
        rule = find("surgery", one.line, rank)
        if rule is None:
            return one
        if rule.outcome:
            return refused(one, rule.outcome)
        rules.append(rule)
    if units == 1:
        return shared(one, rules[0], f"procedure {first} of the day by amount")
    share = (sum(Fraction(rule.numerator, rule.denominator) for rule in rules) / Fraction(units)).as_integer_ratio()
    text = f"procedures {first} to {last} of the day by amount"
    return stepped(one, rules[-1], share_of(amount_of(one), *share), text, share)
