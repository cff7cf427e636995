"""The words of every indicator, as `schemas/codes` declares them, names of columns of rates, and mere words."""

from collections.abc import Sequence

from pfsetl.declared import declarations
from pfsetl.declared.records.modifiers import MODIFIERS, PRACTITIONER_MODIFIERS
from pfsetl.declared.records.rates import RATE_COLUMNS
from pfsetl.declared.records.services import CLAIM_COLUMNS, GLOBAL_DAYS, PLACES_OF_SERVICE, CodeRow, code_sheet
from pfsetl.site.states import INDICATORS

NAMES = {
    "pctc": "Professional and technical parts (PC/TC)",
    "global_days": "Global period",
    "preoperative": "Share of the package before the operation",
    "intraoperative": "Share of the package for the operation",
    "postoperative": "Share of the package after the operation",
    "multiple_procedure": "Several procedures on a day (modifier 51)",
    "bilateral": "Both sides (modifier 50)",
    "assistant_surgeon": "Assistant at surgery (80, 81, 82, AS)",
    "co_surgeons": "Two surgeons (modifier 62)",
    "team_surgery": "Surgical team (modifier 66)",
    "endoscopic_base": "Endoscopic base code",
    "supervision": "Supervision of diagnostic tests",
    "calculation_flag": "Calculation flag",
    "imaging_family": "Diagnostic imaging family",
}


def words() -> dict[str, object]:
    """Return the indicators in the order of the code files, with their names and what each value means by day."""
    shipped = set(declarations.names())
    meanings = {}
    for name in INDICATORS:
        if f"codes/{name}.csv" in shipped:
            meanings[name] = [
                [row.code, row.meaning, str(row.valid_from or ""), str(row.valid_to or "")] for row in _rows(name)
            ]
    return {
        "indicators": [[name, NAMES[name]] for name in INDICATORS],
        "meanings": meanings,
        "rates": _rates(),
        "informs": _informs(),
    }


def _informs() -> list[str]:
    """Return the modifiers that change no price: those without an effect that don't say who is paid either."""
    others = {row.modifier for row in declarations.rows(PRACTITIONER_MODIFIERS)}
    return [row.modifier for row in declarations.rows(MODIFIERS) if row.effect == "none" and row.modifier not in others]


def _rates() -> dict[str, object]:
    """Return the names that columns of rates may have, and the setting of each place of service by day."""
    named: dict[str, str] = {row.column: row.means for row in declarations.rows(CLAIM_COLUMNS)}
    named |= {row.column: row.means for row in declarations.rows(RATE_COLUMNS)}
    own = {name: name for name in ("hcpcs", "rate", "modifiers", "setting", "payer")}
    places = [
        [row.place, row.setting, str(row.from_ or ""), str(row.to or "")]
        for row in declarations.rows(PLACES_OF_SERVICE)
    ]
    return {"columns": named | own, "places": places}


def _rows(name: str) -> Sequence[CodeRow]:
    if name == "global_days":
        return declarations.rows(GLOBAL_DAYS)
    return declarations.rows(code_sheet(f"codes/{name}.csv"))
