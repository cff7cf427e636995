"""Commands that price services and claims, and load what they need beside the releases."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from pfsetl.cli import render, render_pricing
from pfsetl.cli.options import DEFAULT_OUTPUT, FileAcceptLoss, FileSample, Json, Output, accepted
from pfsetl.errors import UsageError
from pfsetl.loading import load as loading
from pfsetl.loading import unload as unloading
from pfsetl.loading.follow import Followed, follow
from pfsetl.plural import count
from pfsetl.pricing import price as pricing
from pfsetl.pricing.service import day_of
from pfsetl.publication import version
from pfsetl.storage.opening import open_store

AsOf = Annotated[str | None, Parameter(name="--as-of", help="Price by the releases that were known on this day.")]
At = Annotated[int | None, Parameter(name="--at", help="A version number; default the newest.")]
UnknownModifiers = Annotated[
    bool,
    Parameter(
        name="--unknown-modifiers",
        negative="",
        help="Price as if unknown modifiers changed nothing.",
    ),
]


def price(
    hcpcs: str,
    *,
    date: str,
    locality: str | None = None,
    setting: str | None = None,
    participant: str | None = None,
    modifier: Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)] = None,
    units: str = "1",
    minutes: str | None = None,
    practitioner: str | None = None,
    charge: str | None = None,
    days: str | None = None,
    documented: Annotated[bool, Parameter(negative="")] = False,
    unknown_modifiers: UnknownModifiers = False,
    as_of: AsOf = None,
    at: At = None,
    output: Output = DEFAULT_OUTPUT,
    json: Json = False,
) -> None:
    """Price a service on a day: the release in force, every step, and the file and line of every number.

    Parameters
    ----------
    hcpcs
        A CPT or HCPCS code, e.g. 99213.
    date
        The date of service, e.g. 2024-03-08.
    locality
        CA/18, 0118218, a ZIP code (after 'pfsetl load'), or CA/Los Angeles; default the national amount.
    setting
        nonfacility (default), facility, or CMS's place of service, such as 11.
    participant
        From 2026: non_qp (default) or qp.
    modifier
        A modifier such as 26; may be repeated.
    units
        How many.
    minutes
        Of an anesthesia service.
    practitioner
        physician, pa, np, cns, cnm, csw, crna, mft, mhc, psychologist or dietitian; by default the one that a
        modifier names (AJ, AH, AE, QX, QZ), else a physician.
    charge
        What was billed; the lower of it and the amount is allowed.
    days
        Of postoperative care, with modifier 55; units above 1 are read as days, too.
    documented
        What a rule asks documentation for was documented: the need of an assistant or co-surgeon (62, 80, 81, 82,
        AS), or presence at induction (AD).
    """
    answer = pricing.price(
        hcpcs, date, locality=locality, setting=setting, participant=participant, modifiers=" ".join(modifier or []),
        units=units, minutes=minutes, practitioner=practitioner, charge=charge, days=days, documented=documented,
        as_of=as_of, output=version.open_version(output, at), unknown_modifiers=unknown_modifiers,
    )  # fmt: skip
    if json:
        print(render.as_json(answer))
    else:
        render_pricing.price(render.console(), answer)


def claim(
    file: Path,
    *,
    unknown_modifiers: UnknownModifiers = False,
    as_of: AsOf = None,
    at: At = None,
    output: Output = DEFAULT_OUTPUT,
    json: Json = False,
) -> None:
    """Price the lines of a claim together; lines that can't be priced are listed (exit 2), the others are priced.

    Parameters
    ----------
    file
        CSV with a header (also by tabs or semicolons), or JSON: hcpcs or cpt, date or dos, modifiers or mod1 to mod4,
        units, minutes, days, locality, setting or pos, participant, practitioner, charge, documented and aco (yes or
        no), claim.
    """
    answer = pricing.claim(
        file, as_of=as_of, output=version.open_version(output, at), unknown_modifiers=unknown_modifiers
    )
    if json:
        print(render.as_json(answer))
    else:
        render_pricing.claim(render.console(), answer)
    if answer["bad"]:
        problems = "\n".join(f"{file}: line {bad['line']}: {bad['problem']}" for bad in answer["bad"])
        said = "1 line wasn't" if len(answer["bad"]) == 1 else f"{len(answer['bad'])} lines weren't"
        raise UsageError(f"{said} priced.\n{problems}")


def load(
    file: Path,
    *more: Path,
    effective_from: str | None = None,
    sample: FileSample = False,
    accept_loss: FileAcceptLoss = False,
    output: Output = DEFAULT_OUTPUT,
    json: Json = False,
) -> None:
    """Load a CMS file that belongs to no release: ZIP codes to localities, unit limits, edit pairs and others.

    Parameters
    ----------
    file
        ZIP5_OCT2025.txt, MCR_MUE_PractitionerServices_Eff_04-01-2026.csv, or a zip that holds one; 'pfsetl status'
        lists the kinds.
    more
        The other parts of a file that CMS posts in several.
    effective_from
        The first day it's valid; default: what the file says.
    """
    first = day_of(effective_from, "effective-from") if effective_from else None
    store = open_store(output)
    loaded = loading.load(store, [file, *more], first, sample=sample, accept=accepted(loss=accept_loss))
    found = loaded.companion
    followed = follow(store, found.kind)
    if json:
        number = followed.version.number if followed and followed.tables else None
        anew, lacking = (followed.tables, followed.lacking) if followed else ((), ())
        told: dict[str, Any] = {"new": loaded.new, "published": number, "made_anew": anew, "not_made_for": lacking}
        print(render.as_json(asdict(found) | told))
        return
    part = ", a sample" if found.sample else ""
    again = "" if loaded.new else "; loaded before, nothing changed"
    print(
        f"{found.kind}: {count(found.rows, 'row')} of {found.file}{part}, from {found.effective_from}, "
        f"sha256 {found.sha256[:16]}{again}"
    )
    for missing in found.lost:
        print(f"missing: {missing}")
    for notice in found.notices:
        print(f"note: {notice}")
    _say_followed(followed)


def unload(
    kind: str,
    effective_from: str,
    *,
    sha256: str = "",
    output: Output = DEFAULT_OUTPUT,
    json: Json = False,
) -> None:
    """Remove a file that 'load' put beside the releases, and publish anew what was made of it.

    Parameters
    ----------
    kind
        zip_locality, mue, ptp and so on; 'pfsetl status' lists what is loaded.
    effective_from
        Its first day, as 'pfsetl status' says it.
    sha256
        The beginning of its hash, where two files of that day are loaded.
    """
    store = open_store(output)
    gone = unloading.unload(store, kind, day_of(effective_from, "EFFECTIVE_FROM"), sha256)
    followed = follow(store, kind)
    if json:
        number = followed.version.number if followed and followed.tables else None
        told = {"unloaded": [asdict(one) for one in gone], "published": number}
        print(render.as_json(told | {"made_anew": followed.tables if followed else ()}))
        return
    what = f"{gone[0].kind}: unloaded {gone[0].file} from {gone[0].effective_from}"
    print(f"{what}; earlier versions keep what they have of it")
    _say_followed(followed)


def _say_followed(followed: Followed | None) -> None:
    if followed and followed.tables:
        print(
            f"version {followed.version.number} published: {', '.join(followed.tables)} made anew for "
            f"{', '.join(followed.releases)}"
        )
    if followed and followed.lacking:
        print(
            f"nothing follows for {', '.join(followed.lacking)}, which an older pfsetl published; build "
            f"{'it' if len(followed.lacking) == 1 else 'them'} again"
        )
