"""How a terminal shows what a code is, what goes with it, its limit, and its last changes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from pfsetl.declared import declarations
from pfsetl.declared.records.services import CODE_TRAITS

_NAMED = 8  # codes of one relation; --json has them all
_SETTINGS = {"in_nonfacility": "outside facilities", "in_facility": "in facilities"}
_RELATIONS = {
    "professional_part": "professional part: modifier 26",
    "technical_part": "technical part: modifier TC",
    "discontinued": "discontinued: modifier 53",
}  # of a code to itself
NEAREST = "nearest_in_work"


def story(out: Console, data: Mapping[str, Any]) -> None:
    """Print what the card of a code says beside its numbers."""
    if profile := data["profile"]:
        out.print("\n[bold]What it is[/bold]")
        for line in _lines(profile):
            out.print(f"  {escape(line)}")
    if data["history"] and (told := data["history"]["sentences"]["nonfacility"]):
        out.print("\n[bold]What moved its non-facility amount[/bold]")
        for line in told:
            out.print(f"  {escape(line)}")
    for line in data["not_told"]:
        out.print(f"[yellow]not told[/yellow]  {escape(line)}")


def _lines(profile: Mapping[str, Any]) -> Iterator[str]:
    if profile["text"]:
        yield f"in CMS's words: {profile['text']}"
    traits = sorted({row.trait for row in declarations.rows(CODE_TRAITS) if profile[row.trait]})
    if "radiology" in traits and "test_or_radiology" in traits:
        traits.remove("test_or_radiology")
    said = [", ".join(trait.replace("_", " ") for trait in traits)] if traits else []
    settings = [words for name, words in _SETTINGS.items() if profile[name]]
    said += [f"done {' and '.join(settings)}"] if settings else []
    if said:
        yield "; ".join(said)
    if profile["rbcs_id"]:
        names = (profile[f"rbcs_{part}"] for part in ("category", "subcategory", "family"))
        yield f"RBCS {profile['rbcs_id']}: {' - '.join(n for n in names if n)} (file of {profile['rbcs_from']})"
    if profile["mue_units"] is not None:
        units = profile["mue_units"]
        yield (
            f"at most {units} unit{'' if units == 1 else 's'}: MUE indicator {profile['mue_indicator']}, "
            f"{profile['mue_rationale']} (file of {profile['mue_from']})"
        )
    yield from _related(profile["related"])
    yield from _edits(profile["edits"] or ())
    missing = [*(["ptp"] if profile["edits"] is None else []), *(profile["missing"] or "").split(", ")]
    if absent := ", ".join(sorted(filter(None, missing))):
        yield f"not loaded: {absent}"
    if profile["samples"]:
        yield f"just a part is loaded, so what isn't said here may be so: {', '.join(profile['samples'])}"


def _edits(pairs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for is_paid, words in ((True, "not paid beside it"), (False, "it isn't paid beside")):
        if others := [row["other"] for row in pairs if row["is_paid"] == is_paid]:
            yield f"NCCI pairs, {words}: {_shown(others)}"


def _shown(codes: Sequence[str]) -> str:
    more = f" and {len(codes) - _NAMED} more" if len(codes) > _NAMED else ""
    return f"{', '.join(codes[:_NAMED])}{more}"


def _related(related: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = dict.fromkeys(row["relation"] for row in related)
    for relation in names:
        rows = [row for row in related if row["relation"] == relation]
        if relation in _RELATIONS:
            yield _RELATIONS[relation]
        elif relation == NEAREST:
            near = (f"{row['other']} ({row['work_rvu_difference']:+})" for row in rows)
            yield f"nearest in work: {', '.join(near)}"
        else:
            yield f"{relation.replace('_', ' ')}: {_shown([row['other'] for row in rows])}"
