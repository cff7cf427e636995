"""Random records, written by the positions that CMS documents, are read back field by field.

Positions are those of CMS's record layouts, corrected where CMS's own files show them wrong (the OPPS columns of
2011 and of 2013 on). They are repeated here so that the declared layouts are compared with something.
"""

import string
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfsetl.errors import LayoutError
from pfsetl.parsing.read import RawTable, read_member
from pfsetl.source.archive import Archive
from pfsetl.source.members import MemberFile

Positions = dict[str, tuple[int, int]]

# fmt: off
NARROW: Positions = {
    "hcpcs": (1, 5), "modifier": (6, 7), "description": (8, 57), "status": (58, 58), "not_used": (59, 59),
    "work_rvu": (60, 65), "nonfacility_pe_rvu": (67, 72), "nonfacility_na": (73, 74), "facility_pe_rvu": (76, 81),
    "facility_na": (82, 83), "mp_rvu": (85, 89), "nonfacility_total_rvu": (91, 96), "facility_total_rvu": (97, 102),
    "pctc": (103, 103), "global_days": (104, 106), "preoperative": (107, 109), "intraoperative": (110, 112),
    "postoperative": (113, 115), "multiple_procedure": (116, 116), "bilateral": (117, 117),
    "assistant_surgeon": (118, 118), "co_surgeons": (119, 119), "team_surgery": (120, 120),
    "endoscopic_base": (128, 132), "conversion_factor": (133, 140), "supervision": (142, 143),
    "calculation_flag": (144, 144), "imaging_family": (146, 147), "opps_nonfacility_pe_rvu": (152, 157),
    "opps_facility_pe_rvu": (159, 164), "opps_mp_rvu": (166, 171),
}
WIDE: Positions = {
    "hcpcs": (1, 5), "modifier": (6, 7), "description": (8, 57), "status": (58, 58), "not_used": (59, 59),
    "work_rvu": (60, 65), "nonfacility_pe_rvu": (67, 72), "nonfacility_na": (73, 74),
    "nonfacility_pe_rvu_full": (76, 81), "nonfacility_na_full": (82, 83), "facility_pe_rvu": (85, 90),
    "facility_na": (91, 92), "facility_pe_rvu_full": (94, 99), "facility_na_full": (101, 102), "mp_rvu": (104, 108),
    "nonfacility_total_rvu": (110, 115), "nonfacility_total_rvu_full": (117, 122), "facility_total_rvu": (124, 129),
    "facility_total_rvu_full": (131, 136), "pctc": (139, 139), "global_days": (140, 142), "preoperative": (143, 145),
    "intraoperative": (146, 148), "postoperative": (149, 151), "multiple_procedure": (152, 152),
    "bilateral": (153, 153), "assistant_surgeon": (154, 154), "co_surgeons": (155, 155), "team_surgery": (156, 156),
    "endoscopic_base": (164, 168), "conversion_factor": (169, 176), "supervision": (178, 179),
    "calculation_flag": (180, 180), "imaging_family": (182, 183),
}
OPPS_TAIL_2011: Positions = {
    "opps_nonfacility_pe_rvu": (188, 193), "opps_facility_pe_rvu": (195, 200), "opps_mp_rvu": (202, 207),
}
OPPS_TAIL_2009: Positions = {
    "opps_nonfacility_pe_rvu": (188, 192), "opps_facility_pe_rvu": (195, 199), "opps_mp_rvu": (202, 206),
}
OPPS_CAP: Positions = {
    "hcpcs": (1, 5), "modifier": (6, 7), "status": (9, 9), "mac": (11, 15), "locality": (18, 19),
    "nonfacility_amount": (21, 28), "facility_amount": (30, 38),
}
SHAPES = {
    "N171": ("pprrvu", 171, NARROW),
    "N171P": ("pprrvu", 171, NARROW | {"pricing_indicator": (121, 121)}),
    "W206": ("pprrvu", 206, WIDE | OPPS_TAIL_2009),
    "W207": ("pprrvu", 207, WIDE | OPPS_TAIL_2011),
    "OPPSCAP38": ("opps_cap", 38, OPPS_CAP),
}
# fmt: on


def cell(random: Random, field: str, width: int) -> str:
    """Return a text that CMS could print in a field: numbers to the right, codes to the left."""
    match field:
        case "description":
            return "".join(random.choices(string.ascii_letters + " ,/&-", k=width)).strip().ljust(width)
        case "not_used":
            return random.choice([" ", "+"])
        case "modifier":
            return random.choice(["  ", "26", "TC", "53"])
        case "endoscopic_base":
            return random.choice([" " * 5, "45378", "G0105"])
        case "conversion_factor":
            return f"{random.randrange(10_000_000) / 10_000:8.4f}"
        case "preoperative" | "intraoperative" | "postoperative":
            return f".{random.randrange(100):02}"
        case _ if field.endswith(("_na", "_na_full")):
            return random.choice(["  ", "NA"])
        case _ if "_rvu" in field or field.endswith("_amount"):
            return f"{random.randrange(10 ** (width - 1)) / 100:{width}.2f}"
        case "mac" | "locality":
            return "".join(random.choices(string.digits, k=width))
        case _:
            return "".join(random.choices(string.ascii_uppercase + string.digits, k=width))


def record(random: Random, positions: Positions) -> dict[str, str]:
    return {name: cell(random, name, end - start + 1) for name, (start, end) in positions.items()}


def records(positions: Positions) -> st.SearchStrategy[list[dict[str, str]]]:
    """Return from one to five records, made from a number that Hypothesis chooses and can repeat."""
    return st.builds(
        lambda seed, n: [record(Random(seed + i), positions) for i in range(n)],
        st.integers(0, 2**40), st.integers(1, 5),
    )  # fmt: skip


def line(record: dict[str, str], positions: Positions, length: int) -> str:
    characters = [" "] * length
    for name, (start, end) in positions.items():
        characters[start - 1 : end] = record[name]
    return "".join(characters)


def cut(member: str, texts: list[str]) -> RawTable:
    data = "\r\n".join(texts).encode()
    file = MemberFile("invented.txt", member, "all", "txt", lambda: data)
    return read_member(Archive("invented", "", "", (file,), (), ()), file)


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_field_is_read_back(name, data):
    member, length, positions = SHAPES[name]
    rows = data.draw(records(positions))
    result = cut(member, ["HDR  invented", *(line(row, positions, length) for row in rows), "\x1a"])
    read = result.frame.select(*positions).rows()
    assert (result.layout, read) == (name, [tuple(text.strip() for text in row.values()) for row in rows])


@settings(max_examples=20, deadline=None)
@given(rows=records(NARROW))
def test_every_line_is_counted(rows):
    result = cut("pprrvu", ["HDR  a", "HDR  b", *(line(row, NARROW, 171) for row in rows), "\x1a"])
    assert result.counts == {"records": len(rows), "header": 2, "blank": 0, "end_marker": 1, "note": 0}


# NOTE: column 121 is the pricing indicator of the other layout of 171 characters.
GAPS = sorted(set(range(1, 172)) - {c for start, end in NARROW.values() for c in range(start, end + 1)} - {121})


@settings(max_examples=40, deadline=None)
@given(rows=records(NARROW), column=st.sampled_from(GAPS))
def test_data_between_the_fields_is_refused(rows, column):
    text = line(rows[0], NARROW, 171)
    with pytest.raises(LayoutError, match="hold data"):
        cut("pprrvu", [text[: column - 1] + "7" + text[column:]])


@settings(max_examples=20, deadline=None)
@given(rows=records(NARROW), change=st.sampled_from([-1, 1, 2]))
def test_a_record_of_another_length_is_refused(rows, change):
    text = line(rows[0], NARROW, 171)
    with pytest.raises(LayoutError, match="line 2 has"):
        cut("pprrvu", [text, text[:change] if change < 0 else text + "0" * change])
