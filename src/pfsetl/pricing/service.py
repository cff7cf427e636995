"""What is to be priced: one service on a day in a place, with everything that a user can say of it checked."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Annotated, TypedDict, Unpack

from pfsetl.declared import declarations
from pfsetl.declared.records.archives import PARTICIPANTS
from pfsetl.declared.records.modifiers import MODIFIERS, ModifierRow
from pfsetl.declared.records.modifiers import PRACTITIONER_MODIFIERS as NAMED
from pfsetl.declared.records.services import PLACES_OF_SERVICE
from pfsetl.errors import UsageError
from pfsetl.near import MOST, alike
from pfsetl.pricing.given import cents, code_of, one_of, text_of, whole, yes
from pfsetl.pricing.rules import practitioners
from pfsetl.tables.derive import SETTINGS

PHYSICIAN = "physician"
MOST_UNITS = 9_999
MOST_DAYS = 9_999  # the global period itself is the bound; this keeps a slip of the pen from being read
MOST_MINUTES = 2_880  # two days of anesthesia
_HCPCS = re.compile(r"[0-9A-Z]{5}")
_WITH_MODIFIER = re.compile(r"([0-9A-Z]{5})[-\s:]?([0-9A-Z]{2})")
_DAY = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}")
_AMERICAN_DAY = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_MIDNIGHT = re.compile(r"[T ](0?0:00(:00(\.0+)?)?Z?|12:00(:00)? ?AM)\Z")  # as programs write it behind a day
_MODIFIER = re.compile(r"[0-9A-Z]{2}")
_BETWEEN = re.compile(r"[\s,:;/|-]+")
_PLACE = re.compile(r"[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class Service:
    """One service as billed; `locality` is as the user wrote it, None for the national amount."""

    hcpcs: str
    day: date
    locality: str | None
    setting: str
    participant: str | None
    modifiers: tuple[str, ...]
    units: int
    minutes: int | None
    practitioner: str
    charge: int | None  # cents, for the whole line
    days: int | None = None  # of postoperative care
    place_of_service: str | None = None  # CMS's code, where the setting was given by it
    documented: bool = False  # what a rule asks documentation for: need of an assistant or co-surgeon, induction
    repeated: tuple[str, ...] = ()  # modifiers that were given more than once, which count once
    aco: bool = False  # the practitioner is in an accountable care organization
    practitioner_given: bool = False  # else the one that a modifier names, or a physician
    setting_given: bool = False  # else outside a facility


class Billed(TypedDict, total=False):
    """What can be said of a service beside its code and its day; `NOT_SAID` is what counts where it isn't said."""

    locality: Annotated[str | None, "`CA/18`, a ZIP code (after `pfsetl load`), `CA/Los Angeles`; None is the nation"]
    setting: Annotated[
        str | int | None, "`nonfacility`, `facility`, or CMS's place of service, such as 11; None is `nonfacility`"
    ]
    participant: Annotated[str | None, "`qp` or `non_qp`, whose conversion factors differ from 2026 on"]
    modifiers: Annotated[str | Iterable[str] | None, "as text or one by one"]
    units: Annotated[int | str, "how many"]
    minutes: Annotated[int | str | None, "of anesthesia"]
    practitioner: Annotated[str | None, "who bills; else the one that a modifier names, else a physician"]
    charge: Annotated[Decimal | str | int | None, "dollars billed for the whole line"]
    days: Annotated[int | str | None, "of postoperative care (modifier 55)"]
    documented: Annotated[
        bool | str | int, "what a rule asks documentation for was documented (62, 80, 81, 82, AS; AD)"
    ]
    aco: Annotated[bool | str | int, "the practitioner is in an accountable care organization"]
    unknown_modifiers: Annotated[bool, "a modifier that isn't declared changes nothing and is noted"]


NOT_SAID: Billed = {
    "locality": None, "setting": None, "participant": None, "modifiers": (), "units": 1, "minutes": None,
    "practitioner": None, "charge": None, "days": None, "documented": False, "aco": False, "unknown_modifiers": False,
}  # fmt: skip


def service(hcpcs: str, day: date | str, **billed: Unpack[Billed]) -> Service:
    """Return a service, checked; raises UsageError that names the value, what is possible, and what is near.

    A place of service tells the setting on the day by `schemas/places_of_service.csv`. `practitioner` is by default the
    one that a modifier names (AJ, AH, AE, QX, QZ), by `schemas/practitioner_modifiers.csv`, else a physician.

    >>> service("99213", "2024-03-08", modifiers="25", locality="CA/18").units
    1
    """
    if not billed.keys() <= NOT_SAID.keys():
        names = " and ".join(sorted(billed.keys() - NOT_SAID.keys()))
        raise TypeError(f"{names}: a service has no such argument. There are {', '.join(NOT_SAID)}.")
    said: Billed = {**NOT_SAID, **billed}
    code = code_of(text_of("code", hcpcs))
    if not _HCPCS.fullmatch(code):
        raise _no_code(hcpcs, code)
    given = _given(said["modifiers"], said["unknown_modifiers"])
    once = tuple(dict.fromkeys(given))
    when = day_of(day, "date of service")
    where = "" if said["setting"] is None else str(said["setting"]).strip()
    place = where.zfill(2) if _PLACE.fullmatch(where) else None
    quantity = whole("units", said["units"], MOST_UNITS)
    care = None if said["days"] in (None, "") else whole("days", said["days"], MOST_DAYS)
    minutes, charge, locality = said["minutes"], said["charge"], said["locality"]
    participant, practitioner = said["participant"], said["practitioner"]
    if care and quantity not in (1, care):
        raise UsageError(f"units {quantity} and days {care}: with days of care give 1 unit, or as many as days.")
    return Service(
        code,
        when,
        None if locality is None else text_of("locality", locality).strip() or None,
        _setting_at(place, when) if place else one_of("setting", where or SETTINGS[0], SETTINGS),
        None if participant in (None, "") else one_of("participant", participant, _participants()),
        once,
        quantity,
        None if minutes in (None, "") else whole("minutes", minutes, MOST_MINUTES),
        _by_modifier(given, when)
        if practitioner in (None, "")
        else one_of("practitioner", practitioner, practitioners()),
        None if charge in (None, "") else cents(charge),
        care,
        place,
        yes("documented", said["documented"]),
        tuple(name for name in once if given.count(name) > 1) if len(given) > len(once) else (),
        yes("aco", said["aco"]),
        bool(practitioner),
        bool(where),
    )


def _no_code(hcpcs: str, code: str) -> UsageError:
    if joined := _WITH_MODIFIER.fullmatch(code):
        return UsageError(
            f"code {hcpcs!r}: a modifier stands apart from its code. Give the code {joined[1]} and --modifier "
            f"{joined[2]}, or in a claim the column modifiers."
        )
    return UsageError(f"code {hcpcs!r}: a code has five letters or digits, like 99213 or G0101.")


def day_of(value: date | str, what: str) -> date:
    """Return a date from ISO text, or from month, day and year as 3/8/2024; `what` names it in the error."""
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    return _read_day(text_of(what, value), what)


@lru_cache(maxsize=20_000)
def _read_day(value: str, what: str) -> date:
    text = _MIDNIGHT.sub("", value.strip())
    try:
        if american := _AMERICAN_DAY.fullmatch(text):
            month, day, year = map(int, american.groups())
            return date(year, month, day)
        # NOTE: Python would also read a week, 2025-W01-1, which lies in 2024.
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise UsageError(f"{what} {value!r}: write it as 2024-03-08.") from None


@cache
def _participants() -> tuple[str, ...]:
    """Return whose conversion factor can be asked for, where a release tells them apart."""
    return tuple(row.participant for row in declarations.rows(PARTICIPANTS) if row.participant != "all")


@cache
def modifiers() -> Mapping[str, ModifierRow]:
    """Return every modifier of `schemas/modifiers.csv`."""
    return {row.modifier: row for row in declarations.rows(MODIFIERS)}


def modifier_of(name: str) -> ModifierRow:
    """Return what is known of a modifier; one that isn't declared is taken not to change the price, and says so."""
    if name in modifiers():
        return modifiers()[name]
    unknown = (
        f"not declared, priced as if it changed nothing; a row in {declarations.named('modifiers.csv')} declares it"
    )
    return ModifierRow(
        modifier=name, name="", kind="informational", effect="none", note=unknown, source="", certainty="unconfirmed"
    )


def practitioner_modifiers(names: Sequence[str], day: date) -> dict[str, str]:
    """Return the practitioners that modifiers name on a day, by `schemas/practitioner_modifiers.csv`."""
    if not names:
        return {}
    named = (row for row in declarations.rows(NAMED) if row.modifier in names)
    return {row.modifier: row.practitioner for row in named if (row.from_ or date.min) <= day <= (row.to or date.max)}


def _by_modifier(names: Sequence[str], day: date) -> str:
    """Return the practitioner that modifiers name; a physician where they name none, or several."""
    named = set(practitioner_modifiers(names, day).values()) if names else ()
    return next(iter(named)) if len(named) == 1 else PHYSICIAN


def setting_of(text: str, day: date) -> str:
    """Return the setting that a user names, as such or by a place of service; raises UsageError for what is neither."""
    where = text.strip()
    return _setting_at(where.zfill(2), day) if _PLACE.fullmatch(where) else one_of("setting", where, SETTINGS)


@lru_cache(maxsize=20_000)
def _setting_at(place: str, day: date) -> str:
    """Return the setting of CMS's place of service on a day; raises UsageError where Medicare's table has none."""
    for row in declarations.rows_on(PLACES_OF_SERVICE, day):
        if row.place == place:
            return row.setting
    begins = [row.from_ for row in declarations.rows(PLACES_OF_SERVICE) if row.place == place]
    why = (
        f"it tells the setting from {begins[0]} on"
        if begins
        else f"not in {declarations.listed('places_of_service.csv')}"
    )
    raise UsageError(f"place of service {place} on {day}: {why}. Give the setting: {' or '.join(SETTINGS)}.")


@lru_cache(maxsize=20_000)
def _split(text: str, unknown: bool) -> tuple[str, ...]:
    return tuple(_modifier(name, unknown) for name in _BETWEEN.split(text) if name)


def _given(named: str | Iterable[str] | None, unknown: bool) -> tuple[str, ...]:
    if isinstance(named, str):
        return _split(named, unknown)
    if named is not None and not isinstance(named, Iterable):
        raise UsageError(f"modifiers {named!r}: give text, or a list of texts.")
    return tuple(_modifier(text_of("modifier", name), unknown) for name in named or ())


def _modifier(text: str, unknown: bool) -> str:
    name = text.strip().upper()
    if name not in modifiers() and not (unknown and _MODIFIER.fullmatch(name)):
        same = [m for m in modifiers() if name and m[0] == name[0]] or list(modifiers())
        shown = alike(name, same) or same[:MOST]
        remedy = "Correct it" + (
            f", declare it in {declarations.named('modifiers.csv')}, or let it change nothing with --unknown-modifiers"
            if _MODIFIER.fullmatch(name)
            else ": it has two letters or digits"
        )
        known = f"Near: {', '.join(shown)}; all are in {declarations.listed('modifiers.csv')}"
        raise UsageError(f"modifier {text!r}: not known. {known}. {remedy}.")
    return name
