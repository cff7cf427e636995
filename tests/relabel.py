"""Archives of another release, made from one at hand: names, titles, headings and days say the new release.

For what needs many releases and has few archives. Rows stay as they are, and with them the conversion factor: CMS's own
archives become those of another quarter of their year, synthetic ones those of any year. Knows nothing of
`schemas/identity.csv`, on purpose.

>>> sorted(relabel({"PPRRVU2025_Oct.txt": b"", "25LOCCO.csv": b"", "OPPSCAP_V1219.csv": b""}, "RVU25D", "RVU24B"))
['24LOCCO.csv', 'OPPSCAP_V1219.csv', 'PPRRVU2024_Apr.txt']
"""

import re
from collections.abc import Mapping

Members = dict[str, bytes]

_MONTHS = {"A": "January", "B": "April", "C": "July", "D": "October"}
_RELEASED = {"A": "12/20", "B": "03/15", "C": "06/15", "D": "09/15"}
_TITLE_LINES = 14  # CMS's longest block of title and heading lines


def relabel(members: Mapping[str, bytes], old: str, new: str) -> Members:
    """Return the members of one release as those of another of the same participants.

    Raises ValueError where the two don't have the same participants.
    """
    if (old[3:5] >= "26") != (new[3:5] >= "26"):
        raise ValueError(f"{old} and {new} have different participants")
    return {_name(name, old, new): _content(data, old, new) for name, data in members.items()}


def _name(name: str, old: str, new: str) -> str:
    """Return a file's name with year and month of the new release; versions such as V1219 stay."""
    renamed = name.replace(old, new).replace(f"20{old[3:5]}", f"20{new[3:5]}")
    renamed = re.sub(rf"^(PPRRVU|GPCI|ANES){old[3:5]}(?!\d)", rf"\g<1>{new[3:5]}", renamed, flags=re.I)
    renamed = re.sub(rf"^{old[3:5]}(?=LOCCO)", new[3:5], renamed)
    month, other = _MONTHS[old[5]][:3], _MONTHS[new[5]][:3]
    for cased in (str.upper, str.title):
        renamed = re.sub(rf"(?<=_){cased(month)}(?![a-zA-Z])", cased(other), renamed)
    return renamed


def _content(data: bytes, old: str, new: str) -> bytes:
    """Return a csv or a text with title and headings of the new release; other files stay as they are."""
    if data[:4] in (b"PK\x03\x04", b"%PDF"):
        return data
    lines = re.split(rb"(?<=\n)|(?<=\r)(?!\n)", data)
    return b"".join([_line(line, old, new) for line in lines[:_TITLE_LINES]] + lines[_TITLE_LINES:])


def _line(line: bytes, old: str, new: str) -> bytes:
    if b"opyright" in line or line.startswith(b"HDR"):
        return line
    if b"RELEASED" in line:
        year = int(new[3:5]) - (new[5] == "A")
        return re.sub(rb"\d+/\d+/20\d\d", f"{_RELEASED[new[5]]}/20{year:02}".encode(), line)
    line = line.replace(f"20{old[3:5]}".encode(), f"20{new[3:5]}".encode())
    return line.replace(f"{_MONTHS[old[5]]} Release".encode(), f"{_MONTHS[new[5]]} Release".encode())
