"""Synthetic CMS release archives in every known shape, with CMS's quirks.

Headers and positions are written out here from CMS's record layouts and from the files themselves, on purpose not
taken from `schemas/layouts`: what the code reads by must not also be what the test writes by. Codes, descriptions and
RVUs are invented; localities, indices and the factors of 2026 are CMS's own. Archives of other years print conversion
factors that no year had, as RVU11A to RVU13A did, so that what was printed isn't what was paid.

`release` makes a small archive of seven rows and four localities: a part, which is published as a sample. `whole`
makes a full schedule, for what compares releases, re-posts and stores.

>>> sorted(release("RVU25A"))
['25LOCCO.csv', 'ANES2025.csv', 'GPCI2025.csv', 'OPPSCAP_JAN.csv', 'PPRRVU2025_JAN.txt', 'RVU25A.pdf']
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path

import xlsxwriter

Row = dict[str, str]
Members = dict[str, bytes]

# --- what the archives hold -------------------------------------------------------------------------------------

_FACE: Row = {
    "modifier": "", "status": "A", "not_used": "",
    "work": "0.00", "nonfacility_pe": "0.00", "nonfacility_na": "", "facility_pe": "0.00", "facility_na": "",
    "mp": "0.00", "pctc": "0", "global": "XXX", "pre": "0.00", "intra": "0.00", "post": "0.00",
    "multiple": "0", "bilateral": "0", "assistant": "0", "co": "0", "team": "0", "pricing": "9", "endo": "",
    "factor": "33.4000", "supervision": "09", "calculation": "0", "imaging": "99",
    "opps_nonfacility_pe": "0.00", "opps_facility_pe": "0.00", "opps_mp": "0.00",
}  # fmt: skip


def code(hcpcs: str, description: str, **cells: str) -> Row:
    """One PPRRVU row; totals and the fully implemented columns follow from the rest unless they are given."""
    row = {**_FACE, "hcpcs": hcpcs, "description": description, **cells}
    for setting in ("nonfacility", "facility"):
        row.setdefault(f"{setting}_pe_full", row[f"{setting}_pe"])
        row.setdefault(f"{setting}_na_full", row[f"{setting}_na"])
        for end in ("", "_full"):
            parts = (row["work"], row[f"{setting}_pe{end}"], row["mp"])
            row.setdefault(f"{setting}_total{end}", str(sum(Decimal(p) for p in parts)))
    return row


def changed(row: Row, **cells: str) -> Row:
    """The same row with other cells, totals recomputed unless they are among them."""
    computed = [f"{s}_total{end}" for s in ("nonfacility", "facility") for end in ("", "_full")]
    kept = {k: v for k, v in row.items() if k not in (*computed, "hcpcs", "description")}
    return code(**{"hcpcs": row["hcpcs"], "description": row["description"], **kept, **cells})


VISIT = code("G9901", "Synthetic visit", work="1.21", nonfacility_pe="1.40", facility_pe="0.52", mp="0.09")
SCAN = code(
    "G9902", "Synthetic scan, \"quick\"", work="1.00", nonfacility_pe="4.00", facility_pe="4.00", facility_na="NA",
    mp="0.17", pctc="1", multiple="4", imaging="88", opps_nonfacility_pe="3.10", opps_facility_pe="3.10",
    opps_mp="0.15",
)  # fmt: skip
SCAN_READING = changed(
    SCAN, modifier="26", work="1.00", nonfacility_pe="0.40", facility_pe="0.40", facility_na="", mp="0.04",
    nonfacility_pe_full="0.40", facility_pe_full="0.40", facility_na_full="",
    opps_nonfacility_pe="0.00", opps_facility_pe="0.00", opps_mp="0.00",
)  # fmt: skip
SCAN_IMAGE = changed(
    SCAN, modifier="TC", work="0.00", nonfacility_pe="3.60", facility_pe="3.60", mp="0.13",
    nonfacility_pe_full="3.60", facility_pe_full="3.60", opps_nonfacility_pe="2.70", opps_facility_pe="2.70",
    opps_mp="0.11",
)  # fmt: skip
SURGERY = code(
    "G9903", "Synthetic surgery", work="12.50", nonfacility_pe="9.75", nonfacility_na="NA", facility_pe="9.75",
    mp="2.25", **{"global": "010"}, pre="0.10", intra="0.80", post="0.10", multiple="3", endo="G9901",
)  # fmt: skip
EXCLUDED = code("G9904", "Synthetic, not covered", status="N", not_used="+", work="0.30", mp="0.01")
LOCAL_PRICE = code("Q9905", "Synthetic, priced by the contractor", status="C", pctc="9")
CODES = (VISIT, SCAN, SCAN_READING, SCAN_IMAGE, SURGERY, EXCLUDED, LOCAL_PRICE)


def place(mac: str, state: str, locality: str, name: str, indices: str, anesthesia: str, **cells: str) -> Row:
    """One locality; `indices` are work without floor, work, PE, MP; `anesthesia` is non-QP, QP."""
    keys = ("work_without_floor", "work", "pe", "mp")
    factors = dict(zip(("factor", "factor_qp"), anesthesia.split(), strict=True))
    row = {"mac": mac, "state": state, "locality": locality, "name": name, **factors}
    return {**row, **dict(zip(keys, indices.split(), strict=True)), "area": name, "counties": "ALL COUNTIES", **cells}


ALABAMA = place("10112", "AL", "00", "ALABAMA", "0.988 1.000 0.875 0.566", "19.53 19.63", area="STATEWIDE",
                state_name="ALABAMA")  # fmt: skip
ALASKA = place("02102", "AK", "01", "ALASKA*", "1.500 1.500 1.065 0.551", "28.15 28.29", area="STATEWIDE",
               state_name="ALASKA")  # fmt: skip
LOS_ANGELES = place("01182", "CA", "18", "LOS ANGELES-LONG BEACH-ANAHEIM (LOS ANGELES CNTY)",
                    "1.045 1.045 1.173 0.735", "21.32 21.43", area="LOS ANGELES", counties="LOS ANGELES",
                    state_name="CALIFORNIA")  # fmt: skip
MARIN = place("01112", "CA", "52", "SAN FRANCISCO-OAKLAND-BERKELEY (MARIN CNTY)", "1.058 1.058 1.251 0.466",
              "21.63 21.74", area="MARIN", counties="MARIN", state_name="")  # fmt: skip
PLACES = (ALABAMA, ALASKA, LOS_ANGELES, MARIN)


def cap(row: Row, locality: Row, amount: str = "", mac: str = "") -> Row:
    """One OPPSCAP row, both settings at the same amount as CMS has them; by default the amount at OPPS RVUs."""
    named = {"hcpcs": row["hcpcs"], "modifier": row["modifier"], "status": row["status"]}
    at = {"mac": mac or locality["mac"], "locality": locality["locality"]}
    amount = amount or _opps_amount(row, locality)
    return {**named, **at, "nonfacility_amount": amount, "facility_amount": amount}


def _opps_amount(row: Row, locality: Row) -> str:
    pairs = ((row["work"], "work"), (row["opps_nonfacility_pe"], "pe"), (row["opps_mp"], "mp"))
    total = sum(Decimal(rvu) * Decimal(locality[index]) for rvu, index in pairs)
    return str((total * Decimal(row["factor"])).quantize(Decimal("0.01"), ROUND_HALF_UP))


def caps(places: Iterable[Row] = PLACES, rows: Iterable[Row] = CODES) -> tuple[Row, ...]:
    """OPPSCAP as CMS makes it: every row with a cap in every locality; Los Angeles stands under two contractors."""
    capped = [r for r in rows if any(Decimal(r[f"opps_{f}"]) for f in ("nonfacility_pe", "facility_pe", "mp"))]
    macs = {("CA", "18"): ("01112", "01182")}
    return tuple(
        cap(r, at, mac=mac)
        for r in capped
        for at in places
        for mac in macs.get((at["state"], at["locality"]), (at["mac"],))
    )


CAPS = caps()

# --- CMS's own headers and positions ----------------------------------------------------------------------------

G31_HEADER = """\
,, , ,,,,,,,,,,,,,,,,,,,,,,,,,NON-FACILITY,FACILITY,
,,,,NOT USED,,,,,,,,,,,,,,,,,,,,,PHYSICIAN,,DIAGNOSTIC,PE USED,PE USED,MP USED
,,,,FOR,,,NON-FAC,,FACILITY ,,,,,,,,,,,,,,,,SUPERVISION OF,,IMAGING,FOR OPPS,FOR OPPS,FOR OPPS
,,,STATUS,MEDICARE ,WORK,NON-FAC,NA,FACILITY,NA,MP,NON-FACILITY,FACILITY,PCTC,GLOB,PRE,INTRA,POST,MULT,BILAT,ASST,\
CO-,TEAM,ENDO,CONV,DIAGNOSTIC,CALCULATION,FAMILY,PAYMENT,PAYMENT,PAYMENT
HCPCS,MOD,DESCRIPTION,CODE,PAYMENT,RVU,PE RVU,INDICATOR,PE RVU,INDICATOR,RVU,TOTAL,TOTAL,IND,DAYS,OP,OP,OP,PROC,SURG,\
SURG,SURG,SURG,BASE,FACTOR,PROCEDURES,FLAG,INDICATOR,AMOUNT,AMOUNT,AMOUNT"""
G32_HEADER = """\
,, , ,,,,,,,,,,,,,,,,,,,,,,,,,,NON-FACILITY,FACILITY,
,,,,NOT USED,,,,,,,,,,,,,,,,,,,,,,PHYSICIAN,,DIAGNOSTIC,PE USED,PE USED,MP USED
,,,,FOR,,,NON-FAC,,FACILITY ,,,,,,,,,,,,,,,,,SUPERVISION OF,,IMAGING,FOR OPPS,FOR OPPS,FOR OPPS
,,,STATUS,MEDICARE ,WORK,NON-FAC,NA,FACILITY,NA,MP,NON-FACILITY,FACILITY,PCTC,GLOB,PRE,INTRA,POST,MULT,BILAT,ASST,\
CO-,TEAM,PRIC,ENDO,CONV,DIAGNOSTIC,CALCULATION,FAMILY,PAYMENT,PAYMENT,PAYMENT
HCPCS,MOD,DESCRIPTION,CODE,PAYMENT,RVU,PE RVU,INDICATOR,PE RVU,INDICATOR,RVU,TOTAL,TOTAL,IND,DAYS,OP,OP,OP,PROC,SURG,\
SURG,SURG,SURG,IND,BASE,FACTOR,PROCEDURES,FLAG,INDICATOR,AMOUNT,AMOUNT,AMOUNT"""
G37_HEADER = """\
,, , ,,,,,,FULLY,,,,FULLY,,,,,,,,,,,,,,,,,,,,,NON-FACILITY,FACILITY,
,,,,NOT USED,, ,TRANSITIONED,FULLY,IMPLEMENTED, ,TRANSITIONED,FULLY,IMPLEMENTED,, ,FULLY, ,FULLY,,,,,,,,,,,,,\
PHYSICIAN,,DIAGNOSTIC,PE USED,PE USED,MP USED
,,,,FOR,,TRANSITIONED,NON-FAC,IMPLEMENTED,NON-FAC,TRANSITIONED,FACILITY ,IMPLEMENTED,FACILITY ,,TRANSITIONED,\
IMPLEMENTED,TRANSITIONED,IMPLEMENTED,,,,,,,,,,,,,SUPERVISION OF,,IMAGING,FOR OPPS,FOR OPPS,FOR OPPS
,,,STATUS,MEDICARE ,WORK,NON-FAC,NA,NON-FAC,NA,FACILITY,NA,FACILITY,NA,MP,NON-FACILITY,NON-FACILITY,FACILITY,FACILITY,\
PCTC,GLOB,PRE,INTRA,POST,MULT,BILAT,ASST,CO-,TEAM,ENDO,CONV,DIAGNOSTIC,CALCULATION,FAMILY,PAYMENT,PAYMENT,PAYMENT
HCPCS,MOD,DESCRIPTION,CODE,PAYMENT,RVU,PE RVU,INDICATOR,PE RVU,INDICATOR,PE RVU,INDICATOR,PE RVU,INDICATOR,RVU,TOTAL,\
TOTAL,TOTAL,TOTAL,IND,DAYS,OP,OP,OP,PROC,SURG,SURG,SURG,SURG,BASE,FACTOR,PROCEDURES,FLAG,INDICATOR,AMOUNT,AMOUNT,AMOUNT"""

_START = ("hcpcs", "modifier", "description", "status", "not_used", "work")
_NARROW = ("nonfacility_pe", "nonfacility_na", "facility_pe", "facility_na", "mp", "nonfacility_total",
           "facility_total")  # fmt: skip
_WIDE = ("nonfacility_pe", "nonfacility_na", "nonfacility_pe_full", "nonfacility_na_full", "facility_pe", "facility_na",
         "facility_pe_full", "facility_na_full", "mp", "nonfacility_total", "nonfacility_total_full", "facility_total",
         "facility_total_full")  # fmt: skip
_POLICY = ("pctc", "global", "pre", "intra", "post", "multiple", "bilateral", "assistant", "co", "team")
_END = ("endo", "factor", "supervision", "calculation", "imaging", "opps_nonfacility_pe", "opps_facility_pe", "opps_mp")
GRIDS = {
    "G31": (G31_HEADER, (*_START, *_NARROW, *_POLICY, *_END)),
    "G32": (G32_HEADER, (*_START, *_NARROW, *_POLICY, "pricing", *_END)),
    "G37": (G37_HEADER, (*_START, *_WIDE, *_POLICY, *_END)),
}

_W_BODY = (
    "1-5 6-7 8-57 58-58 59-59 60-65 67-72 73-74 76-81 82-83 85-90 91-92 94-99 101-102 104-108 110-115 117-122 124-129 "
    "131-136 139-139 140-142 143-145 146-148 149-151 152-152 153-153 154-154 155-155 156-156 164-168 169-176 178-179 "
    "180-180 182-183 "
)
_N_BODY = (
    "1-5 6-7 8-57 58-58 59-59 60-65 67-72 73-74 76-81 82-83 85-89 91-96 97-102 103-103 104-106 107-109 110-112 113-115 "
    "116-116 117-117 118-118 119-119 120-120 {}128-132 133-140 142-143 144-144 146-147 152-157 159-164 166-171"
)
RECORDS = {
    "W206": (206, _W_BODY + "188-192 195-199 202-206", GRIDS["G37"][1]),
    "W207": (207, _W_BODY + "188-193 195-200 202-207", GRIDS["G37"][1]),
    "N171": (171, _N_BODY.format(""), GRIDS["G31"][1]),
    "N171P": (171, _N_BODY.format("121-121 "), GRIDS["G32"][1]),
}
_LEFT = {"hcpcs", "modifier", "description", "status", "not_used", "nonfacility_na", "facility_na", "endo",
         "supervision", "imaging", "global"}  # fmt: skip

HDR = """\
HDR CPT CODES AND DESCRIPTIONS ONLY ARE COPYRIGHT \r
HDR 2025 AMERICAN MEDICAL ASSOCIATION.  ALL RIGHTS\r
HDR RESERVED.  APPLICABLE FARS/DFARS APPLY.       \r
HDR THE FOLLOWING STATEMENT APPLIES TO ALL DENTAL \r
HDR CODES (HCPCS START WITH LETTER D):  COPYRIGHT \r
HDR 2025/26 AMERICAN DENTAL ASSOCIATION.  ALL RIGH\r
HDR RESERVED.                                     \r
"""
END = "\x1a\r\n"

MONTHS = {"A": "January", "B": "April", "C": "July", "D": "October"}
_RELEASED = {"January": "12/29", "April": "03/18", "July": "06/05", "October": "09/11"}

# --- PPRRVU -----------------------------------------------------------------------------------------------------


def pprrvu_cells(
    shape: str, rows: Iterable[Row] = CODES, *, title: str = "2025", month: str = "January"
) -> list[list[str]]:
    """The cells of a PPRRVU grid: five lines of title, five of header, the rows."""
    header, fields = GRIDS[shape]
    width = len(fields)
    above = [
        f"{title} National Physician Fee Schedule Relative Value File" + f" {month} Release" * (title >= "2014"),
        "CPT codes and descriptions only are copyright American Medical Association.  All Rights Reserved.",
        "Dental codes (D codes) are copyright American Dental Association.  All Rights Reserved.",
        " ",
        f"RELEASED {_RELEASED[month]}/{int(title) - (month == 'January')}",
    ]
    titles = [["", "", text] + [""] * (width - 3) for text in above]
    return [*titles, *(line.split(",") for line in header.split("\n")), *([r[f] for f in fields] for r in rows)]


def pprrvu_csv(
    shape: str, rows: Iterable[Row] = CODES, *, title: str = "2025", month: str = "January", line_end: str = "\r\n"
) -> bytes:
    """A PPRRVU csv of shape G31, G32 or G37; RVU25C's ends its lines with a bare CR."""
    return csv_bytes(pprrvu_cells(shape, rows, title=title, month=month), line_end)


@cache
def _spans(shape: str) -> tuple[tuple[str, int, int], ...]:
    """The fields of a fixed-width record, each with its first and last column."""
    _, positions, fields = RECORDS[shape]
    ends = (position.split("-") for position in positions.split())
    return tuple((field, int(start), int(end)) for field, (start, end) in zip(fields, ends, strict=True))


def pprrvu_record(shape: str, row: Row) -> str:
    """One fixed-width PPRRVU record."""
    record = [" "] * RECORDS[shape][0]
    for field, start, end in _spans(shape):
        width = end - start + 1
        cell = row[field]
        if field in ("pre", "intra", "post"):
            cell = cell.removeprefix("0")
        text = cell.ljust(width) if field.removesuffix("_full") in _LEFT else cell.rjust(width)
        if len(text) != width:
            raise ValueError(f"{field} {cell!r} is wider than columns {start}-{end}")
        record[start - 1 : end] = text
    return "".join(record)


def pprrvu_txt(shape: str, rows: Iterable[Row] = CODES, *, end: str = END) -> bytes:
    """A PPRRVU txt of shape W206, W207, N171 or N171P with its HDR lines and the lone 0x1A at the end."""
    records = "".join(pprrvu_record(shape, row) + "\r\n" for row in rows)
    return (HDR + records + end).encode("cp1252")


# --- the companions ---------------------------------------------------------------------------------------------

_GPCI_TITLE = "ADDENDUM E. FINAL CY {} GEOGRAPHIC PRACTICE COST INDICES (GPCIs) BY STATE AND MEDICARE LOCALITY"
_GPCI_NOTES = ("", "*Work GPCI reflects a 1.5 floor in Alaska established by the MIPPA.")
_MAC = "Medicare Administrative Contractor (MAC)"
GPCIS = {
    "GPCI6": (["Contractor", "Locality", "Locality name", "Work** GPCI", "PE        GPCI", "MP      GPCI"],
              ["mac", "locality", "name", "work", "pe", "mp"]),
    "GPCI7": ([_MAC, "State", "Locality Number", "Locality Name", "{} PW GPCI (with 1.0 Floor)", "{} PE GPCI",
               "{} MP GPCI"],
              ["mac", "state", "locality", "name", "work", "pe", "mp"]),
    "GPCI8": ([_MAC, "State", "Locality Number", "Locality Name", "{} PW GPCI (without 1.0 Floor)",
               "{} PW GPCI (with 1.0 Floor)", "{} PE GPCI", "{} MP GPCI"],
              ["mac", "state", "locality", "name", "work_without_floor", "work", "pe", "mp"]),
}  # fmt: skip


def gpci_csv(shape: str, rows: Iterable[Row] = PLACES, *, year: str = "2025") -> bytes:
    """A GPCI csv of shape GPCI6, GPCI7 or GPCI8: title, blank line, header, rows, notes."""
    header, fields = GPCIS[shape]
    header = [cell.format(year) for cell in header]
    blank = [""] * (len(header) - 1)
    above = [[_GPCI_TITLE.format(year), *blank], ["", *blank]]
    return csv_bytes([*above, header, *([r[f] for f in fields] for r in rows), *([n, *blank] for n in _GPCI_NOTES)])


def gpci_txt(shape: str, rows: Iterable[Row] = PLACES, *, year: str = "2025") -> bytes:
    """A GPCI txt: the columns of the csv at uneven widths, the header overrunning itself."""
    _, fields = GPCIS[shape]
    head = f"{_GPCI_TITLE.format(year)}\r\n\r\nMedicare Adm State  Locality       Locality Name     {year} PW GPCI\r\n"
    widths = {"mac": 15, "state": 8, "locality": 5, "name": 60}
    body = "".join("".join(r[f].ljust(widths.get(f, 12)) for f in fields).rstrip() + "\r\n" for r in rows)
    return (head + body + "".join(f"{n}\r\n" for n in _GPCI_NOTES)).encode("cp1252")


_LOCCO_TITLE = "COUNTIES INCLUDED IN {} LOCALITIES. (ALPHABETICALLY BY STATE AND LOCALITY NAME WITHIN STATE)"
_LOCCO_NOTE = "*  Payment locality is serviced by two carriers."


def locco_csv(rows: Iterable[Row] = PLACES, *, year: str = "2025", trailing_comma: bool = False) -> bytes:
    """A LOCCO csv: the state on its first row only, blank rows between; 26LOCCO's rows end with a comma."""
    more = [""] * trailing_comma
    header = ["Medicare Adminstrative Contractor", "Locality Number", "State ", "Fee Schedule Area ", "Counties"]
    blank = [""] * 5
    body = [
        line
        for r in rows
        for line in ([r["mac"], r["locality"], r["state_name"], r["area"] + " ", r["counties"] + " "], blank)
    ]
    lines = [[_LOCCO_TITLE.format(year), *blank[1:]], blank, header, blank, *body, [_LOCCO_NOTE, *blank[1:]]]
    return csv_bytes([[*line, *more] for line in lines])


def locco_txt(rows: Iterable[Row] = PLACES, *, year: str = "2025") -> bytes:
    """A LOCCO txt."""
    head = f"{_LOCCO_TITLE.format(year)}\r\n\r\nMedicare AdmiLocality         State        Fee Schedule Area\r\n\r\n"
    body = "".join(
        f"    {r['mac']}       {r['locality']}    {r['state_name']:<23}{r['area']:<40}{r['counties']}\r\n\r\n"
        for r in rows
    )
    return (head + body + f"{_LOCCO_NOTE}\r\n").encode("cp1252")


_QP_TITLE = "Qualifying APM National Anes CF (with 2.5% statutory increase) of {}"
_NON_QP_TITLE = "Non-Qualifying APM National Anes CF (with 2.5% Statutory increase)  of {}"
_NATIONAL = {"2026": ("20.599835", "20.49754")}


def anes_csv(shape: str, rows: Iterable[Row] = PLACES, *, year: str = "2025") -> bytes:
    """An ANES csv of shape ANES4 or ANES5, or ANES4N: RVU15A's, cents and no header. Codes end with a blank."""
    last = {"ANES4": ["factor"], "ANES4N": ["factor"], "ANES5": ["factor_qp", "factor"]}[shape]
    header = ["Contractor", "Locality", "Locality Name"]
    qp, non_qp = _NATIONAL.get(year, ("20.6", "20.5"))
    one = "National Anes CF of 20.3178" if year == "2025" else f"{year} Anesthesia Conversion Factor"
    header += [_QP_TITLE.format(qp), _NON_QP_TITLE.format(non_qp)] if shape == "ANES5" else [one]
    body = [
        [r["mac"] + " ", r["locality"] + " ", r["name"], *(cents(r[f]) if shape == "ANES4N" else r[f] for f in last)]
        for r in rows
    ]
    blank = [[""] * len(header)]
    return csv_bytes([*([] if shape == "ANES4N" else [header]), *body, *blank])


def anes_txt(rows: Iterable[Row] = PLACES, *, end: str = END) -> bytes:
    """An ANES txt: no header, factors in cents without a point."""
    body = "".join(f"{r['mac']}       {r['locality']}    {r['name']:<55}{cents(r['factor'])}\r\n" for r in rows)
    return (body + end).encode("cp1252")


CAP_HEADERS = {
    "OPPSCAP7NF": "HCPCS,MODIFIER,STATUS,CARRIER,LOCALITY,CAPPED AMT,CAPPED AMT",
    "OPPSCAP7FN": "HCPCS,MOD,PROCSTAT,CARRIER,LOCALITY,FACILITY PRICE,NON-FACILTY PRICE",
    "OPPSCAP6": "HCPCS,PROCSTAT,CARRIER,LOCALITY,NON-FACILITY CAPPED AMOUNT,FACILITY CAPPED AMOUNT",
}


def opps_cap_csv(shape: str, rows: Iterable[Row] = CAPS, *, year: str = "2009") -> bytes:
    """An OPPSCAP csv: OPPSCAP7NF (2009), OPPSCAP7FN (2014 on, facility first), OPPSCAP6 (code and modifier glued)."""
    header = CAP_HEADERS[shape].split(",")
    lines = [header]
    if shape == "OPPSCAP7NF":
        lines = [
            ["", "", "", "", "", year, year],
            ["", "", "PROC", "", "", "NON FACILITY", "FACILITY"],
            header,
        ]
    for r in rows:
        named = [r["hcpcs"] + r["modifier"]] if shape == "OPPSCAP6" else [r["hcpcs"], r["modifier"]]
        amounts = [r["nonfacility_amount"], r["facility_amount"]]
        lines.append([*named, r["status"], r["mac"], r["locality"], *amounts[:: -1 if shape == "OPPSCAP7FN" else 1]])
    return csv_bytes([*lines, ["\x1a", *[""] * (len(header) - 1)]])


def opps_cap_txt(rows: Iterable[Row] = CAPS, *, end: str = "\x1a\n") -> bytes:
    """An OPPSCAP txt, shape OPPSCAP38: 38 characters, no header."""
    body = "".join(
        f"{r['hcpcs']}{r['modifier']:<2} {r['status']} {r['mac']}  {r['locality']} "
        f"{r['nonfacility_amount']:>8} {r['facility_amount']:>9}\r\n"
        for r in rows
    )
    return (body + end).encode("cp1252")


PAID = {"2026": ("33.4009", "33.5675")}  # non-QP, QP; other years print what nobody paid

# --- archives ---------------------------------------------------------------------------------------------------


def release(label: str = "RVU25A", rows: Sequence[Row] = CODES, places: Sequence[Row] = PLACES) -> Members:
    """The members of one release as CMS shapes them in that year: file name to bytes. By default a small part."""
    year, title = f"20{label[3:5]}", MONTHS[label[5]]
    short, month = label[3:5], title[:3].upper()
    factor, factor_qp = PAID.get(year, (_FACE["factor"], "33.5000"))
    rows = [{**r, "factor": factor} if r["factor"] == _FACE["factor"] else r for r in rows]
    members = {
        f"GPCI{year}.csv": gpci_csv("GPCI7" if year < "2026" else "GPCI8", places, year=year),
        f"{short}LOCCO.csv": locco_csv(places, year=year, trailing_comma=year >= "2026"),
        f"ANES{year}.csv": anes_csv("ANES4" if year < "2026" else "ANES5", places, year=year),
        f"OPPSCAP_{month}.csv": opps_cap_csv("OPPSCAP7FN", caps(places, rows)),
        f"{label}.pdf": b"%PDF-1.7 the record layout document",
    }
    if year < "2026":
        return {f"PPRRVU{year}_{month}.txt": pprrvu_txt("N171", rows), **members}
    paid = [changed(r, pricing="1", factor=factor_qp) for r in rows if r["status"] in "ACRT"]
    return {
        f"PPRRVU{year}_{month.title()}_nonQPP.csv": pprrvu_csv("G32", rows, title=year, month=title),
        f"PPRRVU{year}_{month.title()}_QPP.csv": pprrvu_csv("G32", paid, title=year, month=title),
        **members,
    }


# CMS's own: the last rows of its files in either order of sorting, and none of the codes between.
LAST_CODES = ("V5364", "99607")
# 20,000 services, more than CMS's largest release has, of which no price is made.
UNPAID = (*(f"{letter}{number:04}" for letter in "EL" for number in range(9_999)), *LAST_CODES)


def unpaid(hcpcs: str, factor: str = _FACE["factor"]) -> Row:
    """One of these, without RVUs."""
    return code(hcpcs, "Synthetic, excluded by statute", status="X", factor=factor)


@cache
def _all_unpaid(shape: str, factor: str) -> bytes:
    one = unpaid(UNPAID[0], factor)
    cells = csv_bytes([[one[field] for field in GRIDS[shape][1]]]) if shape in GRIDS else b""
    record = cells or f"{pprrvu_record(shape, one)}\r\n".encode()
    return b"".join(record.replace(UNPAID[0].encode(), hcpcs.encode()) for hcpcs in UNPAID)


@cache
def all_places(year: str = "2025") -> tuple[Row, ...]:
    """Every locality that CMS has in a year."""
    with (Path(__file__).parent / "localities.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return (*PLACES, *(row for row in rows if not row["last_year"] or year <= row["last_year"]))


def of_quarter(label: str) -> Row:
    """A service that only the releases of one quarter have: no two quarters of CMS's have the same rows."""
    return code(f"G{label[3:5]}{'ABCD'.index(label[5]) + 1}0", "Synthetic, of one quarter", work="0.50", mp="0.04")


def whole(label: str = "RVU25A", rows: Sequence[Row] | None = None) -> Members:
    """The members of a release that is a full schedule: the given rows before 20,000 others, in all localities.

    By default those of RVU25A, to which other quarters add one.
    """
    return _whole(label, rows) if rows is not None else dict(_usual(label))


@cache
def _usual(label: str) -> Members:
    return _whole(label, (*CODES, *([] if label.startswith("RVU25A") else [of_quarter(label)])))


def _whole(label: str, rows: Sequence[Row]) -> Members:
    members = release(label, rows, all_places(f"20{label[3:5]}"))
    name = next(name for name in members if name.startswith("PPRRVU"))
    end = END.encode() if name.endswith(".txt") else b""
    shape = "N171" if name.endswith(".txt") else "G32"
    factor, _ = PAID.get(f"20{label[3:5]}", (_FACE["factor"], ""))
    return {**members, name: members[name].removesuffix(end) + _all_unpaid(shape, factor) + end}


def zipped(members: Mapping[str, bytes]) -> bytes:
    """The members as a zip, the same bytes every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def write_zip(path: Path, members: Mapping[str, bytes]) -> Path:
    """Write the members as a zip and return its path."""
    path.write_bytes(zipped(members))
    return path


def write_folder(folder: Path, members: Mapping[str, bytes]) -> Path:
    """Write the members into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in members.items():
        (folder / name).write_bytes(data)
    return folder


def csv_bytes(rows: Iterable[Sequence[str]], line_end: str = "\r\n") -> bytes:
    """Cells as CMS's csv: cp1252, quoted only where needed."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator=line_end).writerows(rows)
    return buffer.getvalue().encode("cp1252")


def cells_of(data: bytes) -> list[list[str]]:
    """The cells of a csv, to change some and write it again."""
    return list(csv.reader(io.StringIO(data.decode("cp1252"), newline="")))


def workbook(rows: Iterable[Sequence[str]], *, sheets: Sequence[str] = ("Sheet1",)) -> bytes:
    """Cells as an xlsx workbook, all of them text, on every named sheet."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    kept = list(rows)
    for name in sheets:
        sheet = book.add_worksheet(name)
        for i, row in enumerate(kept):
            for j, cell in enumerate(row):
                if cell:
                    sheet.write_string(i, j, cell)
    book.close()
    return buffer.getvalue()


def cents(dollars: str) -> str:
    """An amount in cents without a point: 21.41 is 2141."""
    return dollars.replace(".", "")
