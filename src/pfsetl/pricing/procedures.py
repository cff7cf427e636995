"""Which procedure, side and person a claim line is of, so that lines of one procedure are known as such."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace

from pfsetl.pricing.apply import amount_of, order_in, stepped
from pfsetl.pricing.lines import Line, PricedLine, by_rules
from pfsetl.pricing.reductions import find, named
from pfsetl.pricing.rules import rules_of
from pfsetl.pricing.service import modifier_of

SIDES = ("RT", "LT")
Procedure = tuple[Hashable, ...]  # the side is the last of it, empty where none is named
APART = ("side_or_site", "repeat_or_separate")  # kinds of modifiers that tell two procedures of one code apart


def told_apart(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with the people numbered who bill the same procedure in the same role.

    Of two lines of a procedure with 62 the second is the other surgeon's, and two assistants are two people: each has a
    day of procedures of their own.
    """
    results = list(lines)
    roles = {place: role for place, line in enumerate(lines) if line.modifiers and (role := _role(line))}
    seen: Counter[Hashable] = Counter()
    for place in sorted(roles, key=lambda at: order_in(lines[at])):
        line = lines[place]
        names = sorted(name for name in line.modifiers if modifier_of(name).kind in APART)
        key = line.hcpcs, line.row_modifier, line.date, line.practitioner, roles[place], *names
        results[place] = replace(line, person=seen[key])
        seen[key] += 1
    return results


@by_rules
def _role(line: Line) -> Hashable | None:
    return assistant_of(line) or ("co_surgeon" if named("co_surgeons", line) else None)


@by_rules
def assistant_of(line: Line) -> tuple[str, ...]:
    """Return the modifiers of one kind of assistant that a line has one of (80, 81, 82; AS), empty for a surgeon's."""
    if not named("assistant_surgeon", line):
        return ()
    rule = find("assistant_surgeon", line)
    return rule.modifier if rule else line.modifiers


def procedures_of(line: Line) -> list[Procedure]:
    """Return what a line is of, one for each side: code, day, person, site and repetition.

    Lines without 58, 59, 76 to 79, an X modifier or a site have one procedure in common.
    """
    names = (name for name in line.modifiers if modifier_of(name).kind in APART and name not in SIDES)
    both = named("bilateral", line)
    ruled = {name for row in rules_of("bilateral", line.date) for name in row.modifier} if both else ()
    key = (line.hcpcs, line.row_modifier, line.date, line.person, assistant_of(line), *sorted(set(names) - set(ruled)))
    return [(*key, side) for side in (SIDES if both else [s for s in SIDES if s in line.modifiers] or [""])]


def name_duplicates(priced: Sequence[PricedLine]) -> list[PricedLine]:
    """Say of lines that are the same that Medicare denies duplicates; each is priced all the same.

    Modifiers like 59 and 76 say that it was done again, and of several surgeons or assistants each has a line.
    """
    alike = [_same(one.line) if one.allowed else None for one in priced]
    often = Counter(alike)
    results = list(priced)
    for place, (one, same) in enumerate(zip(priced, alike, strict=True)):
        if same and often[same] > 1 and (rule := find("duplicate", one.line)):
            text = f"one of {often[same]} lines that are the same: unless something tells them apart, Medicare pays one"
            results[place] = stepped(one, rule, amount_of(one), text, (1, 1))
    return results


def _same(line: Line) -> Hashable | None:
    """Return what a line has in common with its duplicates, None where a modifier says that it was done again."""
    if any(modifier_of(name).kind == "repeat_or_separate" for name in line.modifiers):
        return None
    names, who = frozenset(line.modifiers), (line.practitioner, line.person)
    return line.hcpcs, line.row_modifier, names, line.date, line.units, line.facility, who, line.days


def may_be(procedure: Procedure) -> set[Procedure]:
    """Return the procedures that one may be: of its side or of none named, and without a side of either."""
    *key, side = procedure
    return {(*key, one) for one in ({side, ""} if side else {"", *SIDES})}
