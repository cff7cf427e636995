"""Files that CMS publishes beside the releases, in CMS's own layouts, with rows that are ours."""

from collections.abc import Sequence

from tests.synthetic import csv_bytes

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
