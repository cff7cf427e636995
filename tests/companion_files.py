"""Files that CMS publishes beside the releases, in CMS's own layouts, with rows that are ours."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from pfsetl.loading import load as loading
from pfsetl.publication.companions import Companion
from pfsetl.storage.store import Store
from tests.synthetic import csv_bytes

Load = Callable[..., Companion]

LICENCE = (
    '"Current Procedural Terminology (CPT) codes and other data only are copyright of the owner. \n\n'
    'Applicable restrictions apply to Government Use. \n"'
)
MUES = (
    ("G9901", "6", "3 Date of Service Edit: Clinical", "Clinical: Data"),
    ("G9902", "2", "2 Date of Service Edit: Policy", "CMS Policy"),
    ("G9903", "1", "1 Line Edit", "Nature of Service/Procedure"),
)


def mue_csv(rows: Sequence[Sequence[str]] = MUES) -> bytes:
    """Practitioner MUEs as CMS saves them: one licence cell over several lines, a heading with a line break, rows."""
    heading = '"HCPCS/\nCPT Code",Practitioner Services MUE Values,MUE Adjudication Indicator,MUE Rationale\n'
    return f"{LICENCE},,,\n{heading}".encode() + csv_bytes([list(row) for row in rows])


# Code, identifier, category and its name, subcategory and its name, family and its name, procedure, first and last day
# of the code, of the analysis, and whether it's the latest assignment.
RBCS = (
    ("G9901", "RT021N", "R", "Treatment", "RT", "Physical Therapy", "021", "Occupational Therapy", "N",
     "2006-01-01", "9999-12-31", "2014-01-01", "9999-12-31", "1"),
    ("G9902", "TM000N", "T", "Test", "TM", "Molecular Testing", "000", "No RBCS Family", "N",
     "2017-02-01", "2019-12-31", "2014-01-01", "2015-12-31", "0"),
    ("G9902", "TM014N", "T", "Test", "TM", "Molecular Testing", "014", "Genetic Analysis", "N",
     "2017-02-01", "2019-12-31", "2016-01-01", "9999-12-31", "1"),
)  # fmt: skip
RBCS_HEADINGS = (
    "HCPCS_Cd", "RBCS_ID", "RBCS_Cat", "RBCS_Cat_Desc", "RBCS_Cat_Subcat", "RBCS_Subcat_Desc", "RBCS_FamNumb",
    "RBCS_Family_Desc", "RBCS_Major_Ind", "HCPCS_Cd_Add_Dt", "HCPCS_Cd_End_Dt", "RBCS_Analysis_Start_Dt",
    "RBCS_Analysis_End_Dt", "RBCS_Latest_Assignment",
)  # fmt: skip
# Column 1, column 2, * before 1996, first day, last day or *, modifier indicator, reason.
PAIRS = (
    ("G9901", "G9902", "", "20200101", "*", "1", "Mutually exclusive procedures"),
    ("G9901", "G9903", "*", "19960101", "20191231", "0", "More extensive procedure"),
    ("G9903", "G9902", "", "20240401", "20240401", "9", "Sequential procedure"),
)


def rbcs_with_history(rows: Sequence[Sequence[str]] = RBCS) -> bytes:
    """RBCS with the headings of the file of 2025, which says more of each assignment and writes days with slashes."""
    headings = (
        *RBCS_HEADINGS[:11], "RBCS_Latest_Assignment", "First_RBCS_Release_Year", "RBCS_Analysis_Start_Dt",
        "RBCS_Analysis_End_Dt", "Alt_Assignment_Method", "RBCS_Id_Ever_Reassigned",
    )  # fmt: skip
    with_slashes = [[f"{c[5:7]}/{c[8:]}/{c[:4]}" if c.count("-") == 2 else c for c in row] for row in rows]
    return csv_bytes([list(headings), *([*r[:11], r[13], "2025", r[11], r[12], "0", "1"] for r in with_slashes)])


def rbcs_csv(rows: Sequence[Sequence[str]] = RBCS) -> bytes:
    """RBCS with the headings of CMS's data dictionary."""
    return csv_bytes([list(row) for row in (RBCS_HEADINGS, *rows)])


def ptp_txt(rows: Sequence[Sequence[str]] = PAIRS) -> bytes:
    """One of NCCI's four files of pairs: a licence, a title, headings over several lines, tabs between."""
    heading = (
        "CPT only copyright. All rights reserved.\t\t\t\t\t\t\r\nColumn 1/Column 2 Edits\t\t\t\t\t\t\r\n"
        "Column 1\tColumn 2\t*=in existence\tEffective\tDeletion\tModifier\tPTP Edit Rationale\r\n"
        "\t\tprior to 1996\tDate\tDate\t0=not allowed\t\r\n\t\t\t\t*=no data\t1=allowed\t\r\n"
        "\t\t\t\t\t9=not applicable\t\r\n"
    )
    return (heading + "".join("\t".join(row) + "\r\n" for row in rows)).encode()


ADD_ON_HEADINGS = (
    "AOC_Edit_Type", "Add-On_Code", "AOC_DelDT", "Primary_Code", "Primary_Code_DelDT", "AOC_Edit_EffDT",
    "AOC_Edit_DelDT", "Special_Instruction_Notes",
)  # fmt: skip
ADD_ONS = (
    ("1", "G9902", "", "G9901", "", "2013001", "", "See the manual"),
    ("2", "G9903", "2024366", "CCCCC", "", "2020060", "2024366", ""),
)
TELEHEALTH_HEADINGS = (
    "Code", "Short Descriptor", "Status", "Can Audio-only Interaction Meet the Requirements?",
    "Medicare Payment Limitations",
)  # fmt: skip
TELEHEALTH = (
    ("G9901", "Words that are licensed", "Permanent", "Yes", ""),
    ("G9902", "Words that are licensed", "Provisional", "", "Once a month"),
)
GEO_HEADINGS = (
    "Rndrng_Prvdr_Geo_Lvl", "Rndrng_Prvdr_Geo_Cd", "Rndrng_Prvdr_Geo_Desc", "HCPCS_Cd", "HCPCS_Desc", "HCPCS_Drug_Ind",
    "Place_Of_Srvc", "Tot_Rndrng_Prvdrs", "Tot_Benes", "Tot_Srvcs", "Tot_Bene_Day_Srvcs", "Avg_Sbmtd_Chrg",
    "Avg_Mdcr_Alowd_Amt", "Avg_Mdcr_Pymt_Amt", "Avg_Mdcr_Stdzd_Amt",
)  # fmt: skip
SERVICES = (
    ("National", "", "National", "G9901", "Words that are licensed", "N", "O", "90", "300", "1000.5", "900",
     "120.123456789", "40.005", "32.1", "31"),
    ("State", "06", "California", "G9901", "Words that are licensed", "N", "O", "30", "100", "600", "500", "110",
     "41.5", "33", "30"),
    ("State", "1", "Alabama", "G9901", "Words that are licensed", "N", "O", "20", "80", "150.5", "150", "110", "41.5",
     "33", "30"),
    ("National", "", "National", "G9902", "Words that are licensed", "Y", "F", "3", "11", "12", "12", "1", "1", "1",
     "1"),
)  # fmt: skip


def add_on_txt(rows: Sequence[Sequence[str]] = ADD_ONS) -> bytes:
    """NCCI's add-on codes: a licence, headings, tabs between."""
    lines = ["CPT only copyright. All rights reserved.", "\t".join(ADD_ON_HEADINGS), *("\t".join(row) for row in rows)]
    return "".join(f"{line}\r\n" for line in lines).encode()


def telehealth_rows(title: str, *, status: bool = True, rows: Sequence[Sequence[str]] = TELEHEALTH) -> list[list[str]]:
    """CMS's list of telehealth services: a title, headings, rows; without the status, as from 2026 on."""
    kept = [i for i in range(len(TELEHEALTH_HEADINGS)) if status or TELEHEALTH_HEADINGS[i] != "Status"]
    above = [title, *[""] * (len(kept) - 1)]
    return [above, *([row[i] for i in kept] for row in (TELEHEALTH_HEADINGS, *rows))]


def utilization_csv(rows: Sequence[Sequence[str]] = SERVICES) -> bytes:
    """Services by geography with the headings of CMS's data dictionary."""
    return csv_bytes([list(row) for row in (GEO_HEADINGS, *rows)])


def loader(store: Store, folder: Path) -> Load:
    """Return a function that loads a part of a file, given its name and its content."""

    def load(name: str, content: bytes | str, effective_from: date | None = None) -> Companion:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return loading.load(store, path, effective_from, sample=True).companion

    return load
